"""Carries runs out on a Ray cluster. Imports neither Ray nor TensorFlow: the server does not need them.

For each run a small process of this machine takes the pictures to the cluster, writes into the database what comes back from
there, and registers the version. It lives on its own, as a local worker does, since Ray ends the process that talks to a
cluster which is gone.
"""

from __future__ import annotations

from workbench.training.local_launcher import LocalLauncher


class RayLauncher(LocalLauncher):
    """Starts a process for each run that has it trained on the cluster."""

    engine = "ray"

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "WORKBENCH_RAY_ADDRESS": self._settings.ray_address}
