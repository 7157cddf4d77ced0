"""Machine resources available to this process."""

from __future__ import annotations

import os


def cores() -> int:
    """The number of cores this process may use; in a container it may be less than that of the machine."""
    # macOS has no affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
