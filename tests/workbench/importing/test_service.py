import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from storage.core.errors import Conflict, DomainError, NotFound
from storage.jobs.import_jobs import IMPORT_ENDED
from tests.pictures import picture, write_zip
from tests.running import until
from tests.sentences import raises_sentence
from tests.workbench.importing.test_uploads import zipped
from workbench.catalogue.labelling import INVALID_NAME
from workbench.core.path_names import A_CHARACTER
from workbench.importing.service import MOST_ATTEMPTS, NONE_RUNNING, STUCK, ImportState, NewImport
from workbench.importing.staging import GONE
from workbench.importing.uploads import Upload
from workbench.services import Services, build_services

Put = Callable[[str, bytes], Upload]


def many(count: int, first: int = 0) -> bytes:
    return zipped({f"Full/{index}.jpg": picture(index) for index in range(first, first + count)})


def ended(services: Services, import_id: int) -> ImportState:
    return until(
        lambda: not (state := services.imports.state(import_id)).running and state, "the import to end"
    )


def files_left(services: Services) -> list[Path]:
    place = services.settings.data / "staging"
    return list(place.rglob("*")) if place.exists() else []


def test_an_import_runs_behind_and_keeps_its_report(services: Services, upload: Put) -> None:
    uploaded = [
        upload("a.zip", zipped({"Full/1.jpg": picture(1), "Full/2.jpg": picture(1)})),
        upload("=notes.txt", b"text"),
        upload("a.jpg", picture(2)),
    ]
    import_id = services.imports.start(NewImport(uploaded, actor="ann"))
    state = ended(services, import_id)
    assert (state.done, state.total, state.imported, state.duplicates, state.error) == (4, 4, 2, 1, "")
    assert (state.status, state.actor, state.what) == ("finished", "ann", "a.zip and 2 more")
    assert state.labels == {"Full": 1, "": 1}
    assert state.present == ["Full/2.jpg"]
    assert [file["file"] for file in state.rejected] == ["=notes.txt"]
    rows = list(csv.DictReader(StringIO(services.imports.report_csv(import_id))))
    assert [(row["file"], row["result"], row["class"], row["image_id"]) for row in rows] == [
        ("Full/1.jpg", "imported", "Full", "1"),
        ("Full/2.jpg", "already there", "Full", "1"),
        ("'=notes.txt", "rejected", "", ""),
        ("a.jpg", "imported", "", "2"),
    ]
    assert files_left(services) == []
    assert build_services(services.settings).imports.state() == state


def test_two_imports_of_one_zip_at_once_both_end_well(services: Services, upload: Put) -> None:
    uploaded = upload("a.zip", many(80))
    first, second = (services.imports.start(NewImport([uploaded])) for _ in range(2))
    assert (ended(services, first).imported, ended(services, first).duplicates) == (80, 0)
    assert (ended(services, second).imported, ended(services, second).duplicates) == (0, 80)
    assert [import_.id for import_ in services.imports.recent()] == [second, first]
    assert services.stores.catalogue.summary(services.stores.classes.all()).images == 80


def test_an_upload_that_is_removed_meanwhile_is_still_imported(services: Services, upload: Put) -> None:
    uploaded = upload("a.zip", many(80))
    services.imports.start(NewImport([upload("b.zip", many(80, 100))]))
    second = services.imports.start(NewImport([uploaded]))
    uploaded.path.unlink()
    assert ended(services, second).imported == 80


def test_an_import_that_is_stopped_keeps_what_is_in_and_lets_the_next_one_begin(
    services: Services, upload: Put
) -> None:
    first = services.imports.start(NewImport([upload("a.zip", many(400))]))
    second = services.imports.start(NewImport([upload("b.jpg", picture(1000))]))
    until(lambda: services.imports.state(first).done, "progress")
    services.imports.stop()
    state = ended(services, first)
    assert (state.status, state.stopped) == ("stopped", True)
    assert 0 < state.imported == state.done < 400
    assert ended(services, second).imported == 1
    assert services.stores.catalogue.summary(()).images == state.imported + 1
    assert files_left(services) == []
    with raises_sentence(Conflict, IMPORT_ENDED.format(id=first, status="stopped")):
        services.imports.stop(first)
    with raises_sentence(Conflict, NONE_RUNNING):
        services.imports.stop()


