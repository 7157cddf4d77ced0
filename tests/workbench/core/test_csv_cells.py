import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.csv_cells import csv_text, escape_formulas, unescape_formulas

CELL = st.text(max_size=40) | st.text("=+-@'\" ;\t|\nx＝−\u200b", max_size=12)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("-2", "'-2"),
        ("'=1", "''=1"),
        ("＝1", "'＝1"),
        ("＠x", "'＠x"),
        ("﹢1", "'﹢1"),
        ("−1", "'−1"),
        ("  =1", "  '=1"),
        ("\t=1", "\t'=1"),
        ("\u200b\x00=1", "\u200b\x00'=1"),
        ("a;=1", "a;'=1"),
        ('a; "=1', "a; \"'=1"),
        ("a\t@b|+c\n-d", "a\t'@b|'+c\n'-d"),
    ],
)
def test_what_a_spreadsheet_could_run_gets_a_quote(text: str, cell: str) -> None:
    assert escape_formulas(text) == cell


@pytest.mark.parametrize(
    "text", ["", "Full", "a=1", "a - b", "a, -b", "images/=1.jpg", "it's", "' =1", "x-1;y"]
)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    assert escape_formulas(text) == text


@given(CELL)
def test_a_cell_is_read_back_as_it_was(text: str) -> None:
    assert unescape_formulas(escape_formulas(text)) == text
    assert escape_formulas(unescape_formulas(escape_formulas(text))) == escape_formulas(text)


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=4), st.sampled_from(";\t|"))
def test_no_part_of_a_table_begins_as_a_formula_wherever_it_is_split(
    rows: list[list[str]], separator: str
) -> None:
    text = csv_text(rows)
    parts = [part for line in text.splitlines() for part in line.split(separator)]
    for part in [*parts, *(cell for row in csv.reader(StringIO(text, newline="")) for cell in row)]:
        assert not part.strip().strip('"').strip().startswith(("=", "+", "-", "@", "＝", "−"))
    assert [
        [unescape_formulas(cell) for cell in row] for row in csv.reader(StringIO(text, newline=""))
    ] == rows


def test_a_long_cell_of_quotes_is_read_at_once() -> None:
    hostile = "'" * 300_000 + ";" * 300_000 + " " * 300_000 + "="
    assert unescape_formulas(escape_formulas(hostile)) == hostile
