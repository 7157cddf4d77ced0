"""How much of a disk may still be written: a reserve stays free, so that what is there can be changed and kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from storage.core.errors import DiskFull

MEGABYTE = 1024 * 1024
MOST_RESERVE = 500 * MEGABYTE
SHARE = 0.05
NEARLY_FULL = (
    "The disk of {place} is full but for {free}, of which {reserve} stay free (WORKBENCH_RESERVE_MB), so that nothing that is "
    "there is lost. Free some space and try again."
)


class ReserveReached(DiskFull):
    """What is to be written would use up the reserve."""


class DiskSpace:
    """The disk of a folder.

    Args:
        folder: The folder, there or not.
        reserve: Bytes that stay free; 0 stands for 5 % of the disk, at most 500 MB.
        place: What the folder is, for a sentence.
    """

    def __init__(self, folder: Path, reserve: int = 0, place: str = "the data folder") -> None:
        self._folder = folder
        self._reserve = reserve
        self._place = place

    def require(self, size: int = 0) -> None:
        """Check that so many bytes may be written.

        Raises:
            NoRoom: They may not.
        """
        usage = shutil.disk_usage(
            next(folder for folder in (self._folder, *self._folder.parents) if folder.exists())
        )
        reserve = self._reserve or min(MOST_RESERVE, int(usage.total * SHARE))
        if size > usage.free - reserve:
            raise ReserveReached(
                NEARLY_FULL.format(
                    place=self._place, free=_megabytes(usage.free), reserve=_megabytes(reserve)
                )
            )

    def has(self, size: int = 0) -> bool:
        """Whether so many bytes may be written."""
        try:
            self.require(size)
        except ReserveReached:
            return False
        return True


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.0f} MB" if size >= 10 * MEGABYTE else f"{size / MEGABYTE:.1f} MB"
