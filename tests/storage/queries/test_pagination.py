import base64
import itertools
import json
from collections.abc import Callable

import pytest

from storage.core.errors import DomainError, NotFound
from storage.queries import pagination
from storage.queries.filters import STATUSES
from storage.queries.pagination import UNKNOWN_CURSOR, encode_cursor
from storage.queries.sort_orders import SORTS
from storage.records import Filter, ImageRecord, SnapshotItem
from storage.training.snapshots import SplitDraft
from tests.sentences import raises_sentence
from tests.storage.conftest import Add
from workbench.stores import Stores

LABELS = ("", "Full", "half")
NARROW = [
    Filter(),
    Filter(flag="blurred"),
    Filter(tag="even"),
    Filter(search="0"),
    Filter(search="ä/1"),
    Filter(search="B/"),
]
NARROW += [Filter(flag="blurred", tag="even", search="/1"), Filter(tag="Even "), Filter(tag="nobody's")]
# By default, always a scan in order, few candidates so that some filters scan for them, always candidates that are sorted.
MOST_CANDIDATES = (pagination.MOST_CANDIDATES, -1, 4, 10**6)


@pytest.fixture
def filled(stores: Stores, add: Add) -> Stores:
    """23 pictures of every kind, with names that repeat and differ in case and script."""
    full, half = (stores.classes.add(name, "#0072B2", "ann") for name in ("Full", "Half"))
    names = ["b", "a", "B", "ä", "10", "9", "🍾"]
    for index in range(23):
        label = (None, full, half)[index % 3]
        add(f"{names[index % 7]}/{index}", label=label, synthetic=index % 4 == 0)
    ids = list(range(1, 24))
    stores.edits.tag(ids[1::2], ["Even"], [], "ann")
    stores.edits.review(_revisions(stores, [2, 5, 8]), full, "ben")
    stores.edits.review(_revisions(stores, [11, 14, 3]), half, "ben")
    _measure(stores)
    stores.edits.dismiss([9], "ann")
    stores.edits.archive([5, 6], "ann")
    labelled = stores.snapshots.labelled()
    items = tuple(
        SnapshotItem(image.image_id, image.sha256, 0, ("train", "validation")[index % 2], index)
        for index, image in enumerate(labelled)
    )
    stores.snapshots.freeze(SplitDraft(("Full", "Half"), items, 0.5, 1, 0))
    return stores


def _revisions(stores: Stores, ids: list[int]) -> dict[int, int]:
    return {image.id: image.revision for image in stores.catalogue.several(ids)}


def _measure(stores: Stores) -> None:
    """Flags, measures, and what the model says, with values that repeat."""
    with stores.database.write() as connection:
        connection.execute(
            "UPDATE images SET sharpness = id % 5, brightness = (id * 7) % 6, flags = 2 * (id % 3 = 0)"
        )
        connection.execute("INSERT INTO next_up SELECT (id * 5) % 23, id FROM images WHERE id % 2 = 0")
        connection.execute(
            "INSERT INTO suggestions SELECT id, 1, (id % 4) / 4.0 FROM images WHERE id % 3 = 1"
        )
        connection.execute(
            "INSERT INTO suspicions SELECT id, class_id, 3 - class_id, (id % 2) / 2.0 FROM images "
            "WHERE class_id AND id != 12"
        )


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


KEEPS: dict[str, Callable[[ImageRecord], bool]] = {
    "": lambda image: True,
    "bin": lambda image: True,
    "labelled": lambda image: image.label is not None,
    "unlabelled": lambda image: image.label is None,
    "train": lambda image: image.split == "train",
    "validation": lambda image: image.split == "validation",
    "test": lambda image: image.split == "test",
    "synthetic": lambda image: image.synthetic,
    "agreed": lambda image: image.review == "agreed",
    "disagreed": lambda image: image.review == "disagreed",
    "unreviewed": lambda image: image.label is not None and not image.review,
    "suspicious": lambda image: image.suspected is not None,
}


