"""The export section of the Collect tab."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from html import escape
from typing import Any

import gradio as gr

from storage.core.errors import DomainError, NotFound
from storage.queries.image_rows import counted
from storage.records import Filter
from workbench.core.path_names import printable_name
from workbench.exporting.formats import FORMATS
from workbench.exporting.service import Exported, ExportOrder
from workbench.services import Services
from workbench.ui.components.html import MEGABYTE, megabytes, problem
from workbench.ui.components.progress import ProgressBar, progress_html
from workbench.ui.error_boundary import guarded, sentence

PROGRESS_SECONDS = 0.4
MAX_SNAPSHOTS = 10
EVERYTHING, LABELLED = "everything", "labelled"
CLASS, SNAPSHOT = "class:", "snapshot:"
ABOUT = (
    "<p class='note'>Pictures leave byte for byte as they came, with their classes and splits. Every format can be imported "
    "here again.</p>"
)


def build(services: Services, accordion: gr.Accordion) -> None:
    """Build the section; its choices are loaded when it is opened."""
    with gr.Row(elem_id="collect-take-choices"):
        format_field = gr.Dropdown(
            [(format_.words, name) for name, format_ in FORMATS.items()], value=next(iter(FORMATS)), label="Format",
            elem_id="collect-take-format",
        )  # fmt: skip
        source_field = gr.Dropdown(
            [("All pictures", EVERYTHING)], value=EVERYTHING, label="What", elem_id="collect-take-what"
        )
    gr.HTML(ABOUT)
    start_button = gr.Button("Export", interactive=False, variant="primary", elem_id="collect-take-go")
    result = gr.HTML(visible=False, elem_id="collect-take-result")

    @guarded
    def refresh(format_name: str, source: str) -> tuple[object, object]:
        options = _source_choices(services)
        source = source if source in {value for _, value in options} else EVERYTHING
        return gr.update(choices=options, value=source), _button_update(services, format_name, source)

    @guarded
    def update_button(format_name: str, source: str) -> object:
        return _button_update(services, format_name, source)

    def export(format_name: str, source: str) -> Iterator[tuple[object, object]]:
        for html, done in _export_updates(services, format_name, source):
            yield gr.update(value=html, visible=True), gr.update(interactive=done)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    accordion.expand(
        refresh, [format_field, source_field], [source_field, start_button], queue=False, **quiet
    )
    gr.on(
        [format_field.input, source_field.input],
        update_button,
        [format_field, source_field],
        start_button,
        queue=False,
        **quiet,
    )
    start_button.click(export, [format_field, source_field], [result, start_button], **quiet)


def _source_choices(services: Services) -> list[tuple[str, str]]:
    """The choices of what to export, as (label, value)."""
    stores = services.stores
    summary = stores.catalogue.summary(stores.classes.all())
    options = [(f"All pictures ({summary.images:,})", EVERYTHING)]
    if summary.unlabelled:
        options.append((f"Labelled pictures ({summary.labelled:,})", LABELLED))
    options += [
        (f"Class {class_.name} ({class_.count:,})", CLASS + class_.name)
        for class_ in summary.classes
        if class_.count
    ]
    return options + [
        (
            f"Snapshot {snapshot.id}, {counted(snapshot.images)} as they were for training",
            f"{SNAPSHOT}{snapshot.id}",
        )
        for snapshot in stores.snapshots.recent(MAX_SNAPSHOTS)
    ]


def _export_order(format_name: str, source: str) -> ExportOrder:
    format_, source = str(format_name), str(source or "")
    if source.startswith(SNAPSHOT):
        if not source.removeprefix(SNAPSHOT).isdigit():
            raise NotFound("There is no such snapshot.")
        return ExportOrder(format_, snapshot=int(source.removeprefix(SNAPSHOT)))
    if source.startswith(CLASS):
        return ExportOrder(format_, Filter(label=source.removeprefix(CLASS)))
    return ExportOrder(format_, Filter(status="labelled" if source == LABELLED else ""))


def _button_update(services: Services, format_name: str, source: str) -> object:
    try:
        extent = services.exports.extent(_export_order(format_name, source))
    except DomainError as error:
        return gr.update(value=str(error), interactive=False)
    size = f", about {_size(extent.bytes)}" if extent.bytes else ""
    text = f"Export {counted(extent.pictures)}{size}" if extent.pictures else "There is no picture to export"
    return gr.update(value=text, interactive=bool(extent.pictures))


class _ExportProgress:
    """The progress of an export, updated and read by different threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._progress = ProgressBar("Export", "Writing", 0, 1, unit="pictures")

    def update(self, done: int, total: int) -> None:
        rate = done / max(0.001, time.monotonic() - self._started)
        with self._lock:
            self._progress = ProgressBar("Export", "Writing", done, total, rate, "pictures")

    @property
    def html(self) -> str:
        with self._lock:
            return (
                progress_html(self._progress)
                if self._progress.done
                else "<p class='note'>Looking through the pictures</p>"
            )


def _export_updates(services: Services, format_name: str, source: str) -> Iterator[tuple[str, bool]]:
    """Yield the HTML of an export and whether it has ended; the result and the end are in one update."""
    progress = _ExportProgress()
    with ThreadPoolExecutor(1) as pool:
        future: Future[Exported] = pool.submit(
            lambda: services.exports.write(_export_order(format_name, source), progress.update)
        )
        while not future.done():
            yield progress.html, False
            wait([future], timeout=PROGRESS_SECONDS)
    try:
        yield _ready_html(future.result()), True
    except Exception as error:
        yield problem(sentence(error)), True


def _ready_html(exported: Exported) -> str:
    name = escape(exported.path.name)
    missing = (
        f"<p class='problem'>{counted(exported.left_out)} left out: the original is missing or damaged. See LEFT-OUT.txt in it, "
        "and check the data below.</p>"
        if exported.left_out
        else ""
    )
    others = ", ".join(
        f"{escape(printable_name(name))} as {escape(folder)}" for name, folder in exported.renamed.items()
    )
    renamed = f"<p class='problem'>Not every name can be that of a folder: {others}.</p>" if others else ""
    size = _size(exported.path.stat().st_size)
    return (
        f"<p class='ready'><b>{counted(exported.pictures)} ready.</b> "
        f"<a class='download' href='exports/{name}' download>Download {name}, {size}</a></p>{missing}{renamed}"
    )


def _size(size: int) -> str:
    return megabytes(size) if size >= MEGABYTE else f"{max(1, round(size / 1000))} kB"
