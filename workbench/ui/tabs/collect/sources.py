"""Collect, the ways in: files, the clipboard, the camera, a folder on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.queries.image_rows import counted
from storage.records import Summary
from workbench.catalogue.labelling import class_name
from workbench.importing.service import NewImport
from workbench.importing.uploads import Upload, count
from workbench.services import Services
from workbench.ui.components.assets import script
from workbench.ui.components.camera import burst_camera
from workbench.ui.context import actor
from workbench.ui.error_boundary import guarded, sentence
from workbench.ui.file_transfer import begin_import, uploads
from workbench.ui.payload import Payload
from workbench.ui.tabs.collect import server_folder
from workbench.ui.tabs.collect.html import limits_html
from workbench.ui.tabs.collect.server_folder import ServerFolderFields

NOTHING_CHOSEN = "Choose files to import"
PASTE = "<p class='note'>A copied picture can be pasted anywhere on this tab (Ctrl+V).</p>"
MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Sources:
    """The components through which pictures come in."""

    drop: gr.File
    label: gr.Dropdown
    start: gr.Button
    paste: gr.HTML
    camera: gr.HTML
    folder: ServerFolderFields | None

    @property
    def shown(self) -> list[gr.Block]:
        """What :func:`look` gives values for, in its order."""
        return [self.label, self.camera, *([self.folder.label] if self.folder else [])]


def build(services: Services) -> Sources:
    """Build the sections."""
    with gr.Tabs(elem_id="collect-ways"):
        with gr.Tab("Files", elem_id="collect-files"):
            drop = gr.File(
                file_count="multiple", label="Pictures and zips", height=170, elem_id="collect-drop"
            )
            label = gr.Dropdown(
                [], value=None, allow_custom_value=True, label="Class for these pictures (optional)",
                info="Leave it empty where folders in a zip name the classes.", elem_id="collect-class",
            )  # fmt: skip
            start = gr.Button(NOTHING_CHOSEN, interactive=False, elem_id="collect-import")
            paste = gr.HTML(PASTE, js_on_load=script("collect/paste.js"), elem_id="collect-paste")
            gr.HTML(limits_html(services.settings.limits))
        with gr.Tab("Camera", elem_id="collect-live"):
            camera = burst_camera("collect-camera")
        folder = None
        if services.settings.import_folders:
            with gr.Tab("Server", elem_id="collect-folder"):
                folder = server_folder.build(services)
    return Sources(drop, label, start, paste, camera, folder)


def bind(services: Services, ways: Sources, others: list[gr.Button]) -> list[Any]:
    """Bind the sections.

    Args:
        services: What they call.
        ways: The sections.
        others: Buttons that are the next step only while no file is chosen.

    Returns:
        The events after which an import has been begun.
    """

    @guarded
    def chosen(raw: list[object] | None) -> list[object]:
        return [_start_button(uploads(raw or []))] + [
            gr.update(variant="secondary" if raw else "primary") for _ in others
        ]

    @guarded
    def start(raw: list[object] | None, label: str | None, request: gr.Request) -> None:
        begin_import(services.imports, NewImport(uploads(raw or []), _class(label), actor(request)))

    @guarded
    def paste(label: str | None, event: gr.EventData, request: gr.Request) -> None:
        files, name = _sent(event), _class(label)
        begin_import(services.imports, NewImport(files, name, actor(request)))
        gr.Info(f"Importing {counted(len(files))} from the clipboard{f' as {name}' if name else ''}.")

    def keep(event: gr.EventData, request: gr.Request) -> object:
        try:
            files, name = _sent(event), _class(Payload.of(event).text("label", ""))
            begun = begin_import(services.imports, NewImport(files, name, actor(request)))
        except Exception as error:
            return gr.update(answer={"problem": sentence(error), "taken": 0})
        return gr.update(answer={"taken": len(files), "label": name, "serial": begun})

    private: dict[str, Any] = {"api_visibility": "private"}
    # Not preprocessed: Gradio would hide the name that the sender gave a file.
    ways.drop.change(chosen, ways.drop, [ways.start, *others], preprocess=False, **private)
    begun = [
        ways.start.click(start, [ways.drop, ways.label], ways.drop, preprocess=False, **private),
        ways.paste.paste(paste, ways.label, None, trigger_mode="multiple", **private),
        ways.camera.keep(keep, None, ways.camera, show_progress="hidden", **private),
    ]
    return [*begun, *([server_folder.bind(services, ways.folder)] if ways.folder else [])]


def look(ways: Sources, summary: Summary) -> list[object]:
    """Updates for what is shown."""
    names = [class_.name for class_ in summary.classes]
    updates = [gr.update(choices=names), gr.update(classes=names)]
    return [*updates, *([gr.update(choices=names)] if ways.folder else [])]


def _sent(event: gr.EventData) -> list[Upload]:
    return uploads(Payload.of(event).values.get("files", []))[:MOST_AT_ONCE]


def _class(label: str | None) -> str:
    return class_name(str(label)) if label and str(label).strip() else ""


def _start_button(chosen: list[Upload]) -> object:
    files = sum(map(count, chosen))
    if not chosen:
        return gr.update(value=NOTHING_CHOSEN, interactive=False, variant="secondary")
    what = "1 file" if files == 1 else f"{files:,} files"
    return gr.update(value=f"Import {what}", interactive=True, variant="primary")
