"""CSV that goes out: cells that no spreadsheet runs as a formula, and how they are read back."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from io import StringIO

SIGNS = frozenset("=+-@\u2212")
SEPARATORS = frozenset(";|\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
"""What a program may split at that does not heed the quotes of a table separated by commas."""
CANDIDATE = re.compile(r"[^'\w\s]")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV: each cell quoted, and each text :func:`shielded`."""
    text = StringIO()
    table = csv.writer(text, quoting=csv.QUOTE_ALL)
    for row in rows:
        table.writerow([shielded(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def shielded(text: str) -> str:
    """A text with a ``'`` before each sign at which a spreadsheet may begin to read a formula.

    These are ``= + - @``, also full-width or small, at the beginning and after a separator, blanks between or not. A sign
    that has a ``'`` before it gets one more, so that :func:`bare` gives back any text.
    """
    return _at_formulas(text, lambda quotes: f"'{quotes}")


def bare(text: str) -> str:
    """The text that was :func:`shielded`; one of a person's own that has no ``'`` before a sign stays as it is."""
    return _at_formulas(text, lambda quotes: quotes[1:])


def _at_formulas(text: str, change: Callable[[str], str]) -> str:
    """Change the quotes before each sign that may begin a formula."""
    parts, done = [], 0
    for candidate in CANDIDATE.finditer(text):
        sign = candidate.start()
        if unicodedata.normalize("NFKC", text[sign])[0] not in SIGNS:
            continue
        quotes = sign
        while quotes > done and text[quotes - 1] == "'":
            quotes -= 1
        if _begins(text, quotes, done):
            parts += [text[done:quotes], change(text[quotes:sign])]
            done = sign
    return "".join([*parts, text[done:]])


def _begins(text: str, at: int, since: int) -> bool:
    """Whether a cell may begin at a place: nothing but what is not seen lies between it and the start or a separator."""
    while at > since:
        at -= 1
        if text[at] in SEPARATORS:
            return True
        if not (text[at].isspace() or text[at] == '"' or unicodedata.category(text[at])[0] == "C"):
            return False
    return at == 0
