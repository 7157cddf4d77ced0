import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.core.errors import Conflict, Corrupt, NotFound
from storage.records import ValidationPrediction, Version
from storage.training.registry import VersionCandidate
from storage.training.run_attempts import RunAttempt, Superseded
from storage.training.snapshots import SplitDraft
from tests.audit_events import before
from tests.storage.conftest import Add
from workbench.stores import Stores

MakeCandidate = Callable[..., VersionCandidate]


@pytest.fixture
def candidate(stores: Stores, tmp_path: Path, add: Add) -> MakeCandidate:
    """A run that is about to hand in two files."""
    snapshot_id = stores.snapshots.freeze(SplitDraft(("Full", "Half"), (), 0.2, 1, 0)).id
    image_id = add("a.jpg")[0]

    def make(stopped: bool = False, claimed: bool = True) -> VersionCandidate:
        run_id = stores.runs.create(snapshot_id, {})
        if claimed:
            stores.runs.claim(run_id, 1, "then")
        folder = tmp_path / f"work-{run_id}"
        folder.mkdir()
        for name in ("model.keras", "model.tflite"):
            (folder / name).write_bytes(f"{name} of run {run_id}".encode())
        manifest = {"classes": ["Full", "Half"], "metrics": {"accuracy": run_id}}
        answers = [ValidationPrediction(image_id, 0, 1, (0.25, 0.75))]
        attempt = RunAttempt(stores.database, run_id, 1)
        return VersionCandidate(attempt, snapshot_id, folder, manifest, 3, stopped, "", answers)

    return make


@pytest.fixture
def registered(stores: Stores, candidate: MakeCandidate) -> Callable[[int], list[Version]]:
    return lambda count: [stores.registry.register(candidate()) for _ in range(count)]


def promote(stores: Stores, *names: str) -> None:
    for name in names:
        stores.registry.promote(name, "production", f"try {name}", "ann")


def roll_back(stores: Stores) -> str:
    return stores.registry.roll_back("production", "", "ann").name


@pytest.mark.parametrize(("stopped", "status"), [(False, "finished"), (True, "stopped")])
def test_a_version_holds_the_run_s_files_and_ends_the_run(
    stores: Stores, candidate: MakeCandidate, stopped: bool, status: str
) -> None:
    submitted = candidate(stopped)
    version = stores.registry.register(submitted)
    assert (version.name, version.manifest["version"], version.aliases) == ("v1", "v1", ())
    assert (
        version.manifest["metrics"] == stores.registry.metrics("v1") == {"accuracy": submitted.attempt.run_id}
    )
    assert (
        stores.registry.file(version, "model.keras").read_text()
        == f"model.keras of run {submitted.attempt.run_id}"
    )
    assert json.loads((stores.registry.root / "v1" / "manifest.json").read_text()) == version.manifest
    assert not submitted.folder.exists()
    run = stores.runs.get(submitted.attempt.run_id)
    assert (run.status, run.version, run.best_epoch, run.phase) == (status, "v1", 3, "")
    assert stores.runs.predictions(submitted.attempt.run_id) == list(submitted.predictions)


def test_a_number_is_never_used_again(
    stores: Stores, registered: Callable[[int], list[Version]], reopened: Callable[[], Stores]
) -> None:
    registered(2)
    stores.registry.delete("v2")
    assert [version.name for version in stores.registry.versions()] == ["v1"]
    assert not (stores.registry.root / "v2").exists()
    assert reopened().registry.metrics("v2")
    assert registered(1)[0].name == "v3"
    for ask in (stores.registry.get, stores.registry.delete):
        with pytest.raises(NotFound, match="v3, v1"):
            ask("v2")


@pytest.mark.parametrize("claimed", [False, True], ids=["queued", "ended"])
def test_a_registration_that_fails_leaves_nothing(
    stores: Stores, candidate: MakeCandidate, claimed: bool
) -> None:
    refused = candidate(claimed=claimed)
    if claimed:
        stores.runs.end(refused.attempt.run_id, "interrupted", "It is gone.")
    before = stores.runs.get(refused.attempt.run_id)
    with pytest.raises(Superseded):
        stores.registry.register(refused)
    assert stores.registry.versions() == []
    assert list(stores.registry.root.iterdir()) == []
    assert stores.runs.get(refused.attempt.run_id) == before
    assert stores.runs.predictions(refused.attempt.run_id) == []
    assert stores.registry.register(candidate()).name == "v1"


