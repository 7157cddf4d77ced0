"""Bounds how many wrong passwords can be tried, by one client and by all together."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_CLIENTS = 10_000


@dataclass
class Bucket:
    """A token bucket: ``tokens`` wrong tries are left, ``capacity`` at most, one more every ``seconds``."""

    capacity: int
    seconds: float
    tokens: float
    filled_at: float

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 where there is one."""
        self.tokens = min(self.capacity, self.tokens + (now - self.filled_at) / self.seconds)
        self.filled_at = now
        return max(0.0, (1 - self.tokens) * self.seconds)

    def take(self) -> None:
        """Take one token."""
        self.tokens -= 1


class Throttle:
    """Counts wrong tries.

    A client has 10, then one every 10 s. All clients together have 30, then one every 2 s, so that many addresses, or forged
    ones, gain nothing. A client that has given the right password before does not wait for the others, and nobody waits
    for longer than one token takes.

    Args:
        clock: Seconds that never run backwards.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clients: OrderedDict[str, Bucket] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._everybody = Bucket(30, 2.0, 30, clock())

    def wait(self, client: str) -> float:
        """Seconds until a client may try a password; 0 where it may now."""
        now = self._clock()
        waits = [bucket.wait(now) for bucket in self._buckets(_source(client), now)]
        return max(waits)

    def failed(self, client: str) -> None:
        """Count a wrong try."""
        source = _source(client)
        for bucket in self._buckets(source, self._clock()):
            bucket.take()

    def succeeded(self, client: str) -> None:
        """Remember that a client knows the password."""
        source = _source(client)
        self._known[source] = None
        self._known.move_to_end(source)
        if len(self._known) > MOST_CLIENTS:
            self._known.popitem(last=False)

    def _buckets(self, source: str, now: float) -> list[Bucket]:
        bucket = self._clients.setdefault(source, Bucket(10, 10.0, 10, now))
        self._clients.move_to_end(source)
        if len(self._clients) > MOST_CLIENTS:
            self._clients.popitem(last=False)
        return [bucket] if source in self._known else [bucket, self._everybody]


def _source(client: str) -> str:
    """The client's address; of IPv6 the network, since one machine has all addresses of a /64."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return client if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
