"""Look-alikes and the bin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from storage.core.errors import Conflict, DomainError, NotFound
from storage.queries.image_rows import NO_PICTURE
from storage.records import Filter, NewImage
from tests.sentences import raises_sentence
from workbench.catalogue.near_duplicates import GROUPS_CHANGED, NO_GROUP, TOO_FEW
from workbench.catalogue.trash import CONFIRMATION_WORDS, EMPTY_ALREADY, NOT_CONFIRMED, RUN_UNDER_WAY
from workbench.services import Services
from workbench.training.spec import TrainingSpec

Add = Callable[..., list[int]]
FAR, OTHER = 0x0F0F0F0F0F0F0F0F, 0xFFFFFFFF00000000


@pytest.fixture
def add(services: Services) -> Add:
    """Adds pictures by their hashes, and more of what is known of them."""

    def run(*hashes: int, label: str = "", **values: object) -> list[int]:
        class_id = services.labelling.ensure(label, "ada").id if label else None
        known = {"width": 100, "height": 100, "bytes": 1, "format": "JPEG", **values}
        start = services.stores.curation.newest()
        new = [
            NewImage(
                sha256=f"{start + place:064x}",
                filename=f"{start + place}.jpg",
                phash=f"{hash_:016x}",
                class_id=class_id,
                **known,  # type: ignore[arg-type]
            )
            for place, hash_ in enumerate(hashes, 1)
        ]
        added = services.stores.catalogue.add(new)
        return [image_id for image_id in added if image_id is not None]

    return run


def shown(services: Services) -> list[set[int]]:
    return [set(group.image_ids) for group in services.near_duplicates.unresolved().groups]


def test_different_labels_come_first_then_the_largest_group(services: Services, add: Add) -> None:
    pair = add(0, 1, label="Full")
    three = add(FAR, FAR ^ 1, FAR ^ 2)
    alone = add(0xFFFF)
    mixed = add(OTHER, label="Full") + add(OTHER ^ 3, label="Half")
    duplicates = services.near_duplicates.unresolved()
    assert [set(group.image_ids) for group in duplicates.groups] == [set(mixed), set(three), set(pair)]
    assert [group.mixed for group in duplicates.groups] == [True, False, False]
    assert duplicates.pictures == 7
    assert not {*alone} & set().union(*shown(services))


def test_the_best_is_labelled_then_a_photo_then_large_then_sharp(services: Services, add: Add) -> None:
    small = add(0, sharpness=9.0)
    large = add(0, width=200)
    sharp = add(0, width=200, sharpness=5.0)
    synthetic = add(0, width=400, synthetic=True)
    assert services.near_duplicates.unresolved().groups[0].image_ids == (*sharp, *large, *small, *synthetic)
    labelled = add(0, label="Full", width=50)
    assert services.near_duplicates.unresolved().groups[0].image_ids[0] == labelled[0]


def test_the_others_go_to_the_bin_and_come_back_with_one_undo(services: Services, add: Add) -> None:
    ids = add(0, 1, 3)
    assert services.near_duplicates.keep_one(ids, ids[1], "ada")[0] == 2
    assert shown(services) == []
    assert services.stores.pages.all_ids(Filter(status="bin")) == [ids[0], ids[2]]
    services.stores.journal.undo("ada")
    assert shown(services) == [set(ids)]
    assert services.stores.curation.in_bin() == 0


def test_a_group_that_is_kept_is_not_shown_until_another_joins(services: Services, add: Add) -> None:
    ids = add(0, 1)
    services.near_duplicates.keep_all(ids, "ada")
    assert (shown(services), services.near_duplicates.unresolved().settled) == ([], 1)
    services.stores.journal.undo("ada")
    assert shown(services) == [set(ids)]
    services.stores.journal.redo("ada")
    assert shown(services) == []
    third = add(2)
    assert shown(services) == [{*ids, *third}]


def test_what_was_kept_stays_kept_when_a_picture_leaves(services: Services, add: Add) -> None:
    ids = add(0, 1, 2)
    services.near_duplicates.keep_all(ids, "ada")
    services.stores.edits.archive(ids[:1], "ada")
    assert shown(services) == []
    services.stores.edits.restore(ids[:1], "ada")
    assert shown(services) == []


def test_two_kept_groups_that_a_picture_joins_are_shown(services: Services, add: Add) -> None:
    left, right = add(0, 1), add(0xFFF, 0xFFE)
    for ids in (left, right):
        services.near_duplicates.keep_all(ids, "ada")
    assert shown(services) == []
    bridge = add(0x3F)
    assert shown(services) == [{*left, *right, *bridge}]


def test_pictures_that_only_another_joined_lie_apart_without_it(services: Services, add: Add) -> None:
    left, bridge, right = add(0, 1), add(0x3F), add(0xFFF, 0xFFE)
    assert shown(services) == [{*left, *bridge, *right}]
    services.stores.edits.archive(bridge, "ada")
    assert shown(services) == [set(left), set(right)]
    services.stores.edits.restore(bridge, "ada")
    assert len(shown(services)) == 1


def test_the_best_of_each_is_kept_where_the_classes_agree(services: Services, add: Add) -> None:
    add(0, 1, 2)
    add(FAR, FAR ^ 1, label="Full")
    mixed = add(OTHER, label="Full") + add(OTHER ^ 3, label="Half")
    spare = services.near_duplicates.unresolved().spare
    assert len(spare) == 3
    with raises_sentence(Conflict, GROUPS_CHANGED.format(spare=3, expected=4)):
        services.near_duplicates.keep_best(4, "ada")
    changed, event = services.near_duplicates.keep_best(3, "ada")
    assert (changed, event is None) == (3, False)
    assert shown(services) == [set(mixed)]
    services.stores.journal.undo("ada")
    assert len(shown(services)) == 3


def test_what_is_no_group_is_refused_with_a_sentence(services: Services, add: Add) -> None:
    ids = add(0, 1)
    for wrong in ((ids, 99), (ids[:1], ids[0]), ([], 1)):
        with raises_sentence(DomainError, NO_GROUP):
            services.near_duplicates.keep_one(*wrong, "ada")
    with raises_sentence(DomainError, TOO_FEW):
        services.near_duplicates.keep_all([ids[0], ids[0]], "ada")
    with raises_sentence(NotFound, NO_PICTURE.format(id=99)):
        services.near_duplicates.keep_all([ids[0], 99], "ada")
    assert shown(services) == [set(ids)]


def test_groups_are_those_of_the_pictures_that_are_there(services: Services, add: Add) -> None:
    random = np.random.default_rng(3)
    centres = random.integers(0, 2**64, 40, dtype=np.uint64)
    flips = random.integers(0, 64, (400, 6), dtype=np.uint64)
    values = np.repeat(centres, 10) ^ np.bitwise_xor.reduce(np.uint64(1) << flips, axis=1)
    ids = np.array(add(*values.tolist()))
    archived = random.permutation(len(ids))[:150]
    services.near_duplicates.unresolved()
    services.stores.edits.archive(ids[archived].tolist(), "ada")
    left = np.setdiff1d(np.arange(len(ids)), archived)
    near = np.bitwise_count(values[left, None] ^ values[None, left]) <= 8
    while not np.array_equal(wider := near @ near, near):
        near = wider
    wanted = {frozenset(ids[left][row].tolist()) for row in near if row.sum() > 1}
    assert {frozenset(group) for group in shown(services)} == wanted


def test_the_bin_is_emptied_with_all_files_and_cannot_be_undone(labelled: Services) -> None:
    stores = labelled.stores
    before = stores.pages.page(Filter()).items
    archived, rest = before[:2], before[2]
    for image in before:
        stores.derivatives.stage(image.sha256)
    stores.edits.archive([image.id for image in archived], "ada")
    not_confirmed = NOT_CONFIRMED.format(count=2, words=CONFIRMATION_WORDS)
    for wrong in ("", "yes", "3"):
        with raises_sentence(DomainError, not_confirmed):
            labelled.trash.empty(wrong, "ada")
    assert labelled.trash.empty("2", "ada") == 2
    left = {path.name for path in (stores.root / "blobs").rglob("*") if path.is_file()}
    assert not left & {image.sha256 for image in archived}
    assert rest.sha256 in left
    assert stores.curation.in_bin() == 0
    with pytest.raises(NotFound):
        stores.edits.restore([archived[0].id], "ada")
    with raises_sentence(Conflict, EMPTY_ALREADY):
        labelled.trash.empty("0", "ada")


def test_the_bin_stays_while_a_run_may_read_it(labelled: Services) -> None:
    stores = labelled.stores
    labelled.training.start(TrainingSpec())
    stores.edits.archive([stores.pages.all_ids(Filter())[0]], "ada")
    with raises_sentence(Conflict, RUN_UNDER_WAY):
        labelled.trash.empty("1", "ada")
    assert stores.curation.in_bin() == 1


def test_flags_are_counted(services: Services, add: Add) -> None:
    add(0, 1, flags=2)
    archived = add(2, flags=6)
    assert services.stores.curation.flagged()["blurred"] == 3
    services.stores.edits.archive(archived, "ada")
    counts = services.stores.curation.flagged()
    assert (counts["blurred"], counts["dark"], counts["too small"]) == (2, 0, 0)
