"""Intake: files, zips and class folders into the catalogue, with a report on every file."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from time import monotonic
from typing import TypeVar

from storage.core.errors import DiskFull, DomainError
from storage.core.incoming_blobs import IncomingBlobs
from storage.jobs.import_jobs import IMPORTED, PRESENT, REJECTED, DiscardedImage, FileOutcome
from storage.records import ClassRecord, NewImage
from workbench.catalogue.labelling import Labelling, class_name, class_or_none
from workbench.core.machine import cores
from workbench.core.settings import Settings
from workbench.imaging.decode import shrunk
from workbench.imaging.phash import phash
from workbench.imaging.quality import assess
from workbench.importing.table_updates import TableReference, TableUpdates, join_notes
from workbench.importing.uploads import Source
from workbench.sample_data.dataset import SamplePicture, sample_pictures
from workbench.stores import Stores

BATCH = 64
REST = 1000
BATCH_SECONDS = 1.0
AHEAD, AHEAD_BYTES = 8, 64 * 2**20
"""Files that may wait for each core, and what all of them may hold in memory."""
UNCLASSED = "It is taken in without a class."
SAMPLES = 200


@dataclass(frozen=True)
class IngestReport:
    """What became of every file, in order."""

    outcomes: tuple[FileOutcome, ...]

    def having(self, result: str) -> list[FileOutcome]:
        """The outcomes of one kind: ``imported``, ``already there`` or ``rejected``."""
        return [outcome for outcome in self.outcomes if outcome.result == result]

    @property
    def labels(self) -> dict[str, int]:
        """Imported pictures per class; the empty name stands for unlabelled."""
        return dict(Counter(each.label for each in self.having(IMPORTED)))


@dataclass(frozen=True)
class ImportRequest:
    """What to import.

    Attributes:
        sources: The files.
        label: A class for all of them; empty where their folders or tables name it.
        actor: Who asks.
        synthetic: Whether they are marked as synthetic.
        after: What is to be told or done after them.
        applied: Those of them that were done before this process took the import up.
        complete: Tells, when the rest is done, whether what is wrong with it is to be told: not where it goes on later.
    """

    sources: Iterable[Source]
    label: str = ""
    actor: str = "api"
    synthetic: bool = False
    after: Iterable[FileOutcome | TableReference] = ()
    applied: Sequence[FileOutcome | TableReference] = ()
    complete: Callable[[], bool] = lambda: True


class Ingest:
    """Takes pictures into the catalogue."""

    def __init__(self, stores: Stores, labelling: Labelling, settings: Settings) -> None:
        self._database = stores.database
        self._catalogue = stores.catalogue
        self._edits = stores.edits
        self._jobs = stores.import_jobs
        self._stores = stores
        self._labelling = labelling
        self._media = stores.media
        self._decoder = stores.decoder
        self._settings = settings

    def run(self, order: ImportRequest, record: Record = lambda outcomes: None) -> IngestReport:
        """Import files and zips, as :meth:`stream` does, and report on all of them at the end."""
        return IngestReport(tuple(chain.from_iterable(self.stream(order, record))))

    def stream(
        self, order: ImportRequest, record: Record = lambda outcomes: None
    ) -> Iterator[list[FileOutcome]]:
        """Import files and zips batch by batch; a file that cannot be taken in never stops the others.

        Args:
            order: What to import.
            record: Given what became of each batch, within the write that takes its pictures in: both are kept, or
                neither. None stands for a line of a table of which nothing is told.

        Yields:
            What became of the files of each batch.

        Raises:
            DomainError: The label cannot be a class name, or the disk is full. What was reported before stays.
        """
        if order.label:
            class_name(order.label)
        with self._media.incoming() as incoming:
            for batch in _batches(self._processed(order, incoming)):
                yield self._kept(batch, order, incoming, record)
        yield from self._refer(order, record)

    def _refer(self, order: ImportRequest, record: Record) -> Iterator[list[FileOutcome]]:
        """Do what tables say of pictures that are there already."""
        references = TableUpdates(self._stores, self._labelling, order.actor)
        references.pass_over(order.applied)
        for rest in _batches(order.after, REST):
            with self._database.write():
                outcomes = references.apply(rest)
                record(outcomes)
            yield [outcome for outcome in outcomes if outcome]
        if order.complete() and (faults := references.faults()):
            with self._database.write():
                record(faults)
            yield faults

    def _kept(
        self, batch: Sequence[_Read], order: ImportRequest, incoming: IncomingBlobs, record: Record
    ) -> list[FileOutcome]:
        """Put a batch on the disk, then into the catalogue."""
        sha256s = [image.sha256 for _, image in batch if image]
        incoming.place(sha256s)
        with self._database.write():
            incoming.confirm(sha256s)
            outcomes = self._commit(batch, order)
            record(outcomes)
        incoming.release(sha256s)
        return outcomes

    def _processed(self, order: ImportRequest, incoming: IncomingBlobs) -> Iterator[_Read]:
        """Decode on all cores, a bounded number of files ahead, in the order of the files."""
        workers, process = cores(), partial(self._process, order, incoming)
        waiting: deque[tuple[Future[_Read], int]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for source in order.sources:
                # What cannot wait is read here, in order: a zip is closed when its last entry is out.
                data = None if source.lasting else _bytes(source)
                held = len(data) if isinstance(data, bytes) else 0
                waiting.append((pool.submit(process, source, data), held))
                while len(waiting) > AHEAD * workers or sum(size for _, size in waiting) > AHEAD_BYTES:
                    yield waiting.popleft()[0].result()
            while waiting:
                yield waiting.popleft()[0].result()

    def _process(
        self, order: ImportRequest, incoming: IncomingBlobs, source: Source, data: bytes | DomainError | None
    ) -> _Read:
        label, unnamed = class_or_none(order.label or source.label)
        try:
            if data is None:
                data = source.read()
            if isinstance(data, DomainError):
                raise data
            image = self._image(source, data, order)
            self._stores.room.require(len(data))
            incoming.take(image.sha256, data, source.file)
            note = join_notes(_first_frame(image.frames), unnamed and f"{unnamed} {UNCLASSED}", source.note)
            return FileOutcome(source.name, IMPORTED, label=label, note=note), image
        except DiskFull:
            raise
        except DomainError as error:
            return FileOutcome(source.name, REJECTED, str(error)), None

    def _image(self, source: Source, data: bytes, order: ImportRequest) -> NewImage:
        sha256 = hashlib.sha256(data).hexdigest()
        with self._decoder.decoded(data) as decoded:
            grey = shrunk(decoded.image)
            quality = assess(decoded, grey)
        return NewImage(
            sha256=sha256,
            filename=source.name.replace("\\", "/").rsplit("/", 1)[-1][:255],
            width=decoded.width,
            height=decoded.height,
            bytes=len(data),
            format=decoded.format,
            phash=phash(grey),
            class_id=None,
            synthetic=order.synthetic,
            frames=decoded.frames,
            pin=source.split,
            **asdict(quality),
        )

    def _commit(self, batch: Sequence[_Read], order: ImportRequest) -> list[FileOutcome]:
        """Write a batch to the catalogue."""
        gone = self._jobs.discarded([image.sha256 for _, image in batch if image])
        labels = self._new_labels(batch, gone)
        classes = {name: self._labelling.ensure(name, order.actor, "import") for name in labels}
        batch = [(_renamed(outcome, classes), image) for outcome, image in batch]
        ids = {class_.name: class_.id for class_ in classes.values()}
        images = [
            replace(image, class_id=_class_of(ids.get(outcome.label), gone.get(image.sha256)))
            for outcome, image in batch
            if image
        ]
        added = iter(self._catalogue.add(images, order.actor))
        known = self._catalogue.known([image.sha256 for image in images])
        done: list[FileOutcome] = []
        present: dict[int, tuple[str, str]] = {}
        for outcome, image in batch:
            if image is None:
                done.append(outcome)
                continue
            kept, new = replace(outcome, image_id=known[image.sha256]), next(added) is not None
            if new and image.sha256 in gone:
                kept = _back(kept, gone[image.sha256])
            elif not new:
                kept = replace(kept, result=PRESENT)
                present.setdefault(known[image.sha256], (outcome.label, image.pin))
            done.append(kept)
        self._complete(present, order.actor)
        return done

    def _new_labels(self, batch: Sequence[_Read], gone: Mapping[str, DiscardedImage]) -> list[str]:
        """The classes of pictures that are not there yet: one that is there adds none."""
        first: dict[str, str] = {}
        for outcome, image in batch:
            if image:
                first.setdefault(image.sha256, outcome.label)
        known = self._catalogue.known(list(first))
        keeping = {sha256 for sha256, each in gone.items() if each.in_bin and each.class_id}
        new = {label: None for sha256, label in first.items() if label and sha256 not in {*known, *keeping}}
        # Of names that differ in case alone the first one counts.
        return sorted(new, key=str.casefold)

    def _complete(self, came_with: Mapping[int, tuple[str, str]], actor: str) -> None:
        """A picture that was there without a class or side takes what came with it; otherwise it keeps its own."""
        present = self._catalogue.several(list(came_with))
        waiting = {image.id: came_with[image.id][0] for image in present if image.label is None}
        for name in sorted(set(filter(None, waiting.values()))):
            self._labelling.label([each for each in waiting if waiting[each] == name], name, actor)
        loose = {image.id: came_with[image.id][1] for image in present if not image.pin}
        for side in sorted(set(filter(None, loose.values()))):
            self._edits.pin([each for each in loose if loose[each] == side], side, actor)


Record = Callable[[Sequence[FileOutcome | None]], None]
_Read = tuple[FileOutcome, NewImage | None]
T = TypeVar("T")


def _renamed(outcome: FileOutcome, classes: Mapping[str, ClassRecord]) -> FileOutcome:
    """With the class as it is called here, which may differ in case."""
    return replace(outcome, label=classes[outcome.label].name) if outcome.label in classes else outcome


def _class_of(given: int | None, gone: DiscardedImage | None) -> int | None:
    """A picture out of the bin keeps its class; one whose files were gone takes the one it comes with."""
    if gone is None:
        return given
    return (gone.class_id or given) if gone.in_bin else (given or gone.class_id)


def _first_frame(frames: int) -> str:
    return f"Only the first of its {frames:,} frames was taken." if frames > 1 else ""


def _back(outcome: FileOutcome, gone: DiscardedImage) -> FileOutcome:
    if gone.in_bin:
        return replace(
            outcome, result=PRESENT, note=join_notes("It was in the bin and is back.", outcome.note)
        )
    return replace(outcome, note=join_notes("It was thrown away before and is back.", outcome.note))


def _batches(items: Iterable[T], most: int = BATCH) -> Iterator[list[T]]:
    """Batches of at most so many items or ``BATCH_SECONDS``, whichever comes first, so that progress shows."""
    batch, begun = [], monotonic()
    for item in items:
        batch.append(item)
        if len(batch) == most or monotonic() - begun > BATCH_SECONDS:
            yield batch
            batch, begun = [], monotonic()
    if batch:
        yield batch


def _bytes(source: Source) -> bytes | DomainError:
    try:
        return source.read()
    except DomainError as error:
        return error


def sample_order(actor: str, count: int = SAMPLES) -> ImportRequest:
    """The order that imports the sample set, marked as synthetic; pictures are rendered one by one as they are read."""
    return ImportRequest(map(_source, sample_pictures(count)), actor=actor, synthetic=True)


def _source(picture: SamplePicture) -> Source:
    return Source(picture.filename, picture.label, lambda: picture.data)
