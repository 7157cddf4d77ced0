"""The Models tab: list, compare, promote, download and delete versions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from storage.training.registry import PRODUCTION
from workbench.services import Services
from workbench.ui.components.click_events import clickable_html
from workbench.ui.context import TabContext, actor, open_tab
from workbench.ui.error_boundary import guarded
from workbench.ui.payload import Payload
from workbench.ui.tabs.models import actions
from workbench.ui.tabs.models.actions import SAVE, VersionActions, action_updates, build_actions
from workbench.ui.tabs.models.compare import ComparisonFields, build_compare, show_compare
from workbench.ui.tabs.models.html import history_html, production_html, versions_html
from workbench.ui.tabs.models.promotion_dialog import dialog_updates

EMPTY = "<p>Each finished run becomes a model version here, to compare, promote and download. There is none yet.</p>"
UNQUEUED: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Processed sequentially: a slow answer must not overwrite a later choice.
SEQUENTIAL: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "models",
}


@dataclass(frozen=True)
class ModelsView:
    """The lists of the tab."""

    empty: gr.Column
    full: gr.Row
    production: gr.HTML
    versions: gr.HTML
    history: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        """The outputs of :func:`_list_updates`, in its order."""
        return [self.empty, self.full, self.production, self.versions, self.history]


def build(context: TabContext) -> None:
    """Build the tab."""
    with gr.Column(visible=False, elem_id="models-empty") as empty:
        gr.HTML(EMPTY)
        train = gr.Button("Train a model", variant="primary", elem_id="models-train", scale=0)
    with gr.Row(elem_classes=["work", "stage-first"], visible=False, elem_id="models") as full:
        with gr.Column(elem_classes="controls"):
            version_actions = build_actions()
        with gr.Column(elem_classes="stage"):
            production = _html("models-production")
            versions = clickable_html("models-versions")
            compare = build_compare()
            gr.HTML("<h3>History of production</h3>", padding=False)
            history = _html("models-history")
    view = ModelsView(empty, full, production, versions, history)
    train.click(partial(open_tab, "train"), None, context.tabs, **UNQUEUED)
    _bind_display(context, view, version_actions, compare)
    _bind_actions(context.services, view, version_actions, compare)


def _html(elem_id: str) -> gr.HTML:
    return gr.HTML(elem_id=elem_id, padding=False, apply_default_css=False)


def _bind_display(
    context: TabContext, view: ModelsView, version_actions: VersionActions, compare: ComparisonFields
) -> None:
    services = context.services
    pair = [compare.left, compare.right]

    def refresh(name: str | None, typed: str, *pair_values: Any) -> list[Any]:
        return [
            *_list_updates(services),
            *action_updates(services, name, typed),
            *show_compare(services, *pair_values),
        ]

    def choose(event: gr.EventData) -> list[Any]:
        return action_updates(services, Payload.of(event).text("version"), "")

    def update_delete(name: str, typed: str | None) -> list[Any]:
        return actions.show_delete(services.stores.registry.get(name), typed or "")

    all_outputs = [*view.outputs, *version_actions.outputs, *compare.outputs]
    context.tab.select(guarded(refresh), [*version_actions.inputs, *pair], all_outputs, **SEQUENTIAL)
    latest_only: dict[str, Any] = {**SEQUENTIAL, "trigger_mode": "always_last"}
    view.versions.press(guarded(choose), None, version_actions.outputs, **SEQUENTIAL)
    version_actions.chosen.input(
        guarded(partial(action_updates, services)),
        version_actions.inputs,
        version_actions.outputs,
        **SEQUENTIAL,
    )
    version_actions.typed.change(
        guarded(update_delete),
        [version_actions.chosen, version_actions.typed],
        [version_actions.delete, version_actions.delete_note],
        **latest_only,
    )
    for side in pair:
        side.input(guarded(partial(show_compare, services)), pair, compare.outputs, **SEQUENTIAL)


def _bind_actions(
    services: Services, view: ModelsView, version_actions: VersionActions, compare: ComparisonFields
) -> None:
    pair = [compare.left, compare.right]

    def ask_or_promote(name: str, reason: str, request: gr.Request) -> list[Any]:
        question_updates = actions.question(services, name)
        if question_updates is None:
            return promote(name, reason, request)
        return [*([gr.skip()] * (len(action_outputs) - len(question_updates))), *question_updates]

    def promote(name: str, reason: str, request: gr.Request) -> list[Any]:
        actions.promote(services, name, reason or "", actor(request))
        gr.Info(f"{name} is in production.")
        return ["", *_list_updates(services), *action_updates(services, name, "")]

    def roll_back(name: str, reason: str, request: gr.Request) -> list[Any]:
        restored = services.stores.registry.roll_back(PRODUCTION, (reason or "").strip(), actor(request))
        gr.Info(f"{restored.name} is in production again.")
        return ["", *_list_updates(services), *action_updates(services, name, "")]

    def delete(name: str, typed: str, *pair_values: Any) -> list[Any]:
        actions.delete(services, name, typed or "")
        gr.Info(f"{name} is deleted.")
        return [
            "",
            *_list_updates(services),
            *action_updates(services, None, ""),
            *show_compare(services, *pair_values),
        ]

    action_outputs = [version_actions.reason, *view.outputs, *version_actions.outputs]
    version_actions.promote.click(
        guarded(ask_or_promote),
        [version_actions.chosen, version_actions.reason],
        action_outputs,
        **SEQUENTIAL,
    )
    version_actions.dialog.confirm.click(
        guarded(promote), [version_actions.chosen, version_actions.reason], action_outputs, **SEQUENTIAL
    )
    version_actions.dialog.keep.click(
        guarded(dialog_updates), None, version_actions.dialog.outputs, **SEQUENTIAL
    )
    version_actions.roll_back.click(
        guarded(roll_back), [version_actions.chosen, version_actions.reason], action_outputs, **SEQUENTIAL
    )
    all_outputs = [*action_outputs, *compare.outputs]
    version_actions.delete.click(
        guarded(delete), [version_actions.chosen, version_actions.typed, *pair], all_outputs, **SEQUENTIAL
    )
    _bind_training(services, version_actions)
    _bind_downloads(services, version_actions)


def _bind_training(services: Services, version_actions: VersionActions) -> None:
    def repeat(name: str) -> None:
        run_id = services.training.repeat(name)
        gr.Info(f"Run {run_id} repeats {name} with the same pictures and labels. The Train tab shows it.")

    def start_like(name: str) -> None:
        run_id = services.training.start_like(name)
        gr.Info(f"Run {run_id} trains the settings of {name} on the labels of today. The Train tab shows it.")

    version_actions.repeat.click(guarded(repeat), version_actions.chosen, None, **SEQUENTIAL)
    version_actions.start_like.click(guarded(start_like), version_actions.chosen, None, **SEQUENTIAL)


def _bind_downloads(services: Services, version_actions: VersionActions) -> None:
    options: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for file, button in version_actions.downloads.items():
        download = guarded(partial(actions.download, services, file=file))
        button.click(download, version_actions.chosen, version_actions.file, **options).success(
            None, version_actions.file, None, js=SAVE
        )


def _list_updates(services: Services) -> list[Any]:
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
