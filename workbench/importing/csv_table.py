"""CSV and TSV as a stream of lines: any usual separator, a class column or one column for each class."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from workbench.core.csv_cells import bare
from workbench.core.errors import RejectedTable
from workbench.importing.label_tables import TableLine, line_of
from workbench.importing.label_values import label_of, several
from workbench.importing.table_columns import LABEL, columns, controls, plain
from workbench.importing.table_faults import TableFault
from workbench.importing.table_text import LONGEST_LINE, lines_of

SEPARATORS = ",;\t|"
SAMPLE_ROWS, SAMPLE_CHARACTERS = 500, 500_000
"""How much is looked at to tell whether the columns are classes with 0 and 1."""
ZEROS, ONES = {"", "0", "0.0", "false"}, {"1", "1.0", "true"}
END = "The table is read no further."
Row = tuple[int, list[str]]


class _TooLong(Exception):
    """A row has more characters than a row may have."""

    def __init__(self) -> None:
        super().__init__(f"a row with more than {LONGEST_LINE:,} characters")


def csv_lines(text: TextIO) -> Iterator[TableLine | TableFault]:
    """The lines of a CSV or TSV.

    Raises:
        RejectedTable: It is empty, or has no column for the file or the class.
    """
    reader = _Rows(text)
    names = reader.header()
    places = columns(names)
    wanted = ("label",) if "sha256" in places else ("file", "label")
    if answer := _answer(names):
        places["label"] = list(names).index(answer)
    if "file" in places and "label" not in places:
        sample = list(reader.sample())
        if one_hot := _one_hot(names, places, sample):
            yield from reader.lines(chain(sample, reader), _OneHot(places, one_hot))
            return
    missing = [name for name in wanted if name not in places]
    if missing:
        raise RejectedTable(_lacks(names, missing))
    yield from reader.lines(reader, _Plain(places, len(names)))


def _answer(names: Sequence[str]) -> str:
    """The column with the answers of a Label Studio project; empty where it is none, or unclear which."""
    answers = controls(names)
    preferred = [name for label in LABEL for name in answers if plain(name) == label]
    return next(iter(preferred or (answers if len(answers) == 1 else [])), "")


def _lacks(names: Sequence[str], missing: Sequence[str]) -> str:
    wanted = " and no column ".join("filename" if name == "file" else name for name in missing)
    shown = ", ".join(name.strip()[:40] for name in names[:12])
    return (
        f"The table has no column {wanted}. Its first line has to name the columns filename and "
        f"label, separated by comma, semicolon or tab; it is “{shown}”. The class may also be called "
        f"{', '.join(LABEL[1:14])}, or have a column of its own with 0 and 1."
    )


class _Rows:
    """The rows of a CSV with the number of the line at which each ends."""

    def __init__(self, text: TextIO) -> None:
        self._lines = lines_of(text)
        self._pending = 0
        self._number = 0
        self._ended = False

    def header(self) -> list[str]:
        """The names of the columns; finds out the separator.

        Raises:
            RejectedTable: There are none.
        """
        for number, line in self._lines:
            if line is None:
                raise RejectedTable(f"Its first line has more than {LONGEST_LINE:,} characters.")
            if line.strip() and not line.lower().startswith("sep="):
                self._number = number
                names, separator = _split_header(line.rstrip("\r\n"))
                self._reader = csv.reader(self._counted(), delimiter=separator, strict=True)
                return names
        raise RejectedTable("The table is empty.")

    def _counted(self) -> Iterator[str]:
        """The lines for the reader of one row after the other, which must not become too long."""
        for number, line in self._lines:
            self._number = number
            self._pending += LONGEST_LINE if line is None else len(line)
            if self._pending >= LONGEST_LINE:
                raise _TooLong
            yield line or ""

    def __iter__(self) -> Iterator[Row | TableFault]:
        while not self._ended:
            self._pending = 0
            try:
                row = next(self._reader)
            except StopIteration:
                self._ended = True
            except (_TooLong, csv.Error) as error:
                self._ended = True
                where = f"line {self._number}"
                yield TableFault(where, f"{where.capitalize()} cannot be read as CSV ({error}). {END}")
            else:
                if any(map(str.strip, row)):
                    yield self._number, row

    def sample(self) -> Iterator[Row | TableFault]:
        """The first rows, as many as tell what the columns are."""
        rows = iter(self)
        characters = 0
        for number, row in enumerate(rows, 1):
            yield row
            characters += 0 if isinstance(row, TableFault) else sum(map(len, row[1]))
            if number == SAMPLE_ROWS or characters > SAMPLE_CHARACTERS:
                return

    def lines(
        self, rows: Iterable[Row | TableFault], reading: _Plain | _OneHot
    ) -> Iterator[TableLine | TableFault]:
        """What rows say."""
        for row in rows:
            if isinstance(row, TableFault):
                yield row
            else:
                yield from reading.line(f"line {row[0]}", row[1])


@dataclass(frozen=True)
class _Plain:
    """Reads rows with a column for the class."""

    places: Mapping[str, int]
    width: int

    def line(self, where: str, row: Sequence[str]) -> Iterator[TableLine | TableFault]:
        if len(row) <= max(self.places.get("file", 0), self.places["label"]):
            sentence = f"{where.capitalize()} has {len(row)} of {self.width} columns, so it is passed over."
            yield TableFault(where, sentence, "have too few columns and are passed over")
            return
        values = _values(self.places, row)
        values["label"], more = _label(values["label"])
        if more:
            yield several(where)
        yield from line_of(where, values)


@dataclass(frozen=True)
class _OneHot:
    """Reads rows with a column of 0 and 1 for each class."""

    places: Mapping[str, int]
    classes: Mapping[int, str]

    def line(self, where: str, row: Sequence[str]) -> Iterator[TableLine | TableFault]:
        cells = {
            name: row[place].strip().casefold() if place < len(row) else ""
            for place, name in self.classes.items()
        }
        ones = [name for name, cell in cells.items() if cell in ONES]
        odd = next((cell for cell in cells.values() if cell not in ONES | ZEROS), "")
        if odd:
            sentence = f"{where.capitalize()} has “{odd[:40]}” where 0 or 1 was expected, so its picture has no class."
            yield TableFault(
                where, sentence, "have other values than 0 and 1, so their pictures have no class"
            )
        elif not ones:
            yield TableFault(
                where,
                f"{where.capitalize()} has no class: no column has a 1.",
                "have no class: no column has a 1",
            )
        elif len(ones) > 1:
            shown = ", ".join(name[:40] for name in ones[:3])
            sentence = f"{where.capitalize()} has {len(ones):,} classes ({shown}), so its picture has none."
            yield TableFault(where, sentence, "have several classes, so their pictures have none")
        label = ones[0] if len(ones) == 1 and not odd else ""
        yield from line_of(where, {**_values(self.places, row), "label": label})


def _values(places: Mapping[str, int], row: Sequence[str]) -> dict[str, str]:
    return {key: bare(row[place].strip()) if place < len(row) else "" for key, place in places.items()}


def _label(cell: str) -> tuple[str, bool]:
    """The class in a cell, and whether it has several: Label Studio writes several choices as JSON."""
    if not cell.startswith(("[", "{")):
        return cell, False
    try:
        return label_of(json.loads(cell))
    except (ValueError, TypeError, RecursionError):
        return cell, False


def _one_hot(
    names: Sequence[str], places: Mapping[str, int], sample: Sequence[Row | TableFault]
) -> dict[int, str]:
    """The columns that are classes: two or more with nothing but 0 and 1, of which some row has exactly one 1.

    Where other columns hold something else, such as a width or an age, every row has to have exactly one 1: flags beside
    measurements are no classes.
    """
    rows = [row for row in sample if not isinstance(row, TableFault)]
    other = [place for place in range(len(names)) if place not in places.values() and plain(names[place])]
    binary = [place for place in other if rows and all(_cell(row, place) in ONES | ZEROS for _, row in rows)]
    ones = [sum(_cell(row, place) in ONES for place in binary) for _, row in rows]
    strict = len(binary) < len(other)
    fits = all(count == 1 for count in ones) if strict else 1 in ones
    return {place: bare(names[place].strip()) for place in binary} if len(binary) > 1 and fits else {}


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip().casefold() if place < len(row) else ""


def _split_header(line: str) -> tuple[list[str], str]:
    """The names of the columns, and the separator that makes most sense of them."""
    try:
        read = {separator: next(csv.reader([line], delimiter=separator)) for separator in SEPARATORS}
    except csv.Error:
        read = {separator: line.split(separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: (len(columns(read[separator])), len(read[separator])))
    return read[best], best
