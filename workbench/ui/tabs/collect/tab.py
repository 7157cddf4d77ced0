"""The Collect tab: import and export pictures, and an overview of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from storage.core.errors import Conflict
from storage.queries.image_rows import counted
from storage.records import Event, Filter, Summary
from workbench.importing.ingest import SAMPLES
from workbench.importing.service import ImportState, NewImport
from workbench.services import Services
from workbench.ui.components.click_events import clickable_html
from workbench.ui.context import TabContext, actor, open_tab
from workbench.ui.error_boundary import guarded
from workbench.ui.tabs.collect import export, import_history, import_progress, integrity, sources
from workbench.ui.tabs.collect.html import WELCOME, overview_html
from workbench.ui.tabs.collect.import_progress import ImportProgress
from workbench.ui.tabs.collect.sources import Sources

POLL_SECONDS = 0.7
MAX_NEWEST = 16
ONE_CLASS_NOTE = "<p class='note'>Training needs at least two classes; so far all pictures are of one.</p>"
MIXED_NOTE = (
    "<p class='note'>Synthetic pictures are mixed with yours. Remove them before you train for real.</p>"
)
SYNTHETIC = Filter(status="synthetic")
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class CollectView:
    """The components of the tab."""

    welcome: gr.HTML
    samples: gr.Button
    sources: Sources
    job: ImportProgress
    overview: gr.HTML
    step: gr.Button
    step_note: gr.HTML
    remove: gr.Button
    undo: gr.Button
    timer: gr.Timer
    progress_key: gr.State

    @property
    def outputs(self) -> list[gr.Block]:
        """The outputs of :func:`_all_updates`, in its order."""
        return [
            self.welcome, self.samples, *self.sources.outputs, *self.job.outputs, self.overview,
            self.step, self.step_note, self.remove, self.undo, self.timer, self.progress_key,
        ]  # fmt: skip


def build(context: TabContext) -> None:
    """Build the tab."""
    view = _view(context.services)
    with gr.Accordion("Earlier imports", open=False, elem_id="collect-earlier") as earlier:
        import_history.build(context, earlier)
    with gr.Accordion("Take your data with you", open=False, elem_id="collect-take") as take:
        export.build(context.services, take)
    with gr.Accordion("Check the data", open=False, elem_id="collect-check"):
        integrity.build(context.services)
    _bind_import(context, view)
    _bind_actions(context, view)


def _view(services: Services) -> CollectView:
    welcome = gr.HTML(WELCOME, visible=False, elem_id="collect-welcome")
    samples = gr.Button(
        f"Start with {SAMPLES} sample bottles", variant="primary", visible=False, elem_id="collect-samples"
    )
    with gr.Row(elem_id="collect", elem_classes="work"):
        with gr.Column(elem_classes="controls"):
            source_fields = sources.build(services)
        with gr.Column(elem_classes="stage"):
            job = import_progress.build(services)
            with gr.Row(elem_classes="steps"):
                step = gr.Button("Label", visible=False, variant="primary", elem_id="collect-next")
                remove = gr.Button("Remove", size="sm", visible=False, elem_id="collect-remove")
                undo = gr.Button("Undo", size="sm", visible=False, elem_id="collect-undo")
            step_note = gr.HTML(visible=False, elem_id="collect-why")
            overview = clickable_html("collect-overview")
    timer, progress_key = gr.Timer(POLL_SECONDS, active=False), gr.State(())
    return CollectView(
        welcome, samples, source_fields, job, overview, step, step_note, remove, undo, timer, progress_key
    )


def _bind_import(context: TabContext, view: CollectView) -> None:
    services = context.services

    @guarded
    def refresh(request: gr.Request) -> list[object]:
        return _all_updates(view, services, actor(request))

    @guarded
    def start_samples(request: gr.Request) -> list[object]:
        services.imports.start(NewImport(samples=True, actor=actor(request)))
        return _all_updates(view, services, actor(request))

    @guarded
    def poll(previous: tuple[int, int, int], request: gr.Request) -> list[object]:
        state = services.imports.state()
        if state.running and _progress_key(state) == previous:
            return [gr.skip()] * len(view.outputs)
        return _all_updates(view, services, actor(request))

    for import_started in sources.bind(services, view.sources, [view.samples, view.step]):
        import_started.success(refresh, None, view.outputs, **QUIET)
    view.samples.click(start_samples, None, view.outputs, api_visibility="private")
    view.job.cancelled.success(refresh, None, view.outputs, **QUIET)
    view.timer.tick(poll, view.progress_key, view.outputs, **QUIET)
    context.page.load(refresh, None, view.outputs, **QUIET)
    context.tab.select(refresh, None, view.outputs, **QUIET)


def _bind_actions(context: TabContext, view: CollectView) -> None:
    services = context.services

    @guarded
    def open_next_step() -> object:
        return open_tab(_next_step(_summary(services))[0])

    @guarded
    def remove(request: gr.Request) -> list[object]:
        stores = services.stores
        archived, _ = stores.edits.archive(stores.pages.all_ids(SYNTHETIC), actor(request))
        gr.Info(f"Moved {counted(archived)} to the bin. Undo brings them back.")
        return _all_updates(view, services, actor(request))

    @guarded
    def undo(request: gr.Request) -> list[object]:
        removal = _undoable_removal(services, actor(request))
        if removal is None:
            raise Conflict("Something else was changed since. Undo it on the Label tab first.")
        services.stores.journal.undo(actor(request), removal.id)
        return _all_updates(view, services, actor(request))

    view.step.click(open_next_step, None, context.tabs, **QUIET)
    view.overview.press(lambda: open_tab("label"), None, context.tabs, **QUIET)
    view.remove.click(remove, None, view.outputs, api_visibility="private")
    view.undo.click(undo, None, view.outputs, api_visibility="private")


def _all_updates(view: CollectView, services: Services, actor_name: str) -> list[object]:
    """The updates of the whole tab."""
    state, summary = import_progress.latest(services), _summary(services)
    newest = services.stores.pages.page(Filter(sort="newest"), limit=MAX_NEWEST).items
    empty, removal = not summary.images and not state.running, _undoable_removal(services, actor_name)
    _, text, step_note = _next_step(summary)
    return [
        gr.update(visible=empty),
        gr.update(visible=empty),
        *sources.section_updates(view.sources, summary),
        *import_progress.section_updates(services, state, summary.colours),
        overview_html(summary, newest),
        gr.update(value=text, visible=bool(summary.images) and not state.running),
        gr.update(value=step_note, visible=bool(step_note) and not state.running),
        gr.update(
            value=f"Remove the {counted(summary.synthetic).replace('picture', 'sample picture')}",
            visible=bool(summary.synthetic) and not state.running,
        ),
        gr.update(value=f"Undo: {removal.summary}" if removal else "Undo", visible=removal is not None),
        gr.Timer(active=state.running),
        _progress_key(state),
    ]


def _progress_key(state: ImportState) -> tuple[int, int, int]:
    return state.id, state.done, state.waiting


def _summary(services: Services) -> Summary:
    return services.stores.catalogue.summary(services.stores.classes.all())


def _next_step(summary: Summary) -> tuple[str, str, str]:
    """The next tab, the text of its button, and an optional note on why."""
    if summary.unlabelled:
        return "label", f"Label {counted(summary.unlabelled)}", ""
    if summary.images and sum(1 for class_ in summary.classes if class_.count) < 2:
        return "label", f"Sort {counted(summary.images)} into classes", ONE_CLASS_NOTE
    mixed = 0 < summary.synthetic < summary.images
    return "train", f"Train on {counted(summary.images)}", MIXED_NOTE if mixed else ""


def _undoable_removal(services: Services, actor_name: str) -> Event | None:
    """The user's last change, if it moved pictures to the bin."""
    last = services.stores.journal.undoable(actor_name)
    return last if last and last.kind == "archive" else None
