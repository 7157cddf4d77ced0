"""Processes that are killed while they write: nothing is half there afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import picture, write_zip
from tests.running import ROOT, until
from tests.versions import Answers, finished_run, import_pictures
from workbench.integrity import check
from workbench.services import Services, build_services

LABELS = """
import sys
from itertools import cycle
from pathlib import Path
from storage.records import Filter
from workbench.services import build_services
from workbench.core.settings import Settings

services = build_services(Settings(data=Path(sys.argv[1]), insight=False))
ids = services.stores.pages.all_ids(Filter())
for number, name in enumerate(cycle(["Full", "Half", ""])):
    chosen = ids if number % 5 == 0 else ids[number % len(ids) :][:1]
    changed, event_id = services.labelling.label(chosen, name, "ann")
    if event_id:
        print(event_id, changed, flush=True)
    if number % 4 == 3:
        services.stores.journal.undo("ann")
"""
REGISTERS = """
import os, signal, sys
from pathlib import Path
from tests.versions import Answers, finished_run
from workbench.services import build_services
from workbench.core.settings import Settings

services = build_services(Settings(data=Path(sys.argv[1]), insight=False))

def kill(sql):
    # The last statement of the registration: the folder has been moved by then.
    if sql == "COMMIT" and (services.stores.registry.root / "v1").exists():
        os.kill(os.getpid(), signal.SIGKILL)

services.stores.database.connection().set_trace_callback(kill)
finished_run(services, Path(sys.argv[2]), Answers("Half", "Full", 1))
"""
IMPORTS = """
import os, signal, sys, threading
from pathlib import Path
from workbench.importing.uploads import Upload
from workbench.importing.service import NewImport
from workbench.services import build_services
from workbench.core.settings import Settings

def kill(reason):
    if reason.strip().startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

def watch(event, arguments):
    if event == "shutil.rmtree":
        kill(f"remove {Path(arguments[0]).parent.name}")

def begin(*call):
    # The first call in a thread of its own: each has a connection of its own.
    sys.setprofile(None)
    services.stores.database.connection().set_trace_callback(kill)

sys.addaudithook(watch)
services = build_services(Settings(data=Path(sys.argv[1]), insight=False))
threading.setprofile(begin)
services.imports.wait(services.imports.start(NewImport([Upload(Path(sys.argv[2]), "a.zip")])))
"""


def begun(script: str, *arguments: Path | str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [1, 40, 90])
def test_a_process_killed_while_it_labels_loses_nothing_that_it_was_told(
    services: Services, labels: int
) -> None:
    import_pictures(services, {"Full": 6, "Half": 6})
    process = begun(LABELS, services.stores.root)
    assert process.stdout is not None
    reported = [tuple(map(int, process.stdout.readline().split())) for _ in range(labels)]
    process.kill()
    reported += [tuple(map(int, line.split())) for line in process.stdout.read().splitlines() if " " in line]
    process.wait(30)

    later = build_services(services.settings)
    assert check(later.stores, deep=True).faults == ()
    written = later.stores.database.rows(
        "SELECT e.id, e.pictures, (SELECT count(*) FROM changes c WHERE c.event_id = e.id AND c.field = 'class_id') "
        "AS changed FROM events e WHERE e.kind = 'label'"
    )
    assert all(row["pictures"] == row["changed"] for row in written)
    assert {*reported} <= {(row["id"], row["pictures"]) for row in written}
    assert len(written) - len(reported) in {0, 1}  # one may have been written and not yet told


@pytest.mark.slow
def test_a_process_killed_while_it_registers_a_version_leaves_none(
    services: Services, tmp_path: Path
) -> None:
    import_pictures(services, {"Full": 6, "Half": 6})
    process = begun(REGISTERS, services.stores.root, tmp_path / "first")
    assert process.wait(60) == -signal.SIGKILL
    later = build_services(services.settings)
    registry = later.stores.registry
    assert registry.versions() == []
    assert (registry.root / "v1").exists()  # what was moved has no row and is in nobody's way
    [run] = later.stores.runs.recent()
    assert (run.status, run.version, later.stores.runs.predictions(run.id)) == ("running", None, [])
    later.start()
    until(lambda: later.stores.runs.get(run.id).status == "interrupted", "the run to be given up")
    later.close()

    version = finished_run(later, tmp_path / "second", Answers("Half", "Full", 1))
    assert version.name == "v1"
    assert registry.file(version, "model.keras").read_bytes() == b"keras" * 100
    assert check(later.stores, deep=True).faults == ()
    assert [path.name for path in registry.root.iterdir()] == ["v1"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["UPDATE imports SET status = 'finished'", "remove staging"])
def test_an_import_that_is_killed_around_its_end_was_complete(
    services: Services, tmp_path: Path, moment: str
) -> None:
    packed = write_zip(tmp_path / "a.zip", {f"Full/{seed}.jpg": picture(seed) for seed in range(5)})
    process = begun(IMPORTS, services.stores.root, packed, moment)
    assert process.wait(60) == -signal.SIGKILL
    later = build_services(services.settings)
    later.imports.resume()
    ended = until(lambda: not (state := later.imports.state(1)).running and state, "the import to end")
    assert (ended.status, ended.error, ended.imported, ended.done) == ("finished", "", 5, 5)
    assert list((later.stores.root / "staging").iterdir()) == []
    assert check(later.stores, deep=True).faults == ()


def test_pictures_of_an_import_that_is_killed_before_their_rows_are_taken_in_again(
    services: Services, tmp_path: Path
) -> None:
    packed = write_zip(tmp_path / "a.zip", {f"Full/{seed}.jpg": picture(seed) for seed in range(5)})
    process = begun(IMPORTS, services.stores.root, packed, "INSERT INTO images ")
    assert process.wait(60) == -signal.SIGKILL
    later = build_services(services.settings)
    assert list(later.stores.root.rglob(".part-*"))
    later.start()
    ended = until(lambda: not (state := later.imports.state(1)).running and state, "the import to end")
    until(lambda: not list(later.stores.root.rglob(".part-*")), "what was left to be removed")
    later.close()
    assert (ended.status, ended.error, ended.imported) == ("finished", "", 5)
    assert check(later.stores, deep=True).faults == ()
