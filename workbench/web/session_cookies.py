"""Signed session tokens that survive restarts, and are revoked by logout or by a change of the password."""

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

    The signature is HMAC-SHA256 (RFC 2104) with a key derived from a random key in the database and the password.

    Args:
        preferences: Store of the random key and of revoked sessions.
        password: The shared password as bytes.
        clock: Returns the time in seconds since 1970.
    """

    def __init__(
        self, preferences: KeyValue, password: bytes, clock: Callable[[], float] = time.time
    ) -> None:
        self._preferences = preferences
        self._clock = clock
        self._key = hmac.digest(_signing_key(preferences), password, "sha256")
        self._revoked: dict[str, int] = preferences.get(ENDED, {})
        self._lock = threading.Lock()

    def issue(self) -> str:
        """Issue a token after a successful login."""
        payload = f"{int(self._clock()) + LIFETIME_SECONDS}.{secrets.token_urlsafe(18)}"
        return f"{payload}.{self._signature(payload)}"

    def valid(self, token: str) -> bool:
        """Whether a token has a valid signature and is neither expired nor revoked."""
        payload, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(payload).encode(), signature.encode(errors="replace")):
            return False
        expiry, _, session_id = payload.partition(".")
        return int(expiry) > self._clock() and session_id not in self._revoked

    def end(self, token: str) -> None:
        """Revoke the session of a valid token."""
        expiry, session_id, _ = token.split(".")
        with self._lock:
            now = self._clock()
            revoked = {
                ended_id: expiry_time for ended_id, expiry_time in self._revoked.items() if expiry_time > now
            }
            self._revoked = {**revoked, session_id: int(expiry)}
            self._preferences.set(ENDED, self._revoked)

    def _signature(self, payload: str) -> str:
        return hmac.new(self._key, payload.encode(errors="replace"), hashlib.sha256).hexdigest()


def _signing_key(preferences: KeyValue) -> bytes:
    key = preferences.get(SIGNING_KEY, "")
    if not key:
        key = secrets.token_hex(32)
        preferences.set(SIGNING_KEY, key)
    return bytes.fromhex(key)
