"""The list of recent changes, and the activity of each user."""

from __future__ import annotations

from html import escape

import gradio as gr

from storage.records import Activity, Event
from workbench.services import Services
from workbench.ui.components.assets import mounting

MAX_EVENTS = 12
MAX_DAYS = 7


def history_list() -> gr.HTML:
    """Build the list; its value comes from :func:`recent`. The script shows times in the browser's time zone."""
    return gr.HTML(
        js_on_load=mounting("components/history.js"), apply_default_css=False, elem_id="label-history"
    )


def people_list() -> gr.HTML:
    """Build the list of activity by user and day; its value comes from :func:`people`."""
    return gr.HTML(
        js_on_load=mounting("components/history.js"), apply_default_css=False, elem_id="label-people"
    )


def recent(services: Services) -> str:
    """The newest events as HTML."""
    events = services.stores.journal.recent(MAX_EVENTS)
    if not events:
        return "<p class='history-empty'>Every change appears here and can be undone.</p>"
    return f"<ol class='history'>{''.join(map(_event_row, events))}</ol>"


def people(services: Services) -> str:
    """Pictures labelled per user and day as HTML, newest day first. Days are in UTC."""
    activities = services.stores.journal.activity(MAX_DAYS)
    if not activities:
        return "<p class='history-empty'>Who labels how much appears here, by person and day.</p>"
    return f"<ol class='history people'>{''.join(map(_activity_row, activities))}</ol>"


def _event_row(event: Event) -> str:
    state = " class='undone'" if event.undone else ""
    suffix = " <span>(undone)</span>" if event.undone else ""
    return (
        f"<li{state}><b>{escape(event.actor)}</b> {escape(event.summary)}{suffix} "
        f"<time datetime='{escape(event.created_at)}'>{escape(event.created_at[11:16])} UTC</time></li>"
    )


def _activity_row(activity: Activity) -> str:
    other = activity.pictures - activity.labelled
    suffix = f" · {other:,} other changes" if other else ""
    return (
        f"<li><b>{escape(activity.actor)}</b>: {activity.labelled:,} labelled "
        f"<time data-day='{escape(activity.day)}' title='Days begin at midnight UTC'>{escape(activity.day)}</time>{suffix}</li>"
    )
