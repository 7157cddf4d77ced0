"""The stores of one data folder, opened by the web process and by worker processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.catalogue.classes import Classes
from storage.catalogue.curation_queries import CurationQueries
from storage.catalogue.export_rows import ExportRows
from storage.catalogue.images import Catalogue
from storage.catalogue.leases import Leases
from storage.core.blobs import Blobs
from storage.core.database import Database
from storage.core.disk_space import DiskSpace
from storage.core.key_value import KeyValue
from storage.jobs.import_jobs import ImportJobs
from storage.journal.events import Journal
from storage.journal.image_edits import ImageEdits
from storage.learning.embeddings import Embeddings
from storage.learning.suggestions import Suggestions
from storage.queries.pagination import Pages
from storage.training.predictions import PredictionLog
from storage.training.registry import Registry
from storage.training.runs import Runs, Trials
from storage.training.snapshots import Snapshots
from workbench.core.privacy import restrict_to_owner
from workbench.core.settings import MEGABYTE, Settings
from workbench.imaging.bounded_decoder import BoundedDecoder
from workbench.imaging.derivatives import Derivatives


@dataclass(frozen=True)
class Stores:
    """All stores of a data folder."""

    root: Path
    disk_space: DiskSpace
    database: Database
    journal: Journal
    classes: Classes
    catalogue: Catalogue
    pages: Pages
    edits: ImageEdits
    curation: CurationQueries
    leases: Leases
    snapshots: Snapshots
    runs: Runs
    trials: Trials
    registry: Registry
    predictions: PredictionLog
    preferences: KeyValue
    import_jobs: ImportJobs
    export_rows: ExportRows
    embeddings: Embeddings
    suggestions: Suggestions
    decoder: BoundedDecoder
    derivatives: Derivatives

    def log_file(self, run_id: int) -> Path:
        """The log file of a run's worker."""
        return self.root / "logs" / f"run-{run_id}.log"

    def work_folder(self, run_id: int, attempt: int) -> Path:
        """The scratch folder of one attempt at a run."""
        return self.root / "work" / _attempt_name(run_id, attempt)

    def checkpoint_folder(self, run_id: int, attempt: int = 0) -> Path:
        """The checkpoint folder of one attempt at a run, from which the next attempt resumes; 0 holds the initial checkpoint."""
        return self.root / "checkpoints" / _attempt_name(run_id, attempt)

    @property
    def features_folder(self) -> Path:
        """The cache of image features, shared by all runs."""
        return self.root / "features"


def _attempt_name(run_id: int, attempt: int) -> str:
    return f"run-{run_id}.{attempt}" if attempt else f"run-{run_id}"


def open_stores(settings: Settings) -> Stores:
    """Open the data folder; create it and its files if they are missing."""
    root = settings.data
    root.mkdir(parents=True, exist_ok=True)
    restrict_to_owner(root)
    database = Database(root / "waterline.db")
    journal = Journal(database)
    pages = Pages(database)
    decoder = BoundedDecoder(settings.limits.pixels, settings.limits.decode_mb * MEGABYTE)
    return Stores(
        root=root,
        disk_space=DiskSpace(root, settings.reserve_mb * MEGABYTE),
        database=database,
        journal=journal,
        classes=Classes(database, journal),
        catalogue=Catalogue(database, journal),
        pages=pages,
        edits=ImageEdits(database),
        curation=CurationQueries(database),
        leases=Leases(database, pages),
        snapshots=Snapshots(database),
        runs=Runs(database, settings.limits.queued_runs),
        trials=Trials(database),
        registry=Registry(database, root / "models"),
        predictions=PredictionLog(database),
        preferences=KeyValue(database),
        import_jobs=ImportJobs(database),
        export_rows=ExportRows(database),
        embeddings=Embeddings(database),
        suggestions=Suggestions(database),
        decoder=decoder,
        derivatives=Derivatives(Blobs(root / "blobs"), decoder),
    )
