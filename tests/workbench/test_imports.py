from collections.abc import Callable, Iterator
from threading import Event

import pytest

from storage.errors import Conflict
from tests.pictures import picture
from tests.running import until
from workbench.archives import Source
from workbench.imports import Imports, ImportState
from workbench.intake import Order
from workbench.services import Services, build_services


def source(index: int) -> Source:
    return Source(f"Full/{index}.jpg", "Full", lambda: picture(index))


@pytest.fixture
def gate() -> Iterator[Event]:
    """Opened by the test, or at its end, so that no import waits for ever."""
    event = Event()
    yield event
    event.set()


@pytest.fixture
def held(gate: Event) -> Callable[[int], Order]:
    """An order of pictures that waits at the gate after the first hundred."""

    def made(count: int) -> Order:
        def files() -> Iterator[Source]:
            for index in range(count):
                if index == 100:
                    gate.wait(60)
                yield source(index)

        return Order(files())

    return made


def done(imports: Imports) -> ImportState:
    return until(lambda: not imports.state().running and imports.state(), "the import to end")


def test_an_import_runs_behind_and_keeps_its_report(services: Services) -> None:
    files = [
        source(1),
        source(1),
        Source("notes.txt", "", lambda: b"text"),
        Source("a.jpg", "", lambda: picture(2)),
    ]
    services.imports.start(Order(files), total=4)
    state = done(services.imports)
    assert (state.done, state.total, state.imported, state.duplicates, state.error) == (4, 4, 2, 1, "")
    assert state.labels == {"Full": 1, "": 1}
    assert state.present == ["Full/1.jpg"]
    assert [each["file"] for each in state.rejected or []] == ["notes.txt"]
    assert build_services(services.settings).imports.state() == state


def test_progress_shows_while_it_runs_and_a_second_one_is_refused(
    services: Services, held: Callable[[int], Order], gate: Event
) -> None:
    services.imports.start(held(120), total=120)
    state = until(lambda: services.imports.state().done and services.imports.state(), "progress")
    assert (state.running, state.total) == (True, 120)
    assert 0 < state.done < 120
    with pytest.raises(Conflict, match="An import is running already"):
        services.imports.start(Order([source(500)]), total=1)
    gate.set()
    assert done(services.imports).imported == 120
    services.imports.start(Order([source(500)]), total=1)
    assert done(services.imports).imported == 1


def test_an_import_that_is_stopped_keeps_what_is_in(
    services: Services, held: Callable[[int], Order], gate: Event
) -> None:
    services.imports.start(held(400), total=400)
    until(lambda: services.imports.state().done, "progress")
    services.imports.stop()
    gate.set()
    state = done(services.imports)
    assert state.stopped
    assert 64 <= state.imported < 400
    assert services.stores.catalogue.summary(()).images == state.imported
    services.imports.start(Order([source(500)]), total=1)
    assert not done(services.imports).stopped


def test_an_import_that_the_server_did_not_survive_is_said_to_be_cut_off(
    services: Services, held: Callable[[int], Order]
) -> None:
    services.imports.start(held(120), total=120)
    before = until(lambda: services.imports.state().done and services.imports.state(), "progress")
    after = build_services(services.settings).imports
    state = after.state()
    assert not state.running
    assert state.error.startswith(
        f"The import was cut off after {before.done} of 120 files. Upload the same files"
    )
    after.start(Order([source(1)]), total=1)
    assert done(after).duplicates == 1


def test_an_import_that_breaks_says_so_and_lets_the_next_one_in(services: Services) -> None:
    def broken() -> Iterator[Source]:
        yield source(1)
        raise RuntimeError("the uploads are gone")

    services.imports.start(Order(broken()), total=9)
    assert done(services.imports).error.startswith("The import ended with an unexpected error.")
    services.imports.start(Order([source(2)], label="<script>"), total=1)
    assert "has a character that a name cannot have" in done(services.imports).error
    services.imports.start(Order([source(2)]), total=1)
    assert done(services.imports).imported == 1
