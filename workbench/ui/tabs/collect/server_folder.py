"""The section of the Collect tab that imports a folder of the server; only built if folders are configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.core.errors import DomainError
from workbench.catalogue.labelling import normalize_name
from workbench.importing.server_folders import list_files, selectable_folders
from workbench.importing.service import NewImport
from workbench.services import Services
from workbench.ui.components.html import problem
from workbench.ui.context import actor
from workbench.ui.error_boundary import guarded

NOTHING_CHOSEN = "Choose a folder to import"
ABOUT = (
    "<p class='note'>Files are read where they lie. A folder in it names the class of its pictures, and so does a table "
    "beside them. A folder further in can be typed.</p>"
)


@dataclass(frozen=True)
class ServerFolderFields:
    """The components of the section."""

    folder: gr.Dropdown
    label: gr.Dropdown
    start: gr.Button
    message: gr.HTML


def build(services: Services) -> ServerFolderFields:
    """Build the section."""
    folder = gr.Dropdown(
        selectable_folders(services.settings), value=None, allow_custom_value=True, label="Folder on the server",
        elem_id="collect-folder-name",
    )  # fmt: skip
    label = gr.Dropdown(
        [], value=None, allow_custom_value=True, label="Class for these pictures (optional)",
        info="Leave it empty where folders or a table name the classes.", elem_id="collect-folder-class",
    )  # fmt: skip
    start = gr.Button(NOTHING_CHOSEN, interactive=False, elem_id="collect-folder-import")
    message = gr.HTML(visible=False, elem_id="collect-folder-said")
    gr.HTML(ABOUT)
    return ServerFolderFields(folder, label, start, message)


def bind(services: Services, fields: ServerFolderFields) -> Any:
    """Bind the section.

    Returns:
        The event that starts an import.
    """
    settings = services.settings

    @guarded
    def folder_changed(folder: str | None) -> tuple[object, object]:
        try:
            file_count = len(list_files(folder, settings)) if folder else 0
        except DomainError as error:
            return _button_update(0), gr.update(value=problem(str(error)), visible=True)
        return _button_update(file_count), gr.update(visible=False)

    @guarded
    def start(folder: str | None, label: str | None, request: gr.Request) -> None:
        name = normalize_name(label or "")
        services.imports.start(NewImport(folder=folder or "", label=name, actor=actor(request)))

    options: dict[str, Any] = {"api_visibility": "private"}
    fields.folder.change(
        folder_changed, fields.folder, [fields.start, fields.message], trigger_mode="always_last", **options
    )
    return fields.start.click(start, [fields.folder, fields.label], None, **options)


def _button_update(files: int) -> object:
    if not files:
        return gr.update(value=NOTHING_CHOSEN, interactive=False, variant="secondary")
    what = "1 file" if files == 1 else f"{files:,} files"
    return gr.update(value=f"Import {what}", interactive=True, variant="primary")
