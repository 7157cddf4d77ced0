"""What the Predict tab shows, as HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from storage.queries.image_rows import counted
from storage.records import Version
from storage.training.registry import PRODUCTION
from workbench.charts import percent
from workbench.serving.batch import BatchRow
from workbench.serving.review import doubt
from workbench.serving.service import Prediction
from workbench.ui.components.bars import Bar, bars, dot

LISTED = 200
Colours = Mapping[str, str]


def waiting_html(what: str) -> str:
    """The place where the answer will appear."""
    return f"<div class='answer empty'><p>{escape(what)}</p></div>"


def refusal_html(why: str) -> str:
    """Why there is no answer."""
    return f"<div class='answer empty'><p>{escape(why)}</p></div>"


def answer_html(found: Prediction, version: Version, colours: Colours, order: Sequence[str] = ()) -> str:
    """A class, how sure the model is of every class, and which version says so.

    Args:
        found: The answer.
        version: The version that gave it.
        colours: Hex colour of each class.
        order: The classes in the order of their bars; the most likely first where empty.
    """
    scores = [(name, found.scores[name]) for name in order or found.scores]
    rows = [Bar(name, colours.get(name, ""), score, percent(score)) for name, score in scores]
    why = doubt(found.scores)
    hint = f"<p class='second-look'><b>Needs a second look.</b> {escape(why)}</p>" if why else ""
    return (
        f"<div class='answer'><p class='class'>{dot(colours.get(found.label, ''))}<span>{escape(found.label)}</span>"
        f"<b>{percent(found.confidence)}</b></p>{bars(rows)}{hint}<p class='note'>{said_by(version)}</p></div>"
    )


def said_by(version: Version) -> str:
    """Which version answered, as in ``Answered by v3, in production``."""
    others = [aliase for aliase in version.aliases if aliase != PRODUCTION]
    state = "in production" if PRODUCTION in version.aliases else "not in production"
    named = f", known as {escape(', '.join(others))}" if others else ""
    return f"Answered by {version.name}, {state}{named}."


def many_html(answered: Sequence[BatchRow], version: Version, colours: Colours) -> str:
    """A table of answers, with what they come to."""
    rows = "".join(_row(each, colours) for each in answered[:LISTED])
    rest = len(answered) - LISTED
    more = (
        f"<p class='note'>and {rest:,} more; the table to download has all of them.</p>" if rest > 0 else ""
    )
    return (
        f"<div class='many'>{_sums(answered, colours)}<p class='note'>{said_by(version)}</p><table><thead><tr><th>File</th>"
        f"<th>Class</th><th>Probability</th></tr></thead><tbody>{rows}</tbody></table>{more}</div>"
    )


def _sums(answered: Sequence[BatchRow], colours: Colours) -> str:
    found = [each.found for each in answered if each.found]
    parts = [
        f"<span>{dot(colours.get(name, ''))}{escape(name)} <b>{count:,}</b></span>"
        for name, count in Counter(each.label for each in found).most_common()
    ]
    unsure, failed = sum(each.needs_review for each in found), len(answered) - len(found)
    parts += [f"<span><b>{unsure:,}</b> to look at again</span>"] if unsure else []
    parts += [f"<span class='problem'><b>{failed:,}</b> not read</span>"] if failed else []
    return f"<h3>{counted(len(found))} classified</h3><p class='sums'>{''.join(parts)}</p>"


def _row(answered: BatchRow, colours: Colours) -> str:
    file, found = escape(answered.file), answered.found
    if found is None:
        return f"<tr><td>{file}</td><td colspan='2' class='problem'>{escape(answered.error)}</td></tr>"
    again = "<span class='chip'>look again</span>" if found.needs_review else ""
    name = f"{dot(colours.get(found.label, ''))}{escape(found.label)}"
    return f"<tr><td>{file}</td><td>{name}</td><td>{percent(found.confidence)} {again}</td></tr>"
