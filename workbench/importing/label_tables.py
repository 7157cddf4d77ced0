"""Lines of label tables, and the file names that a written path or URL may refer to."""

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
    # Hugging Face maps the last three to test. Here only the word test holds pictures out; without other validation data
    # these splits are meant for validation.
    **dict.fromkeys(("validation", "val", "valid", "dev", "testing", "eval", "evaluation"), "validation"),
    "test": "test",
}
ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://[^/]*/")
ABSOLUTE = re.compile(r"[A-Za-z]:/")
PLAIN = re.compile(r"\w[\w .()-]*")
"""A file name that needs no decoding, as most."""
DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 4096
"""Most characters of a file name (PATH_MAX on Linux)."""


@dataclass(frozen=True, slots=True)
class TableLine:
    """One line of a label table.

    Attributes:
        where: ``line 3`` or ``task 7``, for reports.
        names: Candidate file names, most likely first; empty if the line has only ``sha256``.
        label: The class; empty if the line has none.
        split: ``train``, ``validation``, ``test``, or empty for none; None if the table has no split column.
        sha256: Hash of the file; empty if the line has none.
    """

    where: str
    names: tuple[str, ...]
    label: str
    split: str | None = None
    sha256: str = ""


def utf8_encodable(name: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot encode, replaced by question marks."""
    return name if name.isascii() else name.encode("utf-8", "replace").decode()


def is_table(name: str) -> bool:
    """Whether a file name has the extension of a table."""
    return name.lower().endswith(TABLES)


def parse_values(where: str, values: Mapping[str, str]) -> Iterator[TableLine | TableFault]:
    """Build the table line of a row, and faults for invalid values.

    Args:
        where: ``line 3`` or ``task 7``.
        values: The texts of ``file``, ``label``, ``split`` and ``sha256``; missing columns are left out.
    """
    sha256 = values.get("sha256", "").lower()
    sha256 = sha256 if DIGEST.fullmatch(sha256) else ""
    file = utf8_encodable(values.get("file", ""))
    names = candidate_names(file) if file and len(file) <= LONGEST_NAME else ()
    if not names and not sha256:
        yield TableFault(where, f"{where.capitalize()} names no file.", "name no file")
        return
    split = values.get("split")
    if split is not None:
        canonical_split = SPLITS.get(split.casefold(), "") if split else ""
        if split and not canonical_split:
            yield TableFault(
                where,
                f"{where.capitalize()} has the split “{utf8_encodable(split[:40])}”; it can be train, validation or test, or empty.",
                "have a split that is not known",
            )
            split = None
        else:
            split = canonical_split
    label = sys.intern(utf8_encodable(values.get("label", "")))
    yield TableLine(where, names, label, split, sha256)


def candidate_names(written: str) -> tuple[str, ...]:
    """Candidate file names of a path or URL, most likely first.

    For a URL or an absolute path, the base name alone is a candidate too. In URLs, percent-encoding and ``+`` are
    decoded first and taken literally second; in plain paths it is the other way round.
    """
    if PLAIN.fullmatch(written):
        return (written,)
    path = written.replace("\\", "/").strip()
    local_path, is_remote = _url_path(path)
    is_remote = is_remote or path.startswith("/") or ABSOLUTE.match(path) is not None
    decodings = _decodings(local_path, path != local_path)
    names: list[str] = []
    for decoding in decodings:
        normalized = PurePosixPath(decoding).as_posix().lstrip("/")
        names += [normalized, normalized.rsplit("/", 1)[-1]] if is_remote else [normalized]
    return tuple(dict.fromkeys(name for name in names if name not in {"", "."}))


def _url_path(path: str) -> tuple[str, bool]:
    """The path in a URL (web, bucket or Label Studio storage), and whether the text was a URL."""
    if "://" not in path and not path.startswith("/data/"):
        return path, False
    if "?d=" in path:  # Label Studio's local files
        return path.split("?d=", 1)[1], True
    return ADDRESS.sub("", re.split(r"[?#]", path, maxsplit=1)[0]), True


def _decodings(path: str, encoded: bool) -> list[str]:
    decoded = [unquote(path), unquote(re.split(r"[?&#]", path, maxsplit=1)[0]), unquote_plus(path)]
    return list(dict.fromkeys([*decoded, path] if encoded else [path, *decoded]))
