"""How web programs change the names of files that are uploaded to them.

Django, and Label Studio with it, turns blanks into underscores and drops all but letters, digits, dots, hyphens and
underscores; of two files with one name the second gets an underscore and seven letters or digits, and Label Studio writes eight hexadecimal
digits and a hyphen before each. Gradio drops the signs that file systems do not have, in older versions all but letters, digits,
dots, hyphens, underscores and blanks, and cuts names at 200 bytes. Browsers write other signs as ``%20`` and blanks as ``+``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote, unquote_plus

PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")
CLASH = re.compile(r"_[0-9a-zA-Z]{7}(?=(\.[^.]*)?$)")
DJANGO_DROPS = re.compile(r"[^-\w.]")
GRADIO_DROPS = re.compile(r"[<>:\"/\\|?*\x00-\x1f\x7f`$!{}]")
OLD_GRADIO_DROPS = re.compile(r"[^\w. -]")
GRADIO_BYTES = 200
UNCHANGED = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,150}")
"""Names without capitals that all of them leave as they are."""


def renamed(name: str) -> set[str]:
    """What uploaders make of a file name."""
    django = DJANGO_DROPS.sub("", name.strip().replace(" ", "_"))
    names = {django, _cut(GRADIO_DROPS.sub("", name)), _cut(OLD_GRADIO_DROPS.sub("", name))}
    return {other for other in names if other.strip("._ ")}


def _cut(name: str) -> str:
    """At most as many bytes as Gradio keeps, with the ending."""
    if len(name.encode("utf-8", "replace")) <= GRADIO_BYTES:
        return name
    path = PurePosixPath(name)
    room = max(0, GRADIO_BYTES - len(path.suffix.encode("utf-8", "replace")))
    return path.stem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore") + path.suffix


def written_names(name: str) -> Iterator[str]:
    """What a table's name of a file may have been before it was uploaded, the likeliest first."""
    bare = PREFIX.sub("", name)
    names = [name, bare]
    if "%" in bare or "+" in bare:
        names += [unquote(bare), unquote_plus(bare)]
    yield from dict.fromkeys([*names, CLASH.sub("", bare)])
