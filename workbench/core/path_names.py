"""Names that every system can give a file or a folder."""

from __future__ import annotations

import re
import unicodedata

from workbench.core.system_files import is_leftover

UNSAFE = frozenset('<>:"/\\|?*')
"""Characters that Windows keeps for itself; its rules are the strictest of the usual systems."""
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])\s*(\.|$)", re.IGNORECASE)
"""Names of Windows' devices, which stay theirs with an ending: ``nul.jpg``."""
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters, marks and signs that show nothing."""
ZERO_WIDTH_JOINERS = frozenset("\u200c\u200d")
PLAIN_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
A_CHARACTER = "has a character that a name cannot have (< > : / \\ | ? * or a quote, or one that is not seen)"
NO_FOLDER = "cannot be the name of a folder: "


def fault(name: str) -> str:
    """Why a name cannot be that of a folder on every system, to follow the name in a sentence; empty where it can be."""
    if any(_is_unsafe(character) for character in name) or has_stray_joiner(name):
        return A_CHARACTER
    if name.startswith(".") or name.endswith((".", " ")):
        return f"{NO_FOLDER}it begins or ends with a dot or a blank"
    if RESERVED.match(name):
        return f"{NO_FOLDER}Windows keeps it for a device"
    if is_leftover(name):
        return f"{NO_FOLDER}systems and tools use it for files of their own"
    return ""


def plain(text: str) -> str:
    """A text with ``_`` for each character that a name cannot have, without blanks and dots at its ends."""
    composed = unicodedata.normalize("NFC", text)
    if has_stray_joiner(composed):
        composed = "".join(each for each in composed if not is_joiner(each))
    return "".join("_" if _is_unsafe(each) or _is_unseen(each) else each for each in composed).strip(" .")


def repaired(text: str, longest: int) -> str:
    """The name nearest to a text that every system can have.

    Args:
        text: Any text.
        longest: Bytes of UTF-8 that the name may have, but for one that may come before it.
    """
    name = plain(text).encode()[:longest].decode(errors="ignore").rstrip(" .")
    return f"_{name}" if not name or RESERVED.match(name) or is_leftover(name) else name


def shown(name: str) -> str:
    """A name as a sentence can have it: not too long, and with a sign for each character that is not seen."""
    return "".join("\ufffd" if _is_unseen(each) else each for each in name[:80])


def is_joiner(character: str) -> bool:
    """Whether a character shows nothing and changes how those beside it look: joiners, and selectors of a variant."""
    return character in ZERO_WIDTH_JOINERS or "VARIATION SELECTOR" in unicodedata.name(character, "")


def has_stray_joiner(name: str) -> bool:
    """Whether a joiner stands where it changes nothing, so that two names look alike.

    Scripts such as Persian and emoji need them; Latin, Greek and Cyrillic letters do not.
    """
    beside = zip(f" {name}", name, f"{name[1:]} ", strict=False)
    return any(
        is_joiner(each)
        and (_needs_none(before) or (each in ZERO_WIDTH_JOINERS and (_needs_none(after) or before.isascii())))
        for before, each, after in beside
    )


def _needs_none(character: str) -> bool:
    return character.isspace() or unicodedata.name(character, "").startswith(PLAIN_SCRIPTS)


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character)[0] == "C"


def _is_unsafe(character: str) -> bool:
    """Whether a character is Windows', or shows nothing: controls, marks of direction, halves of characters."""
    if character in UNSAFE or character in BLANKS:
        return True
    category = unicodedata.category(character)
    return category in {"Cc", "Cs", "Zl", "Zp"} or (category == "Cf" and not is_joiner(character))