def expected(
    everything: list[ImageRecord], measures: dict[int, dict[str, float]], wanted: Filter
) -> list[int]:
    """What a list must show, by plain Python."""
    passing = [
        image
        for image in everything
        if image.archived == (wanted.status == "bin")
        and KEEPS[wanted.status](image)
        and (not wanted.label or (image.label or "").casefold() == wanted.label.casefold())
        and (not wanted.flag or wanted.flag in image.flags)
        and (not wanted.tag or wanted.tag.strip().lower() in image.tags)
        and wanted.search.casefold() in image.filename.casefold()
    ]
    late = float("inf")
    keys: dict[str, Callable[[ImageRecord], object]] = {
        "name": lambda image: image.filename.casefold(),
        "blurred": lambda image: measures[image.id]["sharpness"],
        "dark": lambda image: measures[image.id]["brightness"],
        "bright": lambda image: measures[image.id]["brightness"],
        "next": lambda image: measures[image.id].get("rank", late),
        "unsure": lambda image: late if image.probability is None else image.probability,
        "suspicious": lambda image: -measures[image.id]["score"] if image.suspected else late,
    }
    key = keys.get(wanted.sort, lambda image: image.id)
    ordered = sorted(passing, key=lambda image: (key(image), image.id))  # type: ignore[return-value]
    return [image.id for image in (ordered[::-1] if wanted.sort in {"", "newest", "bright"} else ordered)]


