"""A data folder in which faults are planted, and what is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.records import Filter
from tests.pictures import picture
from tests.workbench.conftest import Take
from workbench.integrity import Fault, Findings, check
from workbench.services import Services


@pytest.fixture
def filled(services: Services, take: Take) -> Services:
    """Services with six labelled pictures, a tag, a note, an undone label and a picture in the bin."""
    take({f"{seed}.jpg": picture(seed) for seed in range(6)}, label="Full")
    stores = services.stores
    ids = stores.pages.ids(Filter(sort="oldest"))
    stores.edits.tag(ids[:2], ["Blurry"], [], "Ann")
    services.labelling.label(ids[:3], "Empty", "Ann")
    stores.journal.undo("Ann")
    stores.journal.redo("Ann")
    stores.journal.undo("Ann")
    stores.edits.archive(ids[5:], "Bob")
    assert check(stores, deep=True).faults == ()
    return services


def first(services: Services) -> tuple[int, str]:
    """Id and sha256 of the oldest picture."""
    image = services.stores.pages.page(Filter(sort="oldest"), limit=1).items[0]
    return image.id, image.sha256


def blob(services: Services, kind: str, sha256: str) -> Path:
    path = services.stores.root / "blobs" / kind / sha256[:2] / sha256
    assert path.is_file()
    return path


def only(found: Findings) -> Fault:
    (fault,) = found.faults
    return fault


def repaired(services: Services, what: str, deep: bool = False) -> Fault:
    """The only fault, after it was found, repaired, and found to be gone."""
    found = check(services.stores, deep=deep)
    assert what in only(found).what
    assert not found.ok
    assert found.repairable
    fault = only(check(services.stores, repair=True, deep=deep))
    assert fault.repaired
    assert check(services.stores, deep=deep).faults == ()
    return fault
