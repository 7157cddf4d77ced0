"""Warning for running runs without a recent heartbeat."""

from __future__ import annotations

import time

from storage.records import Run

SILENT_SECONDS = 30.0
_SENTENCE = (
    "Nothing was heard of run {run} for {seconds:.0f} seconds: its process hangs, is suspended, or cannot write. "
    "If that lasts, end process {pid}; the run can be resumed from its last finished epoch."
)


def heartbeat_warning(run: Run) -> str:
    """Warning if the last heartbeat of a running run is older than ``SILENT_SECONDS``, else empty."""
    if run.status != "running" or run.heartbeat is None:
        return ""
    seconds = time.time() - run.heartbeat
    return _SENTENCE.format(run=run.id, seconds=seconds, pid=run.pid) if seconds > SILENT_SECONDS else ""