def test_the_model_of_an_attempt_that_was_given_up_is_not_registered(
    stores: Stores, candidate: MakeCandidate
) -> None:
    stale = candidate()
    run_id = stale.attempt.run_id
    stale.attempt.end("interrupted", "It is gone.")
    stores.runs.resume(run_id)
    second = stores.runs.claim(run_id, 2, "later")
    with pytest.raises(Superseded):
        stores.registry.register(stale)
    assert (stores.registry.versions(), stores.runs.predictions(run_id)) == ([], [])
    assert second is not None
    assert stores.registry.register(replace(stale, attempt=second)).name == "v1"


def test_no_write_waits_while_files_are_hashed_and_moved(stores: Stores, candidate: MakeCandidate) -> None:
    submitted, seen = candidate(), []

    def look(arguments: tuple[Any, ...]) -> None:
        path = Path(str(arguments[0]))
        if path.is_relative_to(submitted.folder) or path.is_relative_to(stores.registry.root):
            seen.append((path.name, stores.database.connection().in_transaction))

    with before("open", look):
        stores.registry.register(submitted)
    models = [busy for name, busy in seen if name in {"model.keras", "model.tflite"}]
    assert len(models) >= 2
    assert not any(models)


@pytest.mark.parametrize("event", ["os.rename"])
def test_what_a_registration_leaves_that_ends_midway_goes_when_a_server_starts(
    stores: Stores, candidate: MakeCandidate, event: str
) -> None:
    submitted, calls = candidate(), []

    def end(arguments: tuple[Any, ...]) -> None:
        calls.append(arguments)
        raise KeyboardInterrupt

    with before(event, end), pytest.raises(KeyboardInterrupt):
        stores.registry.register(submitted)
    assert calls
    assert stores.registry.versions() == []
    submitted.attempt.end("interrupted", "It is gone.")
    stores.registry.tidy()
    assert list(stores.registry.root.iterdir()) == []


def test_tidying_takes_what_no_version_knows_and_leaves_the_versions(
    stores: Stores, registered: Callable[[int], list[Version]], candidate: MakeCandidate
) -> None:
    registered(2)
    stores.registry.delete("v2")
    running = candidate().attempt
    for name in ("v2", "v3", f".arriving-{running.run_id}.1", ".arriving-1.1"):
        (stores.registry.root / name).mkdir()
        (stores.registry.root / name / "model.keras").write_bytes(b"x")
    stores.registry.tidy()
    assert {path.name for path in stores.registry.root.iterdir()} == {"v1", f".arriving-{running.run_id}.1"}
    [aside] = (stores.registry.root.parent / "lost+found" / "models").iterdir()
    assert aside.name.startswith("v3-")


def test_a_registration_whose_folder_is_gone_leaves_nothing(stores: Stores, candidate: MakeCandidate) -> None:
    lost = candidate()
    shutil.rmtree(lost.folder)
    with pytest.raises(OSError, match="work-1"):
        stores.registry.register(lost)
    assert stores.registry.versions() == []
    assert stores.runs.get(lost.attempt.run_id).status == "running"


def test_what_an_interrupted_registration_left_is_in_nobody_s_way(
    stores: Stores, candidate: MakeCandidate
) -> None:
    (stores.registry.root / "v1").mkdir()
    (stores.registry.root / "v1" / "stray").write_bytes(b"x")
    stores.registry.register(candidate())
    assert sorted(path.name for path in (stores.registry.root / "v1").iterdir()) == [
        "manifest.json",
        "model.keras",
        "model.tflite",
    ]


@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(b"other"), Path.unlink])
def test_a_file_that_is_not_what_was_registered_is_refused(
    stores: Stores, candidate: MakeCandidate, damage: Callable[[Path], object]
) -> None:
    version = stores.registry.register(candidate())
    damage(stores.registry.root / "v1" / "model.tflite")
    with pytest.raises(Corrupt, match=r"model\.tflite .*\bv1\b"):
        stores.registry.file(version, "model.tflite")
    assert stores.registry.file(version, "model.keras").is_file()