def _measures(stores: Stores) -> dict[int, dict[str, float]]:
    sql = (
        "SELECT i.id, sharpness, brightness, rank, score FROM images i LEFT JOIN next_up n ON n.image_id = i.id "
        "LEFT JOIN suspicions s ON s.image_id = i.id"
    )
    rows = map(dict, stores.database.rows(sql))
    return {row["id"]: {name: value for name, value in row.items() if value is not None} for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize("sort", ["", *SORTS])
@pytest.mark.parametrize("most", MOST_CANDIDATES)
def test_pages_of_every_filter_and_sort_add_up_to_the_list(
    filled: Stores, monkeypatch: pytest.MonkeyPatch, sort: str, most: int
) -> None:
    monkeypatch.setattr(pagination, "MOST_CANDIDATES", most)
    everything = (
        filled.pages.page(Filter(), limit=500).items
        + filled.pages.page(Filter(status="bin"), limit=500).items
    )
    assert (len(everything), sum(image.archived for image in everything)) == (23, 2)
    measures, sizes = _measures(filled), set()
    for label, status, narrow in itertools.product(LABELS, ("", *STATUSES), NARROW):
        wanted = Filter(label, status, sort, narrow.flag, narrow.tag, narrow.search)
        whole = expected(list(everything), measures, wanted)
        sizes.add(len(whole))
        for limit in (3, 500) if len(whole) > 3 else (3,):
            assert [image.id for image in walk(filled, wanted, limit)] == whole, wanted
        assert filled.pages.all_ids(wanted) == sorted(whole)
        assert filled.pages.count(wanted) == len(whole)
    assert len(sizes) > 10


@pytest.mark.parametrize("sort", ["newest", "oldest", "name"])
def test_the_next_page_neither_repeats_nor_skips_after_an_insert(filled: Stores, add: Add, sort: str) -> None:
    before = [image.id for image in walk(filled, Filter(sort=sort), 500)]
    first = filled.pages.page(Filter(sort=sort), limit=5)
    added = set(add("0 sorts first", "b", "zz sorts late"))
    filled.edits.archive([first.items[-1].id], "ann")
    rest: list[int] = []
    cursor = first.next_cursor
    while cursor:
        page = filled.pages.page(Filter(sort=sort), cursor, 5)
        rest += [item.id for item in page.items]
        cursor = page.next_cursor
    assert [image_id for image_id in rest if image_id not in added] == before[5:]


def mark(wanted: Filter) -> str:
    """The part of a cursor that says to which list it belongs."""
    return json.loads(base64.urlsafe_b64decode(encode_cursor(wanted, 1, 1)))[0]


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


BAD_CURSORS = ["x", "%%%", "ä", "null", packed(5), packed([1]), packed([1, 2, 3]), packed([None, 1])]
BAD_CURSORS += [packed(["a", 1]), packed([2**70, 1]), packed([1, 2**70]), packed([True, 1]), packed({})]
BAD_CURSORS += [
    packed([mark(Filter()), *rest]) for rest in ((float("nan"), 1), (float("inf"), 1), (2**70, 1), (1, 2**70))
]
BAD_CURSORS += [
    packed([mark(Filter()), *rest]) for rest in ((1, -1), ("a", 1), (1, 1.5), (True, 1), (1,), (1, 1, 1))
]
BAD_CURSORS += [base64.urlsafe_b64encode(b"[" * 100_000).decode()]


@pytest.mark.parametrize("cursor", BAD_CURSORS, ids=range(len(BAD_CURSORS)))
def test_a_cursor_that_no_page_gave_is_refused(filled: Stores, cursor: str) -> None:
    with raises_sentence(DomainError, UNKNOWN_CURSOR):
        filled.pages.page(Filter(), cursor)


@pytest.mark.parametrize("sort", ["newest", "oldest", "name"])
@pytest.mark.parametrize("other", ["newest", "oldest", "name"])
def test_a_cursor_belongs_to_its_sort(filled: Stores, sort: str, other: str) -> None:
    cursor = filled.pages.page(Filter(sort=sort), limit=5).next_cursor
    if sort == other:
        assert filled.pages.page(Filter(sort=other), cursor).items
        return
    with raises_sentence(DomainError, UNKNOWN_CURSOR):
        filled.pages.page(Filter(sort=other), cursor)


@pytest.mark.parametrize(
    "other",
    [Filter("Full"), Filter(status="labelled"), Filter(flag="dark"), Filter(tag="even"), Filter(search="b")],
)
def test_a_cursor_belongs_to_its_filter(filled: Stores, other: Filter) -> None:
    cursor = filled.pages.page(Filter(), limit=5).next_cursor
    with raises_sentence(DomainError, UNKNOWN_CURSOR):
        filled.pages.page(other, cursor)


def test_a_name_is_found_by_any_part_of_it_as_it_is_written(stores: Stores, add: Add) -> None:
    names = [
        'say "hi".jpg',
        "100%.png",
        "a_b AND c*.jpg",
        "it's {x}: (y) -z^.gif",
        "back\\slash.jpg",
        "STRASSE ß.jpg",
    ]
    ids = add(*names)
    for image_id, name in zip(ids, names, strict=True):
        for size in (1, 2, 3, 7, len(name)):
            for start in range(len(name) - size + 1):
                part = name[start : start + size].swapcase()
                matching = stores.pages.all_ids(Filter(search=part))
                assert image_id in matching, part
                assert matching == [
                    key for key, other in zip(ids, names, strict=True) if part.casefold() in other.casefold()
                ]


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 201, 5, ["a"]], ids=range(5))
@pytest.mark.parametrize("field", ["search", "tag", "label"])
def test_a_text_that_cannot_be_looked_for_is_refused(filled: Stores, field: str, text: object) -> None:
    with pytest.raises(DomainError, match=rf"^{field}\b"):
        filled.pages.page(Filter(**{field: text}))  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [0, -1, 501, True, 2.5, "60", None])
def test_a_limit_out_of_range_is_refused(filled: Stores, limit: object) -> None:
    with pytest.raises(DomainError, match=r"^limit\b.*\b1\b.*\b500\b"):
        filled.pages.page(Filter(), limit=limit)


def test_an_unknown_sort_status_or_class_is_refused(filled: Stores) -> None:
    with pytest.raises(DomainError, match=r"^sort .*“size”.* newest, oldest, name, blurred"):
        filled.pages.page(Filter(sort="size"))
    with pytest.raises(DomainError, match=r"^status .*“x' OR 1”"):
        filled.pages.page(Filter(status="x' OR 1"))
    with pytest.raises(DomainError, match=r"^flag .*“ugly”.* too small, blurred"):
        filled.pages.page(Filter(flag="ugly"))
    with pytest.raises(DomainError, match=r"^sort\b"):
        filled.pages.page(Filter(sort=["newest"]))  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="“Empty”"):
        filled.pages.page(Filter(label="Empty"))
