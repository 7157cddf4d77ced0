"""The worker of the model's help, run within a test's own process until everything is done."""

from __future__ import annotations

import sklearn.cluster
import sklearn.linear_model
import sklearn.manifold  # noqa: F401 - loaded here, so that the limit below reaches its threads
from threadpoolctl import threadpool_limits

from tests.running import until
from workbench.active_learning.service import ActiveLearningStatus
from workbench.active_learning.worker import ActiveLearningWorker
from workbench.services import Services


def helped(services: Services, anew: bool = True) -> ActiveLearningStatus:
    """Do all that is due, on one thread as in its own process; ``anew`` asks for it, so that nothing waits for more labels."""
    if anew:
        services.active_learning.refresh()
    worker = ActiveLearningWorker(services.stores, services.settings)

    def done() -> bool:
        while worker.step():
            pass
        return worker.up_to_date()

    with threadpool_limits(1):
        until(done, "the model's help to be up to date")
    return services.active_learning.status()
