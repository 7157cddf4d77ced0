"""A process that imports TensorFlow once and forks the worker processes of the product for the tests.

Importing costs every worker seconds of CPU, and the suite starts more than a hundred. :func:`installed` puts it behind
``subprocess.Popen`` as :mod:`workbench.core.processes` sees it, so that all of ``start_module`` is run and heeded: what the
worker is given, its environment, folder, output and session. Its number, command line, environment, signals and exit
code are those of a process that was started; only its parent is another. ``ColdServer`` and the fixture ``cold_workers``
start workers as a user's server does.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

PR_SET_PDEATHSIG = 1
ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "WATERLINE_TESTS_WORKERS"
WORKERS = ("workbench.training.worker", "workbench.active_learning.worker")
NETS = "WATERLINE_TESTS_NETS"
"""Where it is ``tiny`` in the environment of a worker, it trains those instead of nets from scratch."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_ROOM = {"WATERLINE_TESTS_ROOM": "." * 30_000}
"""Kept free in the memory that the system shows as a process's environment, for that of the workers."""
_ARGUMENT_ROOM = "." * 4_000
_NUMBER_BYTES = 8


class Forked:
    """What ``subprocess.Popen`` is to a child, for a process that another one forked."""

    def __init__(self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._order = {"arguments": arguments, "directory": str(directory), "environment": dict(environment)}
        self._socket = socket.socket(socket.AF_UNIX)

    def begin(self, streams: Sequence[int]) -> Forked:
        """Start it with its input, output and errors."""
        self._socket.connect(os.environ[ADDRESS])
        data = json.dumps(self._order).encode()
        socket.send_fds(self._socket, [len(data).to_bytes(_NUMBER_BYTES, "big")], streams)
        self._socket.sendall(data)
        self.pid = self._number()
        return self

    def poll(self) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; ``None`` while it runs."""
        if self.returncode is None:
            self._socket.setblocking(False)
            try:
                self.returncode = self._number()
            except BlockingIOError:
                return None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        if self.returncode is None:
            self._socket.settimeout(timeout)
            self.returncode = self._number()
        return self.returncode

    def _number(self) -> int:
        data = self._socket.recv(_NUMBER_BYTES, socket.MSG_WAITALL)
        if len(data) < _NUMBER_BYTES:
            raise ChildProcessError("the process that forks workers is gone")
        return int.from_bytes(data, "big", signed=True)


@cache
def _forking() -> subprocess.Popen[bytes]:
    folder = Path(tempfile.mkdtemp(prefix="workers-"))
    address = folder / "socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forked_workers", str(address), _ARGUMENT_ROOM],
        cwd=ROOT,
        env={**os.environ, **_ONE_THREAD, **_ROOM, "KERAS_HOME": str(folder)},
        stdin=subprocess.PIPE,  # its end is the end of the tests
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    atexit.register(process.kill)
    os.environ[ADDRESS] = str(address)
    return process


@contextmanager
def serving() -> Iterator[None]:
    """Have such a process for this one and for the servers that it starts."""
    _forking()
    with installed():
        yield


@contextmanager
def installed() -> Iterator[None]:
    """Let the workers that this process starts be forked."""
    from workbench.core import processes

    processes.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": _popen})
    try:
        yield
    finally:
        processes.subprocess = subprocess


def _popen(arguments: Sequence[str], *, stdin: int, stdout: IO[bytes], stderr: int, **more: Any) -> Any:
    """A worker is forked, anything else started."""
    if list(arguments[:2]) != [sys.executable, "-m"] or arguments[2] not in WORKERS:
        return subprocess.Popen(arguments, stdin=stdin, stdout=stdout, stderr=stderr, **more)
    assert (stdin, stderr, more["start_new_session"]) == (subprocess.DEVNULL, subprocess.STDOUT, True)
    with Path(os.devnull).open("rb") as nothing:
        forked = Forked(arguments, more["cwd"], more["env"])
        return forked.begin([nothing.fileno(), stdout.fileno(), stdout.fileno()])


def fork_python(arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes]) -> Forked:
    """``python`` with some arguments, ``-m`` or ``-c`` first, from a process that has imported TensorFlow."""
    forked = Forked([sys.executable, *arguments], ROOT, environment)
    with Path(os.devnull).open("rb") as nothing:
        return forked.begin([nothing.fileno(), output.fileno(), output.fileno()])


class _Forking:
    """The process itself. It has one thread of its own, and runs nothing of TensorFlow."""

    def __init__(self, address: str) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(address)
        self._listening.listen(64)
        self._asking: dict[int, socket.socket] = {}
        self._told, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._told, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken)

    def serve(self) -> None:
        """Fork whenever somebody asks, until the tests are over."""
        print(flush=True)
        with selectors.DefaultSelector() as selector:
            for source in (sys.stdin, self._listening, self._told):
                selector.register(source, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if sys.stdin in ready:
                    return
                if self._told in ready:
                    os.read(self._told, 4096)
                    self._reap()
                if self._listening in ready:
                    self._fork(self._listening.accept()[0])

    def _reap(self) -> None:
        while self._asking:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self._asking.pop(pid) as asking:
                _answer(asking, os.waitstatus_to_exitcode(status))

    def _fork(self, asking: socket.socket) -> None:
        size, streams, _, _ = socket.recv_fds(asking, _NUMBER_BYTES, 3)
        order = json.loads(asking.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
        _import()
        if pid := os.fork():
            self._asking[pid] = asking
            for stream in streams:
                os.close(stream)
            _answer(asking, pid)
            return
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._told, self._woken):
            os.close(end)
        for connection in (self._listening, asking, *self._asking.values()):
            connection.close()
        _become(order, streams)


def end_with_parent() -> None:
    """Have the system kill this process when the one that forked it ends, so that none outlives the tests."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _answer(asking: socket.socket, number: int) -> None:
    with suppress(OSError):  # who asked may be gone; a worker outlives its server
        asking.sendall(number.to_bytes(_NUMBER_BYTES, "big", signed=True))


@cache
def _import() -> None:
    import sklearn.cluster
    import sklearn.linear_model
    import sklearn.manifold  # noqa: F401

    import workbench.active_learning.worker
    import workbench.training.engine.embedding
    import workbench.training.search.local_executor
    import workbench.training.worker.db_reporter
    import workbench.training.worker.export_dataset  # noqa: F401

    gc.freeze()  # what was imported is not looked at by children, whose memory it then stays out of


def _become(order: dict[str, Any], streams: Sequence[int]) -> None:
    code = 1
    try:
        end_with_parent()
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(order["directory"])
        os.environ.clear()
        os.environ.update(order["environment"])
        _show(order["arguments"], order["environment"])
        with _nets(order["environment"].get(NETS, "")):
            code = _run(order["arguments"][1:])
        threading._shutdown()  # as Python itself ends
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _nets(which: str) -> AbstractContextManager[None]:
    from tests.workbench import tiny_net

    return tiny_net.installed() if which == "tiny" else nullcontext()


def _run(arguments: list[str]) -> int:
    how, what, *more = arguments
    try:
        if how == "-m":
            sys.argv = [what, *more]
            sys.modules.pop(what, None)
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.argv = [how, *more]
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _show(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Let the system show the worker's own command line and environment, in the memory of this process's.

    Source: proc(5), ``/proc/pid/stat``, fields 48 to 51.
    """
    if sys.platform != "linux":
        return
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    argument_start, argument_end, start, end = map(int, fields[45:49])
    _write(argument_start, argument_end, arguments)
    _write(start, end, [f"{name}={value}" for name, value in environment.items()])


def _write(start: int, end: int, texts: Sequence[str]) -> None:
    data = b"".join(os.fsencode(text) + b"\0" for text in texts)
    assert len(data) < end - start, "more room is needed"
    ctypes.memmove(start, data.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    _Forking(sys.argv[1]).serve()
