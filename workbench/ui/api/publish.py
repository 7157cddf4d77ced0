"""The public endpoints. Names and shapes are a promise to scripts; their docstrings are the API page."""

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
    """Publish every endpoint under the name of its function."""
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
                # The whole docstring: left to itself, Gradio would drop what it says of the parameters.
                api_description=inspect.getdoc(function),
                concurrency_limit=4,
                # Those that wait for long stand in a line of their own, so that one can still ask after them.
                concurrency_id="long" if function.__name__ in LONG_RUNNING else "api",
            )
