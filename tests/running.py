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

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 90
T = TypeVar("T")


def until(condition: Callable[[], T], what: str, seconds: float = 60) -> T:
    """Poll until something is true, and give it back; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


class Server:
    """``python app.py`` on a free port."""

    program: tuple[str, ...] = ("app.py",)

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self._process: subprocess.Popen | None = None

    def start(self) -> Server:
        self._log = (self.data / "server.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, *self.program],
            cwd=ROOT,
            env={
                **os.environ,
                "WORKBENCH_DATA": str(self.data / "workbench"),
                "GRADIO_SERVER_PORT": str(self.port),
                "GRADIO_TEMP_DIR": str(self.data / "gradio"),
                "WORKBENCH_INSIGHT": "off",  # a test that wants the model's help says so
                **self._environment,
            },
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        until(self._healthy, f"the server to start:\n{self.log}", START_SECONDS)
        return self

    def client(self) -> Client:
        return Client(self.url, verbose=False, download_files=str(self.data / "downloads"))

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None
            self._log.close()

    def close(self) -> None:
        """End the server, and a worker that would outlive it as it is made to."""
        if self._process is not None:
            self.end()
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

    def _healthy(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.log}")
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
