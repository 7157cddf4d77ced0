"""Wrong tries run out, come back with time, and are nobody else's."""

from __future__ import annotations

from workbench.web.throttle import MOST_CLIENTS, Throttle


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def tries(throttle: Throttle, client: str, most: int = 100) -> int:
    """How many wrong passwords a client can try before it has to wait."""
    for count in range(most):
        if throttle.wait(client):
            return count
        throttle.failed(client)
    return most


def test_a_client_has_ten_then_one_every_ten_seconds() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    assert tries(throttle, "10.0.0.1") == 10
    assert throttle.wait("10.0.0.1") == 10
    clock.now = 4.0
    assert throttle.wait("10.0.0.1") == 6
    clock.now = 25.0
    assert tries(throttle, "10.0.0.1") == 2
    clock.now = 10_000.0
    assert tries(throttle, "10.0.0.1") == 10


def test_one_client_that_guesses_does_not_keep_another_out() -> None:
    throttle = Throttle(Clock())
    tries(throttle, "10.0.0.1")
    assert throttle.wait("10.0.0.2") == 0


def test_many_addresses_gain_nothing_and_who_knows_the_password_does_not_wait_for_them() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    throttle.succeeded("10.0.0.9")
    assert sum(tries(throttle, f"10.1.{number}.1") for number in range(100)) == 30
    assert 0 < throttle.wait("10.0.0.2") <= 2
    assert throttle.wait("10.0.0.9") == 0
    assert tries(throttle, "10.0.0.9") == 10


def test_addresses_of_one_network_of_ipv6_are_one_client() -> None:
    throttle = Throttle(Clock())
    assert tries(throttle, "2001:db8::1") + tries(throttle, "2001:db8::ffff:1") == 10
    assert throttle.wait("2001:db8:0:1::1") == 0


def test_waiting_costs_nothing_and_clients_are_forgotten() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    tries(throttle, "10.0.0.1")
    for _ in range(50):
        throttle.wait("10.0.0.1")
    clock.now = 60.0
    assert throttle.wait("10.0.0.1") == 0
    for number in range(MOST_CLIENTS + 10):
        throttle.wait(f"client {number}")
        throttle.succeeded(f"client {number}")
    assert len(throttle._clients) <= MOST_CLIENTS
    assert len(throttle._known) <= MOST_CLIENTS
