import hashlib
from collections import Counter, defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.snapshots import Draft, Labelled
from workbench.errors import NotReady
from workbench.services import Services
from workbench.splits import counts, split
from workbench.training.spec import TrainingSpec


def scene(number: int) -> str:
    """The hash of a scene of its own."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


def pictures_of(*scenes: tuple[str, int]) -> list[Labelled]:
    """A picture for each class and scene; pictures of one scene are near-duplicates."""
    return [
        Labelled(place, hashlib.sha256(str(place).encode()).hexdigest(), scene(number), name)
        for place, (name, number) in enumerate(scenes, 1)
    ]


def distinct(**sizes: int) -> list[Labelled]:
    names = [name for name, size in sizes.items() for _ in range(size)]
    return pictures_of(*((name, place) for place, name in enumerate(names)))


def sides(draft: Draft) -> dict[str, set[str]]:
    """The sides on which each group lies."""
    found = defaultdict(set)
    for item in draft.items:
        found[item.group].add(item.split)
    return found


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
    assert all(len(each) == 1 for each in sides(draft).values())
    found = [(item.image_id, item.sha256, draft.classes[item.label]) for item in draft.items]
    assert found == [(each.image_id, each.sha256, each.class_name) for each in pictures]
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
    found = counts(split(distinct(Full=229, Half=104, Overflowing=29), fraction, 1), "validation")
    assert all(abs(a - b) <= 1 for a, b in zip(found.values(), wanted, strict=True))


def test_a_seed_fixes_the_split() -> None:
    pictures = distinct(A=30, B=30)
    hashes = [split(pictures, 0.2, seed).content_hash for seed in (1, 1, 2, 3)]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_groups_that_hold_two_classes_do_not_cross_either() -> None:
    draft = split(pictures_of(*((name, number) for number in range(10) for name in "AB")), 0.3, 1)
    assert all(len(each) == 1 for each in sides(draft).values())
    assert counts(draft, "validation") == {"A": 3, "B": 3}
    assert draft.kept_together == 20


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        ([], "No picture is labelled yet."),
        (distinct(Full=9), r"All labelled pictures are in one class \(Full\)\."),
        (distinct(Full=1, Half=1), "Class Full has only 1 picture."),
        (distinct(Full=9, Half=1), "Class Half has only 1 picture."),
        (
            pictures_of(("A", 1), ("A", 2), ("B", 3), ("B", 3), ("B", 3)),
            "The 3 pictures of class B are near-duplicates",
        ),
    ],
)
def test_too_little_to_split_is_said_in_a_sentence(pictures: list[Labelled], sentence: str) -> None:
    with pytest.raises(NotReady, match=sentence):
        split(pictures, 0.2, 1)


def test_a_catalogue_without_labels_starts_no_run(services: Services) -> None:
    for ask in (services.training.plan, services.training.start):
        with pytest.raises(NotReady, match="No picture is labelled yet"):
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
