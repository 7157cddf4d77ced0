import dataclasses

import pytest

from storage.core.errors import NotFound
from storage.journal.consistency import ConsistencyChecks
from storage.records import SnapshotItem
from storage.training.snapshots import SplitDraft
from tests.storage.conftest import Add
from workbench.stores import Stores


@pytest.fixture
def draft(stores: Stores, add: Add) -> SplitDraft:
    add("a.jpg", "b.jpg", "c.jpg", label=stores.classes.add("Full", "#0072B2", "ann"))
    items = tuple(
        SnapshotItem(picture.image_id, picture.sha256, 0, "train" if index else "validation", index)
        for index, picture in enumerate(stores.snapshots.labelled())
    )
    return SplitDraft(("Full", "Half"), items, 0.2, 7, 0)


def test_the_same_content_is_the_same_snapshot(stores: Stores, draft: SplitDraft) -> None:
    first = stores.snapshots.freeze(draft)
    shuffled = dataclasses.replace(draft, items=draft.items[::-1])
    assert stores.snapshots.freeze(shuffled) == first
    assert (len(first.content_hash), first.images, first.classes) == (64, 3, ("Full", "Half"))
    assert stores.snapshots.items(first.id) == list(draft.items)


def test_any_other_content_is_another_snapshot(stores: Stores, draft: SplitDraft) -> None:
    first, *rest = draft.items
    others = [
        dataclasses.replace(draft, classes=("Full", "Other")),
        dataclasses.replace(draft, items=tuple(rest)),
        dataclasses.replace(draft, items=(dataclasses.replace(first, label=1), *rest)),
        dataclasses.replace(draft, items=(dataclasses.replace(first, split="train"), *rest)),
    ]
    snapshots = [stores.snapshots.freeze(variant) for variant in (draft, *others)]
    assert (
        len({snapshot.content_hash for snapshot in snapshots})
        == len({snapshot.id for snapshot in snapshots})
        == 5
    )


def test_a_snapshot_stays_as_it_was(stores: Stores, draft: SplitDraft) -> None:
    frozen = stores.snapshots.freeze(draft)
    stores.classes.remove(stores.classes.get("Full").id, "ann")
    stores.edits.archive([draft.items[0].image_id], "ann")
    assert stores.snapshots.get(frozen.id) == frozen
    assert stores.snapshots.items(frozen.id) == list(draft.items)
    assert stores.snapshots.labelled() == []


def test_pictures_show_their_side_in_the_newest_snapshot(stores: Stores, add: Add, draft: SplitDraft) -> None:
    stores.snapshots.freeze(draft)
    newer = add("d.jpg")[0]
    sides = [image.split for image in stores.catalogue.several([item.image_id for item in draft.items])]
    assert sides == ["validation", "train", "train"]
    assert stores.catalogue.get(newer).split == ""


def test_pictures_show_their_side_in_the_snapshot_that_was_used_last(
    stores: Stores, draft: SplitDraft
) -> None:
    def shown() -> list[str]:
        return [image.split for image in stores.catalogue.several([item.image_id for item in draft.items])]

    mirrored = [{"train": "validation", "validation": "train"}[item.split] for item in draft.items]
    second = dataclasses.replace(
        draft,
        items=tuple(
            dataclasses.replace(item, split=side) for item, side in zip(draft.items, mirrored, strict=True)
        ),
    )
    first = stores.snapshots.freeze(draft)
    newest = stores.snapshots.freeze(second)
    assert shown() == mirrored
    assert stores.snapshots.freeze(draft) == first
    assert shown() == [item.split for item in draft.items]
    stores.edits.pin([draft.items[0].image_id], "test", "ann")
    assert shown() == ["test", "train", "train"]
    stores.edits.pin([draft.items[0].image_id], "", "ann")
    assert shown() == ["validation", "train", "train"]
    stores.snapshots.use(newest.id)
    assert shown() == mirrored
    assert ConsistencyChecks(stores.database, stores.journal).split_mismatches() == 0


def test_a_snapshot_may_have_test_pictures(stores: Stores, draft: SplitDraft) -> None:
    first, *rest = draft.items
    frozen = stores.snapshots.freeze(
        dataclasses.replace(draft, items=(dataclasses.replace(first, split="test"), *rest))
    )
    assert [item.split for item in stores.snapshots.items(frozen.id)] == ["test", "train", "train"]
    assert stores.catalogue.get(first.image_id).split == "test"


def test_an_unknown_snapshot(stores: Stores) -> None:
    with pytest.raises(NotFound, match="9"):
        stores.snapshots.get(9)
