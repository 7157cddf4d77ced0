"""HTML of the Predict tab."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from storage.queries.image_rows import counted
from storage.records import Version
from storage.training.registry import PRODUCTION
from workbench.charts import percent
from workbench.serving.batch import BatchRow
from workbench.serving.service import Prediction
from workbench.ui.components.bars import Bar, bars, dot

MAX_LISTED = 200
Colours = Mapping[str, str]


def waiting_html(text: str) -> str:
    """The placeholder of an answer."""
    return f"<div class='answer empty'><p>{escape(text)}</p></div>"


def refusal_html(reason: str) -> str:
    """The reason why there is no answer."""
    return f"<div class='answer empty'><p>{escape(reason)}</p></div>"


def answer_html(prediction: Prediction, version: Version, colours: Colours, order: Sequence[str] = ()) -> str:
    """A prediction: the class, the probability of every class, and the version.

    Args:
        prediction: The prediction.
        version: The version that made it.
        colours: Hex colour of each class.
        order: The order of the classes; by default the most likely first.
    """
    scores = [(name, prediction.scores[name]) for name in order or prediction.scores]
    rows = [Bar(name, colours.get(name, ""), score, percent(score)) for name, score in scores]
    reason = prediction.review_reason
    review_hint = f"<p class='second-look'><b>Needs a second look.</b> {escape(reason)}</p>" if reason else ""
    return (
        f"<div class='answer'><p class='class'>{dot(colours.get(prediction.label, ''))}<span>{escape(prediction.label)}</span>"
        f"<b>{percent(prediction.confidence)}</b></p>{bars(rows)}{review_hint}<p class='note'>{version_sentence(version)}</p></div>"
    )


def version_sentence(version: Version) -> str:
    """A sentence on the version, such as ``Answered by v3, in production``."""
    others = [alias for alias in version.aliases if alias != PRODUCTION]
    state = "in production" if PRODUCTION in version.aliases else "not in production"
    alias_text = f", known as {escape(', '.join(others))}" if others else ""
    return f"Answered by {version.name}, {state}{alias_text}."


def batch_html(answers: Sequence[BatchRow], version: Version, colours: Colours) -> str:
    """A table of predictions with totals."""
    rows = "".join(_row_html(answer, colours) for answer in answers[:MAX_LISTED])
    hidden = len(answers) - MAX_LISTED
    more = (
        f"<p class='note'>and {hidden:,} more; the table to download has all of them.</p>"
        if hidden > 0
        else ""
    )
    return (
        f"<div class='many'>{_totals_html(answers, colours)}<p class='note'>{version_sentence(version)}</p><table><thead><tr><th>File</th>"
        f"<th>Class</th><th>Probability</th></tr></thead><tbody>{rows}</tbody></table>{more}</div>"
    )


def _totals_html(answers: Sequence[BatchRow], colours: Colours) -> str:
    predictions = [row.prediction for row in answers if row.prediction]
    parts = [
        f"<span>{dot(colours.get(name, ''))}{escape(name)} <b>{count:,}</b></span>"
        for name, count in Counter(prediction.label for prediction in predictions).most_common()
    ]
    doubtful, failed = (
        sum(prediction.needs_review for prediction in predictions),
        len(answers) - len(predictions),
    )
    parts += [f"<span><b>{doubtful:,}</b> to look at again</span>"] if doubtful else []
    parts += [f"<span class='problem'><b>{failed:,}</b> not read</span>"] if failed else []
    return f"<h3>{counted(len(predictions))} classified</h3><p class='sums'>{''.join(parts)}</p>"


def _row_html(answer: BatchRow, colours: Colours) -> str:
    file, prediction = escape(answer.file), answer.prediction
    if prediction is None:
        return f"<tr><td>{file}</td><td colspan='2' class='problem'>{escape(answer.error)}</td></tr>"
    chip = "<span class='chip'>look again</span>" if prediction.needs_review else ""
    name = f"{dot(colours.get(prediction.label, ''))}{escape(prediction.label)}"
    return f"<tr><td>{file}</td><td>{name}</td><td>{percent(prediction.confidence)} {chip}</td></tr>"
