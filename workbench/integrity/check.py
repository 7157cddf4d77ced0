"""Runs all integrity checks."""

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
    """Check that rows, counts, the journal and files are consistent; safe during concurrent use and imports.

    Args:
        stores: The stores of the data folder.
        repair: Repair what can be repaired. Only partial files of killed processes and files of pictures emptied from the
            bin are deleted; pictures without a file are moved to the bin, files without a picture to ``lost+found``.
        deep: Read all files: hash originals and decode thumbnails. Takes minutes for many pictures.

    Raises:
        DiskFull: There is not enough space for a repair.
    """
    started, fault_log = time.monotonic(), FaultLog(repair, deep)
    consistency = ConsistencyChecks(stores.database, stores.journal)
    if is_kept(stores.database, fault_log) and is_readable(consistency, fault_log):
        check_rows(consistency, fault_log)
        check_snapshots(stores, fault_log)
        check_models(stores, fault_log)
        PictureFiles(stores, fault_log).check()
        check_staging(stores, fault_log)
        check_exports(stores, fault_log)
    sweep(stores.root, fault_log)
    return fault_log.findings(time.monotonic() - started)


def tidy(stores: Stores) -> None:
    """Remove partial files of killed processes; runs in the background at server start."""
    fault_log = FaultLog(repair=True, deep=False)
    sweep(stores.root, fault_log)
    for fault in fault_log.findings(0.0).faults:
        log.info("%s, removed", fault.what)
