"""The real app as a process of its own, for tests over HTTP and in the browser."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
from gradio_client import Client

from tests.preloaded import ROOT, fork_server

START_SECONDS = 90
T = TypeVar("T")


def until(condition: Callable[[], T], what: str, seconds: float = 60) -> T:
    """Poll until something is true, and give it back; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


class Server:
    """The app on a free port, forked from a process that has imported it already."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self._process: psutil.Process | None = None

    def start(self) -> Server:
        environment = {
            **os.environ,
            "WORKBENCH_DATA": str(self.data / "workbench"),
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_TEMP_DIR": str(self.data / "gradio"),
            "WORKBENCH_INSIGHT": "off",  # a test that wants the model's help says so
            **self._environment,
        }
        self._process = self._spawn(environment, self.data / "server.log")
        try:
            until(self._healthy, "the server to start", START_SECONDS)
        except AssertionError as error:
            self.close()
            raise AssertionError(f"{error}:\n{self.log}") from None
        return self

    def client(self) -> Client:
        # Over plain http no certificate is looked at, and to be ready for one takes a third of the time of each call.
        return Client(self.url, verbose=False, ssl_verify=False, download_files=str(self.data / "downloads"))

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def close(self) -> None:
        """Kill the server, whose data nobody needs any more, and a worker that would outlive it as it is made to."""
        if self._process is not None:
            self.end(signal.SIGKILL)
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.data / "workbench") == process.environ().get("WORKBENCH_DATA"):
                    process.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.data / "server.log").read_text(errors="replace")[-4000:]

    def _spawn(self, environment: dict[str, str], log: Path) -> psutil.Process:
        return fork_server(environment, log)

    def _healthy(self) -> bool:
        assert self._process is not None
        if not self._process.is_running():
            raise AssertionError("the server ended")
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


class ColdServer(Server):
    """``python app.py``, as a user starts it."""

    program: tuple[str, ...] = ("app.py",)

    def _spawn(self, environment: dict[str, str], log: Path) -> psutil.Process:
        with log.open("ab") as output:
            return psutil.Popen(
                [sys.executable, *self.program],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
