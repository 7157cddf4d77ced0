"""Startup check: a server that is reachable from the network needs a login."""

from __future__ import annotations

from storage.core.errors import DomainError
from workbench.core.addresses import is_loopback
from workbench.core.settings import EVERY_HOST, Settings

ON_SPACE, ON_HOST = "This is a Space", "GRADIO_SERVER_NAME is “{host}”"
UNPROTECTED = (
    "{exposed_by}: others can reach this workbench, and without a password they could see, change and delete everything. Set "
    "WORKBENCH_PASSWORD to a password to log in with, or WORKBENCH_OPEN=1 if everybody shall be let in."
)
OPEN = "WORKBENCH_OPEN=1: there is no login. Everybody who reaches this address can see, change and delete everything."
ANY_HOST = (
    "WORKBENCH_ALLOWED_HOSTS has a *: every host name is answered, so that a web page anywhere can reach this workbench "
    "through a browser of your network (DNS rebinding). Name the hosts instead."
)


def warn_or_refuse(settings: Settings) -> list[str]:
    """The warnings to print at startup.

    Raises:
        DomainError: The server is reachable from the network, without a password and without ``WORKBENCH_OPEN=1``.
    """
    access = settings.access
    exposed = access.on_space or not is_loopback(settings.host)
    if exposed and not (access.password or access.without_login):
        exposed_by = ON_SPACE if access.on_space else ON_HOST.format(host=settings.host)
        raise DomainError(UNPROTECTED.format(exposed_by=exposed_by))
    warnings = [OPEN] if exposed and not access.password else []
    return [*warnings, *([ANY_HOST] if EVERY_HOST in access.hosts else [])]
