"""Composition root: builds the stores and services once, as one object that is passed to the page and the API."""

from __future__ import annotations

import logging
import sqlite3
import threading
from dataclasses import dataclass
from functools import partial

from storage.core.errors import DomainError
from workbench.active_learning.service import ActiveLearning
from workbench.active_learning.supervisor import ActiveLearningSupervisor
from workbench.catalogue.labelling import Labelling
from workbench.catalogue.near_duplicates import NearDuplicates
from workbench.catalogue.trash import Trash
from workbench.core.settings import Settings
from workbench.exporting.service import Exports
from workbench.importing.ingest import Ingest
from workbench.importing.service import ImportService
from workbench.importing.staging import Staging
from workbench.integrity import tidy
from workbench.label_safety.service import LabelSafety
from workbench.label_safety.throughput import ThroughputMeter
from workbench.serving.service import Predictor
from workbench.stores import Stores, open_stores
from workbench.training.checkpoint_retention import remove_leftovers
from workbench.training.service import TrainingService, first_spec
from workbench.training.supervisor import RunSupervisor
from workbench.training.webhook import Webhook

log = logging.getLogger(__name__)
UNUSABLE = "The database cannot be read or written; the server's log says why."


@dataclass(frozen=True)
class Services:
    """The services that the page and the API call."""

    settings: Settings
    stores: Stores
    labelling: Labelling
    ingest: Ingest
    imports: ImportService
    exports: Exports
    training: TrainingService
    supervisor: RunSupervisor
    predictor: Predictor
    active_learning: ActiveLearning
    active_learning_supervisor: ActiveLearningSupervisor
    near_duplicates: NearDuplicates
    trash: Trash
    label_safety: LabelSafety
    throughput: ThroughputMeter

    def start(self) -> None:
        """Start the background threads; unfinished runs and imports of an earlier process are resumed."""
        threading.Thread(target=self._clean_up, name="tidy", daemon=True).start()
        self.supervisor.start()
        self.active_learning_supervisor.start()
        self.label_safety.start()
        self.exports.tidy()
        self.imports.resume()

    def _clean_up(self) -> None:
        remove_leftovers(self.stores, self.settings.weights_folder)
        tidy(self.stores)

    def problem(self) -> str:
        """A sentence saying why the database is unusable; empty if it works."""
        try:
            self.stores.database.probe()
        except DomainError as error:
            return str(error)
        except sqlite3.Error:
            log.exception("the database cannot be used")
            return UNUSABLE
        return ""

    def close(self) -> None:
        """Stop the background threads; worker processes keep running."""
        self.imports.close()
        self.supervisor.close()
        self.active_learning_supervisor.close()
        self.label_safety.close()


def build_services(settings: Settings) -> Services:
    """Open the data folder and build all services on it."""
    stores = open_stores(settings)
    labelling = Labelling(stores.catalogue, stores.edits, stores.classes)
    ingest = Ingest(stores, labelling, settings)
    supervisor = RunSupervisor(stores, settings, Webhook(settings.webhook).tell)
    active_learning_supervisor = ActiveLearningSupervisor(stores, settings)
    training = TrainingService(stores, supervisor, first=partial(first_spec, settings.weights_folder))
    predictor = Predictor(stores.registry, stores.predictions, stores.decoder)
    return Services(
        settings=settings,
        stores=stores,
        labelling=labelling,
        ingest=ingest,
        imports=ImportService(
            ingest, stores.import_jobs, Staging(settings.data / "staging", stores.disk_space), settings
        ),
        exports=Exports(stores),
        training=training,
        supervisor=supervisor,
        predictor=predictor,
        active_learning=ActiveLearning(stores, settings, active_learning_supervisor),
        active_learning_supervisor=active_learning_supervisor,
        near_duplicates=NearDuplicates(stores.curation, stores.edits),
        trash=Trash(stores),
        label_safety=LabelSafety(
            stores, predictor, (lambda: training.draft().augmentation) if settings.insight else None
        ),
        throughput=ThroughputMeter(),
    )
