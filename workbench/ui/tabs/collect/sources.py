"""The import sources of the Collect tab: files, the clipboard, the camera, a folder on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.queries.image_rows import counted
from storage.records import Summary
from workbench.catalogue.labelling import normalize_name
from workbench.importing.service import NewImport
from workbench.importing.uploads import Upload, count
from workbench.services import Services
from workbench.ui.components.assets import mounting
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
MAX_FILES = 500


@dataclass(frozen=True)
class Sources:
    """The components of the import sources."""

    drop: gr.File
    label: gr.Dropdown
    start: gr.Button
    paste: gr.HTML
    camera: gr.HTML
    folder: ServerFolderFields | None

    @property
    def outputs(self) -> list[gr.Block]:
        """The outputs of :func:`section_updates`, in its order."""
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
            paste = gr.HTML(
                PASTE, js_on_load=mounting("collect/paste.js", events=("paste",)), elem_id="collect-paste"
            )
            gr.HTML(limits_html(services.settings.limits))
        with gr.Tab("Camera", elem_id="collect-live"):
            camera = burst_camera("collect-camera")
        folder = None
        if services.settings.import_folders:
            with gr.Tab("Server", elem_id="collect-folder"):
                folder = server_folder.build(services)
    return Sources(drop, label, start, paste, camera, folder)


def bind(services: Services, sources: Sources, next_step_buttons: list[gr.Button]) -> list[Any]:
    """Bind the sections.

    Args:
        services: The services to call.
        sources: The sections.
        next_step_buttons: Buttons that are primary only while no file is chosen.

    Returns:
        The events that start an import.
    """

    @guarded
    def files_changed(files: list[object] | None) -> list[object]:
        return [_start_button(uploads(files or []))] + [
            gr.update(variant="secondary" if files else "primary") for _ in next_step_buttons
        ]

    @guarded
    def start(files: list[object] | None, label: str | None, request: gr.Request) -> None:
        begin_import(
            services.imports, NewImport(uploads(files or []), normalize_name(label or ""), actor(request))
        )

    @guarded
    def paste(label: str | None, event: gr.EventData, request: gr.Request) -> None:
        uploaded, name = _sent_files(event), normalize_name(label or "")
        begin_import(services.imports, NewImport(uploaded, name, actor(request)))
        gr.Info(f"Importing {counted(len(uploaded))} from the clipboard{f' as {name}' if name else ''}.")

    def keep(event: gr.EventData, request: gr.Request) -> object:
        try:
            uploaded, name = _sent_files(event), normalize_name(Payload.of(event).text("label", ""))
            import_id = begin_import(services.imports, NewImport(uploaded, name, actor(request)))
        except Exception as error:
            return gr.update(answer={"problem": sentence(error), "taken": 0})
        return gr.update(answer={"taken": len(uploaded), "label": name, "serial": import_id})

    options: dict[str, Any] = {"api_visibility": "private"}
    # Without preprocessing, which would drop the original file names.
    sources.drop.change(
        files_changed, sources.drop, [sources.start, *next_step_buttons], preprocess=False, **options
    )
    events = [
        sources.start.click(start, [sources.drop, sources.label], sources.drop, preprocess=False, **options),
        sources.paste.paste(paste, sources.label, None, trigger_mode="multiple", **options),
        sources.camera.keep(keep, None, sources.camera, show_progress="hidden", **options),
    ]
    return [*events, *([server_folder.bind(services, sources.folder)] if sources.folder else [])]


def section_updates(sources: Sources, summary: Summary) -> list[object]:
    """The updates of the sections."""
    names = [class_.name for class_ in summary.classes]
    updates = [gr.update(choices=names), gr.update(classes=names)]
    return [*updates, *([gr.update(choices=names)] if sources.folder else [])]


def _sent_files(event: gr.EventData) -> list[Upload]:
    return uploads(Payload.of(event).values.get("files", []))[:MAX_FILES]


def _start_button(uploaded: list[Upload]) -> object:
    file_count = sum(map(count, uploaded))
    if not uploaded:
        return gr.update(value=NOTHING_CHOSEN, interactive=False, variant="secondary")
    what = "1 file" if file_count == 1 else f"{file_count:,} files"
    return gr.update(value=f"Import {what}", interactive=True, variant="primary")
