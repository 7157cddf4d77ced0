"""Streaming JSON readers: JSON lines, and JSON lists of tasks as exported by Label Studio."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TextIO

from workbench.core.errors import RejectedTable
from workbench.importing.label_tables import TableLine, parse_values
from workbench.importing.label_values import multiple_labels_fault, parse_label
from workbench.importing.table_columns import (
    LABEL,
    SHA256,
    SPLIT,
    control_columns,
    find_file_name,
    normalize_column,
)
from workbench.importing.table_faults import TableFault
from workbench.importing.table_text import CHUNK, LONGEST_LINE, numbered_lines

LONGEST_TASK = 2_000_000
"""Most characters of one task."""
SAMPLE_TASKS, SAMPLE_CHARACTERS = 100, 500_000
END = "The table is read no further."
NOT_TASKS = (
    "The JSON is not an export of Label Studio, which is a list of tasks that each have data with an image. Export it again "
    "as JSON."
)
NOT_READ = "The JSON cannot be read: it is damaged, cut off, or nested too deep. Export it again."
BLANKS = re.compile(r"\s*")


def json_lines(text: TextIO) -> Iterator[TableLine | TableFault]:
    """Parse JSON lines, one object per line."""
    for number, line in numbered_lines(text):
        location = f"line {number}"
        if line is None:
            sentence = (
                f"{location.capitalize()} has more than {LONGEST_LINE:,} characters, so it is passed over."
            )
            yield TableFault(location, sentence, "are too long and are passed over")
        elif line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                sentence = f"{location.capitalize()} is not JSON, so it is passed over."
                yield TableFault(location, sentence, "are not JSON and are passed over")
            else:
                yield from _parse_record(location, value, LABEL)


def task_lines(text: TextIO) -> Iterator[TableLine | TableFault]:
    """Parse a JSON list of tasks.

    Raises:
        RejectedTable: It is not such a list, or no task names a file.
    """
    reader = _JsonListReader(text)
    remaining = iter(reader)
    sample = _sample(reader, remaining)
    label_keys, unmatched_names = _label_keys([value for value in sample if isinstance(value, dict)])
    any_file = any_label = False
    for number, value in enumerate(chain(sample, remaining), 1):
        for item in _parse_record(f"task {number}", value, label_keys):
            any_file = any_file or isinstance(item, TableLine)
            any_label = any_label or (isinstance(item, TableLine) and bool(item.label))
            yield item
    if not any_file:
        raise RejectedTable(NOT_READ if reader.error else NOT_TASKS)
    if reader.error:
        yield TableFault(
            "",
            f"Task {number + 1:,} cannot be read: it is damaged, cut off, too long, or nested too deep. {END}",
        )
    if not any_label and unmatched_names:
        yield TableFault(
            "",
            f"No class was found in it: none of its names ({unmatched_names}) is one of a class, such as {', '.join(LABEL[:5])}.",
        )


def _sample(reader: _JsonListReader, remaining: Iterator[Any]) -> list[Any]:
    """The first values, up to ``SAMPLE_TASKS`` or ``SAMPLE_CHARACTERS``, used to detect the label key."""
    sample = []
    for value in islice(remaining, SAMPLE_TASKS):
        sample.append(value)
        if reader.passed > SAMPLE_CHARACTERS:
            break
    return sample


class _JsonListReader:
    """Iterates over the values of a JSON list without loading the whole list into memory.

    Attributes:
        error: Whether reading failed before the end of the list.
        passed: Characters of the values read so far.
    """

    def __init__(self, text: TextIO) -> None:
        self.error = False
        self.passed = 0
        self._first_text = text
        self._buffer = ""
        self._position = 0
        self._at_end = False
        self._decoder = json.JSONDecoder()

    def __iter__(self) -> Iterator[Any]:
        self._open_list()
        while not self.error and self._peek() != "]":
            try:
                value = self._read_value()
            except (ValueError, RecursionError):
                self.error = True
                return
            yield value
            if self._peek() == ",":
                self._position += 1
            elif self._peek() != "]":
                self.error = True
        if not self.error:
            self._position += 1
            self.error = bool(self._peek())

    def _open_list(self) -> None:
        """Consume the opening bracket.

        Raises:
            RejectedTable: The text is not a JSON list.
        """
        if self._peek() == "[":
            self._position += 1
            return
        while not self._at_end and len(self._buffer) < CHUNK:
            self._read_chunk(CHUNK)
        try:
            json.loads(self._buffer)
        except (ValueError, RecursionError) as error:
            raise RejectedTable(NOT_READ if self._at_end else NOT_TASKS) from error
        raise RejectedTable(NOT_TASKS)

    def _peek(self) -> str:
        """The next non-blank character without consuming it; empty at the end."""
        while True:
            blanks = BLANKS.match(self._buffer, self._position)
            self._position = blanks.end() if blanks else self._position
            if self._position < len(self._buffer) or not self._read_chunk(CHUNK):
                return self._buffer[self._position : self._position + 1]

    def _read_chunk(self, characters: int) -> bool:
        """Read more text into the buffer; returns False at the end of the stream."""
        data = self._first_text.read(characters)
        self._buffer, self._position = self._buffer[self._position :] + data, 0
        self._at_end = self._at_end or not data
        return bool(data)

    def _read_value(self) -> Any:
        """Read the JSON value at the current position.

        Raises:
            ValueError: It is not JSON, or too long.
            RecursionError: It is nested too deeply.
        """
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._position)
            except json.JSONDecodeError as error:
                # An error far from the end of the buffer is not caused by truncation.
                is_truncated = error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - 16
                if not is_truncated or not self._read_longer():
                    raise
            else:
                # A number at the end of the buffer may continue in the next chunk.
                if end < len(self._buffer) or not self._read_longer():
                    self.passed += end - self._position
                    self._position = end
                    return value

    def _read_longer(self) -> bool:
        """Double the buffered part of a value, so that it is rescanned few times; returns False at the end of the stream.

        Raises:
            ValueError: The value is longer than ``LONGEST_TASK``.
        """
        buffered = len(self._buffer) - self._position
        if buffered >= LONGEST_TASK:
            raise ValueError
        return self._read_chunk(max(CHUNK, buffered))


def _label_keys(records: Sequence[Mapping[str, Any]]) -> tuple[Sequence[str], str]:
    """Candidate keys of the label in plain objects.

    Usually the known names; for a Label Studio export without any of them, its only control.

    Returns:
        The candidate keys, and a list of the actual keys for an error message if none of them matches.
    """
    plain_records = [
        record
        for record in records
        if not isinstance(record.get("data"), dict) and "annotations" not in record
    ]
    key_names = {normalize_column(name): name for record in plain_records for name in record}
    key_list = ", ".join(name[:40] for name in list(key_names.values())[:12])
    control_keys = dict.fromkeys(
        normalize_column(name) for record in plain_records for name in control_columns(list(record))
    )
    known_controls = [name for name in LABEL if name in control_keys]
    if known_controls:
        return known_controls, ""
    if len(control_keys) == 1:
        return list(control_keys), ""
    return LABEL, "" if set(LABEL) & set(key_names) else key_list


def _parse_record(location: str, value: Any, label_keys: Sequence[str]) -> Iterator[TableLine | TableFault]:
    """Parse one JSON object: a Label Studio task, or an object with plain values."""
    if not isinstance(value, dict):
        sentence = f"{location.capitalize()} is not an object with names and values, so it is passed over."
        yield TableFault(location, sentence, "are not objects with names and values and are passed over")
        return
    data = value.get("data")
    data = data if isinstance(data, dict) else value
    is_task = data is not value or any(key in value for key in ("annotations", "completions"))
    try:
        label, has_several = _task_label(value) if is_task else parse_label(_first_value(data, label_keys))
    except TypeError:
        sentence = f"{location.capitalize()} has a label that is not a text, so it is passed over."
        yield TableFault(location, sentence, "have a label that is not a text and are passed over")
        return
    if has_several:
        yield multiple_labels_fault(location)
    allow_numbers = not is_task and not control_columns(list(value))
    values = {
        "file": find_file_name(data, allow_numbers),
        "label": label,
        "sha256": _first_text(data, SHA256),
    }
    if any(normalize_column(name) in SPLIT for name in data):
        values["split"] = _first_text(data, SPLIT)
    yield from parse_values(location, values)


def _first_value(data: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The first non-null value under any of the keys; None if there is none."""
    normalized = {normalize_column(name): value for name, value in data.items()}
    return next((normalized[key] for key in keys if normalized.get(key) is not None), None)


