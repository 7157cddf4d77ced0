"""Test pictures, bursts, and splits that a person made: what trains, what checks, and what is said of it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from storage.records import Filter
from storage.training.snapshots import LabelledImage
from tests.sentences import raises_sentence
from tests.workbench.catalogue.test_splits import distinct, pictures_of, put, sides
from tests.workbench.imaging.test_phash import digits
from workbench.catalogue.splits import NOTHING_TO_LEARN, counts, split
from workbench.core.errors import NotReady
from workbench.evaluation.caveats import caveats
from workbench.imaging.decode import to_small_grey
from workbench.imaging.phash import phash
from workbench.services import Services
from workbench.training.spec import TrainingSpec
from workbench.training.worker.export_dataset import export_dataset
from workbench.ui.tabs.train.html import plan_html


def test_near_duplicates_put_on_both_sides_stay_there_and_the_others_train() -> None:
    pictures = pictures_of(("A", 1), ("A", 1), ("A", 1), ("A", 2), ("A", 3), ("B", 4), ("B", 5))
    draft = split(put(pictures, train=[1], validation=[2, 4]), 0.5, 1)
    assert [item.split for item in draft.items[:4]] == ["train", "validation", "train", "validation"]
    assert (draft.pinned, draft.drawn) == (3, 0)
    [caveat] = caveats(draft.classes, draft.items)
    assert "The check is not independent: 1 of the 3 pictures to check with (A) looks almost like" in caveat


def test_a_class_that_a_person_kept_from_the_check_trains_without_figures() -> None:
    draft = split(put(distinct(A=5, B=3), train=[6, 7, 8]), 0.25, 1)
    assert counts(draft, "train")["B"] == 3
    assert caveats(draft.classes, draft.items) == (
        "No picture of B is there to check with, so there are no figures for that.",
    )


@pytest.mark.parametrize(("side", "there"), [("validation", "validation"), ("test", "the test")])
def test_a_class_with_nothing_to_learn_from_is_said_in_a_sentence(side: str, there: str) -> None:
    with raises_sentence(NotReady, NOTHING_TO_LEARN.format(name="B", there=there)):
        split(put(distinct(A=5, B=3), **{side: [6, 7, 8]}), 0.25, 1)


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
def test_a_class_that_is_one_burst_is_cut_once_and_said(fraction: float) -> None:
    pictures = pictures_of(*(("A", 1),) * 10, *(("B", 2),) * 10)
    draft = split(pictures, fraction, 1)
    last = max(1, round(10 * fraction))
    assert counts(draft, "validation") == {"A": last, "B": last}
    for burst in (draft.items[:10], draft.items[10:]):
        assert [item.split for item in burst] == ["train"] * (10 - last) + ["validation"] * last
    [caveat] = caveats(draft.classes, draft.items)
    assert f"{2 * last} of the {2 * last} pictures to check with (A and B) look almost like" in caveat


def test_one_burst_beside_classes_with_many_scenes_is_the_only_one_that_is_cut() -> None:
    pictures = pictures_of(*(("A", 1),) * 10, *(("B", number) for number in range(2, 22)))
    draft = split(pictures, 0.2, 1)
    assert counts(draft, "validation") == {"A": 2, "B": 4}
    assert [len(side) for side in sides(draft).values()] == [2] + [1] * 20


def test_digits_are_split_in_the_share_asked_for_though_they_look_alike() -> None:
    names = [str(digit) for digit in load_digits().target[:1500]]
    hashes = [phash(to_small_grey(digit)) for digit in digits(1500)]
    rows = enumerate(zip(hashes, names, strict=True), 1)
    draft = split(
        [LabelledImage(number, f"{number:064x}", hash_, name) for number, (hash_, name) in rows], 0.2, 1
    )
    train, validation = counts(draft, "train"), counts(draft, "validation")
    shares = [validation[name] / (train[name] + validation[name]) for name in train]
    assert 0.15 < min(shares) <= max(shares) < 0.25


def test_pictures_that_look_like_a_test_picture_are_on_no_side() -> None:
    pictures = pictures_of(*(("A", number // 2) for number in range(20)), *(("B", 50 + n) for n in range(10)))
    draft = split(put(pictures, test=[1, 3, 21]), 0.2, 1)
    there = {item.image_id: item.split for item in draft.items}
    assert [there[image_id] for image_id in (1, 3, 21)] == ["test"] * 3
    assert (sorted({*range(1, 31)} - set(there)), draft.left_out) == ([2, 4], 2)
    assert counts(draft, "test") == {"A": 2, "B": 1}
    assert caveats(draft.classes, draft.items) == ()


def test_what_looks_like_the_test_comes_back_where_a_class_has_nothing_else() -> None:
    pictures = pictures_of(*(("A", 1),) * 10, *(("B", number) for number in range(2, 22)))
    draft = split(put(pictures, test=[10]), 0.2, 1)
    assert draft.left_out == 0
    assert counts(draft, "train")["A"] == 7
    check, test = caveats(draft.classes, draft.items)
    assert check.startswith("The check is not independent: 2 of the 6 pictures to check with (A)")
    assert test.startswith("The test is not independent: 1 of the 1 pictures of the test (A)")


def test_where_everything_is_in_training_and_the_test_the_check_is_drawn_from_training() -> None:
    pictures = put(
        distinct(A=20, B=20), train=[*range(1, 16), *range(21, 36)], test=[*range(16, 21), *range(36, 41)]
    )
    draft = split(pictures, 0.2, 1)
    assert counts(draft, "validation") == {"A": 3, "B": 3}
    assert counts(draft, "test") == {"A": 5, "B": 5}
    assert (draft.pinned, draft.drawn) == (40, 6)


@given(
    scenes=st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 9)), min_size=12, max_size=40),
    tests=st.lists(st.tuples(st.sampled_from("AB"), st.integers(100, 109)), max_size=12),
    others=st.lists(st.tuples(st.sampled_from("AB"), st.integers(100, 109)), max_size=12),
    seed=st.integers(0, 50),
)
@settings(deadline=None, max_examples=50)
def test_other_test_pictures_leave_training_and_validation_as_they_are(
    scenes: list[tuple[str, int]], tests: list[tuple[str, int]], others: list[tuple[str, int]], seed: int
) -> None:
    def without_test(more: list[tuple[str, int]]) -> list[tuple[int, str]]:
        everything = pictures_of(*scenes, *more)
        test = [picture.image_id for picture in everything[len(scenes) :]]
        try:
            draft = split(put(everything, test=test), 0.25, seed)
        except NotReady:
            return []
        return [(item.image_id, item.split) for item in draft.items if item.split != "test"]

    assert {name for name, _ in scenes} != {"A", "B"} or without_test(tests) == without_test(others)


def test_the_plan_and_the_report_say_how_many_test_pictures_are_kept_out(labelled: Services) -> None:
    stores = labelled.stores
    ids = [picture.image_id for picture in stores.snapshots.labelled()]
    stores.edits.pin(ids[:2], "test", "ada")
    plan = labelled.training.plan(TrainingSpec())
    assert (plan.test, plan.images) == (2, 22)
    assert "2 test pictures are kept out of training and of choosing." in plan_html(
        plan, stores.classes.colours()
    )
    report = labelled.training.report(labelled.training.start(TrainingSpec()))
    assert (report.test, report.caveats) == (2, ())
    assert stores.pages.all_ids(Filter(status="test", sort="oldest")) == ids[:2]


def test_the_written_pictures_are_those_that_train_and_check(labelled: Services, tmp_path: Path) -> None:
    stores = labelled.stores
    ids = [picture.image_id for picture in stores.snapshots.labelled()]
    stores.edits.pin(ids[:3], "test", "ada")
    run = stores.runs.get(labelled.training.start(TrainingSpec()))
    snapshot = stores.snapshots.get(run.snapshot_id)
    dataset = export_dataset(stores, snapshot, "letterbox", tmp_path / "dataset", lambda done, total: None)
    assert sorted(dataset.image_ids.tolist()) == sorted(ids[3:])
    assert {item.image_id for item in stores.snapshots.items(run.snapshot_id) if item.split == "test"} == set(
        ids[:3]
    )
