"""The worker of the model's help, run within a test's own process until everything is done."""

from __future__ import annotations

from tests.running import until
from workbench.insight.control import Status
from workbench.insight.worker import Worker
from workbench.services import Services


def helped(services: Services, anew: bool = True) -> Status:
    """Do all that is due; ``anew`` asks for it, so that nothing waits for labels that may follow."""
    if anew:
        services.insight.refresh()
    worker = Worker(services.stores, services.settings)

    def done() -> bool:
        while worker.step():
            pass
        return worker.up_to_date()

    until(done, "the model's help to be up to date")
    return services.insight.status()
