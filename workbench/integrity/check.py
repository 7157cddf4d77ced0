"""All checks, one after the other."""

from __future__ import annotations

import logging
import time

from storage.journal.consistency import ConsistencyChecks
from workbench.integrity.blob_checks import PictureFiles
from workbench.integrity.report import FaultLog, IntegrityReport
from workbench.integrity.row_checks import check_rows, is_kept, is_readable
from workbench.integrity.temp_files import check_exports, check_staging, sweep
from workbench.integrity.version_checks import check_models, check_snapshots
from workbench.stores import Stores

log = logging.getLogger(__name__)


def check(stores: Stores, repair: bool = False, deep: bool = False) -> IntegrityReport:
    """Check that rows, counts, the journal and files agree; safe while people work and imports run.

    Args:
        stores: The data folder.
        repair: Repair what can be repaired. Nothing is deleted but parts of files that a killed process left, and what a
            person emptied from the bin; pictures without a file go to the bin, files without a picture to ``lost+found``.
        deep: Read every byte: hash originals and decode thumbnails. Takes minutes for many pictures.

    Raises:
        DiskFull: There is no room for a repair.
    """
    begun, ledger = time.monotonic(), FaultLog(repair, deep)
    integrity = ConsistencyChecks(stores.database, stores.journal)
    if is_kept(stores.database, ledger) and is_readable(integrity, ledger):
        check_rows(integrity, ledger)
        check_snapshots(stores, ledger)
        check_models(stores, ledger)
        PictureFiles(stores, ledger).check()
        check_staging(stores, ledger)
        check_exports(stores, ledger)
    sweep(stores.root, ledger)
    return ledger.findings(time.monotonic() - begun)


def tidy(stores: Stores) -> None:
    """Remove parts of files that killed processes left; meant for the start, in the background."""
    ledger = FaultLog(repair=True, deep=False)
    sweep(stores.root, ledger)
    for fault in ledger.findings(0.0).faults:
        log.info("%s, removed", fault.what)
