import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.records import ClassRecord, Filter
from tests.storage import concurrent_processes
from tests.storage.conftest import Add
from workbench.stores import Stores

PEOPLE = ("ann", "ben", "cleo")
LEFT = Filter(status="unlabelled", sort="oldest")


@pytest.fixture(scope="module")
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        yield pool


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(len(PEOPLE), multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def full(stores: Stores) -> ClassRecord:
    return stores.classes.add("Full", "#0072B2", "ann")


def expire(stores: Stores) -> None:
    with stores.database.write() as connection:
        connection.execute("UPDATE handouts SET until = 1")
        connection.execute("UPDATE skips SET until = 1")


def test_what_one_holds_nobody_else_gets(stores: Stores, add: Add) -> None:
    ids = add(*"abcdef")
    assert stores.leases.take("ann", LEFT, 2) == ids[:2]
    assert stores.leases.take("ben", LEFT, 3) == ids[2:5]
    assert stores.leases.take("ann", LEFT, 3) == [*ids[:2], ids[5]]
    assert stores.leases.take("cleo", LEFT, 3) == []


def test_what_is_not_kept_is_free_again(stores: Stores, add: Add) -> None:
    ids = add(*"abc")
    stores.leases.take("ann", LEFT, 3)
    assert stores.leases.keep("ann", [ids[2], ids[0]]) == [ids[2], ids[0]]
    assert stores.leases.keep("ben", ids) == []
    expire(stores)
    assert stores.leases.keep("ann", ids) == []
    assert stores.leases.take("ben", LEFT, 1) == ids[:1]
    assert stores.leases.take("ann", LEFT, 3) == ids[1:]


def test_what_is_given_back_is_free_at_once(stores: Stores, add: Add) -> None:
    ids = add(*"abc")
    stores.leases.take("ann", LEFT, 3)
    stores.leases.release("ben")
    stores.leases.release("ann", ids[:1])
    assert stores.leases.take("ben", LEFT, 3) == ids[:1]
    stores.leases.release("ann")
    assert stores.leases.take("ben", LEFT, 3) == ids


def test_a_skipped_picture_goes_to_others_and_comes_back_later(stores: Stores, add: Add) -> None:
    ids = add(*"abc")
    stores.leases.take("ann", LEFT, 2)
    stores.leases.skip("ann", ids[0])
    stores.leases.skip("ann", ids[0])
    stores.leases.skip("ann", 999)
    assert stores.leases.take("ann", LEFT, 3) == ids[1:]
    assert stores.leases.take("ben", LEFT, 3) == ids[:1]
    stores.leases.release("ben")
    expire(stores)
    assert stores.leases.take("ann", LEFT, 3) == ids


@pytest.mark.parametrize("away", ["label", "archive", "review"])
def test_what_was_dealt_with_leaves_the_hands(stores: Stores, add: Add, full: ClassRecord, away: str) -> None:
    ids = add(*"ab", label=full)
    assert stores.leases.take("ann", Filter(status="unreviewed", sort="oldest"), 2) == ids
    if away == "label":
        stores.edits.label(ids[:1], None, "ben")
    elif away == "archive":
        stores.edits.archive(ids[:1], "ben")
    else:
        stores.edits.review({ids[0]: 0}, full, "ben")
    assert stores.leases.keep("ann", ids) == ids[1:]
    assert stores.leases.take("ann", Filter(status="unreviewed"), 2) == ids[1:]


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["threads", "processes"])
def test_no_picture_is_handed_to_two(
    stores: Stores, folder: Path, add: Add, request: pytest.FixtureRequest, pool: str
) -> None:
    ids = add(*(f"{number}.jpg" for number in range(60)))
    executor: Executor = request.getfixturevalue(pool)
    leases = list(executor.map(concurrent_processes.hold, [folder] * len(PEOPLE), PEOPLE))
    assert sorted(image_id for lease in leases for image_id in lease) == ids
    assert stores.leases.take("dora", LEFT, 1) == []


def test_three_processes_work_a_queue_off_without_a_lost_or_doubled_event(
    stores: Stores, folder: Path, add: Add, full: ClassRecord, processes: Executor
) -> None:
    ids = add(*(f"{number}.jpg" for number in range(60)))
    done = dict(
        zip(PEOPLE, processes.map(concurrent_processes.work_off, [folder] * len(PEOPLE), PEOPLE), strict=True)
    )
    assert sorted(image_id for own_ids in done.values() for image_id in own_ids) == ids
    assert all(image.label == "Full" for image in stores.catalogue.several(ids))
    for person, own_ids in done.items():
        events = [
            event for event in stores.journal.recent(1000) if (event.actor, event.kind) == (person, "label")
        ]
        labelled = [stores.journal.changes(event.id)[0].entity_id for event in reversed(events)]
        assert labelled == own_ids
        assert all(stores.catalogue.get(image_id).labelled_by == person for image_id in own_ids)


def test_three_processes_label_undo_and_redo_without_a_lost_or_doubled_event(
    stores: Stores, folder: Path, add: Add, full: ClassRecord, processes: Executor
) -> None:
    half = stores.classes.add("Half", "#E69F00", "ann")
    parts = [add(*(f"{person}{number}.jpg" for number in range(20))) for person in PEOPLE]
    before = len(stores.journal.recent(1000))
    event_counts = list(processes.map(concurrent_processes.label_own, [folder] * len(PEOPLE), PEOPLE, parts))
    assert event_counts == [3 * concurrent_processes.ROUNDS] * len(PEOPLE)
    events = stores.journal.recent(1000)
    assert len(events) - before == sum(event_counts)
    for person, part in zip(PEOPLE, parts, strict=True):
        pictures = stores.catalogue.several(part)
        assert {(picture.label, picture.labelled_by, picture.revision) for picture in pictures} == {
            (half.name, person, 3 * concurrent_processes.ROUNDS)
        }
        kinds = [event.kind for event in reversed(events) if event.actor == person and event.pictures]
        assert kinds == ["label", "undo", "redo"] * concurrent_processes.ROUNDS
