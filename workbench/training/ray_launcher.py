"""Runs training jobs on a Ray cluster. Imports neither Ray nor TensorFlow, which the server does not need.

For each run a local client process uploads the pictures to the cluster, writes the reported progress to the database and
registers the version. It is separate from the server because Ray terminates the client process when the cluster is lost.
"""

from __future__ import annotations

from workbench.training.local_launcher import LocalLauncher


class RayLauncher(LocalLauncher):
    """Starts one client process per run, which trains on the cluster."""

    engine = "ray"

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "WORKBENCH_RAY_ADDRESS": self._settings.ray_address}
