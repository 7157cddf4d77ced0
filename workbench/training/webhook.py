"""HTTP notification that a run has ended."""

from __future__ import annotations

import json
import logging
import threading
import urllib.error
import urllib.request

from storage.records import Run

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10


class Webhook:
    """Posts JSON to a URL when a run ends; a failed request is only logged.

    Args:
        address: URL with scheme ``http`` or ``https``; empty to disable notifications.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def tell(self, run: Run) -> None:
        """Post ``{"run_id", "status", "version", "error", "recipe", "architecture", "ended_at"}`` from a background thread."""
        if self._address:
            threading.Thread(target=self._post, args=(run,), name="webhook", daemon=True).start()

    def _post(self, run: Run) -> None:
        payload = {
            "run_id": run.id,
            "status": run.status,
            "version": run.version,
            "error": run.error,
            "recipe": run.spec.get("recipe"),
            "architecture": run.spec.get("architecture"),
            "ended_at": run.ended_at,
        }
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https only
            self._address, json.dumps(payload).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310 - as above
                log.info("the webhook was told of run %s", run.id)
        except (OSError, urllib.error.URLError):
            log.exception("the webhook could not be told of run %s", run.id)