@pytest.mark.parametrize("name", ["../v2/model.keras", "nothing", "", "/etc/hostname"])
def test_only_registered_files_are_given_out(
    stores: Stores, registered: Callable[[int], list[Version]], name: str
) -> None:
    version, _ = registered(2)
    with pytest.raises(Corrupt):
        stores.registry.file(version, name)


def test_promoting_moves_the_alias_and_remembers_why(
    stores: Stores, registered: Callable[[int], list[Version]]
) -> None:
    registered(2)
    assert stores.registry.production() is None
    promote(stores, "v1", "v2")
    assert stores.registry.get("production").name == "v2"
    assert [version.aliases for version in stores.registry.versions()] == [("production",), ()]
    moves = [(e.version, e.previous, e.reason, e.actor) for e in stores.registry.history("production")]
    assert moves == [("v2", "v1", "try v2", "ann"), ("v1", None, "try v1", "ann")]


def test_rolling_back_twice_goes_back_twice(
    stores: Stores, registered: Callable[[int], list[Version]]
) -> None:
    registered(3)
    promote(stores, "v1", "v2", "v3")
    assert [roll_back(stores), roll_back(stores)] == ["v2", "v1"]
    with pytest.raises(Conflict, match="production"):
        roll_back(stores)
    promote(stores, "v3")
    assert roll_back(stores) == "v1"


def test_rolling_back_a_promotion_of_an_older_version_gives_the_one_before_it(
    stores: Stores, registered: Callable[[int], list[Version]]
) -> None:
    registered(2)
    promote(stores, "v1", "v2", "v1")
    assert roll_back(stores) == "v2"
    assert roll_back(stores) == "v1"


def test_rolling_back_passes_over_what_was_deleted_or_promoted_twice(
    stores: Stores, registered: Callable[[int], list[Version]]
) -> None:
    registered(3)
    promote(stores, "v1", "v2", "v3", "v3")
    stores.registry.delete("v2")
    assert roll_back(stores) == "v1"
    promote(stores, "v3", "v1")
    stores.registry.delete("v3")
    with pytest.raises(Conflict):
        roll_back(stores)


def test_an_alias_of_its_own_has_its_own_history(
    stores: Stores, registered: Callable[[int], list[Version]]
) -> None:
    registered(2)
    promote(stores, "v1")
    stores.registry.promote("production", "canary", "", "ann")
    assert stores.registry.get("canary").aliases == ("canary", "production")
    with pytest.raises(Conflict, match="canary"):
        stores.registry.roll_back("canary", "", "ann")


def test_a_version_in_use_is_not_deleted(stores: Stores, registered: Callable[[int], list[Version]]) -> None:
    version = registered(2)[0]
    promote(stores, "v1")
    for name in ("v1", "production"):
        with pytest.raises(Conflict, match=r"v1 .*\bproduction\b"):
            stores.registry.delete(name)
    assert stores.registry.file(version, "model.keras").is_file()
    promote(stores, "v2")
    stores.registry.delete("v1")
    with pytest.raises(NotFound):
        promote(stores, "v1")
    assert stores.registry.get("production").name == "v2"


@pytest.mark.parametrize("name", ["v9", "v0", "v", "1", "", "v1 ", "v99999999999999999999", "staging", "v١"])
def test_an_unknown_version(stores: Stores, registered: Callable[[int], list[Version]], name: str) -> None:
    registered(1)
    with pytest.raises(NotFound, match=r" v1\.$"):
        stores.registry.get(name)


def test_the_manifest_is_a_file_that_is_checked_too(
    stores: Stores, registered: Callable[[int], list[Version]]
) -> None:
    version = registered(1)[0]
    manifest = stores.registry.file(version, "manifest.json")
    assert json.loads(manifest.read_text()) == version.manifest
    assert stores.registry.size(version) == sum(path.stat().st_size for path in manifest.parent.iterdir())
    manifest.write_text(manifest.read_text().replace("v1", "v2"))
    with pytest.raises(Corrupt, match=r"manifest\.json .*\bv1\b"):
        stores.registry.file(version, "manifest.json")


def test_where_a_roll_back_would_go_is_known_before(
    stores: Stores, registered: Callable[[int], list[Version]]
) -> None:
    registered(3)
    assert stores.registry.previous("production") is None
    promote(stores, "v1", "v3")
    previous = stores.registry.previous("production")
    assert previous is not None
    assert previous.name == roll_back(stores) == "v1"
    assert stores.registry.previous("production") is None
