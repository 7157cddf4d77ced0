"""Publishing of the public endpoints. Their names and types are a contract; their docstrings are shown on the API page."""

from __future__ import annotations

import inspect

import gradio as gr

from workbench.services import Services
from workbench.ui.api import (
    active_learning,
    augmentation,
    catalogue,
    curation,
    exports,
    imports,
    integrity,
    models,
    runs,
    training,
)
from workbench.ui.error_boundary import guarded

LONG_RUNNING = {"import_images", "export_dataset", "predict_batch"}


def publish(services: Services) -> None:
    """Register every endpoint in Gradio's API under the name of its function."""
    for subject in (
        imports,
        catalogue,
        curation,
        exports,
        active_learning,
        augmentation,
        training,
        runs,
        models,
        integrity,
    ):
        for function in subject.endpoints(services):
            gr.api(
                guarded(function),
                api_name=function.__name__,
                # The whole docstring: by default, Gradio drops the description of the parameters.
                api_description=inspect.getdoc(function),
                concurrency_limit=4,
                # Long-running calls have a concurrency limit of their own, so that status calls are not blocked.
                concurrency_id="long" if function.__name__ in LONG_RUNNING else "api",
            )
