"""Tables as people and tools write them, also badly."""

import csv
import json
from dataclasses import dataclass
from io import BytesIO, StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.csv_cells import escape_formulas
from workbench.core.errors import RejectedTable
from workbench.importing.label_tables import TableLine
from workbench.importing.table_faults import TableFault, TableFaultLog
from workbench.importing.table_reader import read_table

A, B = TableLine("line 2", ("a.jpg",), "Full"), TableLine("line 3", ("b/c.jpg",), "Half")
PLAIN = "filename,label\na.jpg,Full\nb/c.jpg,Half\n"


@dataclass(frozen=True)
class Table:
    """The lines of a table, and a sentence on each line that says nothing usable."""

    lines: tuple[TableLine, ...]
    problems: tuple[str, ...]


def parse(name: str, data: bytes) -> Table:
    """A table read to its end."""
    lines: list[TableLine] = []
    log = TableFaultLog()
    for item in read_table(name, BytesIO(data)):
        if isinstance(item, TableFault):
            log.add(item)
        else:
            lines.append(item)
    return Table(tuple(lines), tuple(log.sentences()))


def lines(text: str | bytes, name: str = "labels.csv") -> list[tuple[str, str, str | None]]:
    """Name, class and side of each line, where nothing is wrong."""
    table = parse(name, text if isinstance(text, bytes) else text.encode())
    assert table.problems == ()
    return [(line.names[0], line.label, line.split) for line in table.lines]


def rejected(text: str | bytes, name: str = "labels.csv") -> str:
    with pytest.raises(RejectedTable) as error:
        parse(name, text if isinstance(text, bytes) else text.encode())
    return str(error.value)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        ("sep=;\n" + PLAIN.replace(",", ";")).encode(),
        PLAIN.replace("filename,label", ' File_Name , "Class"').encode(),
        PLAIN.replace("filename,label", "image,label").encode(),
        b'filename,label\n"a.jpg","Full"\n"b\\c.jpg"," Half "\n',
        b"\n\nid,label,filename\n1,Full,a.jpg\n\n2,Half,./b/c.jpg\n,,\n",
    ],
)
def test_a_csv_is_read_however_it_is_written(data: bytes) -> None:
    table = parse("labels.csv", data)
    assert [(line.names, line.label) for line in table.lines] == [(line.names, line.label) for line in (A, B)]
    assert table.problems == ()


def test_letters_of_windows_are_read() -> None:
    assert lines("filename;label\nä.jpg;voll gefüllt\n".encode("cp1252")) == [("ä.jpg", "voll gefüllt", None)]


def test_a_quoted_cell_may_have_separators_and_lines() -> None:
    assert lines('filename,label\n"a,\nb.jpg","a ""full"" one"\n') == [("a,\nb.jpg", 'a "full" one', None)]


def test_splits_have_many_names() -> None:
    text = "filename,label,split\na,x,train\nb,x,Val\nc,x,valid\nd,x,validation\ne,x,evaluation\nf,x,\ng,x,TEST\n"
    assert [split for _, _, split in lines(text)] == ["train", *["validation"] * 4, "", "test"]


def test_what_is_wrong_with_a_line_is_told_and_the_others_count() -> None:
    text = "filename,label,split\na.jpg,Full,nowhere\n,Full,\nonly\nb.jpg,Half,train\n"
    table = parse("labels.csv", text.encode())
    assert [(line.names[0], line.split) for line in table.lines] == [("a.jpg", None), ("b.jpg", "train")]
    assert table.problems == (
        "Line 2 has the split “nowhere”; it can be train, validation or test, or empty.",
        "Line 3 names no file.",
        "Line 4 has 1 of 3 columns, so it is passed over.",
    )


def test_a_quote_that_never_closes_ends_the_table_there() -> None:
    table = parse("labels.csv", b'filename,label\na.jpg,Full\n"b.jpg,Half\nc.jpg,Half\n')
    assert [line.names for line in table.lines] == [("a.jpg",)]
    assert "cannot be read as CSV" in table.problems[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The table is empty."),
        ("\n \n", "The table is empty."),
        ("filename,split\na.jpg,train\n", "no column label. "),
        ("name,label\na.jpg,Full\n", "no column filename. "),
        ("filename:label\na.jpg:Full\n", "no column filename and no column label. "),
        ("filename:label\na.jpg:Full\n", "separated by comma, semicolon or tab; it is “filename:label”."),
        ("\x00\x01\x02", "no column filename"),
    ],
)
def test_what_is_no_such_table_is_told_in_a_sentence(text: str, words: str) -> None:
    assert words in rejected(text)


def test_a_file_is_found_by_its_sha256_alone() -> None:
    digest = "ab" * 32
    assert parse("a.csv", f"sha256,label\n{digest.upper()},Full\nshort,Half\n".encode()) == Table(
        (TableLine("line 2", (), "Full", None, digest),), ("Line 3 names no file.",)
    )


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("a.jpg", ("a.jpg",)),
        ("x/y/a.jpg", ("x/y/a.jpg",)),
        ("C:\\photos\\a.jpg", ("C:/photos/a.jpg", "a.jpg")),
        ("/home/ann/a.jpg", ("home/ann/a.jpg", "a.jpg")),
        ("https://host/x/a%20b.jpg?token=1", ("x/a b.jpg", "a b.jpg")),
        ("s3://bucket/x/a.jpg", ("x/a.jpg", "a.jpg")),
        ("/data/local-files/?d=images/a%2Bb.jpg", ("images/a+b.jpg", "a+b.jpg")),
        ("/data/upload/3/0a1b2c3d-a.jpg", ("data/upload/3/0a1b2c3d-a.jpg", "0a1b2c3d-a.jpg")),
        ("azure-blob://store/x/a.jpg#top", ("x/a.jpg", "a.jpg")),
        ("/data/local-files/?d=a%20%26%20b.jpg", ("a & b.jpg",)),
        ("a%20b.jpg", ("a%20b.jpg", "a b.jpg")),
        ("a+b.jpg", ("a+b.jpg", "a b.jpg")),
    ],
)
def test_a_path_or_address_stands_for_names(written: str, names: tuple[str, ...]) -> None:
    [line] = parse("a.json", json.dumps([{"data": {"image": written}, "annotations": []}]).encode()).lines
    assert line.names[: len(names)] == names
    assert all("%" in name or "&" in name for name in line.names[len(names) :])


