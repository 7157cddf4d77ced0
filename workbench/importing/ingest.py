"""Imports images into the catalogue and reports an outcome for every file."""

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
from workbench.catalogue.labelling import Labelling, class_or_none
from workbench.core.machine import cores
from workbench.core.settings import Settings
from workbench.imaging.inspection import inspect
from workbench.importing.table_updates import TableReference, TableUpdates, join_notes
from workbench.importing.uploads import Source
from workbench.sample_data.dataset import SamplePicture, sample_pictures
from workbench.stores import Stores

BATCH = 64
REST = 1000
BATCH_SECONDS = 1.0
AHEAD, AHEAD_BYTES = 8, 64 * 2**20
"""Most queued files per core, and most bytes that all queued files may hold in memory."""
UNCLASSED = "It is taken in without a class."
SAMPLES = 200


@dataclass(frozen=True)
class IngestReport:
    """The outcome of every file, in order."""

    outcomes: tuple[FileOutcome, ...]

    def having(self, result: str) -> list[FileOutcome]:
        """The outcomes of one kind: ``imported``, ``already there`` or ``rejected``."""
        return [outcome for outcome in self.outcomes if outcome.result == result]

    @property
    def labels(self) -> dict[str, int]:
        """Imported pictures per class; the empty name stands for unlabelled."""
        return dict(Counter(outcome.label for outcome in self.having(IMPORTED)))


@dataclass(frozen=True)
class ImportRequest:
    """What to import.

    Attributes:
        sources: The files.
        label: A class for all files, as :func:`workbench.catalogue.labelling.class_name` gives it; empty if folders or
            tables name it.
        actor: User that requested the import.
        synthetic: Whether the pictures are marked as synthetic.
        after: Outcomes to report and table lines to apply after the files.
        applied: Items of ``after`` that were applied before this process resumed the import.
        complete: Called at the end; returns whether table faults are to be reported, False if the import will resume later.
    """

    sources: Iterable[Source]
    label: str = ""
    actor: str = "api"
    synthetic: bool = False
    after: Iterable[FileOutcome | TableReference] = ()
    applied: Sequence[FileOutcome | TableReference] = ()
    complete: Callable[[], bool] = lambda: True


