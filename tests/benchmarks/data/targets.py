"""One workbench reached in two ways: through its services in this process, or over HTTP as a process of its own."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from gradio_client import handle_file

from storage.records import Filter
from tests.running import ColdServer, until
from workbench.core.settings import Settings
from workbench.importing.service import NewImport
from workbench.importing.uploads import Upload
from workbench.services import build_services
from workbench.training.spec import TrainingSpec

LONG: dict[str, Any] = {"epochs": 1000, "patience": 1000, "batch_size": 16}
STOP_SECONDS = 180
PEOPLE = 8


class Person(Protocol):
    """Somebody who labels a picture every ``each_seconds``."""

    each_seconds: float

    def label(self, image_id: int, to: str) -> int | None:
        """Label a picture and give the event that was told."""

    def next(self) -> dict[int, str]:
        """Some pictures to label that nobody else holds, each with the class that it has."""


class Workplace(Protocol):
    """A workbench with people, an import and a run."""

    root: Path

    def person(self, name: str, place: int) -> Person:
        """One of the people, with a connection of their own."""

    def bring_in(self, archive: Path) -> str:
        """Import a zip, wait for its end, and give its error, empty where there is none."""

    def train(self) -> int:
        """Start a run that goes on until it is stopped."""

    def stop(self, run_id: int) -> str:
        """Stop the run and give its status at the end."""

    def close(self) -> None:
        """End everything."""


class Within:
    """Services in this process: threads share them as the threads of the web process do."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workbench"
        self._services = build_services(Settings(data=self.root))
        self._services.start()

    def person(self, name: str, place: int) -> _Colleague:
        return _Colleague(name, self._services)

    def bring_in(self, archive: Path) -> str:
        imports = self._services.imports
        return imports.wait(imports.start(NewImport([Upload(archive, archive.name)]))).error

    def train(self) -> int:
        return self._services.training.start(TrainingSpec.from_dict(LONG))

    def stop(self, run_id: int) -> str:
        runs = self._services.stores.runs
        until(lambda: not runs.get(run_id).active or runs.history(run_id), "an epoch", STOP_SECONDS)
        self._services.training.stop(run_id)
        until(lambda: not runs.get(run_id).active, "the run to end", STOP_SECONDS)
        return runs.get(run_id).status

    def close(self) -> None:
        self._services.close()
        self._services.stores.database.close()


class _Colleague:
    each_seconds = 0.1

    def __init__(self, name: str, services: Any) -> None:
        self._name = name
        self._services = services

    def label(self, image_id: int, to: str) -> int | None:
        stores = self._services.stores
        revisions = {image_id: stores.catalogue.get(image_id).revision}
        done: tuple[int, int | None] = stores.edits.label(
            [image_id], stores.classes.get(to), self._name, revisions
        )
        return done[1]

    def next(self) -> dict[int, str]:
        stores = self._services.stores
        held = stores.leases.take(self._name, Filter(status="labelled", sort="oldest"), 4)
        return {image.id: image.label for image in stores.catalogue.several(held)}


class OverHttp:
    """The app as a process of its own; each person is a client of the public endpoints."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.root = folder / "workbench"
        self._server = ColdServer(folder, **environment).start()
        self._client = self._server.client()

    def person(self, name: str, place: int) -> _Guest:
        return _Guest(name, place, self._server.url)

    def bring_in(self, archive: Path) -> str:
        # The endpoint answers when the import has ended.
        answer = self._client.predict(files=[handle_file(str(archive))], api_name="/import_images")
        return "; ".join(file["reason"] for file in answer["rejected"])

    def train(self) -> int:
        return int(self._client.predict(spec=LONG, api_name="/start_training")["run_id"])

    def stop(self, run_id: int) -> str:
        until(lambda: self._status(run_id)["epoch"] > 1, "an epoch", STOP_SECONDS)
        self._client.predict(run_id=run_id, api_name="/stop_training")
        until(
            lambda: self._status(run_id)["status"] not in {"queued", "running"},
            "the run to end",
            STOP_SECONDS,
        )
        return str(self._status(run_id)["status"])

    def close(self) -> None:
        self._server.close()

    def _status(self, run_id: int) -> dict[str, Any]:
        status: dict[str, Any] = self._client.predict(run_id=run_id, api_name="/run_status")
        return status


class _Guest:
    """Plain HTTP, since ``gradio_client`` needs more of a core for a call than the server does.

    Handing out is the page's own: over HTTP each guest keeps to pictures of their own.
    """

    each_seconds = 1.0

    def __init__(self, name: str, place: int, url: str) -> None:
        self._name = name
        self._place = place
        self._url = f"{url}/gradio_api/call"

    def label(self, image_id: int, to: str) -> int | None:
        event_id = self._call("label_images", [[image_id], to, self._name, False])["event_id"]
        return None if event_id is None else int(event_id)

    def next(self) -> dict[int, str]:
        page = self._call("list_images", ["", "labelled", "oldest", "", 100, "", "", ""])
        return {item["id"]: item["label"] for item in page["items"] if item["id"] % PEOPLE == self._place}

    def _call(self, endpoint: str, data: list[Any]) -> dict[str, Any]:
        body = json.dumps({"data": data}).encode()
        request = urllib.request.Request(
            f"{self._url}/{endpoint}", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            event = json.load(answer)["event_id"]
        with urllib.request.urlopen(f"{self._url}/{endpoint}/{event}") as answer:
            text = answer.read().decode()
        if "event: complete" not in text:
            raise RuntimeError(text)
        result: dict[str, Any] = json.loads(text.partition("data: ")[2])[0]
        return result
