"""Two servers on one data folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from storage.core.errors import Conflict
from tests.running import ROOT, Server
from workbench.core.instance_lock import InstanceLock

LEAVES_CHILDREN = """
import os, subprocess, sys, time
from pathlib import Path
from workbench.core.instance_lock import InstanceLock

os.register_at_fork(after_in_child=lambda: time.sleep(0.5))  # a busy machine: it closes nothing yet
claim = InstanceLock(Path(sys.argv[1]), "http://first")
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL)
forked = os.fork()
if forked == 0:
    os.close(1)
    time.sleep(60)
print(started.pid, forked, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_a_folder_is_claimed_once_and_given_back(tmp_path: Path) -> None:
    first = InstanceLock(tmp_path / "data", "http://first")
    with pytest.raises(Conflict, match=rf"http://first\b.*\b{os.getpid()}\b"):
        InstanceLock(tmp_path / "data", "http://second")
    InstanceLock(tmp_path / "other", "http://second").release()
    first.release()
    InstanceLock(tmp_path / "data", "http://second").release()


@pytest.mark.slow
def test_children_of_a_killed_server_do_not_keep_its_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEAVES_CHILDREN, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    children = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    try:
        with pytest.raises(Conflict, match="http://first"):
            InstanceLock(tmp_path, "http://second")
        process.kill()
        process.wait(30)
        assert [child.is_running() for child in children] == [True, True]
        InstanceLock(tmp_path, "http://second").release()
    finally:
        for child in children:
            child.kill()


@pytest.mark.slow
def test_a_second_server_refuses_and_names_the_first(server: Server) -> None:
    environment = {
        **os.environ,
        "WORKBENCH_DATA": str(server.data / "workbench"),
        "GRADIO_SERVER_PORT": "1",  # it never gets that far
    }
    refused = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert f"Another Waterline works on the data folder {server.data / 'workbench'}" in refused.stderr
    assert f"({server.url}, process {server.pid} on " in refused.stderr
    assert "Traceback" not in refused.stderr
    server.end(signal.SIGKILL)
    server.start()
