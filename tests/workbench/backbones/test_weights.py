"""Pretrained weights: found, downloaded from a real server on this machine, or refused with a sentence."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.running import ROOT
from tests.sentences import raises_sentence
from workbench.backbones.definitions import BACKBONES, PRETRAINED, Backbone
from workbench.backbones.weights import (
    DOWNLOAD_DAMAGED,
    damaged_message,
    find_or_download,
    unreachable_message,
    weights_state,
)
from workbench.core.errors import TrainingFailed
from workbench.training.spec import DEPTHS

NET = BACKBONES["mobilenet_v2"]
AS_A_PLAIN_USER = """
import dataclasses, os, sys
from pathlib import Path

# Else read when they are first used, by when Python may lie where the user may not read.
import encodings.idna
import h5py
from workbench.backbones.definitions import BACKBONES
from workbench.backbones.weights import find_or_download

if os.geteuid() == 0:  # who writes everywhere
    os.setgid(65534)
    os.setuid(65534)
served = dataclasses.replace(BACKBONES["mobilenet_v2"], origin=sys.argv[1])
print(find_or_download(served, Path(sys.argv[2]), lambda *_: None).folder)
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Backbone]:
    """A backbone whose weights lie on a server here."""
    folder = tmp_path / "server"
    written(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield dataclasses.replace(NET, origin=f"http://127.0.0.1:{server.server_port}/")
    server.shutdown()
    server.server_close()


def written(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / NET.weights_file
    with h5py.File(file, "w") as store:
        store["values"] = np.arange(300_000)
    return file


def unreachable() -> Backbone:
    return dataclasses.replace(NET, origin="http://127.0.0.1:9/")


def silent(_done: int, _total: int) -> None: ...


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_in_the_folder_is_found(tmp_path: Path) -> None:
    file = written(tmp_path / "weights")
    state = weights_state(NET, tmp_path / "weights")
    assert (state.present, state.path, state.sha256) == (True, file, sha256(file))
    assert find_or_download(unreachable(), tmp_path / "weights", silent) == state


def test_a_file_in_keras_cache_is_found_after_the_folder(tmp_path: Path, cache: Path) -> None:
    cached = written(cache)
    assert weights_state(NET, tmp_path / "weights").path == cached
    own = written(tmp_path / "weights")
    assert weights_state(NET, tmp_path / "weights").path == own


def test_where_it_is_missing_the_sentence_names_the_file_and_the_folder(tmp_path: Path) -> None:
    state = weights_state(NET, tmp_path / "weights")
    assert not state.present
    assert state.sha256 is None
    assert NET.weights_file in state.sentence
    assert str(tmp_path / "weights") in state.sentence
    assert "9.4 MB" in state.sentence


def test_it_is_downloaded_with_progress_and_found_from_then_on(tmp_path: Path, served: Backbone) -> None:
    progress: list[tuple[int, int]] = []
    state = find_or_download(served, tmp_path / "weights", lambda *at: progress.append(at))
    original = tmp_path / "server" / NET.weights_file
    assert state.sha256 == sha256(original)
    assert state.folder == tmp_path / "weights"
    assert progress == sorted(progress)
    assert len(progress) > 5
    assert progress[-1] == (original.stat().st_size,) * 2
    assert [path.name for path in state.folder.iterdir()] == [NET.weights_file]
    assert weights_state(unreachable(), tmp_path / "weights").present


def test_a_folder_that_cannot_be_written_to_leaves_the_download_in_keras_cache(
    reachable: Path, served: Backbone
) -> None:
    weights, keras_home = reachable / "weights", reachable / "keras"
    weights.mkdir(mode=0o555)
    keras_home.mkdir()
    keras_home.chmod(0o777)
    command = [sys.executable, "-c", AS_A_PLAIN_USER, served.origin, str(weights)]
    environment = {**os.environ, "KERAS_HOME": str(keras_home)}
    download = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert download.stdout == f"{keras_home / 'models'}\n", download.stderr
    assert list(weights.iterdir()) == []


def test_a_download_that_is_ended_leaves_nothing(tmp_path: Path, served: Backbone) -> None:
    def ends(done: int, _total: int) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_or_download(served, tmp_path / "weights", ends)
    assert list((tmp_path / "weights").iterdir()) == []


@pytest.mark.parametrize("length", [32, 64])
def test_a_download_that_is_not_the_file_is_refused(tmp_path: Path, served: Backbone, length: int) -> None:
    other = dataclasses.replace(served, checksum="0" * length)
    with raises_sentence(TrainingFailed, DOWNLOAD_DAMAGED.format(file=other.weights_file)):
        find_or_download(other, tmp_path / "weights", silent)
    assert list((tmp_path / "weights").iterdir()) == []


def test_a_download_with_its_checksum_is_taken(tmp_path: Path, served: Backbone) -> None:
    checksum = hashlib.md5((tmp_path / "server" / NET.weights_file).read_bytes()).hexdigest()
    assert find_or_download(
        dataclasses.replace(served, checksum=checksum), tmp_path / "weights", silent
    ).present


def test_without_a_network_the_sentence_names_the_file_the_folder_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed) as refused:
        find_or_download(unreachable(), tmp_path / "weights", silent)
    for part in (NET.weights_file, str(tmp_path / "weights"), "compact"):
        assert part in str(refused.value)


def test_a_missing_page_is_no_file(tmp_path: Path, served: Backbone) -> None:
    missing, folder = dataclasses.replace(served, weights_file="other.h5"), tmp_path / "weights"
    with raises_sentence(TrainingFailed, unreachable_message(missing, folder)):
        find_or_download(missing, folder, silent)


@pytest.mark.parametrize("left", [0, 100, 200_000])
def test_a_file_cut_short_is_refused_and_stays_where_it_is(
    tmp_path: Path, served: Backbone, left: int
) -> None:
    file = written(tmp_path / "weights")
    os.truncate(file, left)
    with raises_sentence(TrainingFailed, damaged_message(file)):
        find_or_download(served, tmp_path / "weights", silent)
    assert file.stat().st_size == left


def test_a_file_replaced_by_a_whole_one_is_seen(tmp_path: Path) -> None:
    file = written(tmp_path / "weights")
    os.truncate(file, 1000)
    assert not weights_state(NET, tmp_path / "weights").present
    file.unlink()
    written(tmp_path / "weights")
    assert weights_state(NET, tmp_path / "weights").present


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_backbone_says_all_that_a_person_needs_to_choose(name: str) -> None:
    backbone = BACKBONES[name]
    assert backbone.sentence
    assert backbone.licence
    assert backbone.megabytes > 1
    assert backbone.weights_file.endswith(".h5")
    assert backbone.url.startswith("https://")
    assert len({backbone.cut(depth) for depth in DEPTHS}) == len(DEPTHS)
