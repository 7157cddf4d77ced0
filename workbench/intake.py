"""Intake: files, zips and class folders into the catalogue, with a report on every file."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from time import monotonic

from storage.errors import DiskFull, DomainError
from storage.imports import IMPORTED, PRESENT, REJECTED, Outcome
from storage.records import NewImage
from workbench.archives import Source
from workbench.cores import cores
from workbench.labelling import Labelling, class_name
from workbench.pictures import decode
from workbench.settings import Settings
from workbench.similarity import phash
from workbench.stores import Stores

BATCH = 64
BATCH_SECONDS = 1.0


@dataclass(frozen=True)
class Report:
    """What became of every file, in order."""

    outcomes: tuple[Outcome, ...]

    def having(self, result: str) -> list[Outcome]:
        """The outcomes of one kind: ``imported``, ``already there`` or ``rejected``."""
        return [each for each in self.outcomes if each.result == result]

    @property
    def labels(self) -> dict[str, int]:
        """Imported pictures per class; the empty name stands for unlabelled."""
        return dict(Counter(each.label for each in self.having(IMPORTED)))


@dataclass(frozen=True)
class Order:
    """What to import: the files, a class for all of them (empty: their folders name it), and who asks."""

    sources: Iterable[Source]
    label: str = ""
    actor: str = "api"
    synthetic: bool = False


class Intake:
    """Takes pictures into the catalogue."""

    def __init__(self, stores: Stores, labelling: Labelling, settings: Settings) -> None:
        self._database = stores.database
        self._catalogue = stores.catalogue
        self._labelling = labelling
        self._media = stores.media
        self._settings = settings

    def run(self, order: Order, record: Record = lambda outcomes: None) -> Report:
        """Import files and zips, as :meth:`stream` does, and report on all of them at the end."""
        return Report(tuple(chain.from_iterable(self.stream(order, record))))

    def stream(self, order: Order, record: Record = lambda outcomes: None) -> Iterator[list[Outcome]]:
        """Import files and zips batch by batch; a file that cannot be taken in never stops the others.

        Args:
            order: What to import.
            record: Given what became of each batch, within the write that takes its pictures in: both are kept, or
                neither.

        Yields:
            What became of the files of each batch.

        Raises:
            DomainError: The label cannot be a class name, or the disk is full. What was reported before stays.
        """
        if order.label:
            class_name(order.label)
        for batch in _batches(self._processed(order)):
            with self._database.write():
                outcomes = self._commit(batch, order)
                record(outcomes)
            yield outcomes

    def _processed(self, order: Order) -> Iterator[_Read]:
        """Decode on all cores, a bounded number of files ahead, in the order of the files."""
        workers = cores()
        waiting: deque[Future[_Read]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for source in order.sources:
                # Bytes are read here, in order: a zip is closed when its last entry is out.
                waiting.append(pool.submit(self._process, source, _bytes(source), order))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _process(self, source: Source, data: bytes | DomainError, order: Order) -> _Read:
        label = order.label or source.label
        try:
            if isinstance(data, DomainError):
                raise data
            outcome = Outcome(
                source.name, IMPORTED, label=class_name(label) if label else "", note=source.note
            )
            return outcome, self._image(source, data, order)
        except DiskFull:
            raise
        except DomainError as error:
            return Outcome(source.name, REJECTED, str(error)), None

    def _image(self, source: Source, data: bytes, order: Order) -> NewImage:
        sha256 = hashlib.sha256(data).hexdigest()
        decoded = decode(data, self._settings.limits.pixels)
        small = self._media.store(sha256, data, decoded, self._settings.fit)
        return NewImage(
            sha256=sha256,
            filename=source.name.replace("\\", "/").rsplit("/", 1)[-1][:255],
            width=decoded.width,
            height=decoded.height,
            bytes=len(data),
            format=decoded.format,
            phash=phash(small),
            class_id=None,
            synthetic=order.synthetic,
            pin=source.split,
        )

    def _commit(self, batch: Sequence[_Read], order: Order) -> list[Outcome]:
        """Write a batch to the catalogue."""
        labels = self._new_labels(batch)
        ids = {name: self._labelling.ensure(name, order.actor, "import").id for name in labels}
        images = [replace(image, class_id=ids.get(outcome.label)) for outcome, image in batch if image]
        added = iter(self._catalogue.add(images))
        known = self._catalogue.known([image.sha256 for image in images])
        done = []
        for outcome, image in batch:
            if image is None:
                done.append(outcome)
            elif (image_id := next(added)) is not None:
                done.append(replace(outcome, image_id=image_id))
            else:
                done.append(replace(outcome, result=PRESENT, image_id=known.get(image.sha256)))
        self._label_waiting(done, order.actor)
        return done

    def _new_labels(self, batch: Sequence[_Read]) -> list[str]:
        """The classes of pictures that are not there yet: one that is there adds none."""
        first: dict[str, str] = {}
        for outcome, image in batch:
            if image:
                first.setdefault(image.sha256, outcome.label)
        known = self._catalogue.known(list(first))
        return sorted({label for sha256, label in first.items() if label and sha256 not in known})

    def _label_waiting(self, outcomes: Sequence[Outcome], actor: str) -> None:
        """A picture that was there without a class takes the one that came with it; a labelled one keeps its own."""
        wanted: dict[int, str] = {}
        for each in outcomes:
            if each.image_id and each.result == PRESENT and each.label:
                wanted.setdefault(each.image_id, each.label)
        present = self._catalogue.several(list(wanted))
        waiting = [image.id for image in present if image.label is None]
        for name in sorted({wanted[image_id] for image_id in waiting}):
            self._labelling.label([each for each in waiting if wanted[each] == name], name, actor)


Record = Callable[[Sequence[Outcome]], None]
_Read = tuple[Outcome, NewImage | None]


def _batches(items: Iterator[_Read]) -> Iterator[list[_Read]]:
    """Batches of at most ``BATCH`` pictures or ``BATCH_SECONDS``, whichever comes first, so that progress shows."""
    batch, begun = [], monotonic()
    for item in items:
        batch.append(item)
        if len(batch) == BATCH or monotonic() - begun > BATCH_SECONDS:
            yield batch
            batch, begun = [], monotonic()
    if batch:
        yield batch


def _bytes(source: Source) -> bytes | DomainError:
    try:
        return source.read()
    except DomainError as error:
        return error
