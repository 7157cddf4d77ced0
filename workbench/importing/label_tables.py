"""What tables say of pictures, line by line: the words for it, and what a written name of a file may stand for."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, unquote_plus

from workbench.importing.table_faults import TableFault

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    # Hugging Face counts the last three to the test. Who has no other pictures to check with means them for that, and nothing
    # is lost: the word test alone sets pictures aside.
    **dict.fromkeys(("validation", "val", "valid", "dev", "testing", "eval", "evaluation"), "validation"),
    "test": "test",
}
ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://[^/]*/")
ABSOLUTE = re.compile(r"[A-Za-z]:/")
PLAIN = re.compile(r"\w[\w .()-]*")
"""The name of a file that stands for itself, as most do."""
DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 4096
"""Characters of the name of a file, the most that a path has on Linux."""


@dataclass(frozen=True, slots=True)
class TableLine:
    """What a table says of one picture.

    Attributes:
        where: ``line 3`` or ``task 7``, to name it in a report.
        names: Names that the file may have, the likeliest first; none where only ``sha256`` names it.
        label: Its class; empty where the table has none for it.
        split: ``train``, ``validation``, ``test``, empty for neither, None where the table does not speak of splits.
        sha256: That of the file, empty where the table does not have it.
    """

    where: str
    names: tuple[str, ...]
    label: str
    split: str | None = None
    sha256: str = ""


def writable(name: str) -> str:
    """A text as UTF-8 can hold it; halves of characters become question marks."""
    return name if name.isascii() else name.encode("utf-8", "replace").decode()


def is_table(name: str) -> bool:
    """Whether a file's name is that of a table."""
    return name.lower().endswith(TABLES)


def line_of(where: str, values: Mapping[str, str]) -> Iterator[TableLine | TableFault]:
    """What a line says, and what is wrong with it.

    Args:
        where: ``line 3`` or ``task 7``.
        values: The texts for ``file``, ``label``, ``split`` and ``sha256``, as far as the table has them.
    """
    sha256 = values.get("sha256", "").lower()
    sha256 = sha256 if DIGEST.fullmatch(sha256) else ""
    file = writable(values.get("file", ""))
    names = names_of(file) if file and len(file) <= LONGEST_NAME else ()
    if not names and not sha256:
        yield TableFault(where, f"{where.capitalize()} names no file.", "name no file")
        return
    split = values.get("split")
    if split is not None:
        known = SPLITS.get(split.casefold(), "") if split else ""
        if split and not known:
            yield TableFault(
                where,
                f"{where.capitalize()} has the split “{writable(split[:40])}”; it can be train, validation or test, or empty.",
                "have a split that is not known",
            )
            split = None
        else:
            split = known
    label = sys.intern(writable(values.get("label", "")))
    yield TableLine(where, names, label, split, sha256)


def names_of(written: str) -> tuple[str, ...]:
    """Names that a path or an address may stand for, the likeliest first.

    Of an address or another machine's path its file name counts alone, too. Signs written as ``%20`` or ``+`` are read as
    what they stand for and, less likely, as they are; in a plain path it is the other way round.
    """
    if PLAIN.fullmatch(written):
        return (written,)
    path = written.replace("\\", "/").strip()
    place, elsewhere = _place(path)
    elsewhere = elsewhere or path.startswith("/") or ABSOLUTE.match(path) is not None
    readings = _readings(place, path != place)
    names: list[str] = []
    for reading in readings:
        tidy = PurePosixPath(reading).as_posix().lstrip("/")
        names += [tidy, tidy.rsplit("/", 1)[-1]] if elsewhere else [tidy]
    return tuple(dict.fromkeys(name for name in names if name not in {"", "."}))


def _place(path: str) -> tuple[str, bool]:
    """The path in an address, and whether it was one: of a web server, of a bucket, or of Label Studio's own storage."""
    if "://" not in path and not path.startswith("/data/"):
        return path, False
    if "?d=" in path:  # Label Studio's local files
        return path.split("?d=", 1)[1], True
    return ADDRESS.sub("", re.split(r"[?#]", path, maxsplit=1)[0]), True


def _readings(place: str, encoded: bool) -> list[str]:
    decoded = [unquote(place), unquote(re.split(r"[?&#]", place, maxsplit=1)[0]), unquote_plus(place)]
    return list(dict.fromkeys([*decoded, place] if encoded else [place, *decoded]))
