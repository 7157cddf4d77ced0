"""Checks and sanitizes file and folder names so that they are valid on every operating system."""

from __future__ import annotations

import re
import unicodedata

from workbench.core.system_files import is_leftover

UNSAFE = frozenset('<>:"/\\|?*')
"""Characters that Windows forbids; its rules are the strictest of the common systems."""
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])\s*(\.|$)", re.IGNORECASE)
"""Windows device names, which are reserved with an extension too: ``nul.jpg``."""
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Invisible letters, marks and symbols."""
ZERO_WIDTH_JOINERS = frozenset("\u200c\u200d")
PLAIN_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
A_CHARACTER = "has a character that a name cannot have (< > : / \\ | ? * or a quote, or one that is not seen)"
NO_FOLDER = "cannot be the name of a folder: "
AT_THE_ENDS = f"{NO_FOLDER}it begins or ends with a dot or a blank"
A_DEVICE = f"{NO_FOLDER}Windows keeps it for a device"
A_LEFTOVER = f"{NO_FOLDER}systems and tools use it for files of their own"


def name_problem(name: str) -> str:
    """Why a name is not a valid folder name on every system, as the predicate of a sentence; empty if it is valid."""
    if any(_is_unsafe(character) for character in name) or has_stray_joiner(name):
        return A_CHARACTER
    if name.startswith(".") or name.endswith((".", " ")):
        return AT_THE_ENDS
    if RESERVED.match(name):
        return A_DEVICE
    if is_leftover(name):
        return A_LEFTOVER
    return ""


def sanitized(text: str) -> str:
    """Replace each forbidden or invisible character by ``_``, and strip blanks and dots."""
    composed = unicodedata.normalize("NFC", text)
    if has_stray_joiner(composed):
        composed = "".join(character for character in composed if not is_joiner(character))
    return "".join(
        "_" if _is_unsafe(character) or _is_invisible(character) else character for character in composed
    ).strip(" .")


def safe_name(text: str, longest: int) -> str:
    """Sanitize a text to a similar name that is valid on every system.

    Args:
        text: Any text.
        longest: Most bytes of the name in UTF-8, apart from a possible ``_`` prefix.
    """
    name = sanitized(text).encode()[:longest].decode(errors="ignore").rstrip(" .")
    return f"_{name}" if not name or RESERVED.match(name) or is_leftover(name) else name


def printable_name(name: str) -> str:
    """A name for use in a message: truncated, with a replacement character for each invisible character."""
    return "".join("\ufffd" if _is_invisible(character) else character for character in name[:80])


def is_joiner(character: str) -> bool:
    """Whether a character is invisible and affects its neighbours: joiners and variation selectors."""
    return character in ZERO_WIDTH_JOINERS or "VARIATION SELECTOR" in unicodedata.name(character, "")


def has_stray_joiner(name: str) -> bool:
    """Whether a joiner has no visible effect, so that two different names would look the same.

    Scripts such as Persian, and emoji, need joiners; Latin, Greek and Cyrillic do not.
    """
    neighbours = zip(f" {name}", name, f"{name[1:]} ", strict=False)
    return any(
        is_joiner(character)
        and (
            _needs_no_joiner(before)
            or (character in ZERO_WIDTH_JOINERS and (_needs_no_joiner(after) or before.isascii()))
        )
        for before, character, after in neighbours
    )


def _needs_no_joiner(character: str) -> bool:
    return character.isspace() or unicodedata.name(character, "").startswith(PLAIN_SCRIPTS)


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character)[0] == "C"


def _is_unsafe(character: str) -> bool:
    """Whether a character is forbidden on Windows or invisible: controls, direction marks, surrogates."""
    if character in UNSAFE or character in BLANKS:
        return True
    category = unicodedata.category(character)
    return category in {"Cc", "Cs", "Zl", "Zp"} or (category == "Cf" and not is_joiner(character))
