"""A day of one person at the page, pressed together: how much memory the web process holds hour by hour."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from tests.benchmarks.figures import Row
from tests.pictures import class_zip, picture, write_zip
from tests.running import ColdServer, until

HOURS = 8
TABS = 7
GOAL_MB = 500
# Of an hour. A tab that is open asks twice a minute at least, and every second or so while something goes on.
LOADS, SWITCHES, POLLS = 8, 60, 600
LABELS, PREVIEWS, PREDICTIONS, IMPORTED = 250, 40, 60, 60
LARGE = (1200, 900)


class Day:
    """One person's day.

    Args:
        server: A fresh one.
        folder: For the files that are sent.
    """

    def __init__(self, server: ColdServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        self._http = httpx.Client(base_url=server.url, timeout=120)
        self._called = [
            function
            for function in self._http.get("/config").json()["dependencies"]
            if function["backend_fn"]
        ]
        self._info = self._http.get("/gradio_api/info").json()["named_endpoints"]
        self._session = ""

    def begin(self) -> None:
        """Import pictures and train a model, so that everything has something to show."""
        self._import(class_zip(self._folder / "first.zip"))
        run = self._run("start_training", spec={"epochs": 1, "batch_size": 8})["run_id"]
        until(
            lambda: self._run("run_status", run_id=run)["status"] not in {"queued", "running"}, "a model", 600
        )
        self._run("promote", version="v1", reason="a day begins")

    def hour(self, number: int) -> None:
        """Do what is done in an hour."""
        entries = {
            f"shelf/{number}-{place}.jpg": picture(1000 * number + place, LARGE) for place in range(IMPORTED)
        }
        self._import(write_zip(self._folder / "more.zip", entries))
        ids = [image["id"] for image in self._run("list_images", limit=500)["items"]]
        for load in range(LOADS):
            self._load()
            for _ in range(SWITCHES // LOADS // TABS):
                self._events("select")
            self._look()
            for place in range(LABELS // LOADS):
                self._run(
                    "label_images",
                    image_ids=[ids[(load * 31 + place) % len(ids)]],
                    label=("Low", "High")[place % 2],
                )
            for place in range(PREVIEWS // LOADS):
                self._run("preview_augmentation", image_id=ids[place % len(ids)], count=8, seed=load)
            for _ in range(PREDICTIONS // LOADS):
                self._predict()
            for _ in range(POLLS // LOADS // TABS):
                self._events("tick")
        self._export()

    def memory(self) -> float:
        """Resident memory of the web process, MB."""
        return psutil.Process(self._server.pid).memory_info().rss / 2**20

    def _load(self) -> None:
        self._session = uuid.uuid4().hex
        for path in ("/", "/config", "/theme.css", "/gradio_api/info"):
            self._http.get(path)
        self._events("load")

    def _events(self, kind: str) -> None:
        """Make the calls of every tab that follow an event."""
        for function in self._called:
            if any(event == kind for _, event in function["targets"]):
                body = {
                    "data": [None] * len(function["inputs"]),
                    "fn_index": function["id"],
                    "session_hash": self._session,
                }
                self._http.post("/gradio_api/queue/join", json=body)
        self._http.get("/gradio_api/queue/data", params={"session_hash": self._session})

    def _look(self) -> None:
        items = self._run("list_images")["items"]
        for item in items:
            for size in ("thumbnail", "stage"):
                self._http.get(f"/media/{item['sha256']}/{size}.jpg")

    def _predict(self) -> None:
        (path,) = self._http.post(
            "/gradio_api/upload", files={"files": ("a.jpg", picture(time.time_ns() % 9999, LARGE))}
        ).json()
        self._run("predict", image={"path": path, "meta": {"_type": "gradio.FileData"}})

    def _export(self) -> None:
        self._http.get(f"/gradio_api/file={self._run('export_dataset')['path']}")

    def _import(self, archive: Path) -> None:
        (path,) = self._http.post(
            "/gradio_api/upload", files={"files": (archive.name, archive.read_bytes())}
        ).json()
        file = {"path": path, "orig_name": archive.name, "meta": {"_type": "gradio.FileData"}}
        self._run("import_images", files=[file])

    def _run(self, name: str, **values: Any) -> Any:
        data = [
            values.get(part["parameter_name"], part.get("parameter_default"))
            for part in self._info["/" + name]["parameters"]
        ]
        answer = self._http.post(f"/gradio_api/run/{name}", json={"data": data, "session_hash": "script"})
        if answer.status_code != 200:
            raise RuntimeError(f"{name}: {answer.text[:300]}")
        return answer.json()["data"][0]


def rows() -> Iterator[Row]:
    """Measure hour by hour."""
    with TemporaryDirectory() as place:
        server = ColdServer(Path(place)).start()
        try:
            day = Day(server, Path(place))
            yield _row("at the start", day.memory())
            day.begin()
            for number in range(1, HOURS + 1):
                day.hour(number)
                yield _row(f"after {number} h", day.memory())
        finally:
            server.close()


def _row(when: str, memory: float) -> Row:
    return Row(f"memory of the web process {when}", f"< {GOAL_MB} MB", f"{memory:.0f} MB", memory < GOAL_MB)
