"""Cursors: where a page ended, in a form that only the same list takes back."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import astuple
from typing import Any

from storage.errors import DomainError
from storage.numbers import LARGEST_ID, is_whole
from storage.records import Filter

LONGEST = 4000


def pack(wanted: Filter, key: Any, last: int) -> str:
    """The cursor after a picture whose sort key is ``key``."""
    return base64.urlsafe_b64encode(json.dumps([_mark(wanted), key, last]).encode()).decode()


def unpack(wanted: Filter, cursor: str) -> tuple[Any, int]:
    """The sort key and id of the last picture of the page before.

    Raises:
        DomainError: No page of this list gave the cursor.
    """
    try:
        if len(cursor) <= LONGEST:
            mark, key, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
            if mark == _mark(wanted) and _is_key(key, wanted.sort) and is_whole(last):
                return key, last
    except (ValueError, TypeError, RecursionError):
        pass
    raise DomainError(
        "cursor is not one that this list gave with this sort and filter. Start again without it."
    )


def _mark(wanted: Filter) -> str:
    return hashlib.blake2b(json.dumps(astuple(wanted)).encode(), digest_size=6).hexdigest()


def _is_key(value: Any, sort: str) -> bool:
    if sort == "name":
        return isinstance(value, str) and not any("\ud800" <= each <= "\udfff" for each in value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and abs(value) <= LARGEST_ID
