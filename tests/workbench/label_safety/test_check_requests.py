"""Augmentations that wait to be checked, while people ask and the checker lets go of them."""

from __future__ import annotations

import threading

from workbench.imaging.augmentation import Augmentation
from workbench.label_safety.check_requests import CheckRequests

PLAIN, MIRRORED, TURNED = (
    Augmentation.from_dict({"rotate": {"enabled": True, "strength": degrees}}) for degrees in (2.0, 4.0, 6.0)
)


def test_what_was_asked_for_during_a_check_goes_on_waiting() -> None:
    requests = CheckRequests(most=8)
    requests.add(PLAIN)
    checked = requests.waiting()
    requests.add(MIRRORED)
    requests.done(checked)
    assert requests.waiting() == [MIRRORED]
    assert PLAIN not in requests


def test_each_waits_once_and_the_oldest_makes_room() -> None:
    requests = CheckRequests(most=2)
    for augmentation in (PLAIN, PLAIN, MIRRORED, TURNED):
        requests.add(augmentation)
    assert requests.waiting() == [MIRRORED, TURNED]


def test_many_ask_and_look_while_the_checker_lets_go() -> None:
    requests = CheckRequests(most=8)
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(3000):
                requests.add(PLAIN)
                requests.add(MIRRORED)
                assert TURNED not in requests
        except BaseException as error:
            failures.append(error)

    people = [threading.Thread(target=ask) for _ in range(3)]
    for person in people:
        person.start()
    while any(person.is_alive() for person in people):
        requests.done(requests.waiting())
    assert not failures
