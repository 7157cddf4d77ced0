"""The public endpoints. Names and shapes are a promise to scripts; their docstrings are the API page."""

from __future__ import annotations

import inspect

import gradio as gr

from workbench.services import Services
from workbench.ui.endpoints import (
    augmentation,
    catalogue,
    curation,
    exports,
    insight,
    intake,
    integrity,
    models,
    runs,
    training,
)
from workbench.ui.guard import guarded

LONG = {"import_images", "export_dataset", "predict_batch"}


def publish(services: Services) -> None:
    """Publish every endpoint under the name of its function."""
    for subject in (
        intake,
        catalogue,
        curation,
        exports,
        insight,
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
                concurrency_id="long" if function.__name__ in LONG else "api",
            )
