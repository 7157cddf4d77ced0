"""A server with files around it that nobody may read, and calls of everything it has that name them."""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.pictures import picture
from tests.running import Server, until

SECRET = "canary-8d1f6c"
META = {"_type": "gradio.FileData"}


@dataclass
class Attacked:
    """A running server, the paths that must stay closed, and what a loopback server was asked for."""

    server: Server
    paths: dict[str, str]
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.server.url, timeout=20)
        self.config = self.http.get("/config").json()
        self.session = uuid.uuid4().hex

    @property
    def uploads(self) -> Path:
        return self.server.data / "workbench" / "gradio-uploads"

    def kept(self) -> set[str]:
        """Every file of the upload folder."""
        return {str(path) for path in self.uploads.rglob("*") if path.is_file()}

    def forged(self) -> dict[str, Any]:
        """Every kind of forged file, by what it is."""
        kinds: dict[str, Any] = {}
        for name, path in self.paths.items():
            kinds[f"{name}, with meta"] = {"path": path, "orig_name": "x.csv", "meta": META}
            kinds[f"{name}, without meta"] = {"path": path, "orig_name": "x.csv"}
        url = self.paths["loopback"]
        kinds["address beside a path"] = {"path": self.paths["canary"], "url": url, "meta": META}
        kinds["address alone"] = {"path": None, "url": url, "meta": META}
        kinds["stream"] = {"path": self.paths["canary"], "is_stream": True, "meta": META}
        kinds["nested"] = {"a": [{"b": {"path": self.paths["canary"], "meta": META}}]}
        return kinds

    def run(self, fn_index: int, data: list[Any], event_data: Any = None) -> httpx.Response:
        """Call a function by its number, as private ones can be."""
        body = {
            "data": data,
            "fn_index": fn_index,
            "session_hash": self.session,
            "event_data": event_data,
        }
        return self.http.post("/gradio_api/run/x", content=json.dumps(body), headers=JSON)

    def queued(self, fn_index: int, data: list[Any]) -> str:
        """Call a function through the queue; what the stream of events says."""
        session = uuid.uuid4().hex
        body = {"data": data, "fn_index": fn_index, "session_hash": session}
        self.http.post("/gradio_api/queue/join", content=json.dumps(body), headers=JSON).raise_for_status()
        return self.http.get("/gradio_api/queue/data", params={"session_hash": session}).text

    def called(self, name: str, data: list[Any]) -> str:
        """Call an endpoint as curl is shown on the API page; what the stream of events says."""
        answer = self.http.post(f"/gradio_api/call/{name}", content=json.dumps({"data": data}), headers=JSON)
        return self.http.get(f"/gradio_api/call/{name}/{answer.json()['event_id']}").text

    def component(self, component_id: int, name: str, data: Any) -> httpx.Response:
        """Call a function of a component."""
        body = {"data": data, "fn_name": name, "component_id": component_id, "session_hash": self.session}
        return self.http.post("/gradio_api/component_server", content=json.dumps(body), headers=JSON)

    def functions(self) -> list[dict[str, Any]]:
        """Everything that can be called, public and private; what ends other calls takes no values."""
        return [function for function in self.config["dependencies"] if not function["cancels"]]

    def taking_files(self) -> list[dict[str, Any]]:
        """What has a file among its values."""
        files = {component["id"] for component in self.config["components"] if _takes_a_file(component)}
        return [function for function in self.functions() if files & set(function["inputs"])]

    def component_functions(self) -> list[tuple[int, str]]:
        """Every function of a component: the component's id, and its name."""
        return [
            (component["id"], name)
            for component in self.config["components"]
            for name in component["props"].get("server_fns") or []
        ]


def _takes_a_file(component: dict[str, Any]) -> bool:
    schema = json.dumps(component.get("api_info", {})) + json.dumps(component["props"].get("_api_info", {}))
    return component["type"] in {"file", "image"} or "filepath" in schema or "FileData" in schema


JSON = {"Content-Type": "application/json"}


@contextmanager
def attacked(folder: Path) -> Iterator[Attacked]:
    """A server whose data lie outside the temporary folder, with uploads where they are by default."""
    requests: list[str] = []
    with _loopback(requests) as address:
        scratch, imports = folder / "scratch", folder / "imports"
        scratch.mkdir()
        imports.mkdir()
        server = Server(
            folder, GRADIO_TEMP_DIR="", TMPDIR=str(scratch), WORKBENCH_IMPORT_FOLDERS=str(imports)
        ).start()
        try:
            yield Attacked(server, _closed(folder, address), requests)
        finally:
            server.close()


def _closed(folder: Path, address: str) -> dict[str, str]:
    """Paths and addresses that must stay closed, by what they are."""
    outside, uploads = folder / "outside", folder / "workbench" / "gradio-uploads"
    outside.mkdir()
    (outside / "canary.csv").write_text(f"{SECRET}\n")
    (outside / "canary.png").write_bytes(picture(77))
    os.mkfifo(outside / "fifo")
    for place, name in (("0" * 32, "export.zip"), ("", "tmpab12"), ("deep_links", "state.json")):
        (uploads / place).mkdir(parents=True, exist_ok=True)
        (uploads / place / name).write_text(SECRET)
    (uploads / ("0" * 64)).mkdir()
    (uploads / ("0" * 64) / "link.csv").symlink_to(outside / "canary.csv")
    (uploads / ("0" * 64) / "folder").mkdir()
    (uploads / ("1" * 64)).symlink_to(outside, target_is_directory=True)
    return {
        "shadow": "/etc/shadow",
        "endless": "/dev/zero",
        "environment": "/proc/self/environ",
        "database": str(folder / "workbench" / "waterline.db"),
        "fifo": str(outside / "fifo"),
        "folder": str(outside),
        "canary": str(outside / "canary.csv"),
        "picture": str(outside / "canary.png"),
        "relative": f"{uploads}/{'0' * 64}/../../../outside/canary.csv",
        "source": "README.md",
        "scratch": str(folder / "scratch" / "x"),
        "file address": f"file://{outside}/canary.csv",
        "loopback": f"{address}/canary.csv",
        "made by the server": str(uploads / ("0" * 32) / "export.zip"),
        "part of an upload": str(uploads / "tmpab12"),
        "saved state": str(uploads / "deep_links" / "state.json"),
        "link among uploads": str(uploads / ("0" * 64) / "link.csv"),
        "folder among uploads": str(uploads / ("0" * 64) / "folder"),
        "upload folder that is a link": str(uploads / ("1" * 64) / "canary.csv"),
        "guessed upload": str(uploads / ("2" * 64) / "a.png"),
        "upload folder": str(uploads),
        "nothing": "",
        "NUL": f"{outside}/canary.csv\0.png",
        "very long": "/" + "a" * 100_000,
        "half a character": "/tmp/\ud800.csv",
    }


@contextmanager
def _loopback(requests: list[str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(SECRET.encode())

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def healthy(server: Server) -> bool:
    """Whether the server still answers."""
    return until(
        lambda: httpx.get(f"{server.url}/healthz", timeout=2).status_code == 200, "the server to answer", 5
    )
