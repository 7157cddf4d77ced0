"""A labelling key, end to end in the browser, at 100,000 pictures."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

from storage.records import Filter
from tests.benchmarks.data.catalogue import filled
from tests.benchmarks.figures import Row
from tests.browser.conftest import ARGUMENTS, NAMES
from tests.running import ColdServer, until
from workbench.imaging.derivatives import ORIGINALS
from workbench.stores import Stores

PICTURES = 100_000
KEYS = 200
WARM_UP = 20
BURST = 20
PAUSE_MS = 300
GOAL = 150.0
POLL_SECONDS = 0.002
# Painted: the next picture is on the stage, its large version has been decoded, and a frame with it has been shown.
WATCH = """() => {
  const stage = document.querySelector('#label-stage'), image = stage.querySelector('.stage-image');
  window.pressed = []; window.painted = [];
  const shown = (before, at) => {
    if (stage.dataset.id === before || !image.classList.contains('ready')) return requestAnimationFrame(() => shown(before, at));
    const note = () => requestAnimationFrame(() => requestAnimationFrame(() => window.painted.push(performance.now() - at)));
    image.decode().then(note, note);
  };
  document.addEventListener('keydown', (event) => {
    window.pressed.push(performance.timeOrigin + event.timeStamp);
    shown(stage.dataset.id, event.timeStamp);
  }, true);
}"""


@dataclass
class Commits:
    """When each event came to stand in the database, in seconds since the epoch, read from outside.

    Attributes:
        path: The database.
        seen: The time at which each event was first there, in their order.
    """

    path: Path
    seen: list[float] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Read until it is enough."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        last = self._newest(connection)
        while not self.done.is_set():
            newest = self._newest(connection)
            self.seen += [time.time()] * (newest - last)
            last = newest
            time.sleep(POLL_SECONDS)
        connection.close()

    @staticmethod
    def _newest(connection: sqlite3.Connection) -> int:
        return int(connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])


def rows(data: Path) -> Iterable[Row]:
    """The rows of the table; the pictures shown are the photos of ``data``."""
    with tempfile.TemporaryDirectory() as folder:
        stores = filled(Path(folder) / "workbench", PICTURES)
        _give_files(stores, sorted((data / "water-bottles").glob("*/*")))
        server = ColdServer(Path(folder)).start()
        try:
            with _stage(server) as page:
                yield from _measured(page, stores)
        finally:
            server.close()


def _measured(page: Page, stores: Stores) -> Iterator[Row]:
    _typed(page, stores, WARM_UP, PAUSE_MS)
    painted, committed = _typed(page, stores, KEYS, PAUSE_MS)
    named = f"{PICTURES:,} pictures, a key each {PAUSE_MS} ms"
    yield _row(f"key to next picture painted, {named}", painted, GOAL)
    yield _row(f"key to row committed, {named}", committed, GOAL)
    bursts = [_typed(page, stores, BURST, 0) for _ in range(5)]
    yield _row(f"{BURST} keys at once: last one committed", [max(times) for _, times in bursts], None)


def _typed(page: Page, stores: Stores, keys: int, pause: float) -> tuple[list[float], list[float]]:
    """Milliseconds from each key to the next picture painted, and to its row committed."""
    commits = Commits(stores.database.path)
    watcher = threading.Thread(target=commits.watch)
    watcher.start()
    page.evaluate("() => { window.pressed = []; window.painted = []; }")
    try:
        for _, key in zip(range(keys), itertools.cycle("12345"), strict=False):
            page.keyboard.press(key)
            page.wait_for_timeout(pause)
        until(lambda: len(commits.seen) >= keys, f"{keys} labels to be committed")
        page.wait_for_function(f"window.painted.length >= {keys}")
    finally:
        commits.done.set()
        watcher.join()
    pressed = page.evaluate("window.pressed")
    committed = [1000 * at - before for at, before in zip(commits.seen, pressed, strict=True)]
    return page.evaluate("window.painted"), committed


def _give_files(stores: Stores, photos: list[Path]) -> None:
    """Lay a photo behind each picture that will be shown."""
    shown = stores.pages.page(Filter(status="unlabelled"), limit=WARM_UP + KEYS + 10 * BURST + 80).items
    for image, photo in zip(shown, itertools.cycle(photos), strict=False):
        stores.derivatives._blobs.put(ORIGINALS, image.sha256, photo.read_bytes())


@contextmanager
def _stage(server: ColdServer) -> Iterator[Page]:
    """The stage over what is left to label."""
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{server.url}/?tab=label&show=unlabelled&view=stage")
        expect(page.locator("#label-board .stage-image.ready")).to_be_visible(timeout=60_000)
        page.evaluate(WATCH)
        yield page
        browser.close()


def _row(figure: str, milliseconds: list[float], goal: float | None) -> Row:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    wanted = f"p95 ≤ {goal:.0f} ms" if goal else ""
    reached = bool(p95 <= goal) if goal else None
    return Row(figure, wanted, f"p50 {p50:.0f} ms, p95 {p95:.0f} ms", reached)
