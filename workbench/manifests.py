"""Tables that say what pictures are: CSV, JSON lines, and Label Studio's JSON. Text in, lines and problems out."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from workbench.cells import bare
from workbench.errors import RejectedTable

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
FILE = ("filename", "file_name", "file name", "file", "image", "path")
LABEL = ("label", "class", "class_name", "category", "choice")
SPLIT = ("split", "subset")
SHA256 = ("sha256",)
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    # Hugging Face counts the last three to the test. Who has no other pictures to check with means them for that, and nothing
    # is lost: the word test alone sets pictures aside.
    **dict.fromkeys(("validation", "val", "valid", "dev", "testing", "eval", "evaluation"), "validation"),
    "test": "test",
}
SEPARATORS = ",;\t|"
MOST_PROBLEMS = 1000
PREFIXED = re.compile(r"^[0-9a-f]{8}-(?=.)")
ABSOLUTE = re.compile(r"[A-Za-z]:/")
DIGEST = re.compile(r"[0-9a-f]{64}")
NOT_TASKS = (
    "The JSON is not an export of Label Studio, which is a list of tasks that each have data with an image. Export it again "
    "as JSON."
)
NOT_READ = "The JSON cannot be read: it is damaged, cut off, or nested too deep. Export it again."


@dataclass(frozen=True)
class Line:
    """What a table says of one picture.

    Attributes:
        where: ``line 3`` or ``task 7``, to name it in a report.
        names: Names that the file may have, the likeliest first; none where only ``sha256`` names it.
        label: Its class; empty where the table has none for it.
        split: ``train``, ``validation``, empty for neither, None where the table does not speak of splits.
        sha256: That of the file, empty where the table does not have it.
    """

    where: str
    names: tuple[str, ...]
    label: str
    split: str | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Table:
    """The lines of a table, and a sentence on each line that says nothing usable."""

    lines: tuple[Line, ...]
    problems: tuple[str, ...]


def writable(name: str) -> str:
    """A text as UTF-8 can hold it; halves of characters become question marks."""
    return name.encode("utf-8", "replace").decode()


def is_table(name: str) -> bool:
    """Whether a file's name is that of a table."""
    return name.lower().endswith(TABLES)


def parse(name: str, data: bytes) -> Table:
    """Read a table of any of the kinds.

    Args:
        name: Its file name, which tells the kind.
        data: Its bytes.

    Raises:
        RejectedTable: It is not a table of pictures; the message says why.
    """
    text, kind = _decoded(data), PurePosixPath(name.lower()).suffix
    if kind in {".csv", ".tsv"}:
        return _collected(_csv_lines(text))
    return _collected(_json_lines(text) if kind in {".jsonl", ".ndjson"} else _tasks(text))


