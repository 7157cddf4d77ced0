"""A process that has imported the app once and forks a server for each test that wants one.

``python -m tests.preloaded`` reads orders as lines of JSON and answers each with the number of the forked process.
Importing Gradio costs seconds of CPU, and hundreds of tests start a server.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from functools import cache
from pathlib import Path

import psutil

from tests import forked_workers

ROOT = forked_workers.ROOT


@cache
def _preloaded() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.preloaded"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    atexit.register(process.kill)
    return process


def fork_server(environment: dict[str, str], log: Path) -> psutil.Process:
    """``python app.py`` with this environment, its output at the end of ``log``, without the time to import."""
    process = _preloaded()
    assert process.stdin is not None
    assert process.stdout is not None
    log.touch()
    print(json.dumps({"environment": environment, "log": str(log)}), file=process.stdin, flush=True)
    return psutil.Process(int(process.stdout.readline()))


def _serve_orders() -> None:
    before = set(os.environ)
    import workbench.server
    import workbench.services  # noqa: F401

    set_by_imports = {name: value for name, value in os.environ.items() if name not in before}
    gc.freeze()  # what was imported is not looked at by children, whose memory it then stays out of
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that end leave nothing behind
    for line in sys.stdin:
        order = json.loads(line)
        if pid := os.fork():
            print(pid, file=answers, flush=True)
        else:
            _become_server({**set_by_imports, **order["environment"]}, order["log"])


def _become_server(environment: dict[str, str], log: str) -> None:
    forked_workers.end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for stream, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        os.dup2(os.open(path, flags), stream)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(environment)
    try:
        with forked_workers.installed():
            runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(0)  # nobody asks for the code; past what belongs to the process that forked


if __name__ == "__main__":
    _serve_orders()
