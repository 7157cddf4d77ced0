import hashlib
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.records import SnapshotItem
from storage.training.snapshots import LabelledImage, SplitDraft
from tests.sentences import raises_sentence
from workbench.catalogue.splits import NOTHING_LABELLED, ONE_CLASS, ONE_PICTURE, counts, split
from workbench.core.errors import NotReady
from workbench.services import Services
from workbench.training.spec import TrainingSpec
from workbench.ui.tabs.train.html import plan_html


def scene(number: int) -> str:
    """The hash of a scene of its own."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


def pictures_of(*scenes: tuple[str, int]) -> list[LabelledImage]:
    """A picture for each class and scene; pictures of one scene are near-duplicates."""
    return [
        LabelledImage(place, hashlib.sha256(str(place).encode()).hexdigest(), scene(number), name)
        for place, (name, number) in enumerate(scenes, 1)
    ]


def distinct(**sizes: int) -> list[LabelledImage]:
    names = [name for name, size in sizes.items() for _ in range(size)]
    return pictures_of(*((name, place) for place, name in enumerate(names)))


def crossing(draft: SplitDraft, pictures: list[LabelledImage]) -> list[int]:
    """Groups on several sides though nobody put them there and no class needed it to be on both."""
    pins = {picture.image_id: picture.pin for picture in pictures}
    members: dict[int, list[SnapshotItem]] = defaultdict(list)
    for item in draft.items:
        members[item.group].append(item)
    divided = {
        group: of_group
        for group, of_group in members.items()
        if len({item.split for item in of_group}) > 1
        and len({pins[item.image_id] for item in of_group} - {""}) < 2
    }
    return [
        group
        for group, of_group in divided.items()
        if not any(needed(draft, item.label, set(divided)) for item in of_group)
    ]


def needed(draft: SplitDraft, label: int, cut: set[int]) -> bool:
    """Whether a class would be missing on a side if these groups were not divided."""
    groups: dict[str, set[int]] = {"train": set(), "validation": set()}
    for item in draft.items:
        if item.label == label and item.split in groups:
            groups[item.split].add(item.group)
    return any(group <= cut for group in groups.values())


def sides(draft: SplitDraft) -> dict[int, set[str]]:
    """The sides on which each group lies."""
    by_group: dict[int, set[str]] = defaultdict(set)
    for item in draft.items:
        by_group[item.group].add(item.split)
    return by_group


@given(
    scenes=st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 12)), max_size=60),
    fraction=st.floats(0.05, 0.5),
    seed=st.integers(0, 2**32 - 1),
)
@example(scenes=[("A", 0), ("A", 0), ("A", 1), ("B", 0), ("B", 1)], fraction=0.25, seed=0)
@settings(deadline=None, max_examples=40)
def test_near_duplicates_never_cross_and_nothing_is_lost(
    scenes: list[tuple[str, int]], fraction: float, seed: int
) -> None:
    pictures = pictures_of(*scenes)
    try:
        draft = split(pictures, fraction, seed)
    except NotReady as error:
        assert str(error).endswith(".")
        return
    assert crossing(draft, pictures) == []
    kept = [(item.image_id, item.sha256, draft.classes[item.label]) for item in draft.items]
    assert kept == [(picture.image_id, picture.sha256, picture.class_name) for picture in pictures]
    assert {item.split for item in draft.items} == {"train", "validation"}
    sizes = Counter(number for _, number in scenes)
    assert draft.kept_together == sum(size for size in sizes.values() if size > 1)


@given(
    sizes=st.lists(st.integers(2, 25), min_size=2, max_size=5),
    fraction=st.floats(0.05, 0.5),
    seed=st.integers(0, 100),
)
@settings(deadline=None, max_examples=20)
def test_every_class_is_on_both_sides_in_about_the_share_asked_for(
    sizes: list[int], fraction: float, seed: int
) -> None:
    draft = split(distinct(**{f"c{place}": size for place, size in enumerate(sizes)}), fraction, seed)
    train, validation = counts(draft, "train"), counts(draft, "validation")
    for name, size in train.items():
        whole = size + validation[name]
        assert size >= 1
        assert validation[name] >= 1
        assert abs(validation[name] - fraction * whole) <= 1 + 0.1 * whole


@pytest.mark.parametrize(
    ("fraction", "wanted"), [(0.2, (46, 21, 6)), (0.5, (115, 52, 15)), (0.1, (23, 10, 3))]
)
def test_the_shares_of_an_imbalanced_set_are_kept(fraction: float, wanted: tuple[int, int, int]) -> None:
    held_out = counts(split(distinct(Full=229, Half=104, Overflowing=29), fraction, 1), "validation")
    assert all(abs(a - b) <= 1 for a, b in zip(held_out.values(), wanted, strict=True))


def test_a_seed_fixes_the_split() -> None:
    pictures = distinct(A=30, B=30)
    hashes = [split(pictures, 0.2, seed).content_hash for seed in (1, 1, 2, 3)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_groups_that_hold_two_classes_do_not_cross_either() -> None:
    draft = split(pictures_of(*((name, number) for number in range(10) for name in "AB")), 0.3, 1)
    assert all(len(side) == 1 for side in sides(draft).values())
    assert counts(draft, "validation") == {"A": 3, "B": 3}
    assert draft.kept_together == 20


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        ([], NOTHING_LABELLED),
        (distinct(Full=9), ONE_CLASS.format(name="Full")),
        (distinct(Full=1, Half=1), ONE_PICTURE.format(name="Full", beside="")),
        (distinct(Full=9, Half=1), ONE_PICTURE.format(name="Half", beside="")),
    ],
)
def test_too_little_to_split_is_said_in_a_sentence(pictures: list[LabelledImage], sentence: str) -> None:
    with raises_sentence(NotReady, sentence):
        split(pictures, 0.2, 1)


def put(pictures: list[LabelledImage], **sides: list[int]) -> list[LabelledImage]:
    """The pictures with those of the given ids put on a side by hand."""
    by_id = {image_id: side for side, ids in sides.items() for image_id in ids}
    return [replace(picture, pin=by_id.get(picture.image_id, "")) for picture in pictures]


@given(
    scenes=st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 30)), min_size=8, max_size=60),
    pins=st.lists(st.sampled_from(["", "", "", "train", "validation", "test"]), min_size=60, max_size=60),
    seed=st.integers(0, 100),
)
@settings(deadline=None, max_examples=100)
def test_a_side_that_a_person_chose_is_kept_and_no_group_crosses_otherwise(
    scenes: list[tuple[str, int]], pins: list[str], seed: int
) -> None:
    pictures = [replace(picture, pin=pin) for picture, pin in zip(pictures_of(*scenes), pins, strict=False)]
    try:
        draft = split(pictures, 0.25, seed)
    except NotReady as error:
        assert str(error).endswith(".")
        return
    split_of = {item.image_id: item.split for item in draft.items}
    chosen = [picture for picture in pictures if picture.pin]
    assert draft.pinned == len(chosen)
    moved = [picture for picture in chosen if split_of[picture.image_id] != picture.pin]
    assert draft.drawn == len(moved)
    assert not moved or {picture.pin for picture in pictures if picture.image_id in split_of} <= {
        "train",
        "test",
    }
    tested = {item.group for item in draft.items if item.split == "test"}
    out = [picture for picture in pictures if picture.image_id not in split_of]
    assert draft.left_out == len(out)
    assert all(picture.pin == "" for picture in out)
    assert all(counts(draft, "train").values())
    for item in draft.items:
        if item.group in tested and item.split != "test":
            assert pictures[item.image_id - 1].pin or few(draft, pictures, item.label)
    assert not set(crossing(draft, pictures)) - tested


def few(draft: SplitDraft, pictures: list[LabelledImage], label: int) -> bool:
    """Whether a class has fewer than two pictures that look like none of the test."""
    tested = {item.group for item in draft.items if item.split == "test"}
    candidates = [item for item in draft.items if item.label == label and item.split != "test"]
    return sum(item.group not in tested or pictures[item.image_id - 1].pin != "" for item in candidates) < 2


def test_the_others_make_up_for_what_is_put_on_a_side() -> None:
    pictures = distinct(A=100, B=50)
    validation = put(pictures, validation=list(range(1, 16)), train=list(range(101, 121)))
    draft = split(validation, 0.2, 3)
    assert counts(draft, "validation") == {"A": 20, "B": 10}
    assert (draft.pinned, draft.drawn) == (35, 0)
    assert {item.split for item in draft.items[:15]} == {"validation"}
    assert {item.split for item in draft.items[100:120]} == {"train"}


def test_more_than_the_share_can_be_put_on_a_side() -> None:
    draft = split(put(distinct(A=20, B=20), validation=list(range(1, 18))), 0.2, 3)
    assert counts(draft, "validation") == {"A": 17, "B": 4}


def test_near_duplicates_are_held_out_in_like_share_with_the_others() -> None:
    pairs = [("A", number // 2) for number in range(40)]
    draft = split(
        pictures_of(*pairs, *(("A", 100 + n) for n in range(40)), *(("B", 200 + n) for n in range(40))),
        0.25,
        5,
    )
    held_out = [item.image_id for item in draft.items[:80] if item.split == "validation"]
    assert sum(image_id <= 40 for image_id in held_out) == 10
    assert len(held_out) == 20


def test_the_plan_says_what_was_put_on_a_side_by_hand(labelled: Services) -> None:
    stores = labelled.stores
    ids = [picture.image_id for picture in stores.snapshots.labelled()][:5]
    stores.edits.pin(ids, "validation", "ada")
    plan = labelled.training.plan(TrainingSpec())
    assert (plan.pinned, plan.drawn) == (5, 0)
    words = plan_html(plan, stores.classes.colours())
    assert "5 pictures are on a side chosen by hand, or by the folders or tables they came with." in words
    assert "Nothing was set aside" not in words
    snapshot = stores.runs.get(labelled.training.start(TrainingSpec())).snapshot_id
    there = {item.image_id: item.split for item in stores.snapshots.items(snapshot)}
    assert {there[image_id] for image_id in ids} == {"validation"}


def test_a_catalogue_without_labels_starts_no_run(services: Services) -> None:
    for ask in (services.training.plan, services.training.start):
        with raises_sentence(NotReady, NOTHING_LABELLED):
            ask(TrainingSpec())
    assert services.stores.runs.recent() == []


def test_the_plan_is_what_a_run_would_train_on(labelled: Services) -> None:
    spec = TrainingSpec(validation_fraction=0.25)
    plan = labelled.training.plan(spec)
    assert plan.images == 24
    run = labelled.stores.runs.get(labelled.training.start(spec))
    items = labelled.stores.snapshots.items(run.snapshot_id)
    assert Counter(item.split for item in items) == {
        "train": sum(plan.train.values()),
        "validation": sum(plan.validation.values()),
    }
    assert labelled.training.start(spec) == run.id + 1
    assert labelled.stores.runs.get(run.id + 1).snapshot_id == run.snapshot_id
