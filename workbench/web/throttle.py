"""Rate limit for wrong passwords, per client and in total."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_CLIENTS = 10_000


@dataclass
class Bucket:
    """A token bucket with ``tokens`` attempts left, at most ``capacity``, refilled by one every ``seconds``."""

    capacity: int
    seconds: float
    tokens: float
    filled_at: float

    def wait(self, now: float) -> float:
        """Seconds until a token is available; 0 if one is."""
        self.tokens = min(self.capacity, self.tokens + (now - self.filled_at) / self.seconds)
        self.filled_at = now
        return max(0.0, (1 - self.tokens) * self.seconds)

    def take(self) -> None:
        """Consume one token."""
        self.tokens -= 1


class Throttle:
    """Limits wrong attempts.

    A client has 10 attempts, then one every 10 s. All clients together have 30, then one every 2 s, so that using many or
    forged addresses has no advantage. Clients that have logged in before are exempt from the total limit. Nobody waits
    longer than the refill time of one token.

    Args:
        clock: Monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clients: OrderedDict[str, Bucket] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._all_clients = Bucket(30, 2.0, 30, clock())

    def wait(self, client: str) -> float:
        """Seconds until a client may try a password; 0 if it may now."""
        now = self._clock()
        wait_times = [bucket.wait(now) for bucket in self._buckets(_client_network(client), now)]
        return max(wait_times)

    def failed(self, client: str) -> None:
        """Count a wrong attempt."""
        network = _client_network(client)
        for bucket in self._buckets(network, self._clock()):
            bucket.take()

    def succeeded(self, client: str) -> None:
        """Remember that a client has logged in successfully."""
        network = _client_network(client)
        self._known[network] = None
        self._known.move_to_end(network)
        if len(self._known) > MOST_CLIENTS:
            self._known.popitem(last=False)

    def _buckets(self, network: str, now: float) -> list[Bucket]:
        bucket = self._clients.setdefault(network, Bucket(10, 10.0, 10, now))
        self._clients.move_to_end(network)
        if len(self._clients) > MOST_CLIENTS:
            self._clients.popitem(last=False)
        return [bucket] if network in self._known else [bucket, self._all_clients]


def _client_network(client: str) -> str:
    """The IPv4 address of a client, or its IPv6 /64 network, since one machine usually has all its addresses."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return client if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
