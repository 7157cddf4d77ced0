"""Collect: bring pictures in, see what came of it, and what is there."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from storage.errors import Conflict
from storage.images import counted
from storage.records import Event, Filter, Summary
from workbench.archives import Upload, count
from workbench.imports import NewImport
from workbench.labelling import class_name
from workbench.samples.order import SAMPLES
from workbench.services import Services
from workbench.ui.components.press import pressable
from workbench.ui.files import uploads
from workbench.ui.guard import guarded
from workbench.ui.place import Place, actor, open_tab
from workbench.ui.tabs.collect_view import WELCOME, limits_html, overview_html, progress_html, report_html

POLL_SECONDS = 0.7
NEWEST = 16
NOTHING_CHOSEN = "Choose files to import"
ONE_CLASS = "<p class='note'>Training needs at least two classes; so far all pictures are of one.</p>"
MIXED = "<p class='note'>Synthetic pictures are mixed with yours. Remove them before you train for real.</p>"
SYNTHETIC = Filter(status="synthetic")


@dataclass(frozen=True)
class View:
    """The components that change."""

    welcome: gr.HTML
    samples: gr.Button
    drop: gr.File
    label: gr.Dropdown
    start: gr.Button
    progress: gr.HTML
    stop: gr.Button
    report: gr.HTML
    overview: gr.HTML
    step: gr.Button
    why: gr.HTML
    remove: gr.Button
    undo: gr.Button
    timer: gr.Timer
    done: gr.State

    @property
    def shown(self) -> list[gr.Block]:
        """What :func:`_look` gives values for, in its order."""
        return [
            self.welcome, self.samples, self.label, self.progress, self.stop, self.report, self.overview,
            self.step, self.why, self.remove, self.undo, self.timer, self.done,
        ]  # fmt: skip


def build(place: Place) -> None:
    """Build the tab."""
    view = _view(place.services)
    _bind_import(place, view)
    _bind_rest(place, view)


def _view(services: Services) -> View:
    welcome = gr.HTML(WELCOME, visible=False, elem_id="collect-welcome")
    samples = gr.Button(
        f"Start with {SAMPLES} sample bottles", variant="primary", visible=False, elem_id="collect-samples"
    )
    with gr.Row(elem_id="collect", elem_classes="work"):
        with gr.Column(elem_classes="controls"):
            drop = gr.File(
                file_count="multiple", label="Pictures and zips", height=170, elem_id="collect-drop"
            )
            label = gr.Dropdown(
                [], value=None, allow_custom_value=True, label="Class for these pictures (optional)",
                info="Leave it empty where folders in a zip name the classes.", elem_id="collect-class",
            )  # fmt: skip
            start = gr.Button(NOTHING_CHOSEN, interactive=False, elem_id="collect-import")
            gr.HTML(limits_html(services.settings.limits))
        with gr.Column(elem_classes="stage"):
            progress = gr.HTML(visible=False, elem_id="collect-progress")
            with gr.Row(elem_classes="steps"):
                stop = gr.Button("Stop the import", size="sm", visible=False, elem_id="collect-stop")
                step = gr.Button("Label", visible=False, variant="primary", elem_id="collect-next")
                remove = gr.Button("Remove", size="sm", visible=False, elem_id="collect-remove")
                undo = gr.Button("Undo", size="sm", visible=False, elem_id="collect-undo")
            why = gr.HTML(visible=False, elem_id="collect-why")
            report = gr.HTML(visible=False, elem_id="collect-report")
            overview = pressable("collect-overview")
    timer = gr.Timer(POLL_SECONDS, active=False)
    done = gr.State(-1)
    return View(
        welcome, samples, drop, label, start, progress, stop, report, overview, step, why, remove, undo, timer, done
    )  # fmt: skip


def _bind_import(place: Place, view: View) -> None:
    services = place.services

    @guarded
    def chosen(raw: list[object] | None) -> tuple[object, object, object]:
        files, other = uploads(raw or []), gr.update(variant="secondary" if raw else "primary")
        return _start_button(files), other, other

    @guarded
    def start(raw: list[object] | None, label: str | None, request: gr.Request) -> list[object]:
        files, name = uploads(raw or []), class_name(label) if label and label.strip() else ""
        services.imports.start(NewImport(files, name, actor(request)))
        return [None, *_look(services)]

    @guarded
    def start_samples(request: gr.Request) -> list[object]:
        services.imports.start(NewImport(samples=True, actor=actor(request)))
        return _look(services)

    @guarded
    def stop() -> None:
        services.imports.stop()

    @guarded
    def poll(before: int) -> list[object]:
        state = services.imports.state()
        if state.running and state.done == before:
            return [gr.skip()] * len(view.shown)
        return _look(services)

    private = {"api_visibility": "private"}
    # Not preprocessed: Gradio would hide the name that the sender gave a file.
    view.drop.change(chosen, view.drop, [view.start, view.samples, view.step], preprocess=False, **private)
    view.start.click(start, [view.drop, view.label], [view.drop, *view.shown], preprocess=False, **private)
    view.samples.click(start_samples, None, view.shown, **private)
    view.stop.click(stop, **private)
    view.timer.tick(poll, view.done, view.shown, queue=False, show_progress="hidden", **private)


def _bind_rest(place: Place, view: View) -> None:
    services = place.services

    @guarded
    def refresh() -> list[object]:
        return _look(services)

    @guarded
    def go() -> object:
        return open_tab(_next_step(_summary(services))[0])

    @guarded
    def remove(request: gr.Request) -> list[object]:
        stores = services.stores
        gone, _ = stores.edits.archive(stores.pages.ids(SYNTHETIC), actor(request))
        gr.Info(f"Removed {counted(gone)}. Undo brings them back.")
        return _look(services)

    @guarded
    def undo(request: gr.Request) -> list[object]:
        removal = _removal(services)
        if removal is None:
            raise Conflict("Something else was changed since. Undo it on the Label tab first.")
        services.stores.journal.undo(actor(request), removal.id)
        return _look(services)

    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    place.page.load(refresh, None, view.shown, **quiet)
    place.tab.select(refresh, None, view.shown, **quiet)
    view.step.click(go, None, place.tabs, **quiet)
    view.overview.press(lambda: open_tab("label"), None, place.tabs, **quiet)
    view.remove.click(remove, None, view.shown, api_visibility="private")
    view.undo.click(undo, None, view.shown, api_visibility="private")


def _look(services: Services) -> list[object]:
    """Updates for everything shown."""
    state, summary = services.imports.state(), _summary(services)
    newest = services.stores.pages.page(Filter(sort="newest"), limit=NEWEST).items
    empty, removal = not summary.images and not state.running, _removal(services)
    report = report_html(state, summary.colours)
    _, text, why = _next_step(summary)
    return [
        gr.update(visible=empty),
        gr.update(visible=empty),
        gr.update(choices=[each.name for each in summary.classes]),
        gr.update(value=progress_html(state), visible=state.running),
        gr.update(visible=state.running),
        gr.update(value=report, visible=bool(report)),
        overview_html(summary, newest),
        gr.update(value=text, visible=bool(summary.images) and not state.running),
        gr.update(value=why, visible=bool(why) and not state.running),
        gr.update(
            value=f"Remove the {counted(summary.synthetic).replace('picture', 'sample picture')}",
            visible=bool(summary.synthetic) and not state.running,
        ),
        gr.update(value=f"Undo: {removal.summary}" if removal else "Undo", visible=removal is not None),
        gr.Timer(active=state.running),
        state.done,
    ]


def _summary(services: Services) -> Summary:
    return services.stores.catalogue.summary(services.stores.classes.all())


def _start_button(chosen: list[Upload]) -> object:
    files = sum(map(count, chosen))
    if not chosen:
        return gr.update(value=NOTHING_CHOSEN, interactive=False, variant="secondary")
    what = "1 file" if files == 1 else f"{files:,} files"
    return gr.update(value=f"Import {what}", interactive=True, variant="primary")


def _next_step(summary: Summary) -> tuple[str, str, str]:
    """The tab that comes next, the words on its button, and why where that is not plain."""
    if summary.unlabelled:
        return "label", f"Label {counted(summary.unlabelled)}", ""
    if summary.images and sum(1 for each in summary.classes if each.count) < 2:
        return "label", f"Sort {counted(summary.images)} into classes", ONE_CLASS
    mixed = 0 < summary.synthetic < summary.images
    return "train", f"Train on {counted(summary.images)}", MIXED if mixed else ""


def _removal(services: Services) -> Event | None:
    """The change that undo would take back, where it removed pictures that are still gone."""
    journal, catalogue = services.stores.journal, services.stores.catalogue
    changed = (each for each in journal.recent() if not each.undone and each.kind not in {"undo", "import"})
    last = next(changed, None)
    if last is None or last.kind != "archive":
        return None
    ids = [each.entity_id for each in journal.changes(last.id)]
    return last if len(catalogue.several(ids)) < len(ids) else None
