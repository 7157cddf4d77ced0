import base64
import itertools
import json

import pytest

from storage.errors import DomainError, NotFound
from storage.records import Filter, ImageRecord, SnapshotItem
from storage.snapshots import Draft
from tests.storage.conftest import Add
from workbench.stores import Stores

LABELS = ("", "Full", "half")
STATUSES = ("", "labelled", "unlabelled", "train", "validation", "synthetic")
SORTS = ("", "newest", "oldest", "name")
EVERY = list(itertools.product(LABELS, STATUSES, SORTS))


@pytest.fixture
def filled(stores: Stores, add: Add) -> Stores:
    """23 pictures of every kind, with names that repeat and differ in case and script."""
    full, half = (stores.classes.add(name, "#0072B2", "ann") for name in ("Full", "Half"))
    names = ["b", "a", "B", "ä", "10", "9", "🍾"]
    for index in range(23):
        label = (None, full, half)[index % 3]
        add(f"{names[index % 7]}/{index}", label=label, synthetic=index % 4 == 0)
    with stores.database.write() as connection:
        connection.execute("UPDATE images SET filename = substr(filename, 1, instr(filename, '/') - 1)")
        connection.execute("UPDATE images SET name_key = casefold(filename)")
    stores.edits.archive([5, 6], "ann")
    labelled = stores.snapshots.labelled()
    items = tuple(
        SnapshotItem(each.image_id, each.sha256, 0, ("train", "validation")[index % 2], index)
        for index, each in enumerate(labelled)
    )
    stores.snapshots.freeze(Draft(("Full", "Half"), items, 0.5, 1, 0))
    return stores


def walk(stores: Stores, wanted: Filter, limit: int) -> list[ImageRecord]:
    """All pages after one another; each must be full but the last, and give the same total."""
    items: list[ImageRecord] = []
    cursor = ""
    while True:
        page = stores.pages.page(wanted, cursor, limit)
        items += page.items
        if not page.next_cursor:
            assert page.total == len(items)
            return items
        assert len(page.items) == limit
        cursor = page.next_cursor


def expected(images: list[ImageRecord], wanted: Filter) -> list[int]:
    keeps = {
        "": lambda each: True,
        "labelled": lambda each: each.label is not None,
        "unlabelled": lambda each: each.label is None,
        "train": lambda each: each.split == "train",
        "validation": lambda each: each.split == "validation",
        "synthetic": lambda each: each.synthetic,
    }
    found = [each for each in images if keeps[wanted.status](each)]
    if wanted.label:
        found = [each for each in found if (each.label or "").casefold() == wanted.label.casefold()]
    if wanted.sort == "name":
        return [each.id for each in sorted(found, key=lambda each: (each.filename.casefold(), each.id))]
    return sorted((each.id for each in found), reverse=wanted.sort != "oldest")


@pytest.mark.parametrize(("label", "status", "sort"), EVERY)
def test_pages_of_every_filter_and_sort_add_up_to_the_list(
    filled: Stores, label: str, status: str, sort: str
) -> None:
    everything = filled.catalogue.several(list(range(1, 24)))
    assert len(everything) == 21
    wanted = Filter(label, status, sort)
    whole = expected(everything, wanted)
    for limit in (1, 4, 500):
        assert [each.id for each in walk(filled, wanted, limit)] == whole
    assert filled.pages.ids(wanted) == sorted(whole)


@pytest.mark.parametrize("sort", ["newest", "oldest", "name"])
def test_the_next_page_neither_repeats_nor_skips_after_an_insert(filled: Stores, add: Add, sort: str) -> None:
    before = [each.id for each in walk(filled, Filter(sort=sort), 500)]
    first = filled.pages.page(Filter(sort=sort), limit=5)
    added = set(add("0 sorts first", "b", "zz sorts late"))
    filled.edits.archive([first.items[-1].id], "ann")
    rest: list[int] = []
    cursor = first.next_cursor
    while cursor:
        page = filled.pages.page(Filter(sort=sort), cursor, 5)
        rest += [each.id for each in page.items]
        cursor = page.next_cursor
    assert [each for each in rest if each not in added] == before[5:]


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


BAD_CURSORS = ["x", "%%%", "ä", "null", packed(5), packed([1]), packed([1, 2, 3]), packed([None, 1])]
BAD_CURSORS += [packed(["a", 1]), packed([2**70, 1]), packed([1, 2**70]), packed([True, 1]), packed({})]
BAD_CURSORS += [base64.urlsafe_b64encode(b"[" * 100_000).decode()]


@pytest.mark.parametrize("cursor", BAD_CURSORS, ids=range(len(BAD_CURSORS)))
def test_a_cursor_that_no_page_gave_is_refused(filled: Stores, cursor: str) -> None:
    with pytest.raises(DomainError, match="cursor is not one that this list gave"):
        filled.pages.page(Filter(), cursor)


@pytest.mark.parametrize("sort", ["newest", "oldest", "name"])
@pytest.mark.parametrize("other", ["newest", "oldest", "name"])
def test_a_cursor_belongs_to_its_sort(filled: Stores, sort: str, other: str) -> None:
    cursor = filled.pages.page(Filter(sort=sort), limit=5).next_cursor
    if sort == other:
        assert filled.pages.page(Filter(sort=other), cursor).items
        return
    with pytest.raises(DomainError, match="with this sort"):
        filled.pages.page(Filter(sort=other), cursor)


@pytest.mark.parametrize("limit", [0, -1, 501, True, 2.5, "60", None])
def test_a_limit_out_of_range_is_refused(filled: Stores, limit: object) -> None:
    with pytest.raises(DomainError, match="whole number from 1 to 500"):
        filled.pages.page(Filter(), limit=limit)


def test_an_unknown_sort_status_or_class_is_refused(filled: Stores) -> None:
    with pytest.raises(DomainError, match="sort is “size”; it can be newest, oldest, name, blurred"):
        filled.pages.page(Filter(sort="size"))
    with pytest.raises(DomainError, match="status is “x' OR 1”"):
        filled.pages.page(Filter(status="x' OR 1"))
    with pytest.raises(NotFound, match="There is no class “Empty”"):
        filled.pages.page(Filter(label="Empty"))
