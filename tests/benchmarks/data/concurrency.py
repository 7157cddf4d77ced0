"""Eight labellers, an import and a training run at once: are labels fast, and is none lost or doubled?

Once through the services, whose threads share one process as in the app, and once over HTTP against the running app. Each
labeller notes which event was told for each label; at the end the journal is read and compared with the notes. Through the
services each labels ten pictures a second, which is more than a person types; over HTTP one a second, since Gradio's queue
alone needs tens of milliseconds of a core for a call.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter

import numpy as np

from tests.benchmarks.data.targets import PEOPLE, OverHttp, Person, Within, Workplace
from tests.benchmarks.figures import Row
from tests.pictures import class_zip, picture, write_zip
from workbench.core.settings import Settings
from workbench.integrity import check
from workbench.stores import Stores, open_stores

SECONDS = 180.0
GOAL_MS = 250.0
CLASSES = ("Low", "High")
PER_CLASS = 60
IMPORTED_AT_ONCE = 200
Acknowledgement = tuple[str, int | None, int, str]


@dataclass
class Notes:
    """What those who took part saw.

    Attributes:
        told: Labeller, event, picture and class of every label that was answered.
        taken: Milliseconds that each took.
        errors: What went wrong, in words.
        imported: Zips brought in.
        ended: Status of the run at its end.
    """

    acknowledged: list[Acknowledgement] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    imported: int = 0
    ended: str = ""


@dataclass(frozen=True)
class Outcome:
    """The notes beside what is stored.

    Attributes:
        notes: What was told.
        written: Label events that the journal has of the labellers, with picture and class.
        epochs: Epochs that the run finished meanwhile.
        faults: What a check of the data folder finds.
    """

    notes: Notes
    written: list[Acknowledgement]
    epochs: int
    faults: list[str]

    @property
    def lost(self) -> int:
        """Labels that were told and are not in the journal as they were told."""
        return sum((Counter(self.notes.acknowledged) - Counter(self.written)).values())

    @property
    def unheard(self) -> int:
        """Events in the journal that nobody was told of: done twice, or for somebody else."""
        return sum((Counter(self.written) - Counter(self.notes.acknowledged)).values())


def rows(data: Path) -> Iterator[Row]:
    """The rows of the table."""
    ways: dict[str, Callable[[Path], Workplace]] = {"through the services": Within, "over HTTP": OverHttp}
    for way, opened in ways.items():
        with TemporaryDirectory() as place:
            outcome = measure(opened(Path(place)), Path(place), SECONDS)
        yield from _rows(way, outcome)


def measure(workplace: Workplace, folder: Path, seconds: float) -> Outcome:
    """Let everybody work for some seconds, and compare what they were told with what is stored."""
    notes = Notes()
    try:
        notes.errors += filter(None, [workplace.bring_in(class_zip(folder / "first.zip", PER_CLASS))])
        run_id = workplace.train()
        _work(workplace, folder, notes, seconds)
        notes.ended = workplace.stop(run_id)
    finally:
        workplace.close()
    stores = open_stores(Settings(data=workplace.root))
    faults = [str(fault) for fault in check(stores).faults]
    return Outcome(notes, _written(stores), len(stores.runs.history(run_id)), faults)


def _work(workplace: Workplace, folder: Path, notes: Notes, seconds: float) -> None:
    people = [workplace.person(f"labeller-{place}", place) for place in range(PEOPLE)]
    until = monotonic() + seconds
    jobs: list[Callable[[], None]] = [
        lambda place=place, person=person: _label(place, person, notes, until)
        for place, person in enumerate(people)
    ]
    jobs.append(lambda: _bring_in(workplace, folder, notes, until))
    threads = [threading.Thread(target=_noting, args=(job, notes)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _noting(job: Callable[[], None], notes: Notes) -> None:
    try:
        job()
    except Exception as error:  # whatever it is belongs into the table
        notes.errors.append(f"{type(error).__name__}: {error}")


def _label(place: int, person: Person, notes: Notes, until: float) -> None:
    name, pause = f"labeller-{place}", threading.Event()
    pause.wait(place * person.each_seconds / PEOPLE)  # people do not press their keys in step
    while monotonic() < until:
        for image_id, before in person.next().items():
            [to] = {*CLASSES} - {before}
            began = perf_counter()
            event_id = person.label(image_id, to)
            seconds = perf_counter() - began
            notes.acknowledged.append((name, event_id, image_id, to))
            notes.taken.append(1000 * seconds)
            pause.wait(max(0.0, person.each_seconds - seconds))


def _bring_in(workplace: Workplace, folder: Path, notes: Notes, until: float) -> None:
    for number in count():
        if monotonic() >= until:
            return
        seeds = range(number * IMPORTED_AT_ONCE, (number + 1) * IMPORTED_AT_ONCE)
        archive = write_zip(folder / f"{number}.zip", {f"{seed}.jpg": picture(seed) for seed in seeds})
        notes.errors += filter(None, [workplace.bring_in(archive)])
        archive.unlink()
        notes.imported += 1


def _written(stores: Stores) -> list[Acknowledgement]:
    names = {class_.id: class_.name for class_ in stores.classes.all()}
    records = stores.database.rows(
        "SELECT e.actor, e.id, c.entity_id, c.after FROM events e JOIN changes c ON c.event_id = e.id "
        "WHERE e.actor LIKE 'labeller-%' AND c.entity = 'image' AND c.field = 'class_id' ORDER BY e.id"
    )
    return [(row["actor"], row["id"], row["entity_id"], names[int(row["after"])]) for row in records]


def _rows(way: str, outcome: Outcome) -> Iterator[Row]:
    notes = outcome.notes
    what = f"{PEOPLE} labellers, an import and a training run, {SECONDS:.0f} s {way}"
    middle, high, most = np.percentile(notes.taken, (50, 95, 100))
    value = f"{high:.0f} ms (median {middle:.0f}, most {most:.0f})"
    yield Row(f"{what}: a label, p95", f"≤ {GOAL_MS:g} ms", value, bool(high <= GOAL_MS))
    value = f"{len(notes.acknowledged):,} told, {outcome.lost} lost, {outcome.unheard} nobody was told of"
    yield Row(f"{what}: events", "none lost or doubled", value, not (outcome.lost or outcome.unheard))
    bad = notes.errors + outcome.faults
    value = f"{len(bad)}; {notes.imported * IMPORTED_AT_ONCE:,} imported, {outcome.epochs} epochs, run {notes.ended}"
    yield Row(f"{what}: errors", "0", value + "".join(f"; {error}" for error in bad[:3]), not bad)
