"""Other users of the machine read nothing of what Waterline keeps."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT
from workbench.core import privacy
from workbench.core.privacy import restrict_to_owner
from workbench.core.settings import Settings
from workbench.services import Services, build_services

AS_ANOTHER_USER = """
import os, sys
from pathlib import Path
from workbench.core.privacy import restrict_process
from workbench.services import build_services
from workbench.core.settings import Settings

# As root, who may read what is imported late.
build_services(Settings(data=Path(sys.argv[1]).with_name("first"), insight=False)).problem()
os.setgid(65534)
os.setuid(65534)
restrict_process()
services = build_services(Settings(data=Path(sys.argv[1]), insight=False))
print(services.problem() or "works")
"""


def open_to_others(root: Path) -> list[str]:
    return [
        str(path.relative_to(root.parent))
        for path in (root, *root.rglob("*"))
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("mode", [0o755, 0o777, 0o770])
def test_the_data_folder_of_an_earlier_version_is_shut(tmp_path: Path, mode: int) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(mode)
    build_services(Settings(data=data, insight=False))
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.usefixtures("usual_umask")
def test_a_new_data_folder_is_shut(services: Services) -> None:
    assert stat.S_IMODE(services.settings.data.stat().st_mode) == 0o700


def test_a_folder_that_all_share_is_left_alone_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o1777)
    with caplog.at_level(logging.WARNING):
        restrict_to_owner(tmp_path)
        restrict_to_owner(Path("/"))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    assert [(record.name, record.levelname, record.args) for record in caplog.records] == [
        (privacy.__name__, "WARNING", (folder,)) for folder in (tmp_path, Path("/"))
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_mounted_folder_of_another_user_still_works(reachable: Path) -> None:
    data = reachable / "mounted"
    data.mkdir()
    data.chmod(0o777)
    command = [sys.executable, "-c", AS_ANOTHER_USER, str(data)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout == "works\n", ran.stderr
    assert str(data) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert stat.S_IMODE(data.stat().st_mode) == 0o777
    assert open_to_others(data) == ["mounted"]
