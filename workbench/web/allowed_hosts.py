"""The host names that the server answers to: a name that an attacker made to point here (DNS rebinding) is none of them."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from workbench.core.addresses import Address, is_loopback, parse_address
from workbench.core.settings import EVERY_HOST, Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class AllowedHosts:
    """What may stand in a ``Host`` header.

    Attributes:
        addresses: Names, with a port where only that port is meant.
        any_ip: Whether every IP address is allowed. No DNS answer lies behind one, so it cannot be rebound.
        any_name: Whether everything is allowed.
    """

    addresses: frozenset[Address]
    any_ip: bool = False
    any_name: bool = False

    def allow(self, address: Address) -> bool:
        """Whether the server answers to an address."""
        if self.any_name or (self.any_ip and address.is_ip):
            return True
        return bool({address, Address(address.name)} & self.addresses)


def allowed_hosts(settings: Settings) -> AllowedHosts:
    """Loopback, the address that the server is bound to, the Space's name, and what ``WORKBENCH_ALLOWED_HOSTS`` adds.

    A server that the network reaches is also found under its IP addresses and the machine's own name.
    """
    access, beyond = settings.access, not is_loopback(settings.host)
    names = [*LOOPBACK, settings.host, access.space_host, *(_own_names() if beyond else ())]
    addresses = {parsed for parsed in map(_named, names) if parsed}
    listed = {parsed for parsed in map(parse_address, access.hosts) if parsed}
    return AllowedHosts(frozenset(addresses | listed), any_ip=beyond, any_name=EVERY_HOST in access.hosts)


def _own_names() -> tuple[str, str]:
    name = socket.gethostname()
    return name, f"{name.split('.')[0]}.local"


def _named(host: str) -> Address | None:
    """An address from a bare name, or from an IPv6 address without brackets."""
    try:
        return Address(ipaddress.ip_address(host).compressed)
    except ValueError:
        return parse_address(host)
