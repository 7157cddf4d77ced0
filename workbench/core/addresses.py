"""Parses ``Host`` and ``Origin`` headers."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)\.?(?::([0-9]{0,5}))?")
_ORIGIN = re.compile(r"(https?)://(.+)")


@dataclass(frozen=True)
class Address:
    """A host name or IP address in lower case, and a port if one was given."""

    name: str
    port: int | None = None

    @property
    def is_ip(self) -> bool:
        """Whether it is an IP address, which DNS cannot rebind, instead of a host name."""
        try:
            ipaddress.ip_address(self.name)
        except ValueError:
            return False
        return True


@dataclass(frozen=True)
class Origin:
    """Scheme, host name and port of a web origin (RFC 6454)."""

    scheme: str
    name: str
    port: int


def parse_address(text: str) -> Address | None:
    """Parse ``name``, ``name:port``, ``[IPv6]`` or ``[IPv6]:port``; None for anything else, such as ``user@name``."""
    match = _HOST.fullmatch(text.lower())
    if match is None:
        return None
    name, port = match[1], int(match[2]) if match[2] else None
    if name.startswith("["):
        try:
            name = ipaddress.IPv6Address(name[1:-1]).compressed
        except ValueError:
            return None
    return None if port is not None and port > 65535 else Address(name, port)


def parse_origin(text: str) -> Origin | None:
    """Parse an ``Origin`` header; None for ``null`` and for schemes other than http and https."""
    match = _ORIGIN.fullmatch(text.lower())
    address = parse_address(match[2]) if match else None
    return origin_at(match[1], address) if match and address else None


def origin_at(scheme: str, address: Address) -> Origin:
    """The origin of a page at an address, with the default port of the scheme if the address has none."""
    return Origin(scheme, address.name, address.port or PORTS[scheme])


def is_loopback(host: str) -> bool:
    """Whether a server bound to ``host`` is reachable from this machine only; False for unknown names."""
    try:
        address_infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(info[4][0]).split("%")[0]).is_loopback for info in address_infos)
