"""The whole loop over HTTP, as a script would do it: from a zip to a prediction."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from tests.pictures import class_zip, picture, shaded
from tests.running import ROOT, Server, until
from workbench.imaging.augmentation import Augmentation, augment
from workbench.imaging.decode import canonical, decode

pytestmark = pytest.mark.slow
ENDED = ("finished", "stopped", "failed", "interrupted")


def _finish(client: Client, run_id: int) -> dict:
    def ended() -> dict | None:
        status = client.predict(run_id=run_id, api_name="/run_status")
        return status if status["status"] in ENDED else None

    return until(ended, f"run {run_id} to end", 180)


@pytest.fixture(scope="module")
def imported(client: Client, tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("files")
    (folder / "notes.jpg").write_text("not a picture")
    files = [handle_file(str(class_zip(folder / "classes.zip"))), handle_file(str(folder / "notes.jpg"))]
    return client.predict(files=files, api_name="/import_images")


@pytest.fixture(scope="module")
def trained(client: Client, imported: dict) -> dict:
    run_id = client.predict(spec={"epochs": 12, "seed": 3}, api_name="/start_training")["run_id"]
    return _finish(client, run_id)


@pytest.mark.loop
def test_import_reports_every_file(client: Client, imported: dict) -> None:
    assert imported["imported"] == 24
    assert imported["duplicates"] == 0
    assert [file["file"] for file in imported["rejected"]] == ["notes.jpg"]
    summary = client.predict(api_name="/dataset_summary")
    assert summary["images"] == summary["labelled"] == 24
    assert {class_["name"]: class_["count"] for class_ in summary["classes"]} == {"High": 12, "Low": 12}


def test_label_and_undo(client: Client, imported: dict) -> None:
    first = imported["image_ids"][0]
    changed = client.predict(image_ids=[first], label="Unsure", create=True, api_name="/label_images")
    assert changed["changed"] == 1
    assert client.predict(label="Unsure", api_name="/list_images")["items"][0]["id"] == first
    undone = client.predict(api_name="/undo")
    assert undone == {"undone": "labelled 1 picture as Unsure", "event_id": changed["event_id"]}
    client.predict(api_name="/undo")
    assert "Unsure" not in {
        class_["name"] for class_ in client.predict(api_name="/dataset_summary")["classes"]
    }


def test_pages_follow_the_cursor(client: Client, imported: dict) -> None:
    seen, cursor = [], ""
    while True:
        page = client.predict(sort="name", limit=10, cursor=cursor, api_name="/list_images")
        seen += [item["filename"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == sorted(seen)
    assert len(set(seen)) == page["total"] == 24


def test_preview_is_what_training_sees(client: Client, imported: dict) -> None:
    image_id = client.predict(sort="oldest", limit=1, api_name="/list_images")["items"][0]["id"]
    files = client.predict(image_id=image_id, count=3, seed=5, api_name="/preview_augmentation")
    original = canonical(decode(shaded(0.7, 0), 10**8).image)
    for epoch, file in enumerate(files, 1):
        expected = augment(original, Augmentation(), (5, epoch, image_id))
        assert np.array_equal(np.asarray(Image.open(file)), expected)


@pytest.mark.loop
def test_training_gives_a_model_that_has_learnt(client: Client, trained: dict) -> None:
    assert trained["status"] == "finished", trained["error"]
    report = client.predict(run_id=trained["run_id"], api_name="/run_report")
    assert report["metrics"]["macro_f1"] > 0.9
    assert [row["epoch"] for row in report["history"]] == list(range(1, len(report["history"]) + 1))
    assert sum(map(sum, report["confusion"])) == len(report["predictions"])
    assert {row["name"] for row in report["per_class"]} == {"High", "Low"}


@pytest.mark.loop
def test_the_newest_version_answers_until_one_is_in_production(
    client: Client, trained: dict, tmp_path: Path
) -> None:
    file = tmp_path / "low.png"
    file.write_bytes(shaded(0.7, 999))
    before = client.predict(image=handle_file(str(file)), api_name="/predict")
    assert (before["label"], before["version"]) == ("Low", trained["version"])
    history = client.predict(version=trained["version"], reason="first one", api_name="/promote")["history"]
    assert history[0]["reason"] == "first one"
    answer = client.predict(image=handle_file(str(file)), api_name="/predict")
    assert answer["label"] == "Low"
    assert answer["version"] == trained["version"]
    assert abs(sum(answer["scores"].values()) - 1) < 1e-4
    models = client.predict(api_name="/list_models")["models"]
    assert models[0]["aliases"] == ["production"]


def test_batch_gives_a_row_a_file(client: Client, trained: dict, tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"")
    files = [handle_file(str(class_zip(tmp_path / "more.zip", 3))), handle_file(str(tmp_path / "bad.jpg"))]
    path = client.predict(files=files, model=trained["version"], api_name="/predict_batch")
    with Path(path).open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 7
    assert rows[-1]["error"] == "The file is empty (0 bytes)."
    assert all(row["label"] for row in rows[:-1])


def test_originals_are_kept_byte_for_byte(served: Server, client: Client, tmp_path: Path) -> None:
    data = picture(4711)
    (tmp_path / "one.jpg").write_bytes(data)
    client.predict(files=[handle_file(str(tmp_path / "one.jpg"))], api_name="/import_images")
    sha256 = hashlib.sha256(data).hexdigest()
    assert (served.data / "workbench" / "blobs" / "originals" / sha256[:2] / sha256).read_bytes() == data


@pytest.mark.usefixtures("tiny_net")
def test_the_example_in_the_readme_runs(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    example = readme.split("```python\n", 1)[1].split("```", 1)[0]
    class_zip(tmp_path / "bottles.zip")
    (tmp_path / "bottle.jpg").write_bytes(picture(1))
    running = Server(tmp_path).start()
    try:
        script = example.replace("http://127.0.0.1:7860", running.url)
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "v1" in done.stdout
    finally:
        running.close()


def test_nobody_else_on_the_machine_reads_what_was_kept(
    client: Client, served: Server, trained: dict
) -> None:
    client.predict(api_name="/export_dataset")
    root = served.data / "workbench"
    kept = [path for path in (root, *root.rglob("*")) if not path.is_symlink()]
    kinds = {
        "waterline.db",
        "waterline.db-wal",
        "waterline.db-shm",
        "server.lock",
        "logs",
        "blobs",
        "models",
        "exports",
    }
    assert kinds <= {path.name for path in kept}
    assert [str(path) for path in kept if path.stat().st_mode & 0o077] == []
