"""The comparison of two versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.records import Version
from workbench import charts
from workbench.services import Services
from workbench.ui.tabs.models.html import comparison_html, different_pictures


@dataclass(frozen=True)
class ComparisonFields:
    """The two choices and the comparison."""

    area: gr.Column
    left: gr.Dropdown
    right: gr.Dropdown
    text: gr.HTML
    bars: gr.Plot

    @property
    def outputs(self) -> list[Any]:
        """The outputs of :func:`show_compare`, in its order."""
        return [self.area, self.left, self.right, self.text, self.bars]


def build_compare() -> ComparisonFields:
    """Build the comparison, hidden."""
    with gr.Column(visible=False, elem_id="models-compare") as area:
        gr.HTML("<h3>Compare two</h3>", padding=False)
        with gr.Row():
            left = gr.Dropdown(label="Version", elem_id="models-left", filterable=False, min_width=120)
            right = gr.Dropdown(label="against", elem_id="models-right", filterable=False, min_width=120)
        text = gr.HTML(elem_id="models-comparison", padding=False, apply_default_css=False)
        bars = gr.Plot(show_label=False, container=False, elem_id="models-bars")
    return ComparisonFields(area, left, right, text, bars)


def show_compare(services: Services, left: str | None, right: str | None) -> list[Any]:
    """Updates in the order of :attr:`ComparisonFields.outputs`; by default production is compared with the newest."""
    versions = {version.name: version for version in services.stores.registry.versions()}
    if len(versions) < 2:
        return [gr.update(visible=False), *([gr.skip()] * 4)]
    names = list(versions)
    if left not in versions or right not in versions:
        production = services.stores.registry.production()
        right = names[0]
        left = production.name if production and production.name != right else names[1]
    colours = services.stores.classes.colours()
    chosen = versions[str(left)], versions[str(right)]
    return [
        gr.update(visible=True),
        gr.update(choices=names, value=left),
        gr.update(choices=names, value=right),
        _comparison_html(*chosen, colours),
        charts.comparison_bars(*map(_version_metrics, chosen)),
    ]


def _comparison_html(left: Version, right: Version, colours: dict[str, str]) -> str:
    if left.name == right.name:
        return "<p>Choose two different versions to see what differs.</p>"
    sentence = charts.comparison_sentence(_version_metrics(left), _version_metrics(right))
    return f"<p>{sentence}</p>{different_pictures(left, right)}{comparison_html(left, right, colours)}"


def _version_metrics(version: Version) -> charts.VersionMetrics:
    return charts.VersionMetrics(version.name, version.manifest["metrics"])
