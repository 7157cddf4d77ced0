"""The section on suspicious labels: a ranked list, in which keys accept the likely class or dismiss the suspicion."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from storage.learning.suggestions import Suspicion
from workbench.active_learning.service import ActiveLearningStatus
from workbench.charts import percent
from workbench.services import Services
from workbench.ui.components.bars import dot
from workbench.ui.context import actor
from workbench.ui.error_boundary import guarded, sentence
from workbench.ui.payload import Payload
from workbench.ui.tabs.curate.section import EVENT, Click, ClickOutcome, Section, SectionFrame, section_html
from workbench.ui.tabs.curate.tiles import stage_address

MAX_ROWS = 60
POLL_SECONDS = 2.0


def build(frame: SectionFrame) -> Section:
    """Build the section."""
    services = frame.services
    with gr.Column(visible=False, elem_id="curate-doubts") as column:
        status_board = section_html("curate-doubts-state")
        row_board = section_html(
            "curate-doubts-rows", "curate/label_errors.js", server_functions=[judge_function(services)]
        )
        timer = gr.Timer(POLL_SECONDS, active=False)

    def show(state: str) -> list[Any]:
        status = services.active_learning.status()
        suspicions = services.active_learning.suspicious(MAX_ROWS)
        key = repr([(suspicion.image_id, suspicion.revision) for suspicion in suspicions]) + str(
            status.suspicious
        )
        rows_update = gr.skip() if state == key else rows_html(suspicions, status.suspicious)
        return [key, state_html(status), rows_update, gr.Timer(active=status.running)]

    def count() -> int:
        return services.active_learning.status().suspicious

    section = Section(
        "doubts", "Suspicious labels", column, gr.State(""), [status_board, row_board, timer], show, count
    )
    for component in (status_board, row_board):
        frame.bind_clicks(component, section, lambda click: _handle_click(services, click))
    timer.tick(guarded(show), section.state, section.outputs, **EVENT)
    return section


def judge_function(services: Services) -> Any:
    """Build the server function that the script calls for each decision."""

    def judge(wish: Any, request: gr.Request) -> dict[str, str]:
        """Accept or dismiss one suspicion; what is refused is answered with a sentence."""
        try:
            payload = Payload.of(wish)
            revisions = {payload.number("id"): payload.number("revision")}
            apply = (
                services.active_learning.accept
                if payload.text("kind") == "accept"
                else services.active_learning.dismiss
            )
            apply(list(revisions), actor(request), revisions)
        except Exception as error:
            return {"error": sentence(error)}
        return {"error": ""}

    return judge


def _handle_click(services: Services, click: Click) -> ClickOutcome:
    if click.kind == "refresh":
        services.active_learning.refresh()
        return ClickOutcome("")
    last = services.stores.journal.undoable(click.by)
    if click.kind == "settled" and last is not None:
        return ClickOutcome("", f"{last.summary[:1].upper()}{last.summary[1:]}.", last.id)
    return ClickOutcome("")


def state_html(status: ActiveLearningStatus) -> str:
    """The status of active learning, its progress, and a button that starts it."""
    progress = ""
    if status.running and status.phase == "embedding":
        progress = f"<progress max='{max(1, status.pictures)}' value='{status.embedded}' aria-label='Pictures looked at'></progress>"
    ready = status.enabled and not status.running and status.pictures
    text = "Look again" if status.trained_at or status.mapped else "Look at the pictures now"
    css = "plain" if status.mapped else "primary"
    button = f"<button class='{css}' data-press='refresh'>{text}</button>" if ready else ""
    return f"<div class='curate-head'><p role='status'>{escape(status.sentence)}{progress}</p>{button}</div>"


def rows_html(suspicions: list[Suspicion], total: int) -> str:
    """The list as HTML, the most suspicious labels first."""
    if not suspicions:
        return "<p>No label looks wrong at present. Labels that a model would not have given are listed here.</p>"
    cut = f" The {len(suspicions):,} most suspicious are shown." if total > len(suspicions) else ""
    heading = (
        f"<p>{total:,} {'label looks' if total == 1 else 'labels look'} wrong to a model that never saw them.{cut} "
        "<span class='keys'><kbd>Enter</kbd> takes the likely class, <kbd>d</kbd> says that the label is right, "
        "<kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>o</kbd> opens.</span></p>"
    )
    return f"{heading}<ol class='doubts' tabindex='-1'>{''.join(map(_row_html, suspicions))}</ol>"


def _row_html(suspicion: Suspicion) -> str:
    name, media = escape(suspicion.filename), f"/media/{suspicion.sha256}"
    given = f"<span class='class-name'>{dot(suspicion.given_colour)}{escape(suspicion.given)}</span>"
    likely = f"<span class='class-name'>{dot(suspicion.likely_colour)}{escape(suspicion.likely)}</span>"
    return (
        f"<li class='doubt' data-image='{suspicion.image_id}' data-revision='{suspicion.revision}'>"
        f"<a href='{media}/stage.jpg' target='_blank' data-look title='{name}'><img loading='lazy' "
        f"src='{media}/thumbnail.jpg' alt='{name}'></a>"
        f"<div><p class='verdict'>labelled {given}, more likely {likely} "
        f"<span class='sure' title='How much more the model believes the likely class than the given one'>by {percent(suspicion.score)}</span></p>"
        f"<p class='note'>{name}</p><div class='doubt-acts'>"
        f"<button class='primary' data-judge='accept'>Label as {escape(suspicion.likely)}</button>"
        f"<button class='plain' data-judge='dismiss'>{escape(suspicion.given)} is right</button>"
        f"<a href='{stage_address(suspicion.image_id)}' data-go title='Open on the Label tab'>Open</a></div></div></li>"
    )
