"""CSV output that is safe against formula injection, and the inverse for reading it back."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from io import StringIO

SIGNS = frozenset("=+-@\u2212")
SEPARATORS = frozenset(";|\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
"""Characters at which a program may split that ignores the quotes of a comma-separated table."""
CANDIDATE = re.compile(r"[^'\w\s]")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Write rows as CSV with all cells quoted and all texts escaped by :func:`escape_formulas`."""
    buffer = StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([escape_formulas(cell) if isinstance(cell, str) else cell for cell in row])
    return buffer.getvalue()


def escape_formulas(text: str) -> str:
    """Prefix ``'`` to each character at which a spreadsheet may start a formula.

    These are ``= + - @``, including full-width and small forms, at the start and after a separator, with or without
    blanks between. A character that already has a ``'`` gets another one, so that :func:`unescape_formulas` is the exact inverse.
    """
    return _change_quotes(text, lambda quotes: f"'{quotes}")


def unescape_formulas(text: str) -> str:
    """Undo :func:`escape_formulas`; a text without ``'`` before a formula character is unchanged."""
    return _change_quotes(text, lambda quotes: quotes[1:])


def _change_quotes(text: str, change: Callable[[str], str]) -> str:
    """Apply ``change`` to the run of quotes before each character that may start a formula."""
    parts, copied_to = [], 0
    for match in CANDIDATE.finditer(text):
        sign_index = match.start()
        if unicodedata.normalize("NFKC", text[sign_index])[0] not in SIGNS:
            continue
        quotes_start = sign_index
        while quotes_start > copied_to and text[quotes_start - 1] == "'":
            quotes_start -= 1
        if _is_cell_start(text, quotes_start, copied_to):
            parts += [text[copied_to:quotes_start], change(text[quotes_start:sign_index])]
            copied_to = sign_index
    return "".join([*parts, text[copied_to:]])


def _is_cell_start(text: str, index: int, start: int) -> bool:
    """Whether only invisible characters lie between an index and the previous separator or the start of the text."""
    while index > start:
        index -= 1
        if text[index] in SEPARATORS:
            return True
        if not (text[index].isspace() or text[index] == '"' or unicodedata.category(text[index])[0] == "C"):
            return False
    return index == 0
