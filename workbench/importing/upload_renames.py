"""How web applications rename uploaded files.

Django, and so Label Studio, replaces blanks by underscores, drops all but letters, digits, dots, hyphens and underscores,
and appends an underscore and seven alphanumeric characters to duplicate names; Label Studio prefixes eight hexadecimal
digits and a hyphen. Gradio drops characters that file systems do not allow (older versions: all but letters, digits,
dots, hyphens, underscores and blanks) and truncates names to 200 bytes. Browsers percent-encode, and write blanks as ``+``.
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
"""Lower-case names that no uploader changes."""


def uploader_variants(name: str) -> set[str]:
    """The names that uploaders may give to a file."""
    django_name = DJANGO_DROPS.sub("", name.strip().replace(" ", "_"))
    names = {django_name, _truncated(GRADIO_DROPS.sub("", name)), _truncated(OLD_GRADIO_DROPS.sub("", name))}
    return {candidate for candidate in names if candidate.strip("._ ")}


def _truncated(name: str) -> str:
    """The name truncated to ``GRADIO_BYTES`` bytes, with its extension."""
    if len(name.encode("utf-8", "replace")) <= GRADIO_BYTES:
        return name
    path = PurePosixPath(name)
    stem_bytes = max(0, GRADIO_BYTES - len(path.suffix.encode("utf-8", "replace")))
    return path.stem.encode("utf-8", "replace")[:stem_bytes].decode("utf-8", "ignore") + path.suffix


def names_before_upload(name: str) -> Iterator[str]:
    """The names that a file may have had before it was uploaded, most likely first."""
    unprefixed = PREFIX.sub("", name)
    names = [name, unprefixed]
    if "%" in unprefixed or "+" in unprefixed:
        names += [unquote(unprefixed), unquote_plus(unprefixed)]
    yield from dict.fromkeys([*names, CLASH.sub("", unprefixed)])
