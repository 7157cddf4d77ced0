"""Models: the versions, which one is in production, and what can be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from storage.training.registry import PRODUCTION
from workbench.services import Services
from workbench.ui.components.click_events import pressable
from workbench.ui.context import TabContext, actor, open_tab
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload
from workbench.ui.tabs.models import actions
from workbench.ui.tabs.models.actions import SAVE, VersionActions, build_acts, show_acts
from workbench.ui.tabs.models.compare import ComparisonFields, build_compare, show_compare
from workbench.ui.tabs.models.html import history_html, production_html, versions_html
from workbench.ui.tabs.models.promotion_dialog import show_ask

EMPTY = "<p>Each finished run becomes a model version here, to compare, promote and download. There is none yet.</p>"
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# One after the other: an answer that took long must not undo what was chosen since.
IN_TURN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_id": "models"}


@dataclass(frozen=True)
class ModelsView:
    """The lists."""

    empty: gr.Column
    full: gr.Row
    production: gr.HTML
    versions: gr.HTML
    history: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """In the order of :func:`_lists`."""
        return [self.empty, self.full, self.production, self.versions, self.history]


def build(place: TabContext) -> None:
    """Build the tab."""
    with gr.Column(visible=False, elem_id="models-empty") as empty:
        gr.HTML(EMPTY)
        train = gr.Button("Train a model", variant="primary", elem_id="models-train", scale=0)
    with gr.Row(elem_classes=["work", "stage-first"], visible=False, elem_id="models") as full:
        with gr.Column(elem_classes="controls"):
            acts = build_acts()
        with gr.Column(elem_classes="stage"):
            production = _html("models-production")
            versions = pressable("models-versions")
            compare = build_compare()
            gr.HTML("<h3>History of production</h3>", padding=False)
            history = _html("models-history")
    listed = ModelsView(empty, full, production, versions, history)
    train.click(partial(open_tab, "train"), None, place.tabs, **QUIET)
    _bind_looks(place, listed, acts, compare)
    _bind_acts(place.services, listed, acts, compare)


def _html(elem_id: str) -> gr.HTML:
    return gr.HTML(elem_id=elem_id, padding=False, apply_default_css=False)


def _bind_looks(
    place: TabContext, listed: ModelsView, acts: VersionActions, compare: ComparisonFields
) -> None:
    services = place.services
    pair = [compare.left, compare.right]

    def refresh(name: str | None, typed: str, *both: Any) -> list[Any]:
        return [*_lists(services), *show_acts(services, name, typed), *show_compare(services, *both)]

    def choose(event: gr.EventData) -> list[Any]:
        return show_acts(services, Payload.of(event).text("version"), "")

    def named(name: str, typed: str | None) -> list[Any]:
        return actions.show_delete(services.stores.registry.get(name), typed or "")

    everything = [*listed.outputs, *acts.outputs, *compare.outputs]
    place.tab.select(guarded(refresh), [*acts.inputs, *pair], everything, **IN_TURN)
    last: dict[str, Any] = {**IN_TURN, "trigger_mode": "always_last"}
    listed.versions.press(guarded(choose), None, acts.outputs, **IN_TURN)
    acts.chosen.input(guarded(partial(show_acts, services)), acts.inputs, acts.outputs, **IN_TURN)
    acts.typed.change(guarded(named), [acts.chosen, acts.typed], [acts.delete, acts.delete_note], **last)
    for side in pair:
        side.input(guarded(partial(show_compare, services)), pair, compare.outputs, **IN_TURN)


def _bind_acts(
    services: Services, listed: ModelsView, acts: VersionActions, compare: ComparisonFields
) -> None:
    pair = [compare.left, compare.right]

    def ask_or_promote(name: str, reason: str, request: gr.Request) -> list[Any]:
        asked = actions.question(services, name, reason or "")
        if asked is None:
            return promote(name, reason, request)
        return [*([gr.skip()] * (len(moved) - len(asked))), *asked]

    def promote(name: str, reason: str, request: gr.Request) -> list[Any]:
        actions.promote(services, name, reason or "", actor(request))
        gr.Info(f"{name} is in production.")
        return ["", *_lists(services), *show_acts(services, name, "")]

    def roll_back(name: str, reason: str, request: gr.Request) -> list[Any]:
        back = services.stores.registry.roll_back(PRODUCTION, (reason or "").strip(), actor(request))
        gr.Info(f"{back.name} is in production again.")
        return ["", *_lists(services), *show_acts(services, name, "")]

    def delete(name: str, typed: str, *both: Any) -> list[Any]:
        actions.delete(services, name, typed or "")
        gr.Info(f"{name} is deleted.")
        return ["", *_lists(services), *show_acts(services, None, ""), *show_compare(services, *both)]

    def again(name: str) -> None:
        run_id = services.training.train_again(name)
        gr.Info(f"Run {run_id} is queued with the pictures and settings of {name}. The Train tab shows it.")

    moved = [acts.reason, *listed.outputs, *acts.outputs]
    acts.promote.click(guarded(ask_or_promote), [acts.chosen, acts.reason], moved, **IN_TURN)
    acts.ask.sure.click(guarded(promote), [acts.chosen, acts.reason], moved, **IN_TURN)
    acts.ask.keep.click(guarded(show_ask), None, acts.ask.outputs, **IN_TURN)
    acts.roll_back.click(guarded(roll_back), [acts.chosen, acts.reason], moved, **IN_TURN)
    acts.again.click(guarded(again), acts.chosen, None, **IN_TURN)
    everything = [*moved, *compare.outputs]
    acts.delete.click(guarded(delete), [acts.chosen, acts.typed, *pair], everything, **IN_TURN)
    shown: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for file, button in acts.downloads.items():
        fetch = guarded(partial(actions.download, services, file=file))
        button.click(fetch, acts.chosen, acts.file, **shown).success(None, acts.file, None, js=SAVE)


def _lists(services: Services) -> list[Any]:
    registry = services.stores.registry
    versions, history = registry.versions(), registry.history(PRODUCTION)
    sizes = {version.name: registry.size(version) for version in versions}
    snapshots = {version.snapshot_id for version in versions}
    images = {snapshot: services.stores.snapshots.get(snapshot).images for snapshot in snapshots}
    return [
        gr.update(visible=not versions),
        gr.update(visible=bool(versions)),
        production_html(registry.production(), history),
        versions_html(versions, sizes, images),
        history_html(history),
    ]
