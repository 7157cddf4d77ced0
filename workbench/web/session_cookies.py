"""Signed session cookies: they outlive a restart, end at logout, and end all at once when the password changes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable

from storage.core.key_value import KeyValue

DAYS = 30
LIFETIME_SECONDS = DAYS * 24 * 3600
SIGNING_KEY, ENDED = "session_key", "ended_sessions"


class Sessions:
    """Issues and checks session tokens, ``EXPIRY.ID.SIGNATURE``.

    The signature is HMAC-SHA256 (RFC 2104) under a key made of a random one, kept in the database, and the password.

    Args:
        preferences: Keeps the key and the sessions that were ended before their time.
        password: The shared password as bytes.
        clock: Seconds since 1970.
    """

    def __init__(
        self, preferences: KeyValue, password: bytes, clock: Callable[[], float] = time.time
    ) -> None:
        self._preferences = preferences
        self._clock = clock
        self._key = hmac.digest(_signing_key(preferences), password, "sha256")
        self._ended: dict[str, int] = preferences.get(ENDED, {})
        self._lock = threading.Lock()

    def issue(self) -> str:
        """A token for a browser that has just given the password."""
        told = f"{int(self._clock()) + LIFETIME_SECONDS}.{secrets.token_urlsafe(18)}"
        return f"{told}.{self._signature(told)}"

    def valid(self, token: str) -> bool:
        """Whether a token is one of ours that has neither expired nor been ended."""
        told, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(told).encode(), signature.encode(errors="replace")):
            return False
        expiry, _, session = told.partition(".")
        return int(expiry) > self._clock() and session not in self._ended

    def end(self, token: str) -> None:
        """End the session of a valid token for good."""
        expiry, session, _ = token.split(".")
        with self._lock:
            now = self._clock()
            ended = {name: until for name, until in self._ended.items() if until > now}
            self._ended = {**ended, session: int(expiry)}
            self._preferences.set(ENDED, self._ended)

    def _signature(self, told: str) -> str:
        return hmac.new(self._key, told.encode(errors="replace"), hashlib.sha256).hexdigest()


def _signing_key(preferences: KeyValue) -> bytes:
    key = preferences.get(SIGNING_KEY, "")
    if not key:
        key = secrets.token_hex(32)
        preferences.set(SIGNING_KEY, key)
    return bytes.fromhex(key)
