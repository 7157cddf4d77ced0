"""The running app: from a request until a net takes its first step, until a run has stopped, and until a reloaded page follows it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from gradio_client import Client, handle_file
from playwright.sync_api import sync_playwright

from tests.benchmarks.figures import Row
from tests.benchmarks.options import BenchmarkOptions
from tests.browser.conftest import ARGUMENTS, NAMES
from tests.running import ColdServer, until
from workbench.core.settings import Settings
from workbench.stores import open_stores
from workbench.training.spec import INSTANT, SCRATCH

START_SECONDS, STOP_SECONDS, ATTACH_SECONDS = 12.0, 3.0, 2.0
ROUNDS = 3
ENDLESS = {"epochs": 1000, "patience": 1000}
OTHER_HEAD = {"recipe": INSTANT, "learning_rate": 3e-3, "dropout": 0.2}


def started(options: BenchmarkOptions) -> Iterator[Row]:
    """From the request to the first step of a net from scratch; from the request to a version with ``instant``."""
    with _app(options) as server:
        taken = [_first_step(server) for _ in range(ROUNDS)]
        yield _row("start of a run to the first step", START_SECONDS, taken)
        instant = [_whole(server, spec) for spec in ({"recipe": INSTANT}, OTHER_HEAD)]
    value = f"{instant[0]:.1f} s, again with other settings {instant[1]:.1f} s"
    yield Row(
        "instant from the request to a registered version, worker start included", "beside it", value, None
    )


def stopped(options: BenchmarkOptions) -> Iterator[Row]:
    """From the request to stop until the best epoch is a version."""
    with _app(options) as server:
        taken = [stop_seconds(server) for _ in range(ROUNDS)]
    yield _row("stop to registered version", STOP_SECONDS, taken)


def reattached(options: BenchmarkOptions) -> Iterator[Row]:
    """From a reload of the page until it shows where the run is."""
    with _app(options) as server, sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, NAMES)), None)
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page()
        client = server.client()
        run_id = _start(client, {"recipe": SCRATCH, **ENDLESS})
        until(lambda: _status(client, run_id)["epoch"] >= 2, "the second epoch", 300)
        page.goto(f"{server.url}/?tab=train")
        taken = []
        for _ in range(ROUNDS + 1):
            began = perf_counter()
            page.reload(wait_until="commit")
            page.locator("#train-status", has_text=f"Run {run_id}: Training").wait_for(timeout=60_000)
            taken.append(perf_counter() - began)
        browser.close()
        client.predict(run_id=run_id, api_name="/stop_training")
        until(lambda: _ended(_status(client, run_id)), "the run to stop", 60)
    yield _row("reload of the page until it follows the run", ATTACH_SECONDS, taken[1:])


def stop_seconds(server: ColdServer) -> float:
    """Seconds from the request to stop a run in its third epoch until its best epoch is a version."""
    client = server.client()
    run_id = _start(client, {"recipe": SCRATCH, **ENDLESS})
    until(lambda: _status(client, run_id)["epoch"] >= 3, "the third epoch", 300)
    began = perf_counter()
    client.predict(run_id=run_id, api_name="/stop_training")
    until(lambda: _ended(_status(client, run_id)), "the run to stop", 60)
    return perf_counter() - began


def _first_step(server: ColdServer) -> float:
    client = server.client()
    runs = open_stores(Settings(data=server.data / "workbench")).runs
    began = perf_counter()
    run_id = _start(client, {"recipe": SCRATCH, **ENDLESS})
    until(lambda: runs.get(run_id).progress.get("step"), "the first step", 120)
    seconds = perf_counter() - began
    client.predict(run_id=run_id, api_name="/stop_training")
    until(lambda: _ended(_status(client, run_id)), "the run to stop", 120)
    return seconds


def _whole(server: ColdServer, spec: dict[str, Any]) -> float:
    client = server.client()
    began = perf_counter()
    run_id = _start(client, spec)
    run = until(lambda: _ended(_status(client, run_id)), "the run to end", 300)
    if run["status"] != "finished":
        raise RuntimeError(run["error"])
    return perf_counter() - began


@contextmanager
def _app(options: BenchmarkOptions) -> Iterator[ColdServer]:
    """The app with the photos imported."""
    with TemporaryDirectory() as place:
        archive = shutil.make_archive(str(Path(place) / "photos"), "zip", options.data / "water-bottles")
        server = ColdServer(Path(place), WORKBENCH_WEIGHTS=str(options.weights.resolve())).start()
        try:
            server.client().predict(files=[handle_file(archive)], api_name="/import_images")
            yield server
        finally:
            server.close()


def _start(client: Client, spec: dict[str, Any]) -> int:
    return int(client.predict(spec=spec, api_name="/start_training")["run_id"])


def _status(client: Client, run_id: int) -> dict[str, Any]:
    return dict(client.predict(run_id=run_id, api_name="/run_status"))


def _ended(run: dict[str, Any]) -> dict[str, Any] | None:
    return None if run["status"] in {"queued", "running"} else run


def _row(figure: str, goal: float, taken: list[float]) -> Row:
    value = (
        f"{sorted(taken)[len(taken) // 2]:.1f} s (median of {', '.join(f'{timing:.1f}' for timing in taken)})"
    )
    return Row(figure, f"<= {goal:g} s", value, sorted(taken)[len(taken) // 2] <= goal)
