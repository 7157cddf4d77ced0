"""Pages, filters, sorts and counts at 100,000 pictures."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from storage.queries.filters import STATUSES
from storage.queries.pagination import encode_cursor
from storage.queries.sort_orders import SORTS, UNRANKED
from storage.records import Filter
from tests.benchmarks.data.catalogue import filled
from tests.benchmarks.figures import Row
from workbench.stores import Stores

PICTURES = 100_000
PAGE = 60
GOAL = 30.0
GOAL_SEVERAL = 45.0
REPEATS = 7
SINGLE = [
    Filter(),
    *(Filter(label=name) for name in ("Class 0", "Class 19")),
    *(Filter(status=name) for name in STATUSES),
    *(Filter(flag=name) for name in ("blurred", "uniform")),
    *(Filter(tag=name) for name in ("half", "some", "rare")),
    *(Filter(search=text) for text in ("jpg", "img_00012", "7", "ß")),
]
TOGETHER = [
    Filter("Class 19", flag="uniform"),
    Filter("Class 0", "disagreed"),
    Filter("Class 0", tag="half"),
    Filter("Class 3", "train", flag="blurred", tag="some"),
    Filter("Class 0", search="jpg"),
    Filter("Class 1", "unreviewed", search="7"),
    Filter(status="suspicious", tag="half"),
    Filter(status="unlabelled", flag="dark"),
    Filter(status="labelled", search="img"),
    Filter(status="bin", tag="some"),
    Filter(tag="half", search="jpg"),
    Filter(flag="odd aspect", tag="rare"),
]
Times = dict[Filter, tuple[list[float], list[float], list[float]]]


def rows(data: Path) -> Iterable[Row]:
    """The rows of the table; the photos of ``data`` play no part."""
    with tempfile.TemporaryDirectory() as folder:
        stores = filled(Path(folder), PICTURES)
        single = _pages(stores, SINGLE)
        together = _pages(stores, TOGETHER)
        yield _worst("one filter", single, GOAL)
        yield _worst("two to four filters", together, GOAL_SEVERAL)
        yield _last(single | together)
        yield from _counts(stores)
        yield from _bulk(stores)


def _pages(stores: Stores, filters: list[Filter]) -> Times:
    """Milliseconds of the first, a middle and the last page of every filter with every sort."""
    times: Times = {}
    for unsorted, sort in itertools.product(filters, SORTS):
        wanted = replace(unsorted, sort=sort)
        total = stores.pages.page(wanted, limit=PAGE).total
        cursors = ["", _cursor(stores, wanted, total // 2), _cursor(stores, wanted, total - PAGE)]
        first, middle, last = (
            [_milliseconds(lambda c=cursor: stores.pages.page(wanted, c, PAGE)) for _ in range(REPEATS)]  # noqa: B023
            for cursor in cursors
        )
        times[wanted] = (first, middle, last)
    return times


def _cursor(stores: Stores, wanted: Filter, position: int) -> str:
    """The cursor of the page that begins at a position; empty for the first one."""
    if position <= 0:
        return ""
    last = stores.pages.first(wanted, position, "true", {})[-1]
    sql = f"SELECT coalesce({SORTS[wanted.sort].key}, {UNRANKED}) FROM images i WHERE id = ?"
    return encode_cursor(wanted, stores.database.value(sql, (last,)), last)


def _worst(what: str, times: Times, goal: float) -> Row:
    p95 = {wanted: float(np.percentile([*a, *b, *c], 95)) for wanted, (a, b, c) in times.items()}
    slowest = max(p95, key=p95.__getitem__)
    named = " ".join(f"{name}={value}" for name, value in vars(slowest).items() if value)
    median = float(
        np.median([milliseconds for parts in times.values() for part in parts for milliseconds in part])
    )
    return Row(
        f"page of {PAGE} of {PICTURES:,}: first, middle, last, {what}, {len(times)} combinations",
        f"worst p95 ≤ {goal:.0f} ms",
        f"{p95[slowest]:.1f} ms ({named}); median of all {median:.1f} ms",
        p95[slowest] <= goal,
    )


def _last(times: Times) -> Row:
    ratios = [float(np.median(last) / np.median(first)) for first, _, last in times.values()]
    extra = max(float(np.median(last) - np.median(first)) for first, _, last in times.values())
    return Row(
        "last page against the first, median over all combinations",
        "≤ 1.5",
        f"{np.median(ratios):.2f}; most that a last page took longer: {extra:.1f} ms",
        bool(np.median(ratios) <= 1.5),
    )


def _counts(stores: Stores) -> Iterable[Row]:
    p95 = {wanted: _p95(lambda w=wanted: stores.pages.count(w)) for wanted in SINGLE}
    looked_up = {wanted for wanted in SINGLE if wanted.tag or wanted.search or wanted.status == "suspicious"}
    tallied = max(p95[wanted] for wanted in SINGLE if wanted not in looked_up)
    yield Row(
        "count of a filter by class, status or flag", "worst p95 ≤ 5 ms", f"{tallied:.2f} ms", tallied <= 5
    )
    slowest = max(p95[wanted] for wanted in looked_up)
    yield Row(
        "count of a tag, a part of a name or what is suspicious",
        f"worst p95 ≤ {GOAL:.0f} ms",
        f"{slowest:.1f} ms",
        slowest <= GOAL,
    )
    summary = _p95(lambda: stores.catalogue.summary(stores.classes.all()))
    yield Row("summary with the counts of 20 classes", "p95 ≤ 5 ms", f"{summary:.2f} ms", summary <= 5)


def _bulk(stores: Stores) -> Iterable[Row]:
    ids = stores.pages.all_ids(Filter())
    to = stores.classes.get("Class 3")
    labelled = _milliseconds(lambda: stores.edits.label(ids, to, "ann")) / 1000
    undone = _milliseconds(lambda: stores.journal.undo("ann")) / 1000
    yield Row(
        f"{PICTURES:,} pictures labelled as one event, and undone",
        "",
        f"{labelled:.1f} s, {undone:.1f} s",
        None,
    )
    keys = [_milliseconds(lambda i=image_id: stores.edits.label([i], to, "ann")) for image_id in ids[::250]]
    yield Row("one picture labelled, in storage", "", f"p95 {np.percentile(keys, 95):.1f} ms", None)


def _p95(work: Callable[[], object]) -> float:
    return float(np.percentile([_milliseconds(work) for _ in range(20)], 95))


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000
