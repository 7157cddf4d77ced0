"""Streaming CSV and TSV reader: detects the separator; labels come from one column or from one-hot columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TextIO

from workbench.core.csv_cells import unescape_formulas
from workbench.core.errors import RejectedTable
from workbench.importing.label_tables import TableLine, parse_values
from workbench.importing.label_values import multiple_labels_fault, parse_label
from workbench.importing.table_columns import LABEL, control_columns, find_columns, normalize_column
from workbench.importing.table_faults import TableFault
from workbench.importing.table_text import LONGEST_LINE, numbered_lines

SEPARATORS = ",;\t|"
SAMPLE_ROWS, SAMPLE_CHARACTERS = 500, 500_000
"""Rows and characters that are sampled to detect one-hot class columns."""
ZEROS, ONES = {"", "0", "0.0", "false"}, {"1", "1.0", "true"}
END = "The table is read no further."
Row = tuple[int, list[str]]


class _RowTooLong(Exception):
    """A row has more characters than a row may have."""

    def __init__(self) -> None:
        super().__init__(f"a row with more than {LONGEST_LINE:,} characters")


def csv_lines(text: TextIO) -> Iterator[TableLine | TableFault]:
    """Parse the lines of a CSV or TSV.

    Yields:
        A line for each row that names a file, and a fault for each row with a problem.

    Raises:
        RejectedTable: The table is empty, or has no column for the file or the class.
    """
    reader = _CsvReader(text)
    header = reader.header()
    column_indices = find_columns(header)
    required_columns = ("label",) if "sha256" in column_indices else ("file", "label")
    if answer_column := _answer_column(header):
        column_indices["label"] = list(header).index(answer_column)
    if "file" in column_indices and "label" not in column_indices:
        sample_rows = list(reader.sample())
        if one_hot_columns := _one_hot_columns(header, column_indices, sample_rows):
            yield from reader.lines(
                chain(sample_rows, reader), _OneHotParser(column_indices, one_hot_columns)
            )
            return
    missing_columns = [name for name in required_columns if name not in column_indices]
    if missing_columns:
        raise RejectedTable(_missing_columns_message(header, missing_columns))
    yield from reader.lines(reader, _LabelColumnParser(column_indices, len(header)))


def _answer_column(names: Sequence[str]) -> str:
    """The name of the annotation column of a Label Studio export; empty if there is none or it is ambiguous."""
    answer_columns = control_columns(names)
    preferred = [name for label in LABEL for name in answer_columns if normalize_column(name) == label]
    return next(iter(preferred or (answer_columns if len(answer_columns) == 1 else [])), "")


def _missing_columns_message(names: Sequence[str], missing: Sequence[str]) -> str:
    missing_names = " and no column ".join("filename" if name == "file" else name for name in missing)
    header = ", ".join(name.strip()[:40] for name in names[:12])
    return (
        f"The table has no column {missing_names}. Its first line has to name the columns filename and "
        f"label, separated by comma, semicolon or tab; it is “{header}”. The class may also be called "
        f"{', '.join(LABEL[1:14])}, or have a column of its own with 0 and 1."
    )


class _CsvReader:
    """Iterates over CSV rows, each with the number of its last line."""

    def __init__(self, text: TextIO) -> None:
        self._lines = numbered_lines(text)
        self._row_characters = 0
        self._line_number = 0
        self._finished = False

    def header(self) -> list[str]:
        """Read the column names and detect the separator.

        Raises:
            RejectedTable: The table is empty, or its first line is too long.
        """
        for number, line in self._lines:
            if line is None:
                raise RejectedTable(f"Its first line has more than {LONGEST_LINE:,} characters.")
            if line.strip() and not line.lower().startswith("sep="):
                self._line_number = number
                names, separator = _split_header(line.rstrip("\r\n"))
                self._reader = csv.reader(self._bounded_lines(), delimiter=separator, strict=True)
                return names
        raise RejectedTable("The table is empty.")

    def _bounded_lines(self) -> Iterator[str]:
        """Feed lines to ``csv.reader``; raises :class:`_RowTooLong` if one row spans too many characters."""
        for number, line in self._lines:
            self._line_number = number
            self._row_characters += LONGEST_LINE if line is None else len(line)
            if self._row_characters >= LONGEST_LINE:
                raise _RowTooLong
            yield line or ""

    def __iter__(self) -> Iterator[Row | TableFault]:
        while not self._finished:
            self._row_characters = 0
            try:
                row = next(self._reader)
            except StopIteration:
                self._finished = True
            except (_RowTooLong, csv.Error) as error:
                self._finished = True
                location = f"line {self._line_number}"
                yield TableFault(location, f"{location.capitalize()} cannot be read as CSV ({error}). {END}")
            else:
                if any(map(str.strip, row)):
                    yield self._line_number, row

    def sample(self) -> Iterator[Row | TableFault]:
        """The first rows, up to ``SAMPLE_ROWS`` or ``SAMPLE_CHARACTERS``, used to detect one-hot columns."""
        rows = iter(self)
        characters = 0
        for row_count, row in enumerate(rows, 1):
            yield row
            characters += 0 if isinstance(row, TableFault) else sum(map(len, row[1]))
            if row_count == SAMPLE_ROWS or characters > SAMPLE_CHARACTERS:
                return

    def lines(
        self, rows: Iterable[Row | TableFault], parser: _LabelColumnParser | _OneHotParser
    ) -> Iterator[TableLine | TableFault]:
        """Parse rows into table lines and faults."""
        for row in rows:
            if isinstance(row, TableFault):
                yield row
            else:
                yield from parser.line(f"line {row[0]}", row[1])


@dataclass(frozen=True)
class _LabelColumnParser:
    """Parses rows that have one label column."""

    column_indices: Mapping[str, int]
    width: int

    def line(self, where: str, row: Sequence[str]) -> Iterator[TableLine | TableFault]:
        if len(row) <= max(self.column_indices.get("file", 0), self.column_indices["label"]):
            sentence = f"{where.capitalize()} has {len(row)} of {self.width} columns, so it is passed over."
            yield TableFault(where, sentence, "have too few columns and are passed over")
            return
        values = _row_values(self.column_indices, row)
        values["label"], has_several = _parse_label_cell(values["label"])
        if has_several:
            yield multiple_labels_fault(where)
        yield from parse_values(where, values)


@dataclass(frozen=True)
class _OneHotParser:
    """Parses rows that have one 0/1 column per class."""

    column_indices: Mapping[str, int]
    classes: Mapping[int, str]

    def line(self, where: str, row: Sequence[str]) -> Iterator[TableLine | TableFault]:
        cells = {
            name: row[column].strip().casefold() if column < len(row) else ""
            for column, name in self.classes.items()
        }
        active_classes = [name for name, cell in cells.items() if cell in ONES]
        invalid_value = next((cell for cell in cells.values() if cell not in ONES | ZEROS), "")
        if invalid_value:
            sentence = f"{where.capitalize()} has “{invalid_value[:40]}” where 0 or 1 was expected, so its picture has no class."
            yield TableFault(
                where, sentence, "have other values than 0 and 1, so their pictures have no class"
            )
        elif not active_classes:
            yield TableFault(
                where,
                f"{where.capitalize()} has no class: no column has a 1.",
                "have no class: no column has a 1",
            )
        elif len(active_classes) > 1:
            class_list = ", ".join(name[:40] for name in active_classes[:3])
            sentence = f"{where.capitalize()} has {len(active_classes):,} classes ({class_list}), so its picture has none."
            yield TableFault(where, sentence, "have several classes, so their pictures have none")
        label = active_classes[0] if len(active_classes) == 1 and not invalid_value else ""
        yield from parse_values(where, {**_row_values(self.column_indices, row), "label": label})


def _row_values(column_indices: Mapping[str, int], row: Sequence[str]) -> dict[str, str]:
    return {
        key: unescape_formulas(row[column].strip()) if column < len(row) else ""
        for key, column in column_indices.items()
    }


def _parse_label_cell(cell: str) -> tuple[str, bool]:
    """The class in a cell, and whether the cell has several; Label Studio writes several choices as JSON."""
    if not cell.startswith(("[", "{")):
        return cell, False
    try:
        return parse_label(json.loads(cell))
    except (ValueError, TypeError, RecursionError):
        return cell, False


def _one_hot_columns(
    names: Sequence[str], column_indices: Mapping[str, int], sample: Sequence[Row | TableFault]
) -> dict[int, str]:
    """Detect one-hot class columns: at least two columns of only 0 and 1, where some row has exactly one 1.

    If there are also other data columns, such as a width or an age, every sampled row must have exactly one 1, since
    binary flags beside measurements are not classes.

    Returns:
        The class name of each one-hot column by column index; empty if there are none.
    """
    rows = [row for row in sample if not isinstance(row, TableFault)]
    other_columns = [
        column
        for column in range(len(names))
        if column not in column_indices.values() and normalize_column(names[column])
    ]
    binary_columns = [
        column
        for column in other_columns
        if rows and all(_normalized_cell(row, column) in ONES | ZEROS for _, row in rows)
    ]
    ones_per_row = [
        sum(_normalized_cell(row, column) in ONES for column in binary_columns) for _, row in rows
    ]
    strict = len(binary_columns) < len(other_columns)
    is_one_hot = all(count == 1 for count in ones_per_row) if strict else 1 in ones_per_row
    return (
        {column: unescape_formulas(names[column].strip()) for column in binary_columns}
        if len(binary_columns) > 1 and is_one_hot
        else {}
    )


def _normalized_cell(row: Sequence[str], column: int) -> str:
    return row[column].strip().casefold() if column < len(row) else ""


def _split_header(line: str) -> tuple[list[str], str]:
    """Split the header by the separator that yields the most known columns, then the most columns.

    Returns:
        The column names and the separator.
    """
    try:
        names_by_separator = {
            separator: next(csv.reader([line], delimiter=separator)) for separator in SEPARATORS
        }
    except csv.Error:
        names_by_separator = {separator: line.split(separator) for separator in SEPARATORS}
    best = max(
        SEPARATORS,
        key=lambda separator: (
            len(find_columns(names_by_separator[separator])),
            len(names_by_separator[separator]),
        ),
    )
    return names_by_separator[best], best
