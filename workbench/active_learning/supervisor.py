"""Starts the active-learning worker when there is work. Imports neither TensorFlow nor scikit-learn."""

from __future__ import annotations

import logging
import subprocess
import time

from storage.learning.suggestions import WORKER
from workbench.active_learning import worker_state
from workbench.active_learning.embedders import available_embedders, best_available
from workbench.core.polling import PollingThread
from workbench.core.processes import alive, start_module
from workbench.core.settings import Settings
from workbench.stores import Stores

log = logging.getLogger(__name__)
PAUSE_SECONDS = 1.0
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 15.0, 600.0
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Fitting a head gains little from a second core, which would slow down the interactive pages."""


class ActiveLearningSupervisor:
    """Runs at most one worker process, and none during a training run unless a refresh was requested.

    The worker keeps running when the server stops, exits by itself, and is detected by the next server process.
    """

    def __init__(self, stores: Stores, settings: Settings) -> None:
        self._stores = stores
        self._settings = settings
        self._child: subprocess.Popen[bytes] | None = None
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._not_before = 0.0
        self._thread = PollingThread("insight", self._poll, PAUSE_SECONDS)

    def start(self) -> None:
        """Start the background thread, unless active learning is disabled."""
        if self._settings.insight:
            self._thread.start()

    def wake(self) -> None:
        """Check for work immediately instead of at the next polling interval."""
        self._not_before = 0.0
        self._thread.wake()

    def close(self) -> None:
        """Stop the background thread; a running worker continues."""
        self._thread.close()

    def is_running(self) -> bool:
        """Whether a worker process is alive, including one started by an earlier server process."""
        process = self._stores.preferences.get(WORKER, None)
        return process is not None and alive(*process)

    def _poll(self) -> None:
        if self._child is not None:
            code = self._child.poll()
            if code is None:
                return
            self._child = None
            self._handle_exit(code)
        if time.monotonic() >= self._not_before and self._is_work_due() and not self.is_running():
            self._launch()

    def _handle_exit(self, code: int) -> None:
        if code == 0:
            self._retry_seconds = FIRST_RETRY_SECONDS
            return
        log.warning("the worker of the model's help ended with %s; its log says why", code)
        self._not_before = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LAST_RETRY_SECONDS)

    def _is_work_due(self) -> bool:
        if self._stores.suggestions.pictures()[0] == 0:
            return False
        state = worker_state.read(self._stores.preferences)
        if worker_state.asked(self._stores.preferences) != state.asked:
            return True
        choice = best_available(available_embedders(self._stores, self._settings), state.failed)
        if state.done == f"{choice.name} {self._stores.suggestions.stamp()}":
            return False
        return not self._stores.runs.active()

    def _launch(self) -> None:
        file = self._stores.root / "logs" / "insight.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as output:
            environment = {**ONE_THREAD, **self._environment()}
            self._child = start_module(["workbench.active_learning.worker"], output, environment)

    def _environment(self) -> dict[str, str]:
        environment = {"WORKBENCH_DATA": str(self._stores.root), "WORKBENCH_FIT": self._settings.fit}
        environment["WORKBENCH_EMBEDDINGS"] = self._settings.embeddings
        if self._settings.weights:
            environment["WORKBENCH_WEIGHTS"] = str(self._settings.weights)
        return environment
