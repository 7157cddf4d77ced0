"""Thread-safe queue of augmentations to check: many threads add, one checks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from workbench.imaging.augmentation import Augmentation


class CheckRequests:
    """Bounded queue of augmentations to check, without duplicates.

    Args:
        most: Maximum length; adding to a full queue drops the oldest entry.
    """

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._queue: deque[Augmentation] = deque(maxlen=most)

    def add(self, augmentation: Augmentation) -> None:
        """Add an augmentation unless it is already queued."""
        with self._lock:
            if augmentation not in self._queue:
                self._queue.append(augmentation)

    def __contains__(self, augmentation: Augmentation) -> bool:
        with self._lock:
            return augmentation in self._queue

    def waiting(self) -> list[Augmentation]:
        """Snapshot of the queue, oldest first."""
        with self._lock:
            return list(self._queue)

    def done(self, checked: Sequence[Augmentation]) -> None:
        """Remove checked augmentations; those added meanwhile stay."""
        with self._lock:
            for augmentation in checked:
                if augmentation in self._queue:
                    self._queue.remove(augmentation)
