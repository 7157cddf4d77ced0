"""Suspicious labels: a ranked list; a key accepts the likely class or says that the label is right."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from storage.learning.suggestions import Suspicion
from workbench.active_learning.service import ActiveLearningStatus
from workbench.charts import percent
from workbench.services import Services
from workbench.ui.components.assets import script
from workbench.ui.components.bars import dot
from workbench.ui.context import actor
from workbench.ui.error_boundary import guarded, sentence
from workbench.ui.payload import Payload
from workbench.ui.tabs.curate.section import EVENT, Click, ClickOutcome, Section, SectionFrame, board
from workbench.ui.tabs.curate.tiles import stage_address

PAGE = 60
POLL_SECONDS = 2.0


def build(frame: SectionFrame) -> Section:
    """Build the section."""
    services = frame.services
    with gr.Column(visible=False, elem_id="curate-doubts") as column:
        state = board("curate-doubts-state")
        rows = board(
            "curate-doubts-rows", script("curate/label_errors.js"), server_functions=[judging(services)]
        )
        timer = gr.Timer(POLL_SECONDS, active=False)

    def show(looked: str) -> list[Any]:
        status = services.insight.status()
        found = services.insight.suspicious(PAGE)
        key = repr([(each.image_id, each.revision) for each in found]) + str(status.suspicious)
        listed = gr.skip() if looked == key else rows_html(found, status.suspicious)
        return [key, state_html(status), listed, gr.Timer(active=status.running)]

    def count() -> int:
        return services.insight.status().suspicious

    section = Section("doubts", "Suspicious labels", column, gr.State(""), [state, rows, timer], show, count)
    for component in (state, rows):
        frame.acts(component, section, lambda press: _act(services, press))
    timer.tick(guarded(show), section.looked, section.outputs, **EVENT)
    return section


def judging(services: Services) -> Any:
    """What the script asks for each press of a key."""

    def judge(wish: Any, request: gr.Request) -> dict[str, str]:
        """Accept or dismiss one suspicion; what is refused is answered with a sentence."""
        try:
            sent = Payload.of(wish)
            seen = {sent.number("id"): sent.number("revision")}
            act = services.insight.accept if sent.text("kind") == "accept" else services.insight.dismiss
            act(list(seen), actor(request), seen)
        except Exception as error:
            return {"error": sentence(error)}
        return {"error": ""}

    return judge


def _act(services: Services, press: Click) -> ClickOutcome:
    if press.kind == "refresh":
        services.insight.refresh()
        return ClickOutcome("")
    last = services.stores.journal.undoable(press.by)
    if press.kind == "settled" and last is not None:
        return ClickOutcome("", f"{last.summary[:1].upper()}{last.summary[1:]}.", last.id)
    return ClickOutcome("")


def state_html(status: ActiveLearningStatus) -> str:
    """What the model's help says of itself, how far it is, and a button that starts it."""
    bar = ""
    if status.running and status.phase == "embedding":
        bar = f"<progress max='{max(1, status.pictures)}' value='{status.embedded}' aria-label='Pictures looked at'></progress>"
    ready = status.enabled and not status.running and status.pictures
    words = "Look again" if status.trained_at or status.mapped else "Look at the pictures now"
    kind = "plain" if status.mapped else "primary"
    button = f"<button class='{kind}' data-press='refresh'>{words}</button>" if ready else ""
    return f"<div class='curate-head'><p role='status'>{escape(status.sentence)}{bar}</p>{button}</div>"


def rows_html(found: list[Suspicion], total: int) -> str:
    """The list, the most suspicious first."""
    if not found:
        return "<p>No label looks wrong at present. Labels that a model would not have given are listed here.</p>"
    more = f" The {len(found):,} most suspicious are shown." if total > len(found) else ""
    head = (
        f"<p>{total:,} {'label looks' if total == 1 else 'labels look'} wrong to a model that never saw them.{more} "
        "<span class='keys'><kbd>Enter</kbd> takes the likely class, <kbd>d</kbd> says that the label is right, "
        "<kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>o</kbd> opens.</span></p>"
    )
    return f"{head}<ol class='doubts' tabindex='-1'>{''.join(map(_row, found))}</ol>"


def _row(each: Suspicion) -> str:
    name, media = escape(each.filename), f"/media/{each.sha256}"
    given = f"<span class='class-name'>{dot(each.given_colour)}{escape(each.given)}</span>"
    likely = f"<span class='class-name'>{dot(each.likely_colour)}{escape(each.likely)}</span>"
    return (
        f"<li class='doubt' data-image='{each.image_id}' data-revision='{each.revision}'>"
        f"<a href='{media}/stage.jpg' target='_blank' data-look title='{name}'><img loading='lazy' "
        f"src='{media}/thumbnail.jpg' alt='{name}'></a>"
        f"<div><p class='verdict'>labelled {given}, more likely {likely} "
        f"<span class='sure' title='How much more the model believes the likely class than the given one'>by {percent(each.score)}</span></p>"
        f"<p class='note'>{name}</p><div class='doubt-acts'>"
        f"<button class='primary' data-judge='accept'>Label as {escape(each.likely)}</button>"
        f"<button class='plain' data-judge='dismiss'>{escape(each.given)} is right</button>"
        f"<a href='{stage_address(each.image_id)}' data-go title='Open on the Label tab'>Open</a></div></div></li>"
    )
