"""The allowed host names of the server, as a protection against DNS rebinding."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from workbench.core.addresses import Address, is_loopback, parse_address
from workbench.core.settings import EVERY_HOST, Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class AllowedHosts:
    """Allowed values of the ``Host`` header.

    Attributes:
        addresses: Names; with a port if only that port is allowed.
        any_ip: Whether all IP addresses are allowed, which DNS rebinding cannot affect.
        any_name: Whether all hosts are allowed.
    """

    addresses: frozenset[Address]
    any_ip: bool = False
    any_name: bool = False

    def allow(self, address: Address) -> bool:
        """Whether an address is allowed."""
        if self.any_name or (self.any_ip and address.is_ip):
            return True
        return bool({address, Address(address.name)} & self.addresses)


def allowed_hosts(settings: Settings) -> AllowedHosts:
    """Loopback, the bind address, the host of the Space, and ``WORKBENCH_ALLOWED_HOSTS``.

    For a server that is reachable from the network, also all IP addresses and the machine's own host name.
    """
    access, is_exposed = settings.access, not is_loopback(settings.host)
    names = [*LOOPBACK, settings.host, access.space_host, *(_machine_names() if is_exposed else ())]
    addresses = {parsed for parsed in map(_to_address, names) if parsed}
    listed = {parsed for parsed in map(parse_address, access.hosts) if parsed}
    return AllowedHosts(frozenset(addresses | listed), any_ip=is_exposed, any_name=EVERY_HOST in access.hosts)


def _machine_names() -> tuple[str, str]:
    name = socket.gethostname()
    return name, f"{name.split('.')[0]}.local"


def _to_address(host: str) -> Address | None:
    """Parse a host name, or an IP address without brackets."""
    try:
        return Address(ipaddress.ip_address(host).compressed)
    except ValueError:
        return parse_address(host)
