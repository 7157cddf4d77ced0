"""The confirmation dialog before the promotion of a version that is worse than the one in production."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.records import Version
from workbench import charts


@dataclass(frozen=True)
class PromotionDialog:
    """The components of the dialog."""

    area: gr.Column
    text: gr.HTML
    confirm: gr.Button
    keep: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """The outputs of :func:`dialog_updates`, in its order."""
        return [self.area, self.text, self.confirm, self.keep]


def build_dialog() -> PromotionDialog:
    """Build the dialog, hidden."""
    with gr.Column(visible=False, elem_id="models-ask") as area:
        text = gr.HTML(elem_id="models-ask-text", padding=False, apply_default_css=False)
        with gr.Row():
            keep = gr.Button("Keep", variant="primary", elem_id="models-keep", min_width=100)
            confirm = gr.Button("Promote all the same", variant="stop", elem_id="models-sure", min_width=100)
    return PromotionDialog(area, text, confirm, keep)


def dialog_updates(version: Version | None = None, production: Version | None = None) -> list[Any]:
    """Updates in the order of :attr:`PromotionDialog.outputs`; without versions the dialog is hidden."""
    if version is None or production is None:
        return [gr.update(visible=False), *([gr.skip()] * 3)]
    return [
        gr.update(visible=True),
        f"<p class='problem'>{_figures_sentence(version, production)} Put {version.name} into production all the same?</p>",
        gr.update(value=f"Promote {version.name} all the same"),
        gr.update(value=f"Keep {production.name}"),
    ]


def is_worse(version: Version, production: Version | None) -> bool:
    """Whether a version's validation macro-F1 is below that of the one in production."""
    if production is None or version.number == production.number:
        return False
    own, in_production = _macro_f1(version), _macro_f1(production)
    return own is not None and in_production is not None and own < in_production


def best_of(versions: list[Version], production: Version | None) -> Version:
    """The version with the best macro-F1: production in case of a tie with it, else the newest of the best."""
    best = max(versions, key=lambda version: (_macro_f1(version) or 0.0, version.number))
    if production is not None and (_macro_f1(best) or 0.0) <= (_macro_f1(production) or 0.0):
        return production
    return best


def comparison_sentence(version: Version, production: Version) -> str:
    """The macro-F1 of two versions in a sentence, and whether the values are comparable."""
    figures = _figures_sentence(version, production)
    if version.manifest["snapshot"] == production.manifest["snapshot"]:
        return f"{figures} Both were judged on the same pictures."
    return (
        f"{figures} They were judged on different pictures, so the two figures are comparable only roughly."
    )


def _figures_sentence(version: Version, production: Version) -> str:
    own, in_production = charts.number(_macro_f1(version)), charts.number(_macro_f1(production))
    return f"{version.name} has macro-F1 {own} on its validation pictures, {production.name} in production {in_production}."


def _macro_f1(version: Version) -> float | None:
    figure: float | None = version.manifest["metrics"].get("macro_f1")
    return figure
