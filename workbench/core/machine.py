"""What this process may use of the machine."""

from __future__ import annotations

import os


def cores() -> int:
    """How many cores this process may use; a container may have fewer than the machine."""
    # macOS has no affinity.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
