"""The actions on a chosen version: promote, roll back, download, delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.core.errors import DomainError
from storage.records import Version
from storage.training.registry import MANIFEST, PRODUCTION
from workbench.services import Services
from workbench.ui.file_transfer import to_file_data
from workbench.ui.tabs.models.html import version_html
from workbench.ui.tabs.models.promotion_dialog import (
    PromotionDialog,
    best_of,
    build_dialog,
    comparison_sentence,
    dialog_updates,
    is_worse,
)

FILES = (
    ("Download the Keras model (.keras)", "model.keras"),
    ("Download the LiteRT model (.tflite)", "model.tflite"),
    ("Download the manifest (.json)", MANIFEST),
)
SAVE = """(file) => {
  const link = document.createElement('a');
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""


@dataclass(frozen=True)
class VersionActions:
    """The fields and buttons of the actions."""

    chosen: gr.Dropdown
    facts: gr.HTML
    reason: gr.Textbox
    promote: gr.Button
    promote_note: gr.HTML
    dialog: PromotionDialog
    roll_back: gr.Button
    repeat: gr.Button
    start_like: gr.Button
    downloads: dict[str, gr.Button]
    file: gr.DownloadButton
    typed: gr.Textbox
    delete: gr.Button
    delete_note: gr.HTML

    @property
    def inputs(self) -> list[Any]:
        """The inputs of :func:`action_updates`."""
        return [self.chosen, self.typed]

    @property
    def outputs(self) -> list[Any]:
        """The outputs of :func:`action_updates`, in its order."""
        return [
            self.chosen, self.facts, self.promote, self.promote_note, self.roll_back, self.repeat, self.start_like,
            self.typed, self.delete, self.delete_note, *self.dialog.outputs,
        ]  # fmt: skip


def build_actions() -> VersionActions:
    """Build the fields and buttons."""
    chosen = gr.Dropdown(label="Version", elem_id="models-chosen", filterable=False)
    facts = gr.HTML(elem_id="models-facts", padding=False, apply_default_css=False)
    reason = gr.Textbox(
        "",
        label="Why (optional)",
        placeholder="finds Overflowing better",
        max_length=500,
        elem_id="models-reason",
    )
    promote = gr.Button("Promote", variant="primary", interactive=False, elem_id="models-promote")
    promote_note = gr.HTML(elem_id="models-promote-note", padding=False)
    dialog = build_dialog()
    roll_back = gr.Button("Roll back", interactive=False, elem_id="models-roll-back")
    repeat = gr.Button("Repeat exactly", elem_id="models-repeat")
    start_like = gr.Button("Train with the labels of today", elem_id="models-start-like")
    downloads = {
        name: gr.Button(words, size="sm", elem_id=f"models-{name.replace('.', '-')}") for words, name in FILES
    }
    file = gr.DownloadButton(visible=False)
    with gr.Accordion("Delete this version", open=False, elem_id="models-deleting"):
        typed = gr.Textbox("", label="Type its name to delete it", elem_id="models-typed")
        delete = gr.Button("Delete", variant="stop", interactive=False, elem_id="models-delete")
        delete_note = gr.HTML(elem_id="models-delete-note", padding=False)
    return VersionActions(
        chosen,
        facts,
        reason,
        promote,
        promote_note,
        dialog,
        roll_back,
        repeat,
        start_like,
        downloads,
        file,
        typed,
        delete,
        delete_note,
    )


def action_updates(services: Services, name: str | None, typed: str | None) -> list[Any]:
    """Updates in the order of :attr:`VersionActions.outputs`; by default, and if the version is gone, for the best version."""
    registry = services.stores.registry
    versions = {version_.name: version_ for version_ in registry.versions()}
    if not versions:
        return [gr.skip()] * 14
    production = registry.production()
    version = versions.get(name or "") or best_of(list(versions.values()), production)
    previous = registry.previous(PRODUCTION)
    text = f"Roll back to {previous.name}" if previous else "Nothing to roll back to"
    return [
        gr.update(choices=list(versions), value=version.name),
        version_html(version),
        *show_promote(version, production),
        gr.update(value=text, interactive=previous is not None),
        gr.update(value=f"Repeat {version.name} exactly"),
        gr.update(value=f"Train {version.name}’s settings on today’s labels"),
        gr.update(label=f"Type {version.name} to delete it", interactive=not version.aliases),
        *show_delete(version, typed or ""),
        *dialog_updates(),
    ]


def show_promote(version: Version, production: Version | None) -> list[Any]:
    """Updates of the button and of its note; the button is primary only if the metrics are not worse."""
    if PRODUCTION in version.aliases:
        return [
            gr.update(value=f"Promote {version.name}", interactive=False, variant="secondary"),
            _note_update(f"{version.name} is in production already."),
        ]
    # Not disabled while the reason is empty: a reason typed during a pending update would leave the button disabled.
    reason_note = "The history keeps the reason."
    if production is None or not is_worse(version, production):
        text = f"Promote {version.name} to production"
        return [gr.update(value=text, interactive=True, variant="primary"), _note_update(reason_note)]
    text = f"Promote {version.name} to production …"
    note = f"{comparison_sentence(version, production)} You are asked once more. {reason_note}"
    return [gr.update(value=text, interactive=True, variant="secondary"), _note_update(note)]


def show_delete(version: Version, typed: str) -> list[Any]:
    """Updates of the button and of its note."""
    if version.aliases:
        note = f"{version.name} is in use as {', '.join(version.aliases)}, so it cannot be deleted. Promote another first."
    else:
        note = "Its files are gone for good, and its number is never used again."
    ready = not version.aliases and typed.strip() == version.name
    return [gr.update(value=f"Delete {version.name}", interactive=ready), _note_update(note)]


def question(services: Services, name: str) -> list[Any] | None:
    """Updates that open the promotion dialog, ``None`` if the version is not worse than the one in production.

    Raises:
        NotFound: There is no such version.
    """
    version, production = services.stores.registry.get(name), services.stores.registry.production()
    return dialog_updates(version, production) if is_worse(version, production) else None


def promote(services: Services, name: str, reason: str, actor: str) -> None:
    """Promote to production.

    Raises:
        NotFound: There is no such version.
    """
    services.stores.registry.promote(name, PRODUCTION, reason.strip(), actor)


def delete(services: Services, name: str, typed: str) -> None:
    """Delete a version.

    Raises:
        DomainError: The typed name differs, or an alias points to the version.
    """
    if typed.strip() != name:
        raise DomainError(f"Type {name} to delete it.")
    services.stores.registry.delete(name)


def download(services: Services, name: str, file: str) -> str:
    """Copy a file of a version for download, and return the path of the copy.

    Raises:
        NotFound: There is no such version.
        Corrupt: The file is missing or does not match its checksum.
    """
    registry = services.stores.registry
    data = registry.file(registry.get(name), file).read_bytes()
    return str(to_file_data(data, f"{name}-{file}")["path"])


def _note_update(text: str) -> Any:
    return gr.update(value=f"<p class='note'>{text}</p>", visible=bool(text))