def test_json_lines_are_read_line_by_line() -> None:
    text = (
        '{"file_name": "a.jpg", "label": "Full", "split": "train"}\n\n'
        '{"file_name": "b.jpg", "label": null}\n'
        '{"file_name": "c.jpg", "label": 3}\n'
        "nothing\n[1]\n"
        '{"file_name": "d.jpg", "label": ["x"]}\n'
        '{"label": "Half"}\n'
    )
    table = parse("metadata.jsonl", text.encode())
    assert [(line.names[0], line.label, line.split) for line in table.lines] == [
        ("a.jpg", "Full", "train"),
        ("b.jpg", "", None),
        ("c.jpg", "3", None),
    ]
    assert [problem.split(" ")[1] for problem in table.problems] == ["5", "6", "7", "8"]


def annotated(*choices: str, **more: object) -> dict[str, object]:
    results = [{"type": "choices", "value": {"choices": [choice]}} for choice in choices]
    return {"result": results, **more}


def task(image: str, *annotations: dict[str, object], **more: object) -> dict[str, object]:
    return {"id": 1, "data": {"image": image}, "annotations": list(annotations), **more}


def test_the_first_choice_that_was_not_cancelled_counts_and_predictions_do_not() -> None:
    tasks = [
        task("a.jpg", annotated("No", was_cancelled=True), annotated("Full", "Half"), annotated("Half")),
        task("b.jpg", {"result": []}, annotated("Half")),
        task("c.jpg", predictions=[annotated("Full")]),
        task("d.jpg", {"result": [{"type": "rectanglelabels", "value": {"x": 1}}]}),
    ]
    assert [(name, label) for name, label, _ in lines(json.dumps(tasks), "export.json")] == [
        ("a.jpg", "Full"),
        ("b.jpg", "Half"),
        ("c.jpg", ""),
        ("d.jpg", ""),
    ]


def test_the_small_json_of_label_studio_is_read_too() -> None:
    rows = [
        {"image": "a.jpg", "choice": "Full", "id": 1},
        {"image": "b.jpg", "choice": {"choices": ["Half"]}},
    ]
    assert [(name, label) for name, label, _ in lines(json.dumps(rows), "min.json")] == [
        ("a.jpg", "Full"),
        ("b.jpg", "Half"),
    ]


def test_a_task_may_call_its_picture_what_it_likes() -> None:
    tasks = [{"data": {"photo": "x/a.jpg", "place": "river"}, "annotations": [annotated("Full")]}]
    assert lines(json.dumps(tasks), "a.json") == [("x/a.jpg", "Full", None)]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "3",
        "null",
        "[]",
        "[1, 2]",
        '["a.jpg"]',
        '[{"data": 3}]',
        '[{"data": {"image": 3}}]',
        '[{"images": [], "annotations": []}]',
        '{"images": [], "annotations": [], "categories": []}',
    ],
)
def test_json_of_another_shape_is_told_in_a_sentence(text: str) -> None:
    assert "not an export of Label Studio" in rejected(text, "a.json")


@pytest.mark.parametrize("text", ["", "[", "{'a': 1}", "[" * 200_000, '[{"a":' * 100_000, "\x00" * 9])
def test_json_that_cannot_be_read_is_told_in_a_sentence(text: str) -> None:
    assert "nested too deep" in rejected(text, "a.json")


def test_many_problems_are_not_all_told() -> None:
    table = parse("a.csv", ("filename,label\n" + ",x\n" * 5000).encode())
    assert table.problems == ("5,000 lines name no file (first: line 2).",)


CELL = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20).map(str.strip)


@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_a_written_table_comes_back_as_it_was(rows: list[tuple[str, str]]) -> None:
    text = StringIO()
    table = csv.writer(text)
    table.writerow(["filename", "label"])
    table.writerows([f"x{escape_formulas(name)}", escape_formulas(label)] for name, label in rows)
    assert [line.label for line in parse("a.csv", text.getvalue().encode()).lines] == [b for _, b in rows]
    assert not any(
        cell.startswith(("=", "+", "-", "@")) for _, label in rows for cell in [escape_formulas(label)]
    )


@given(st.binary(max_size=300), st.sampled_from([".csv", ".tsv", ".json", ".jsonl"]))
def test_no_bytes_break_the_reader(data: bytes, kind: str) -> None:
    for content in (data, b"filename,label\n" + data, b'[{"data":' + data):
        try:
            table = parse(f"a{kind}", content)
        except RejectedTable as error:
            assert str(error).endswith(".")
        else:
            assert all(line.names or line.sha256 for line in table.lines)
            "".join(name + line.label for line in table.lines for name in line.names).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "image", "annotations", "result", "value", "choices", "label", "split"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3))
def test_no_shape_breaks_the_reader(tasks: list[object]) -> None:
    try:
        table = parse("a.json", json.dumps(tasks).encode())
    except RejectedTable:
        return
    assert all(isinstance(line.label, str) for line in table.lines)
