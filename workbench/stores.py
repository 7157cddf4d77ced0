"""The stores of one data folder, as the web process and the worker both open them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.blobs import Blobs
from storage.catalogue import Catalogue
from storage.classes import Classes
from storage.curation import Curation
from storage.database import Database
from storage.edits import Edits
from storage.embeddings import Embeddings
from storage.handouts import Handouts
from storage.imports import ImportJobs
from storage.insight import Insights
from storage.journal import Journal
from storage.listings import Listings
from storage.pages import Pages
from storage.predictions import Predictions
from storage.preferences import Preferences
from storage.registry import Registry
from storage.room import Room
from storage.runs import Runs
from storage.snapshots import Snapshots
from storage.trials import Trials
from workbench.decoder import Decoder
from workbench.media import Media
from workbench.privacy import shut
from workbench.settings import MEGABYTE, Settings


@dataclass(frozen=True)
class Stores:
    """Everything that is kept."""

    root: Path
    room: Room
    database: Database
    journal: Journal
    classes: Classes
    catalogue: Catalogue
    pages: Pages
    edits: Edits
    curation: Curation
    handouts: Handouts
    snapshots: Snapshots
    runs: Runs
    trials: Trials
    registry: Registry
    predictions: Predictions
    preferences: Preferences
    import_jobs: ImportJobs
    listings: Listings
    embeddings: Embeddings
    insight: Insights
    decoder: Decoder
    media: Media

    def log_file(self, run_id: int) -> Path:
        """Where a run's worker writes its log."""
        return self.root / "logs" / f"run-{run_id}.log"

    def work_folder(self, run_id: int, attempt: int) -> Path:
        """Where the worker of an attempt at a run keeps what only it needs."""
        return self.root / "work" / _named(run_id, attempt)

    def checkpoint_folder(self, run_id: int, attempt: int = 0) -> Path:
        """Where an attempt at a run keeps what the next one needs to go on; attempt 0 is what it had from the start."""
        return self.root / "checkpoints" / _named(run_id, attempt)

    @property
    def features_folder(self) -> Path:
        """Where features of pictures are kept for all runs."""
        return self.root / "features"


def _named(run_id: int, attempt: int) -> str:
    return f"run-{run_id}.{attempt}" if attempt else f"run-{run_id}"


def open_stores(settings: Settings) -> Stores:
    """Open the data folder, making what is missing."""
    root = settings.data
    root.mkdir(parents=True, exist_ok=True)
    shut(root)
    database = Database(root / "waterline.db")
    journal = Journal(database)
    pages = Pages(database)
    decoder = Decoder(settings.limits.pixels, settings.limits.decode_mb * MEGABYTE)
    return Stores(
        root=root,
        room=Room(root, settings.reserve_mb * MEGABYTE),
        database=database,
        journal=journal,
        classes=Classes(database, journal),
        catalogue=Catalogue(database, journal),
        pages=pages,
        edits=Edits(database),
        curation=Curation(database),
        handouts=Handouts(database, pages),
        snapshots=Snapshots(database),
        runs=Runs(database, settings.limits.queued_runs),
        trials=Trials(database),
        registry=Registry(database, root / "models"),
        predictions=Predictions(database),
        preferences=Preferences(database),
        import_jobs=ImportJobs(database),
        listings=Listings(database),
        embeddings=Embeddings(database),
        insight=Insights(database),
        decoder=decoder,
        media=Media(Blobs(root / "blobs"), decoder),
    )
