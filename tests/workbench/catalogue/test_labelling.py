from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.catalogue.classes import NAME_IN_USE
from storage.core.errors import Conflict, DomainError, NotFound
from storage.queries.image_rows import NO_PICTURE
from tests.pictures import picture
from tests.sentences import raises_sentence
from tests.workbench.conftest import Take
from workbench.catalogue.labelling import INVALID_COLOUR, class_name
from workbench.core.file_names import safe_folder_names
from workbench.core.palette import PALETTE
from workbench.importing.service import NewImport
from workbench.services import Services


@pytest.fixture
def image_ids(take: Take) -> list[int]:
    report = take({f"{index}.jpg": picture(index) for index in range(3)})
    return [outcome.image_id for outcome in report.outcomes if outcome.image_id]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" Half  water\tlevel\n", "Half water level"),
        ("fu\u0308ll", "füll"),
        ("💧", "💧"),
        ("x" * 60, "x" * 60),
        *(
            (name, name)
            for name in (
                "Full (1)",
                "50 % & more",
                "v1.2 final",
                "control",
                "company",
                "trash",
                "thumbs",
                "recycled",
                "~half",
                "a, b; c",
                "=1+1",
                "it's",
                "👩\u200d🔬",
                "❤\ufe0f",
                "1\ufe0f\u20e3",
                "بطری\u200cها",
                "क्\u200dष",
                "葛\U000e0100",
            )
        ),
    ],
)
def test_a_class_name_is_tidied(text: str, name: str) -> None:
    assert class_name(text) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "\u2003",
        "\u200b",
        " \u200d\ufe0f",
        "x" * 61,
        "<script>",
        'a"b',
        "a/b",
        "a\\b",
        "a\0b",
        "\udcff",
        *("a:b", "a|b", "a?", "a*b", "<>", "C:"),
        *("CON", "con", "Nul", "COM1", "lpt9", "COM¹", "aux.jpg", "prn .x", "CONIN$"),
        *("Full.", "Full ..", ".", "..", "...", ".git", "._a", ". a"),
        *("__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "Thumbs.db", "__pycache__"),
        *(
            "Full\u202egpj",
            "\u200fFull",
            "Full\u2066",
            "\ufeffFull",
            "Fu\u200bll",
            "Fu\u00adll",
            "Fu\u2060ll",
        ),
        *(
            "Fu\u200dll",
            "Full\u200c",
            "\u200dFull",
            "Full\ufe0f",
            "Fu\U000e0046ll",
            "x\u0304\u200dy",
            "1\u200d2",
        ),
        *("\u3164", "Full\u3164", "\u2800", "\u115f"),
    ],
)
def test_an_impossible_class_name_gets_a_sentence(services: Services, name: str) -> None:
    services.labelling.add("Full", "ann")
    events = services.stores.journal.recent()
    for change in (
        lambda: services.labelling.add(name, "ann"),
        lambda: services.labelling.ensure(name, "ann"),
        lambda: services.labelling.rename("Full", name, "ann"),
        lambda: services.imports.start(NewImport([], label=name or " ")),
    ):
        with pytest.raises(DomainError) as error:
            change()
        assert error.type is DomainError  # not the Conflict of a name in use
    assert services.stores.journal.recent() == events


def test_each_class_gets_a_colour_that_is_free(services: Services) -> None:
    added = [services.labelling.add(f"Class {index}", "ann").colour for index in range(len(PALETTE))]
    assert added == list(PALETTE)
    services.labelling.remove("Class 3", "ann")
    assert services.labelling.add("Late", "ann").colour == PALETTE[3]
    assert services.labelling.add("Later", "ann").colour in PALETTE


def test_a_colour_is_six_hexadecimal_digits(services: Services) -> None:
    services.labelling.add("Full", "ann")
    for colour in ("red", "#12345", "#0072b2ff", "#0072b2\n", "", "url(x)"):
        with raises_sentence(DomainError, INVALID_COLOUR):
            services.labelling.recolour("Full", colour, "ann")
    services.labelling.recolour("full", "#aabbcc", "ann")
    assert services.stores.classes.get("Full").colour == "#AABBCC"


def test_labelling_with_a_new_name_adds_the_class(services: Services, image_ids: list[int]) -> None:
    changed, event_id = services.labelling.label(image_ids, " Half  full ", "ann")
    assert (changed, services.stores.journal.event(event_id or 0).summary) == (
        3,
        "labelled 3 pictures as Half full",
    )
    assert services.labelling.label(image_ids, "half FULL", "ann") == (0, None)
    assert services.labelling.label(image_ids[:2], "", "ann")[0] == 2
    assert services.stores.classes.get("Half full").count == 1


@pytest.mark.parametrize("twin", ["FULL e\u0301", "full é", "ＦULL É", "Full É "])
def test_names_that_differ_in_case_or_unicode_form_are_one(services: Services, twin: str) -> None:
    services.labelling.add("Full é", "ann")
    if twin.startswith("Ｆ"):  # another letter, which file systems tell apart
        assert services.labelling.ensure(twin, "ann").name == twin
        return
    with raises_sentence(Conflict, NAME_IN_USE.format(name="Full é")):
        services.labelling.add(twin, "ann")
    assert services.labelling.ensure(twin, "ann").name == "Full é"


def test_a_class_of_older_data_keeps_its_name_until_it_is_renamed(
    services: Services, image_ids: list[int]
) -> None:
    services.stores.classes.add("a:b", "#0072B2", "ann")
    assert services.labelling.label(image_ids, "a:b", "ann")[0] == 3
    services.labelling.recolour("a:b", "#aabbcc", "ann")
    services.labelling.rename("a:b", "a-b", "ann")
    assert services.stores.classes.get("a-b").count == 3


@given(st.text(max_size=80) | st.text("aA. \u200d\u202e\ufe0f:con1", max_size=8))
def test_a_class_name_stays_as_it_is_and_fits_a_file_system(text: str) -> None:
    try:
        name = class_name(text)
    except DomainError as error:
        assert str(error).endswith(".")
        assert str(error).isprintable()
        return
    assert class_name(name) == name
    assert safe_folder_names([name]) == {name: name}
    assert len(name.encode()) <= 240


def test_labelling_what_is_not_there_adds_no_class(services: Services, image_ids: list[int]) -> None:
    with raises_sentence(NotFound, NO_PICTURE.format(id=999)):
        services.labelling.label([*image_ids, 999], "Full", "ann")
    with pytest.raises(DomainError):
        services.labelling.label(image_ids, "<script>", "ann")
    assert services.stores.classes.all() == ()


def test_merging_and_removing_by_name(services: Services, image_ids: list[int]) -> None:
    services.labelling.label(image_ids, "Full", "ann")
    services.labelling.add("Half", "ann")
    with pytest.raises(Conflict):
        services.labelling.merge("Full", "full", "ann")
    with pytest.raises(NotFound):
        services.labelling.merge("Full", "Nothing", "ann")
    assert services.labelling.merge("Full", "Half", "ann") == 3
    assert services.labelling.remove("Half", "ann") == 3
    with pytest.raises(NotFound):
        services.labelling.remove("Half", "ann")


def test_the_same_new_class_from_many_sides_at_once_is_one(services: Services) -> None:
    start = Barrier(8)

    def ensure(number: int) -> int:
        start.wait()
        return services.labelling.ensure(("Full", "FULL")[number % 2], f"tab {number}").id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ensure, range(8)))) == 1
    assert len(services.stores.classes.all()) == 1
