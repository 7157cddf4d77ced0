"""A data folder in which faults are planted, and what is asked of it."""

from __future__ import annotations

from pathlib import Path

from storage.records import Filter
from workbench.integrity import Fault, IntegrityReport, check
from workbench.services import Services


def first(services: Services) -> tuple[int, str]:
    """Id and sha256 of the oldest picture."""
    image = services.stores.pages.page(Filter(sort="oldest"), limit=1).items[0]
    return image.id, image.sha256


def blob(services: Services, kind: str, sha256: str) -> Path:
    path = services.stores.root / "blobs" / kind / sha256[:2] / sha256
    assert path.is_file()
    return path


def only(report: IntegrityReport) -> Fault:
    (fault,) = report.faults
    return fault


def repaired(services: Services, what: str, deep: bool = False) -> Fault:
    """The only fault, after it was found, repaired, and found to be gone."""
    report = check(services.stores, deep=deep)
    assert what in only(report).what
    assert not report.ok
    assert report.repairable
    fault = only(check(services.stores, repair=True, deep=deep))
    assert fault.repaired
    assert check(services.stores, deep=deep).faults == ()
    return fault
