"""Active-learning results and operations for the UI and the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.core.errors import Conflict
from storage.learning.embeddings import Embedder
from storage.learning.suggestions import Neighbour, ProjectionPoint, Suggestion, Suspicion
from workbench.active_learning import nearest, worker_state
from workbench.active_learning.supervisor import ActiveLearningSupervisor
from workbench.active_learning.worker_state import WorkerState
from workbench.core.errors import NotReady
from workbench.core.settings import Settings
from workbench.stores import Stores

NOT_SUSPICIOUS = "A label is not suspicious any more. Reload the list."
OFF = "The model's help is switched off on this server (WORKBENCH_INSIGHT=off)."


@dataclass(frozen=True)
class ActiveLearningStatus:
    """State of active learning.

    Attributes:
        enabled: Whether it is enabled in the settings.
        running: Whether the worker process is alive.
        phase: ``embedding``, ``learning``, ``checking``, ``mapping`` or empty.
        embedder: Name of the embedder in use, empty before there is one.
        kind: ``backbone``, ``version``, ``built-in`` or empty.
        embedded: Pictures with an embedding.
        pictures: Pictures in the catalogue.
        unreadable: Pictures whose file could not be read.
        labels: Number of labels that the head was trained on, 0 before the first fit.
        trained_at: Time of the last fit, ISO 8601; empty before the first.
        accuracy: Out-of-fold accuracy of the suggestions; None if there are too few labels to estimate it.
        suggestions: Number of pictures that have a suggestion.
        next_up: Number of pictures queued to be labelled next.
        suspicious: Number of suspected label errors that were not dismissed.
        mapped: Number of pictures in the projection.
        sentence: Status sentence for the user.
    """

    enabled: bool
    running: bool
    phase: str
    embedder: str
    kind: str
    embedded: int
    pictures: int
    unreadable: int
    labels: int
    trained_at: str
    accuracy: float | None
    suggestions: int
    next_up: int
    suspicious: int
    mapped: int
    sentence: str


class ActiveLearning:
    """Suggestions, pictures to label next, suspected label errors, the projection, and similar pictures."""

    def __init__(
        self, stores: Stores, settings: Settings, active_learning_supervisor: ActiveLearningSupervisor
    ) -> None:
        self._stores = stores
        self._settings = settings
        self._supervisor = active_learning_supervisor

    def status(self) -> ActiveLearningStatus:
        """Current state."""
        state = worker_state.read(self._stores.preferences)
        counts = self._stores.suggestions.counts()
        running = self._supervisor.is_running()
        pictures = self._stores.suggestions.pictures()[0]
        return ActiveLearningStatus(
            enabled=self._settings.insight,
            running=running,
            phase=state.phase if running else "",
            embedder=state.embedder,
            kind=state.kind,
            embedded=min(state.embedded, pictures),
            pictures=pictures,
            unreadable=state.unreadable,
            labels=state.labels,
            trained_at=state.trained_at,
            accuracy=state.accuracy,
            suggestions=counts.suggestions,
            next_up=counts.next_up,
            suspicious=counts.suspicions,
            mapped=counts.mapped,
            sentence=self._sentence(state, pictures),
        )

    def refresh(self) -> ActiveLearningStatus:
        """Request that everything is computed anew, even while a run trains.

        Raises:
            NotReady: Active learning is disabled.
        """
        if not self._settings.insight:
            raise NotReady(OFF)
        worker_state.request_refresh(self._stores.preferences)
        self._supervisor.wake()
        return self.status()

    def suggestions(self, limit: int = 60, after: Suggestion | None = None) -> list[Suggestion]:
        """Suggestions by ascending probability, starting behind ``after``."""
        return self._stores.suggestions.suggestions(limit, after)

    def next_images(self, count: int = 60) -> list[int]:
        """Ids of unlabelled pictures, the most useful to label first."""
        return self._stores.suggestions.labelling_queue(count)

    def suspicious(self, limit: int = 60) -> list[Suspicion]:
        """Suspected label errors, worst first."""
        return self._stores.suggestions.suspicions(limit)

    def accept(
        self, image_ids: Sequence[int], actor: str, revisions: Mapping[int, int] | None = None
    ) -> tuple[int, list[int]]:
        """Relabel each picture with its likely class, with one event per class.

        Returns:
            Number of changed pictures, and the ids of the events.

        Raises:
            Conflict: A label is no longer suspected; nothing is changed.
            NotFound: A picture does not exist; nothing is changed.
            StaleEdit: A picture was changed since it was shown; nothing is changed.
        """
        self._stores.catalogue.require(image_ids)
        likely = self._stores.suggestions.likely(image_ids)
        if set(image_ids) - set(likely):
            raise Conflict(NOT_SUSPICIOUS)
        images_by_class: dict[int, list[int]] = defaultdict(list)
        for image_id in image_ids:
            images_by_class[likely[image_id]].append(image_id)
        classes = {class_.id: class_ for class_ in self._stores.classes.all()}
        changed, events = 0, []
        with self._stores.database.write():
            for class_id, class_images in images_by_class.items():
                known_revisions = (
                    {image_id: revisions[image_id] for image_id in class_images if image_id in revisions}
                    if revisions
                    else None
                )
                count, event = self._stores.edits.label(
                    class_images, classes[class_id], actor, known_revisions
                )
                changed += count
                events += [] if event is None else [event]
        return changed, events

    def dismiss(
        self, image_ids: Sequence[int], actor: str, revisions: Mapping[int, int] | None = None
    ) -> tuple[int, int | None]:
        """Confirm suspected labels; they stay dismissed until the class of the picture changes.

        Returns:
            Number of changed pictures, and the event's id.

        Raises:
            NotFound: A picture does not exist; nothing is changed.
            StaleEdit: A picture was changed since it was shown; nothing is changed.
        """
        return self._stores.edits.dismiss(image_ids, actor, revisions)

    def points(self, limit: int = 5000) -> list[ProjectionPoint]:
        """Points of the projection, evenly thinned to at most ``limit``."""
        return self._stores.suggestions.points(limit)

    def similar(self, image_id: int, count: int = 12) -> list[Neighbour]:
        """Pictures most similar to a picture, nearest first.

        Raises:
            NotFound: There is no such picture.
            NotReady: It has no embedding yet.
        """
        self._stores.catalogue.require([image_id])
        embedder = self._embedder()
        vector = None if embedder is None else self._stores.embeddings.vector(embedder.id, image_id)
        if embedder is None or vector is None:
            raise NotReady(self._no_embedding())
        return nearest.nearest(self._stores, embedder, image_id, count)

    def _embedder(self) -> Embedder | None:
        name = worker_state.read(self._stores.preferences).embedder
        return self._stores.embeddings.named(name) if name else None

    def _no_embedding(self) -> str:
        if not self._settings.insight:
            return OFF
        if self._stores.runs.active():
            return "This picture was not looked at yet; that goes on when the training run has ended."
        return "This picture was not looked at yet. Try again in a moment."

    def _sentence(self, state: WorkerState, pictures: int) -> str:
        parts = [self._progress(state, pictures)]
        if state.failed and self._settings.insight:
            parts.append(next(iter(state.failed.values())))
        return " ".join(parts)

    def _progress(self, state: WorkerState, pictures: int) -> str:
        if not self._settings.insight:
            return OFF
        if pictures == 0:
            return "There are no pictures yet."
        if state.embedded + state.unreadable < pictures:
            waiting = " It goes on when the training run has ended." if self._stores.runs.active() else ""
            return f"{state.embedded:,} of {pictures:,} pictures are looked at.{waiting}"
        if state.labels == 0:
            return "Suggestions need two classes with at least two labelled pictures each."
        learnt = f"Suggestions are learnt from {state.labels:,} labels"
        if state.accuracy is None:
            return f"{learnt}; with a few more it can be said how often they are right."
        return f"{learnt}; about {100 * state.accuracy:.0f} of 100 are right."