def _decoded(data: bytes) -> str:
    """Text by its byte order mark, else UTF-8, UTF-16 where every other byte is 0, or Windows' own."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    head = data[:200]
    if head.count(0) * 3 > len(head) > 1:
        return data.decode("utf-16-le" if head[1] == 0 else "utf-16-be", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _collected(found: Iterable[Line | str]) -> Table:
    lines: list[Line] = []
    problems: list[str] = []
    for each in found:
        if isinstance(each, Line):
            lines.append(each)
        else:
            problems.append(each)
    more = len(problems) - MOST_PROBLEMS
    if more > 0:
        problems[MOST_PROBLEMS:] = [f"{more:,} more lines have problems."]
    return Table(tuple(lines), tuple(problems))


def _csv_lines(text: str) -> Iterator[Line | str]:
    first, separator, skipped = _header(text)
    columns = _columns(first)
    rows = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    end = "The table ends here."
    try:
        for row in rows:
            number = rows.line_num
            if number <= skipped or not any(map(str.strip, row)):
                continue
            if len(row) <= max(columns.get("file", 0), columns["label"]):
                yield f"Line {number} has {len(row)} of {len(first)} columns, so it is passed over."
                continue
            values = {key: bare(row[at].strip()) if at < len(row) else "" for key, at in columns.items()}
            yield from _line(f"line {number}", values)
    except csv.Error as error:
        yield f"Line {rows.line_num} cannot be read as CSV ({error}). {end}"


def _header(text: str) -> tuple[list[str], str, int]:
    """The names of the columns, the separator, and how many lines the heading takes."""
    head = StringIO(text[:100_000], newline=None)
    for number, line in enumerate(head, 1):
        if line.strip() and not line.lower().startswith("sep="):
            return *_split_header(line.rstrip("\n")), number
    raise RejectedTable("The table is empty.")


def _split_header(line: str) -> tuple[list[str], str]:
    try:
        read = {each: next(csv.reader([line], delimiter=each)) for each in SEPARATORS}
    except csv.Error:
        read = {each: line.split(each) for each in SEPARATORS}
    separator = max(SEPARATORS, key=lambda each: (len(_columns_or_none(read[each])), len(read[each])))
    return read[separator], separator


def _columns(first: Sequence[str]) -> dict[str, int]:
    """Where each known column is.

    Raises:
        RejectedTable: The one for the file or the class is missing.
    """
    found = _columns_or_none(first)
    wanted = (("label", "label"),) if "sha256" in found else (("file", "filename"), ("label", "label"))
    missing = [name for key, name in wanted if key not in found]
    if missing:
        shown = ", ".join(each.strip()[:40] for each in first[:8])
        raise RejectedTable(
            f"The table has no column {' and no column '.join(missing)}. Its first line has to name the columns filename and "
            f"label, separated by comma, semicolon or tab; it is “{shown}”."
        )
    return found


def _columns_or_none(first: Sequence[str]) -> dict[str, int]:
    names = [each.strip().strip('"').casefold() for each in first]
    known = {"file": FILE, "label": LABEL, "split": SPLIT, "sha256": SHA256}
    found = {
        key: [names.index(each) for each in spellings if each in names] for key, spellings in known.items()
    }
    return {key: at[0] for key, at in found.items() if at}


def _line(where: str, values: Mapping[str, str]) -> Iterator[Line | str]:
    """A line from its file, label, split and sha256; a split that nobody knows is told, and the rest counts."""
    values = {key: writable(value) for key, value in values.items()}
    sha256 = values.get("sha256", "").lower()
    sha256 = sha256 if DIGEST.fullmatch(sha256) else ""
    file = values.get("file", "")
    names = _names(file) if file else ()
    if not names and not sha256:
        yield f"{where.capitalize()} names no file."
        return
    split = values.get("split")
    if split is not None:
        known = SPLITS.get(split.casefold(), "") if split else ""
        if split and not known:
            yield f"{where.capitalize()} has the split “{split[:40]}”; it can be train, validation or test, or empty."
            split = None
        else:
            split = known
    yield Line(where, names, values.get("label", ""), split, sha256)


def _names(written: str) -> tuple[str, ...]:
    """Names that a path may stand for; of an address or another machine's path also its file name alone."""
    path, elsewhere = written.replace("\\", "/").strip(), False
    if "://" in path or path.startswith("/data/"):
        path = unquote(path.split("?d=", 1)[-1].split("?", 1)[0])
        path, elsewhere = re.sub(r"^[A-Za-z0-9]+://[^/]*/", "", path), True
    elsewhere = elsewhere or path.startswith("/") or ABSOLUTE.match(path) is not None
    path = PurePosixPath(path).as_posix().lstrip("/")
    base = path.rsplit("/", 1)[-1]
    found = [path, base, PREFIXED.sub("", base)] if elsewhere else [path]
    return tuple(dict.fromkeys(each for each in found if each not in {"", "."}))


def _json_lines(text: str) -> Iterator[Line | str]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield f"{where.capitalize()} is not JSON, so it is passed over."
            continue
        yield from _record(where, value)


def _tasks(text: str) -> Iterator[Line | str]:
    try:
        tasks = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RejectedTable(NOT_READ) from error
    if not isinstance(tasks, list) or not any(isinstance(each, dict) for each in tasks):
        raise RejectedTable(NOT_TASKS)
    found = [each for number, task in enumerate(tasks, 1) for each in _record(f"task {number}", task)]
    if not any(isinstance(each, Line) for each in found):
        raise RejectedTable(NOT_TASKS)
    yield from found


def _record(where: str, value: Any) -> Iterator[Line | str]:
    """A line from a JSON object: a task of Label Studio, or one with plain values."""
    if not isinstance(value, dict):
        yield f"{where.capitalize()} is not an object with names and values, so it is passed over."
        return
    data = value.get("data")
    data = data if isinstance(data, dict) else value
    label = _choice(value) if data is not value else _plain(data, LABEL)
    if label is None:
        yield f"{where.capitalize()} has a label that is not a text, so it is passed over."
        return
    values = {"file": _file(data), "label": label}
    values["sha256"] = _plain(data, SHA256) or ""
    if any(each in data for each in SPLIT):
        values["split"] = _plain(data, SPLIT) or ""
    yield from _line(where, values)


def _plain(data: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """The text under the first of some names that is there: empty for none, None where it is neither text nor number."""
    value = next((data[each] for each in keys if each in data), None)
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        value = next(iter(value["choices"]), None)
    if value is None or value == []:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()


def _file(data: Mapping[str, Any]) -> str:
    """The text under a usual name, else the only one that looks like a file."""
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    if named := next((texts[each] for each in FILE if texts.get(each)), ""):
        return named
    likely = [each for each in texts.values() if PurePosixPath(each).suffix]
    return likely[0] if len(likely) == 1 else ""


def _choice(task: Mapping[str, Any]) -> str:
    """The first choice of the first annotation that was not cancelled; predictions do not count."""
    annotations = task.get("annotations", task.get("completions"))
    for annotation in annotations if isinstance(annotations, list) else []:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        results = annotation.get("result")
        for result in results if isinstance(results, list) else []:
            value = result.get("value") if isinstance(result, dict) else None
            choices = value.get("choices") if isinstance(value, dict) else None
            if isinstance(choices, list) and choices and isinstance(choices[0], str):
                return choices[0].strip()
    return ""
