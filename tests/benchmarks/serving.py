"""The running app: time to the first usable page, time of a prediction, memory, and who imported TensorFlow."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import psutil
from gradio_client import handle_file
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.figures import Row
from tests.benchmarks.run_latency import STOP_SECONDS, stop_seconds
from tests.browser.conftest import ARGUMENTS, NAMES
from tests.running import ROOT, ColdServer, until

START_SECONDS = 6.0
PREDICT_MS = 25.0
MEMORY_MB = 500
AGREEMENT = 1e-3
REPEATS = 300
STARTS = 3

TIMED = """
import sys, time
from pathlib import Path
from workbench.services import build_services
from workbench.core.settings import Settings
services = build_services(Settings(data=Path(sys.argv[1])))
data = Path(sys.argv[2]).read_bytes()
taken = []
for _ in range(int(sys.argv[3]) + 10):
    began = time.perf_counter()
    services.predictor.predict(data)
    taken.append(1000 * (time.perf_counter() - began))
print(*taken[10:])
print("tensorflow" in sys.modules)
"""


def rows(data: Path) -> list[Row]:
    """Start the app on a fresh data folder, train for two epochs on real photos, and measure."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        started = [_start(folder / f"start-{number}") for number in range(STARTS)]
        server = ColdServer(folder).start()
        try:
            archive = shutil.make_archive(str(folder / "photos"), "zip", data / "water-bottles")
            agreement = _train(server, archive)
            stopped = stop_seconds(server)
            photo = _megapixel(data, folder / "photo.jpg")
            memory = _memory(server, photo)
        finally:
            server.close()
        times, imported = _predict(folder / "workbench", photo)
    best = min(started)
    return [
        Row(
            "start to first usable page, warm disk",
            f"<= {START_SECONDS:g} s",
            _list(started),
            best <= START_SECONDS,
        ),
        Row(
            "prediction on a 1-megapixel JPEG, p95",
            f"<= {PREDICT_MS:g} ms",
            f"{np.percentile(times, 95):.1f} ms (median {np.median(times):.1f})",
            bool(np.percentile(times, 95) <= PREDICT_MS),
        ),
        Row("TensorFlow in the web process", "no", "yes" if imported else "no", not imported),
        Row("memory of the web process", f"< {MEMORY_MB} MB", f"{memory:.0f} MB", memory < MEMORY_MB),
        Row(
            "stop to registered model", f"<= {STOP_SECONDS:g} s", f"{stopped:.1f} s", stopped <= STOP_SECONDS
        ),
        Row("LiteRT against Keras, max |dp|", f"< {AGREEMENT:g}", f"{agreement:.1e}", agreement < AGREEMENT),
    ]


def _start(folder: Path) -> float:
    """Seconds from the start of the process until a person can press the first button."""
    folder.mkdir()
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, NAMES)), None)
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page()
        began = perf_counter()
        server = ColdServer(folder).start()
        seconds = _usable(page, server.url, began)
        browser.close()
        server.close()
    return seconds


def _usable(page: Page, url: str, began: float) -> float:
    page.goto(url)
    page.get_by_role("button", name="Start with 200 sample bottles").wait_for(state="visible")
    return perf_counter() - began


def _train(server: ColdServer, archive: str) -> float:
    client = server.client()
    client.predict(files=[handle_file(archive)], api_name="/import_images")
    run_id = client.predict(spec={"epochs": 2}, api_name="/start_training")["run_id"]
    run = until(lambda: _ended(client.predict(run_id=run_id, api_name="/run_status")), "the run to end", 300)
    client.predict(version=run["version"], api_name="/promote")
    return float(
        client.predict(run_id=run_id, api_name="/run_report")["metrics"].get("litert_agreement", np.nan)
    )


def _ended(run: dict) -> dict | None:
    return None if run["status"] in {"queued", "running"} else run


def _megapixel(data: Path, target: Path) -> Path:
    photo = next(path for path in sorted((data / "water-bottles").rglob("*.jpeg")))
    Image.open(photo).convert("RGB").resize((1155, 866), Image.Resampling.BICUBIC).save(target, quality=90)
    return target


def _memory(server: ColdServer, photo: Path) -> float:
    """Resident memory in MB after an import, a split and 50 predictions."""
    client = server.client()
    for _ in range(50):
        client.predict(image=handle_file(str(photo)), api_name="/predict")
    return psutil.Process(server.pid).memory_info().rss / 1e6


def _predict(data: Path, photo: Path) -> tuple[list[float], bool]:
    command = [sys.executable, "-c", TIMED, str(data), str(photo), str(REPEATS)]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [float(part) for part in lines[-2].split()], lines[-1] == "True"


def _list(seconds: list[float]) -> str:
    return f"{min(seconds):.1f} s (of {', '.join(f'{second:.1f}' for second in seconds)})"
