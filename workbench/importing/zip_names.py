"""Names of the entries of a zip, whatever program wrote it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import suppress

from workbench.importing.label_tables import utf8_encodable

UTF_8 = 1 << 11
UNICODE_PATH = 0x7075


def with_decoded_names(archive: zipfile.ZipFile) -> zipfile.ZipFile:
    """The same archive, whose entries have the names that their authors gave them."""
    for entry in archive.infolist():
        entry.filename = _decoded_name(entry)
    return archive


def _decoded_name(entry: zipfile.ZipInfo) -> str:
    """Decode the name of a zip entry.

    Uses UTF-8 if flagged; else the Unicode Path extra field if its checksum matches, then UTF-8 if valid, then code
    page 437 (PKWARE APPNOTE.TXT, 4.6.9 and D.1).
    """
    name = entry.orig_filename
    if not entry.flag_bits & UTF_8:
        raw = name.encode("cp437")
        with suppress(UnicodeDecodeError):
            name = raw.decode("utf-8")
        name = _unicode_path(entry.extra, zlib.crc32(raw)) or name
    return utf8_encodable(name.split("\0", 1)[0])


def _unicode_path(extra: bytes, crc: int) -> str:
    """The name in the Info-ZIP Unicode Path field; empty if it is missing or its checksum does not match."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and field[:5] == struct.pack("<BL", 1, crc):
            with suppress(UnicodeDecodeError):
                return field[5:].decode("utf-8")
    return ""
