"""Collect, taking the data along: an export in a format that others read."""

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
from workbench.core.path_names import shown
from workbench.exporting.formats import FORMATS
from workbench.exporting.service import Exported, ExportOrder
from workbench.services import Services
from workbench.ui.components.html import MEGABYTE, megabytes, problem
from workbench.ui.components.progress import ProgressBar, progress_html
from workbench.ui.error_boundary import guarded, sentence

SHOW_SECONDS = 0.4
SNAPSHOTS = 10
EVERYTHING, LABELLED = "everything", "labelled"
CLASS, SNAPSHOT = "class:", "snapshot:"
ABOUT = (
    "<p class='note'>Pictures leave byte for byte as they came, with their classes and splits. Every format can be imported "
    "here again.</p>"
)


def build(services: Services, within: gr.Accordion) -> None:
    """Build the section; it fills itself when it is opened."""
    with gr.Row(elem_id="collect-take-choices"):
        kind = gr.Dropdown(
            [(each.words, name) for name, each in FORMATS.items()], value=next(iter(FORMATS)), label="Format",
            elem_id="collect-take-format",
        )  # fmt: skip
        what = gr.Dropdown(
            [("All pictures", EVERYTHING)], value=EVERYTHING, label="What", elem_id="collect-take-what"
        )
    gr.HTML(ABOUT)
    go = gr.Button("Export", interactive=False, variant="primary", elem_id="collect-take-go")
    shown = gr.HTML(visible=False, elem_id="collect-take-result")

    @guarded
    def refresh(format_name: str, chosen: str) -> tuple[object, object]:
        options = _options(services)
        chosen = chosen if chosen in {value for _, value in options} else EVERYTHING
        return gr.update(choices=options, value=chosen), _button(services, format_name, chosen)

    @guarded
    def measure(format_name: str, chosen: str) -> object:
        return _button(services, format_name, chosen)

    def export(format_name: str, chosen: str) -> Iterator[tuple[object, object]]:
        for html, ended in _exported(services, format_name, chosen):
            yield gr.update(value=html, visible=True), gr.update(interactive=ended)

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    within.expand(refresh, [kind, what], [what, go], queue=False, **quiet)
    gr.on([kind.input, what.input], measure, [kind, what], go, queue=False, **quiet)
    go.click(export, [kind, what], [shown, go], **quiet)


def _options(services: Services) -> list[tuple[str, str]]:
    """What can be exported, as (words, value)."""
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
        for snapshot in stores.snapshots.recent(SNAPSHOTS)
    ]


def _order(format_name: str, chosen: str) -> ExportOrder:
    name, chosen = str(format_name), str(chosen or "")
    if chosen.startswith(SNAPSHOT):
        if not chosen.removeprefix(SNAPSHOT).isdigit():
            raise NotFound("There is no such snapshot.")
        return ExportOrder(name, snapshot=int(chosen.removeprefix(SNAPSHOT)))
    if chosen.startswith(CLASS):
        return ExportOrder(name, Filter(label=chosen.removeprefix(CLASS)))
    return ExportOrder(name, Filter(status="labelled" if chosen == LABELLED else ""))


def _button(services: Services, format_name: str, chosen: str) -> object:
    try:
        extent = services.exports.extent(_order(format_name, chosen))
    except DomainError as error:
        return gr.update(value=str(error), interactive=False)
    size = f", about {_size(extent.bytes)}" if extent.bytes else ""
    words = f"Export {counted(extent.pictures)}{size}" if extent.pictures else "There is no picture to export"
    return gr.update(value=words, interactive=bool(extent.pictures))


class _Told:
    """What an export says of itself to whoever waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._pace = ProgressBar("Export", "Writing", 0, 1, unit="pictures")

    def tell(self, done: int, total: int) -> None:
        rate = done / max(0.001, time.monotonic() - self._begun)
        with self._lock:
            self._pace = ProgressBar("Export", "Writing", done, total, rate, "pictures")

    @property
    def html(self) -> str:
        with self._lock:
            return (
                progress_html(self._pace)
                if self._pace.done
                else "<p class='note'>Looking through the pictures</p>"
            )


def _exported(services: Services, format_name: str, chosen: str) -> Iterator[tuple[str, bool]]:
    """What to show of an export, and whether it has ended; the last one of both in one piece, which Gradio may not part."""
    told = _Told()
    with ThreadPoolExecutor(1) as pool:
        work: Future[Exported] = pool.submit(
            lambda: services.exports.write(_order(format_name, chosen), told.tell)
        )
        while not work.done():
            yield told.html, False
            wait([work], timeout=SHOW_SECONDS)
    try:
        yield _ready(work.result()), True
    except Exception as error:
        yield problem(sentence(error)), True


def _ready(done: Exported) -> str:
    name = escape(done.path.name)
    missing = (
        f"<p class='problem'>{counted(done.left_out)} left out: the original is missing or damaged. See LEFT-OUT.txt in it, "
        "and check the data below.</p>"
        if done.left_out
        else ""
    )
    others = ", ".join(f"{escape(shown(name))} as {escape(folder)}" for name, folder in done.renamed.items())
    renamed = f"<p class='problem'>Not every name can be that of a folder: {others}.</p>" if others else ""
    size = _size(done.path.stat().st_size)
    return (
        f"<p class='ready'><b>{counted(done.pictures)} ready.</b> "
        f"<a class='download' href='exports/{name}' download>Download {name}, {size}</a></p>{missing}{renamed}"
    )


def _size(size: int) -> str:
    return megabytes(size) if size >= MEGABYTE else f"{max(1, round(size / 1000))} kB"
