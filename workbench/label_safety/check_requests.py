"""Augmentations that were asked for, kept until they were checked; many threads ask, one checks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from workbench.imaging.augmentation import Augmentation


class CheckRequests:
    """The newest augmentations that wait to be checked.

    Args:
        most: How many wait at most; the oldest one makes room.
    """

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Augmentation] = deque(maxlen=most)

    def add(self, augmentation: Augmentation) -> None:
        """Let an augmentation wait, unless it does already."""
        with self._lock:
            if augmentation not in self._waiting:
                self._waiting.append(augmentation)

    def __contains__(self, augmentation: Augmentation) -> bool:
        with self._lock:
            return augmentation in self._waiting

    def waiting(self) -> list[Augmentation]:
        """Those that wait now, the oldest first."""
        with self._lock:
            return list(self._waiting)

    def done(self, checked: Sequence[Augmentation]) -> None:
        """Let go of augmentations that were checked; one that was asked for meanwhile goes on waiting."""
        with self._lock:
            for augmentation in checked:
                if augmentation in self._waiting:
                    self._waiting.remove(augmentation)
