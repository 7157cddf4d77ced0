import pytest

from storage.catalogue.classes import NAME_IN_USE, NONE_YET, UNKNOWN_CLASS
from storage.core.errors import Conflict, NotFound
from storage.records import Filter
from tests.sentences import raises_sentence
from tests.storage.conftest import Add
from workbench.stores import Stores


def test_classes_stay_in_the_order_of_adding_with_their_counts(stores: Stores, add: Add) -> None:
    for name in ("Zero", "Alpha", "Mid"):
        stores.classes.add(name, "#0072B2", "ann")
    archived, *_ = add("a.jpg", "b.jpg", "c.jpg", label=stores.classes.get("Alpha"))
    stores.edits.archive([archived], "ann")
    assert [(class_.name, class_.count) for class_ in stores.classes.all()] == [
        ("Zero", 0),
        ("Alpha", 2),
        ("Mid", 0),
    ]


@pytest.mark.parametrize(("name", "twin"), [("Full", "FULL"), ("Füll", "FÜLL")])
def test_names_are_one_class_whatever_their_case(stores: Stores, add: Add, name: str, twin: str) -> None:
    added = stores.classes.add(name, "#0072B2", "ann")
    other = stores.classes.add("Other", "#E69F00", "ann")
    image_ids = add("a.jpg", label=added)
    with raises_sentence(Conflict, NAME_IN_USE.format(name=name)):
        stores.classes.add(twin, "#0072B2", "ann")
    with raises_sentence(Conflict, NAME_IN_USE.format(name=name)):
        stores.classes.rename(other.id, twin, "ann")
    assert stores.classes.get(twin).id == added.id
    assert stores.pages.all_ids(Filter(label=twin)) == image_ids
    stores.classes.rename(added.id, twin, "ann")
    assert [class_.name for class_ in stores.classes.all()] == [twin, "Other"]


def test_an_unknown_class_is_answered_with_those_there_are(stores: Stores) -> None:
    with raises_sentence(NotFound, UNKNOWN_CLASS.format(name="Full", known=NONE_YET)):
        stores.classes.get("Full")
    stores.classes.add("Half", "#0072B2", "ann")
    with raises_sentence(NotFound, UNKNOWN_CLASS.format(name="Full", known="Half")):
        stores.classes.get("Full")


def test_merging_moves_pictures_and_removing_clears_them(stores: Stores, add: Add) -> None:
    full, half = (stores.classes.add(name, "#0072B2", "ann") for name in ("Full", "Half"))
    archived, *image_ids = add("z.jpg", "a.jpg", "b.jpg", label=full)
    stores.edits.archive([archived], "ann")
    with pytest.raises(Conflict):
        stores.classes.remove(full.id, "ann", into=full.id)
    assert stores.classes.remove(full.id, "ann", into=half.id) == 2
    assert {image.label for image in stores.catalogue.several(image_ids)} == {"Half"}
    assert stores.classes.remove(half.id, "ann") == 2
    assert stores.pages.all_ids(Filter(status="unlabelled")) == image_ids
    with pytest.raises(NotFound):
        stores.classes.rename(half.id, "Whole", "ann")


def test_a_change_to_the_same_value_is_no_event(stores: Stores) -> None:
    full = stores.classes.add("Full", "#0072B2", "ann")
    before = stores.journal.recent()
    stores.classes.rename(full.id, "Full", "ann")
    stores.classes.recolour(full.id, "#0072B2", "ann")
    assert stores.journal.recent() == before
