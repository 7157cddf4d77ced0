"""The model's help as the page and the API see it."""

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

OFF = "The model's help is switched off on this server (WORKBENCH_INSIGHT=off)."


@dataclass(frozen=True)
class ActiveLearningStatus:
    """Where the model's help stands.

    Attributes:
        enabled: Whether it is switched on.
        running: Whether the worker is there.
        phase: ``embedding``, ``learning``, ``checking``, ``mapping`` or empty.
        embedder: What made the embeddings, empty before there are any.
        kind: ``backbone``, ``version``, ``built-in`` or empty.
        embedded: Pictures with an embedding.
        pictures: Pictures in the catalogue.
        unreadable: Pictures whose file could not be read.
        labels: On how many labels the suggestions were learnt, 0 before.
        trained_at: When, ISO 8601; empty before.
        accuracy: Of the suggestions, out of fold; None where there are too few labels to tell.
        suggestions: Pictures that have a suggestion.
        next_up: Pictures lined up to be labelled next.
        suspicious: Labels that look wrong and were not dismissed.
        mapped: Pictures on the map.
        sentence: What stands, or what is needed first.
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
    """Suggestions, what to label next, suspicious labels, the map, similar pictures."""

    def __init__(self, stores: Stores, settings: Settings, helper: ActiveLearningSupervisor) -> None:
        self._stores = stores
        self._settings = settings
        self._helper = helper

    def status(self) -> ActiveLearningStatus:
        """Where the work stands."""
        known = worker_state.read(self._stores.preferences)
        counts = self._stores.insight.counts()
        running = self._helper.working()
        pictures = self._stores.insight.pictures()[0]
        return ActiveLearningStatus(
            enabled=self._settings.insight,
            running=running,
            phase=known.phase if running else "",
            embedder=known.embedder,
            kind=known.kind,
            embedded=min(known.embedded, pictures),
            pictures=pictures,
            unreadable=known.unreadable,
            labels=known.labels,
            trained_at=known.trained_at,
            accuracy=known.accuracy,
            suggestions=counts.suggestions,
            next_up=counts.next_up,
            suspicious=counts.suspicions,
            mapped=counts.mapped,
            sentence=self._sentence(known, pictures),
        )

    def refresh(self) -> ActiveLearningStatus:
        """Ask that everything be done anew, also while a run trains.

        Raises:
            NotReady: The model's help is switched off.
        """
        if not self._settings.insight:
            raise NotReady(OFF)
        worker_state.ask(self._stores.preferences)
        self._helper.wake()
        return self.status()

    def suggestions(self, limit: int = 60, after: Suggestion | None = None) -> list[Suggestion]:
        """Suggestions, the least sure first, from the one after ``after`` on."""
        return self._stores.insight.suggestions(limit, after)

    def next_images(self, count: int = 60) -> list[int]:
        """Ids of pictures that are left to label, the most useful first."""
        return self._stores.insight.next_up(count)

    def suspicious(self, limit: int = 60) -> list[Suspicion]:
        """Labels that look wrong, worst first."""
        return self._stores.insight.suspicions(limit)

    def accept(
        self, image_ids: Sequence[int], actor: str, revisions: Mapping[int, int] | None = None
    ) -> tuple[int, list[int]]:
        """Label each picture with its likely class, an event a class.

        Returns:
            How many pictures changed, and the ids of the events.

        Raises:
            Conflict: A label is not suspicious any more; nothing is changed.
            NotFound: A picture is not there; nothing is changed.
            StaleEdit: A picture was changed since it was shown; nothing is changed.
        """
        self._stores.catalogue.require(image_ids)
        likely = self._stores.insight.likely(image_ids)
        if set(image_ids) - set(likely):
            raise Conflict("A label is not suspicious any more. Reload the list.")
        into: dict[int, list[int]] = defaultdict(list)
        for image_id in image_ids:
            into[likely[image_id]].append(image_id)
        classes = {class_.id: class_ for class_ in self._stores.classes.all()}
        changed, events = 0, []
        with self._stores.database.write():
            for class_id, members in into.items():
                shown = (
                    {member: revisions[member] for member in members if member in revisions}
                    if revisions
                    else None
                )
                count, event = self._stores.edits.label(members, classes[class_id], actor, shown)
                changed += count
                events += [] if event is None else [event]
        return changed, events

    def dismiss(
        self, image_ids: Sequence[int], actor: str, revisions: Mapping[int, int] | None = None
    ) -> tuple[int, int | None]:
        """Say that labels are right; they stay dismissed while the class is the same.

        Returns:
            How many pictures changed, and the event's id.

        Raises:
            NotFound: A picture is not there; nothing is changed.
            StaleEdit: A picture was changed since it was shown; nothing is changed.
        """
        return self._stores.edits.dismiss(image_ids, actor, revisions)

    def points(self, limit: int = 5000) -> list[ProjectionPoint]:
        """The map, or an even part of it."""
        return self._stores.insight.points(limit)

    def similar(self, image_id: int, count: int = 12) -> list[Neighbour]:
        """Pictures of the catalogue that look like one, nearest first.

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

    def _sentence(self, known: WorkerState, pictures: int) -> str:
        parts = [self._progress(known, pictures)]
        if known.failed and self._settings.insight:
            parts.append(next(iter(known.failed.values())))
        return " ".join(parts)

    def _progress(self, known: WorkerState, pictures: int) -> str:
        if not self._settings.insight:
            return OFF
        if pictures == 0:
            return "There are no pictures yet."
        if known.embedded + known.unreadable < pictures:
            waiting = " It goes on when the training run has ended." if self._stores.runs.active() else ""
            return f"{known.embedded:,} of {pictures:,} pictures are looked at.{waiting}"
        if known.labels == 0:
            return "Suggestions need two classes with at least two labelled pictures each."
        learnt = f"Suggestions are learnt from {known.labels:,} labels"
        if known.accuracy is None:
            return f"{learnt}; with a few more it can be said how often they are right."
        return f"{learnt}; about {100 * known.accuracy:.0f} of 100 are right."
