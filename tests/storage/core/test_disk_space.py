"""What stays free of a disk."""

import shutil
from pathlib import Path

import pytest

from storage.core.disk_space import MOST_RESERVE, SHARE, DiskSpace, ReserveReached
from storage.core.errors import DiskFull

MEGABYTE = 2**20


def test_what_leaves_the_reserve_free_may_be_written_and_no_more(tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)
    reserve = usage.free // 2
    disk_space = DiskSpace(tmp_path, reserve)
    disk_space.require(reserve // 2)
    with pytest.raises(ReserveReached, match=f"the data folder .*{reserve / MEGABYTE:,.0f} MB") as error:
        disk_space.require(usage.free)
    assert isinstance(error.value, DiskFull)
    assert (disk_space.has(reserve // 2), disk_space.has(usage.free)) == (True, False)


def test_without_a_setting_a_share_of_the_disk_stays_free_but_not_more_than_is_sensible(
    tmp_path: Path,
) -> None:
    usage = shutil.disk_usage(tmp_path)
    reserve = min(MOST_RESERVE, int(usage.total * SHARE))
    disk_space = DiskSpace(tmp_path / "not" / "there" / "yet")
    assert disk_space.has(usage.free - reserve - 50 * MEGABYTE)
    assert not disk_space.has(usage.free - reserve + 50 * MEGABYTE)