def _first_text(data: Mapping[str, Any], keys: Sequence[str]) -> str:
    value = _first_value(data, keys)
    return value.strip() if isinstance(value, str) else ""


def _task_label(task: Mapping[str, Any]) -> tuple[str, bool]:
    """The class of a task, and whether it has several.

    Uses the first choice of the first annotation that was not cancelled. If there are several controls, one with a
    label-like name is preferred. Predictions are ignored.
    """
    annotations = task.get("annotations", task.get("completions"))
    for annotation in annotations if isinstance(annotations, list) else []:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        results = annotation.get("result")
        choices = [
            choice
            for result in (results if isinstance(results, list) else [])
            for choice in _choice_results(result)
        ]
        choices.sort(key=lambda choice: choice[0])
        if choices:
            return choices[0][1:]
    return "", False


def _choice_results(result: Any) -> Iterator[tuple[bool, str, bool]]:
    """The class in one annotation result: whether its control has no label-like name, the class, and whether it has several."""
    value = result.get("value") if isinstance(result, dict) else None
    if not isinstance(value, dict) or not any(
        isinstance(value.get(key), list) for key in ("choices", "taxonomy")
    ):
        return
    label, has_several = parse_label(value)
    if label:
        yield normalize_column(str(result.get("from_name"))) not in LABEL, label, has_several
