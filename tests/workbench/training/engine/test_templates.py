"""Templates of exported nets that several runs use at once; what is exported here is no net, but has the form of one."""

from __future__ import annotations

import io
import shutil
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.audit_events import before
from workbench.training.engine.templates import MOST_TEMPLATES, LastLayer, Template


def layer(seed: int) -> LastLayer:
    random = np.random.default_rng(seed)
    return LastLayer(random.normal(size=(4, 2)).astype(np.float32), random.normal(size=2).astype(np.float32))


def export(folder: Path, last: LastLayer) -> None:
    (folder / "model.tflite").write_bytes(
        b"head" + last.kernel.T.tobytes() + b"between" + last.bias.tobytes()
    )
    weights = io.BytesIO()
    with h5py.File(weights, "w") as store:
        store["kernel"], store["bias"] = last.kernel, last.bias
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", weights.getvalue())


def marked(folder: Path) -> None:
    export(folder, layer(0).placeholder_weights())


def never(_: Path) -> None:
    raise AssertionError("it was there already")


def is_filled(folder: Path, last: LastLayer) -> bool:
    data = (folder / "model.tflite").read_bytes()
    return last.kernel.T.tobytes() in data and last.bias.tobytes() in data


@pytest.fixture
def target(tmp_path: Path) -> Callable[[str], Path]:
    def make_folder(name: str) -> Path:
        folder = tmp_path / "targets" / name
        folder.mkdir(parents=True)
        return folder

    return make_folder


def test_a_template_is_exported_once_and_filled_many_times(
    tmp_path: Path, target: Callable[[str], Path]
) -> None:
    kept = tmp_path / "exports" / "net"
    assert Template(kept, marked).fill(target("a"), layer(1))
    assert Template(kept, never).fill(target("b"), layer(2))
    assert is_filled(tmp_path / "targets" / "a", layer(1))
    assert is_filled(tmp_path / "targets" / "b", layer(2))
    assert [path.name for path in kept.parent.iterdir()] == ["net"]


def test_two_runs_that_export_the_same_template_at_once_both_end_well(
    tmp_path: Path, target: Callable[[str], Path]
) -> None:
    both_are_there = threading.Barrier(2, timeout=30)

    def together(folder: Path) -> None:
        marked(folder)
        both_are_there.wait()

    kept = tmp_path / "exports" / "net"
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(Template(kept, together).fill, target(f"{n}"), layer(n)) for n in (1, 2)]
        assert [future.result(60) for future in futures] == [True, True]
    assert all(is_filled(tmp_path / "targets" / f"{n}", layer(n)) for n in (1, 2))
    assert [path.name for path in kept.parent.iterdir()] == ["net"]


def test_a_template_that_is_pruned_while_it_is_used_is_exported_again(
    tmp_path: Path, target: Callable[[str], Path]
) -> None:
    kept = tmp_path / "exports" / "net"
    Template(kept, marked).fill(target("a"), layer(1))

    def prune(arguments: tuple[Any, ...]) -> None:
        if Path(arguments[0]) == kept:
            shutil.rmtree(kept)

    with before("os.utime", prune):
        assert Template(kept, marked).fill(target("b"), layer(2))
    assert is_filled(tmp_path / "targets" / "b", layer(2))


def test_a_damaged_template_is_replaced(tmp_path: Path, target: Callable[[str], Path]) -> None:
    kept = tmp_path / "exports" / "net"
    Template(kept, marked).fill(target("a"), layer(1))
    (kept / "model.keras").write_bytes(b"cut short")
    assert Template(kept, marked).fill(target("b"), layer(2))
    assert Template(kept, never).fill(target("c"), layer(3))


def test_an_export_of_an_unknown_form_is_told_and_not_kept(
    tmp_path: Path, target: Callable[[str], Path]
) -> None:
    kept = tmp_path / "exports" / "net"
    assert not Template(kept, lambda folder: export(folder, layer(7))).fill(target("a"), layer(1))
    assert list(kept.parent.iterdir()) == []


def test_the_templates_used_longest_ago_go_and_what_others_write_stays(
    tmp_path: Path, target: Callable[[str], Path]
) -> None:
    root = tmp_path / "exports"
    (root / "net.1.abc.part").mkdir(parents=True)
    for number in range(MOST_TEMPLATES + 2):
        Template(root / f"{number}", marked).fill(target(f"{number}"), layer(number))
    assert {path.name for path in root.iterdir()} == {
        "net.1.abc.part",
        *(f"{number}" for number in range(2, MOST_TEMPLATES + 2)),
    }
