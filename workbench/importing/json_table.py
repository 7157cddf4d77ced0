"""JSON as a stream: one object a line, or a list of tasks as Label Studio exports it, one task after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TextIO

from workbench.core.errors import RejectedTable
from workbench.importing.label_tables import TableLine, line_of
from workbench.importing.label_values import label_of, several
from workbench.importing.table_columns import LABEL, SHA256, SPLIT, controls, file_in, plain
from workbench.importing.table_faults import TableFault
from workbench.importing.table_text import CHUNK, LONGEST_LINE, lines_of

LONGEST_TASK = 2_000_000
"""Characters of one task."""
SAMPLE_TASKS, SAMPLE_CHARACTERS = 100, 500_000
END = "The table is read no further."
NOT_TASKS = (
    "The JSON is not an export of Label Studio, which is a list of tasks that each have data with an image. Export it again "
    "as JSON."
)
NOT_READ = "The JSON cannot be read: it is damaged, cut off, or nested too deep. Export it again."
BLANKS = re.compile(r"\s*")


def json_lines(text: TextIO) -> Iterator[TableLine | TableFault]:
    """What the lines say, of which each is a JSON object."""
    for number, line in lines_of(text):
        where = f"line {number}"
        if line is None:
            sentence = (
                f"{where.capitalize()} has more than {LONGEST_LINE:,} characters, so it is passed over."
            )
            yield TableFault(where, sentence, "are too long and are passed over")
        elif line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                sentence = f"{where.capitalize()} is not JSON, so it is passed over."
                yield TableFault(where, sentence, "are not JSON and are passed over")
            else:
                yield from _record(where, value, LABEL)


def tasks(text: TextIO) -> Iterator[TableLine | TableFault]:
    """What the tasks of a list say.

    Raises:
        RejectedTable: It is no such list, or none of its tasks names a file.
    """
    values = _Values(text)
    rest = iter(values)
    sample = _sample(values, rest)
    keys, shown = _keys([value for value in sample if isinstance(value, dict)])
    named = labelled = False
    for number, value in enumerate(chain(sample, rest), 1):
        for item in _record(f"task {number}", value, keys):
            named = named or isinstance(item, TableLine)
            labelled = labelled or (isinstance(item, TableLine) and bool(item.label))
            yield item
    if not named:
        raise RejectedTable(NOT_READ if values.error else NOT_TASKS)
    if values.error:
        yield TableFault(
            "",
            f"Task {number + 1:,} cannot be read: it is damaged, cut off, too long, or nested too deep. {END}",
        )
    if not labelled and shown:
        yield TableFault(
            "",
            f"No class was found in it: none of its names ({shown}) is one of a class, such as {', '.join(LABEL[:5])}.",
        )


def _sample(values: _Values, rest: Iterator[Any]) -> list[Any]:
    """The first values, as many as tell under which names they have the class."""
    sample = []
    for value in islice(rest, SAMPLE_TASKS):
        sample.append(value)
        if values.passed > SAMPLE_CHARACTERS:
            break
    return sample


class _Values:
    """The values of a JSON list, read one by one, so that the list never lies in memory.

    Attributes:
        error: Whether reading ended before the end of the list.
        passed: How many characters the values had.
    """

    def __init__(self, text: TextIO) -> None:
        self.error = False
        self.passed = 0
        self._text = text
        self._buffer = ""
        self._place = 0
        self._ended = False
        self._decoder = json.JSONDecoder()

    def __iter__(self) -> Iterator[Any]:
        self._begin()
        while not self.error and self._next() != "]":
            try:
                value = self._value()
            except (ValueError, RecursionError):
                self.error = True
                return
            yield value
            if self._next() == ",":
                self._place += 1
            elif self._next() != "]":
                self.error = True
        if not self.error:
            self._place += 1
            self.error = bool(self._next())

    def _begin(self) -> None:
        """Go into the list.

        Raises:
            RejectedTable: There is none.
        """
        if self._next() == "[":
            self._place += 1
            return
        while not self._ended and len(self._buffer) < CHUNK:
            self._more(CHUNK)
        try:
            json.loads(self._buffer)
        except (ValueError, RecursionError) as error:
            raise RejectedTable(NOT_READ if self._ended else NOT_TASKS) from error
        raise RejectedTable(NOT_TASKS)

    def _next(self) -> str:
        """The next character that is no blank, which stays; empty at the end."""
        while True:
            blanks = BLANKS.match(self._buffer, self._place)
            self._place = blanks.end() if blanks else self._place
            if self._place < len(self._buffer) or not self._more(CHUNK):
                return self._buffer[self._place : self._place + 1]

    def _more(self, characters: int) -> bool:
        """Read on; tells whether there was more."""
        data = self._text.read(characters)
        self._buffer, self._place = self._buffer[self._place :] + data, 0
        self._ended = self._ended or not data
        return bool(data)

    def _value(self) -> Any:
        """The value that begins here.

        Raises:
            ValueError: It is no JSON, or too long.
            RecursionError: It is nested too deep.
        """
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._place)
            except json.JSONDecodeError as error:
                # What is wrong far from the end does not come of the value being cut off there.
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - 16
                if not cut or not self._longer():
                    raise
            else:
                # A number that ends with the buffer may go on behind it.
                if end < len(self._buffer) or not self._longer():
                    self.passed += end - self._place
                    self._place = end
                    return value

    def _longer(self) -> bool:
        """Twice as much of a value, so that it is not looked at from its beginning too often; tells whether there was more.

        Raises:
            ValueError: It is too long.
        """
        held = len(self._buffer) - self._place
        if held >= LONGEST_TASK:
            raise ValueError
        return self._more(max(CHUNK, held))


def _keys(records: Sequence[Mapping[str, Any]]) -> tuple[Sequence[str], str]:
    """The names under which plain objects may have the class, and all of their names where it is unclear which.

    They are the usual ones; of an export of Label Studio that has none of those, its only control.
    """
    small = [
        record
        for record in records
        if not isinstance(record.get("data"), dict) and "annotations" not in record
    ]
    names = {plain(name): name for record in small for name in record}
    shown = ", ".join(name[:40] for name in list(names.values())[:12])
    answers = dict.fromkeys(plain(name) for record in small for name in controls(list(record)))
    preferred = [name for name in LABEL if name in answers]
    if preferred:
        return preferred, ""
    if len(answers) == 1:
        return list(answers), ""
    return LABEL, "" if set(LABEL) & set(names) else shown


def _record(where: str, value: Any, keys: Sequence[str]) -> Iterator[TableLine | TableFault]:
    """A line from a JSON object: a task of Label Studio, or one with plain values."""
    if not isinstance(value, dict):
        sentence = f"{where.capitalize()} is not an object with names and values, so it is passed over."
        yield TableFault(where, sentence, "are not objects with names and values and are passed over")
        return
    data = value.get("data")
    data = data if isinstance(data, dict) else value
    is_task = data is not value or any(key in value for key in ("annotations", "completions"))
    try:
        label, more = _choice(value) if is_task else label_of(_under(data, keys))
    except TypeError:
        sentence = f"{where.capitalize()} has a label that is not a text, so it is passed over."
        yield TableFault(where, sentence, "have a label that is not a text and are passed over")
        return
    if more:
        yield several(where)
    numbers = not is_task and not controls(list(value))
    values = {"file": file_in(data, numbers), "label": label, "sha256": _text(data, SHA256)}
    if any(plain(name) in SPLIT for name in data):
        values["split"] = _text(data, SPLIT)
    yield from line_of(where, values)


def _under(data: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The value under the first of some names that is there; None where none is."""
    tidied = {plain(name): value for name, value in data.items()}
    return next((tidied[key] for key in keys if tidied.get(key) is not None), None)


def _text(data: Mapping[str, Any], keys: Sequence[str]) -> str:
    value = _under(data, keys)
    return value.strip() if isinstance(value, str) else ""


def _choice(task: Mapping[str, Any]) -> tuple[str, bool]:
    """The class of a task, and whether it has several.

    That is the first choice of the first annotation that was not cancelled and has one, of the control that is called like
    a class where there are several controls. Predictions do not count.
    """
    annotations = task.get("annotations", task.get("completions"))
    for annotation in annotations if isinstance(annotations, list) else []:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        results = annotation.get("result")
        answers = [
            answer for result in (results if isinstance(results, list) else []) for answer in _answer(result)
        ]
        answers.sort(key=lambda answer: answer[0])
        if answers:
            return answers[0][1:]
    return "", False


def _answer(result: Any) -> Iterator[tuple[bool, str, bool]]:
    """The class in one result: whether its control is called otherwise, the class, and whether it has several."""
    value = result.get("value") if isinstance(result, dict) else None
    if not isinstance(value, dict) or not any(
        isinstance(value.get(key), list) for key in ("choices", "taxonomy")
    ):
        return
    label, more = label_of(value)
    if label:
        yield plain(str(result.get("from_name"))) not in LABEL, label, more
