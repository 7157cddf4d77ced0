"""The section of the Predict tab that classifies many pictures, with a table on the page and as CSV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from storage.core.errors import DomainError
from storage.records import Version
from workbench.importing.uploads import Upload, count, sources
from workbench.services import Services
from workbench.serving.batch import BatchRow, as_csv, predict_files
from workbench.ui.components.progress import ProgressBar, progress_html
from workbench.ui.error_boundary import guarded, sentence
from workbench.ui.file_transfer import to_file_data, uploads
from workbench.ui.tabs.predict.html import batch_html, refusal_html, waiting_html

PROGRESS_SECONDS = 0.5
NOTHING_CHOSEN = "Choose pictures to classify"
STOPPED = "Stopped before the end, so there is no table. Start again to get one."
VERBS = ("Classifying", "Classified")
WAITING = "The answers to all pictures appear here, and as a table to download."


@dataclass(frozen=True)
class BatchView:
    """The components of the section."""

    drop: gr.File
    start: gr.Button
    stop: gr.Button
    download: gr.DownloadButton
    result: gr.HTML


def build(services: Services, model: gr.Dropdown) -> None:
    """Build the section."""
    view = _view()
    _bind(services, view, model)


def _view() -> BatchView:
    with gr.Row(elem_classes="work"):
        with gr.Column(elem_classes="controls"):
            drop = gr.File(
                file_count="multiple", label="Pictures and zips", height=170, elem_id="predict-files"
            )
            start = gr.Button(NOTHING_CHOSEN, interactive=False, elem_id="predict-many-start")
            stop = gr.Button("Stop", size="sm", visible=False, elem_id="predict-many-stop")
            download = gr.DownloadButton("Download as CSV", visible=False, elem_id="predict-csv")
        with gr.Column(elem_classes="stage"):
            result = gr.HTML(waiting_html(WAITING), elem_id="predict-many")
    return BatchView(drop, start, stop, download, result)


def _bind(services: Services, view: BatchView, model: gr.Dropdown) -> None:
    @guarded
    def files_changed(files: list[object] | None) -> object:
        file_count = sum(map(count, uploads(files or [])))
        if not file_count:
            return gr.update(value=NOTHING_CHOSEN, interactive=False, variant="secondary")
        what = "1 file" if file_count == 1 else f"{file_count:,} files"
        return gr.update(value=f"Classify {what}", interactive=True, variant="primary")

    def classify(files: list[object] | None, name: str) -> Iterator[tuple[object, ...]]:
        try:
            yield from _classify(services, uploads(files or []), name)
        except DomainError as error:
            yield refusal_html(str(error)), gr.update(visible=False), gr.update(visible=False)
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from error

    outputs, options = [view.result, view.download, view.stop], {"api_visibility": "private"}
    view.drop.change(files_changed, view.drop, view.start, preprocess=False, **options)
    run = view.start.click(
        classify, [view.drop, model], outputs, preprocess=False, show_progress="hidden", **options
    )
    view.stop.click(
        lambda: (waiting_html(STOPPED), gr.skip(), gr.update(visible=False)),
        None,
        outputs,
        cancels=run,
        **options,
    )


def _classify(services: Services, files: list[Upload], model: str) -> Iterator[tuple[object, ...]]:
    predictor, limits = services.predictor, services.settings.limits
    signature, total, rows, started = predictor.signature(model), sum(map(count, files)), [], time.monotonic()
    last_update = started
    yield progress_html(ProgressBar(*VERBS, 0, total)), gr.update(visible=False), gr.update(visible=True)
    for row in predict_files(predictor, sources(files, limits), signature.name):
        rows.append(row)
        if time.monotonic() - last_update > PROGRESS_SECONDS:
            last_update = time.monotonic()
            yield (
                progress_html(ProgressBar(*VERBS, len(rows), total, len(rows) / (last_update - started))),
                gr.skip(),
                gr.skip(),
            )
    yield _table_updates(services, services.stores.registry.get(signature.name), signature.classes, rows)


def _table_updates(
    services: Services, version: Version, classes: tuple[str, ...], rows: list[BatchRow]
) -> tuple[object, ...]:
    colours = services.stores.classes.colours()
    file = to_file_data(as_csv(classes, rows).encode("utf-8-sig"), f"answers-{version.name}.csv")
    return (
        batch_html(rows, version, colours),
        gr.update(value=file["path"], visible=True),
        gr.update(visible=False),
    )
