"""File names for exports: safe on every system, and no two alike in one folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from storage.listings import Listed
from workbench.archives import SYSTEM_NAMES

SUFFIXES = {
    **{"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif"},
    **{"TIFF": ".tiff", "HEIF": ".heic", "AVIF": ".avif"},
}
KNOWN = {*SUFFIXES.values(), ".jpeg", ".jpe", ".jfif", ".tif", ".heif", ".dib", ".apng"}
UNSAFE = re.compile(r'[<>:"/\\|?*]')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
LONGEST_STEM = 120
"""Bytes of a name without its ending."""


def named(pictures: Iterable[Listed]) -> list[str]:
    """Names for pictures of one folder, in their order: those that they came with where that is possible.

    Of two alike, also by case alone, the later one gets a part of its sha256.
    """
    taken: set[str] = set()
    return [_free(_safe(each), each.sha256, taken) for each in pictures]


def _safe(picture: Listed) -> str:
    text = unicodedata.normalize("NFC", picture.filename)
    plain = (
        each if unicodedata.category(each)[0] != "C" and each not in "\u2028\u2029" else "_" for each in text
    )
    name = UNSAFE.sub("_", "".join(plain)).strip(" .")
    if PurePosixPath(name).suffix.lower() not in KNOWN:
        name += (
            SUFFIXES.get(picture.format, ".jpg") if name else f"picture{SUFFIXES.get(picture.format, '.jpg')}"
        )
    path = PurePosixPath(name)
    stem = path.stem.encode()[:LONGEST_STEM].decode(errors="ignore").rstrip(" .")
    if RESERVED.match(stem) or name.lower() in SYSTEM_NAMES:
        stem = f"_{stem}"
    return f"{stem}{path.suffix}"


def _free(name: str, sha256: str, taken: set[str]) -> str:
    path = PurePosixPath(name)
    for free in (name, f"{path.stem}-{sha256[:8]}{path.suffix}", f"{path.stem}-{sha256}{path.suffix}"):
        if free.casefold() not in taken:
            taken.add(free.casefold())
            return free
    raise AssertionError("no two pictures have the same sha256")