def test_one_that_waits_is_stopped_at_once(services: Services, upload: Put) -> None:
    services.imports.start(NewImport([upload("a.zip", many(200))]))
    waiting = services.imports.start(NewImport([upload("b.jpg", picture(1000))]))
    assert services.imports.state().waiting == 1
    assert services.imports.stop(waiting).status == "stopped"
    assert services.imports.wait(1).imported == 200
    assert services.imports.state(waiting).done == 0


def test_the_next_server_goes_on_where_one_let_go(services: Services, upload: Put) -> None:
    import_id = services.imports.start(NewImport([upload("a.zip", many(400))]))
    waiting = services.imports.start(NewImport([upload("b.jpg", picture(1000))]))
    until(lambda: services.imports.state(import_id).done, "progress")
    services.imports.close()
    left = services.stores.import_jobs.get(import_id)
    assert left.status == "running"
    assert 0 < left.done < 400
    (services.settings.data / "staging" / "of-no-import").mkdir()
    later = build_services(services.settings)
    later.imports.resume()
    state = ended(later, import_id)
    assert (state.status, state.done, state.imported, state.duplicates) == ("finished", 400, 400, 0)
    assert ended(later, waiting).imported == 1
    files = list(later.imports.every_file(import_id))
    assert [file.file for file in files] == [f"Full/{index}.jpg" for index in range(400)]
    assert files_left(later) == []


def test_an_import_at_which_the_server_ends_again_and_again_is_given_up(
    services: Services, upload: Put
) -> None:
    services.imports.close()
    import_id = services.imports.start(NewImport([upload("a.jpg", picture(1))]))
    for _ in range(3):
        services.stores.import_jobs.begin(import_id)
    later = build_services(services.settings)
    later.imports.resume()
    assert ended(later, import_id).error == STUCK.format(attempts=MOST_ATTEMPTS, done=0)


def test_an_import_whose_files_are_gone_says_so(services: Services, upload: Put) -> None:
    services.imports.close()
    import_id = services.imports.start(NewImport([upload("a.jpg", picture(1))]))
    for path in files_left(services):
        if path.is_file():
            path.unlink()
    later = build_services(services.settings)
    later.imports.resume()
    state = ended(later, import_id)
    assert (state.status, state.error) == ("failed", GONE)


def test_what_cannot_be_begun_leaves_nothing(services: Services, upload: Put, tmp_path: Path) -> None:
    with raises_sentence(DomainError, INVALID_NAME.format(name="<script>", reason=A_CHARACTER)):
        services.imports.start(NewImport([upload("a.jpg", picture(1))], label="<script>"))
    with raises_sentence(DomainError, GONE):
        services.imports.start(NewImport([Upload(tmp_path / "gone.jpg", "gone.jpg")]))
    assert services.imports.recent() == []
    assert services.imports.state() == ImportState()
    assert files_left(services) == []
    with pytest.raises(NotFound, match="9"):
        services.imports.state(9)
    with pytest.raises(NotFound, match="9"):
        services.imports.report_csv(9)


@pytest.mark.slow
def test_a_second_process_never_doubles_what_the_first_does(services: Services, tmp_path: Path) -> None:
    uploaded = Upload(write_zip(tmp_path / "a.zip", {f"{n}.jpg": picture(n) for n in range(300)}), "a.zip")
    import_id = services.imports.start(NewImport([uploaded]))
    other = build_services(services.settings)
    other.imports.resume()
    state = ended(services, import_id)
    assert (state.done, state.total, state.imported) == (300, 300, 300)
    other.imports.close()
    assert len(list(services.imports.every_file(import_id))) == 300


@pytest.mark.slow
def test_the_sample_set_is_an_import_too(services: Services) -> None:
    import_id = services.imports.start(NewImport(samples=True, actor="ann"))
    until(lambda: services.imports.state(import_id).done, "progress")
    services.imports.stop()
    state = ended(services, import_id)
    summary = services.stores.catalogue.summary(services.stores.classes.all())
    assert summary.synthetic == summary.images == state.imported > 0