class Ingest:
    """Imports pictures into the catalogue."""

    def __init__(self, stores: Stores, labelling: Labelling, settings: Settings) -> None:
        self._database = stores.database
        self._catalogue = stores.catalogue
        self._edits = stores.edits
        self._jobs = stores.import_jobs
        self._stores = stores
        self._labelling = labelling
        self._media = stores.derivatives
        self._decoder = stores.decoder
        self._settings = settings

    def run(self, order: ImportRequest, record: Record = lambda outcomes: None) -> IngestReport:
        """Import files and zips like :meth:`stream` and return one report."""
        return IngestReport(tuple(chain.from_iterable(self.stream(order, record))))

    def stream(
        self, order: ImportRequest, record: Record = lambda outcomes: None
    ) -> Iterator[list[FileOutcome]]:
        """Import files and zips in batches; a rejected file does not stop the others.

        Args:
            order: What to import.
            record: Called with the outcomes of each batch in the same transaction that adds its pictures. None stands
                for a table line without an outcome of its own.

        Yields:
            The outcomes of each batch.

        Raises:
            DiskFull: The disk is full. Earlier batches stay imported.
        """
        with self._media.incoming() as incoming:
            for batch in _batches(self._decode_all(order, incoming)):
                yield self._store_batch(batch, order, incoming, record)
        yield from self._apply_table_lines(order, record)

    def _apply_table_lines(self, order: ImportRequest, record: Record) -> Iterator[list[FileOutcome]]:
        """Apply table lines to pictures that are already in the catalogue."""
        updates = TableUpdates(self._stores, self._labelling, order.actor)
        updates.pass_over(order.applied)
        for batch in _batches(order.after, REST):
            with self._database.write():
                outcomes = updates.apply(batch)
                record(outcomes)
            yield [outcome for outcome in outcomes if outcome]
        if order.complete() and (faults := updates.faults()):
            with self._database.write():
                record(faults)
            yield faults

    def _store_batch(
        self, batch: Sequence[_DecodedFile], order: ImportRequest, incoming: IncomingBlobs, record: Record
    ) -> list[FileOutcome]:
        """Write the files of a batch to disk, then its rows to the catalogue."""
        sha256s = [image.sha256 for _, image in batch if image]
        incoming.place(sha256s)
        with self._database.write():
            incoming.confirm(sha256s)
            outcomes = self._commit(batch, order)
            record(outcomes)
        incoming.release(sha256s)
        return outcomes

    def _decode_all(self, order: ImportRequest, incoming: IncomingBlobs) -> Iterator[_DecodedFile]:
        """Decode on all cores with a bounded queue; yields in the order of the files."""
        workers, process = cores(), partial(self._decode_source, order, incoming)
        pending: deque[tuple[Future[_DecodedFile], int]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for source in order.sources:
                # Sources that are not lasting are read here, in order: a zip is closed after its last entry.
                data = None if source.lasting else _read_or_error(source)
                num_bytes = len(data) if isinstance(data, bytes) else 0
                pending.append((pool.submit(process, source, data), num_bytes))
                while len(pending) > AHEAD * workers or sum(size for _, size in pending) > AHEAD_BYTES:
                    yield pending.popleft()[0].result()
            while pending:
                yield pending.popleft()[0].result()

    def _decode_source(
        self, order: ImportRequest, incoming: IncomingBlobs, source: Source, data: bytes | DomainError | None
    ) -> _DecodedFile:
        label, label_error = (order.label, "") if order.label else class_or_none(source.label)
        try:
            if data is None:
                data = source.read()
            if isinstance(data, DomainError):
                raise data
            image = self._new_image(source, data, order)
            self._stores.disk_space.require(len(data))
            incoming.take(image.sha256, data, source.file)
            note = join_notes(
                _first_frame_note(image.frames), label_error and f"{label_error} {UNCLASSED}", source.note
            )
            return FileOutcome(source.name, IMPORTED, label=label, note=note), image
        except DiskFull:
            raise
        except DomainError as error:
            return FileOutcome(source.name, REJECTED, str(error)), None

    def _new_image(self, source: Source, data: bytes, order: ImportRequest) -> NewImage:
        return NewImage(
            sha256=hashlib.sha256(data).hexdigest(),
            filename=source.name.replace("\\", "/").rsplit("/", 1)[-1][:255],
            bytes=len(data),
            class_id=None,
            synthetic=order.synthetic,
            pin=source.split,
            **asdict(inspect(self._decoder, data)),
        )

    def _commit(self, batch: Sequence[_DecodedFile], order: ImportRequest) -> list[FileOutcome]:
        """Write a batch to the catalogue."""
        discarded = self._jobs.discarded([image.sha256 for _, image in batch if image])
        labels = self._new_labels(batch, discarded)
        classes = {name: self._labelling.ensure(name, order.actor, "import") for name in labels}
        batch = [(_with_canonical_label(outcome, classes), image) for outcome, image in batch]
        class_ids = {class_.name: class_.id for class_ in classes.values()}
        images = [
            replace(image, class_id=_class_id_for(class_ids.get(outcome.label), discarded.get(image.sha256)))
            for outcome, image in batch
            if image
        ]
        added = iter(self._catalogue.add(images, order.actor))
        ids_by_sha256 = self._catalogue.known([image.sha256 for image in images])
        final_outcomes: list[FileOutcome] = []
        present_labels: dict[int, tuple[str, str]] = {}
        for outcome, image in batch:
            if image is None:
                final_outcomes.append(outcome)
                continue
            final_outcome, is_new = (
                replace(outcome, image_id=ids_by_sha256[image.sha256]),
                next(added) is not None,
            )
            if is_new and image.sha256 in discarded:
                final_outcome = _restored_outcome(final_outcome, discarded[image.sha256])
            elif not is_new:
                final_outcome = replace(final_outcome, result=PRESENT)
                present_labels.setdefault(ids_by_sha256[image.sha256], (outcome.label, image.pin))
            final_outcomes.append(final_outcome)
        self._fill_missing(present_labels, order.actor)
        return final_outcomes

    def _new_labels(
        self, batch: Sequence[_DecodedFile], discarded: Mapping[str, DiscardedImage]
    ) -> list[str]:
        """The classes of new pictures; a picture that is already in the catalogue creates no class."""
        first_labels: dict[str, str] = {}
        for outcome, image in batch:
            if image:
                first_labels.setdefault(image.sha256, outcome.label)
        existing = self._catalogue.known(list(first_labels))
        keep_their_class = {
            sha256 for sha256, record in discarded.items() if record.in_bin and record.class_id
        }
        new_labels = {
            label: None
            for sha256, label in first_labels.items()
            if label and sha256 not in {*existing, *keep_their_class}
        }
        # Of names that differ only in case, the first one is created.
        return sorted(new_labels, key=str.casefold)

    def _fill_missing(self, incoming_labels: Mapping[int, tuple[str, str]], actor: str) -> None:
        """Set class and split of pictures that were already present without one; existing values are kept."""
        images = self._catalogue.several(list(incoming_labels))
        unlabelled = {image.id: incoming_labels[image.id][0] for image in images if image.label is None}
        for name in sorted(set(filter(None, unlabelled.values()))):
            self._labelling.label(
                [image_id for image_id in unlabelled if unlabelled[image_id] == name], name, actor
            )
        unpinned = {image.id: incoming_labels[image.id][1] for image in images if not image.pin}
        for split in sorted(set(filter(None, unpinned.values()))):
            self._edits.pin([image_id for image_id in unpinned if unpinned[image_id] == split], split, actor)


Record = Callable[[Sequence[FileOutcome | None]], None]
_DecodedFile = tuple[FileOutcome, NewImage | None]
T = TypeVar("T")


def _with_canonical_label(outcome: FileOutcome, classes: Mapping[str, ClassRecord]) -> FileOutcome:
    """The outcome with the class name as it is in the catalogue, which may differ in case."""
    return replace(outcome, label=classes[outcome.label].name) if outcome.label in classes else outcome


def _class_id_for(imported_class: int | None, discarded: DiscardedImage | None) -> int | None:
    """The class of a reimported picture: one restored from the bin keeps its class, an emptied one prefers the imported class."""
    if discarded is None:
        return imported_class
    return (
        (discarded.class_id or imported_class) if discarded.in_bin else (imported_class or discarded.class_id)
    )


def _first_frame_note(frames: int) -> str:
    return f"Only the first of its {frames:,} frames was taken." if frames > 1 else ""


def _restored_outcome(outcome: FileOutcome, discarded: DiscardedImage) -> FileOutcome:
    if discarded.in_bin:
        return replace(
            outcome, result=PRESENT, note=join_notes("It was in the bin and is back.", outcome.note)
        )
    return replace(outcome, note=join_notes("It was thrown away before and is back.", outcome.note))


def _batches(items: Iterable[T], max_items: int = BATCH) -> Iterator[list[T]]:
    """Split into batches of at most ``max_items`` items or ``BATCH_SECONDS``, whichever is reached first."""
    batch, started = [], monotonic()
    for item in items:
        batch.append(item)
        if len(batch) == max_items or monotonic() - started > BATCH_SECONDS:
            yield batch
            batch, started = [], monotonic()
    if batch:
        yield batch


def _read_or_error(source: Source) -> bytes | DomainError:
    try:
        return source.read()
    except DomainError as error:
        return error


def sample_request(actor: str, count: int = SAMPLES) -> ImportRequest:
    """The request that imports the synthetic sample set; each picture is rendered when it is read."""
    return ImportRequest(map(_sample_source, sample_pictures(count)), actor=actor, synthetic=True)


def _sample_source(picture: SamplePicture) -> Source:
    return Source(picture.filename, picture.label, lambda: picture.data)
