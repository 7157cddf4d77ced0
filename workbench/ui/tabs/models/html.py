"""HTML of the Models tab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from storage.records import AliasEvent, Version
from storage.training.registry import PRODUCTION
from workbench import charts
from workbench.ui.components.glossary import term
from workbench.ui.components.html import class_name, facts, megabytes, table, when
from workbench.ui.components.spec_words import spec_text

HASH_LENGTH = 10


def versions_html(versions: Sequence[Version], sizes: Mapping[str, int], images: Mapping[int, int]) -> str:
    """A table of all versions with their metrics.

    Args:
        versions: The versions, newest first.
        sizes: Bytes on disk by version.
        images: Pictures by snapshot id.
    """
    heads = [
        "version",
        "how",
        term("macro-F1"),
        term("accuracy"),
        term("worst recall"),
        term("snapshot"),
        "pictures",
        "made",
        "size",
    ]
    rows = [_row(version, sizes[version.name], images[version.snapshot_id]) for version in versions]
    return table(heads, rows, "Model versions", wide=True)


def _row(version: Version, size: int, images: int) -> list[str]:
    manifest = version.manifest
    metrics = manifest["metrics"]
    name = f"<button class='plain' data-press='choose' data-version='{version.name}'>{version.name}</button>"
    chips = "".join(f" <span class='chip'>{escape(alias)}</span>" for alias in version.aliases)
    return [
        name + chips,
        escape(spec_text(manifest["spec"])),
        charts.number(metrics["macro_f1"]),
        accuracy(metrics),
        _worst_recall(metrics),
        snapshot(version),
        f"{images:,}",
        when(version.created_at),
        megabytes(size),
    ]


def accuracy(metrics: Mapping[str, Any]) -> str:
    """Accuracy with its counts."""
    pictures = int(metrics["pictures"])
    return charts.share(round(metrics["accuracy"] * pictures), pictures)


def snapshot(version: Version) -> str:
    """The short hash of a version's snapshot."""
    full = escape(version.manifest["snapshot"])
    return f"<code title='{full}'>{full[:HASH_LENGTH]}</code>"


def _worst_recall(metrics: Mapping[str, Any]) -> str:
    rows = [row for row in metrics["per_class"] if row["support"]]
    worst = min(rows, key=lambda row: row["recall"])
    recognised = round(worst["recall"] * worst["support"])
    return f"{charts.share(recognised, worst['support'])} ({escape(worst['name'])})"


def production_html(production: Version | None, history: Sequence[AliasEvent]) -> str:
    """The version in production, since when and why."""
    if production is None:
        return "<p>No version is in production yet, so the newest answers on the Predict tab and for programs. Promote the one that is to answer.</p>"
    last = history[0]
    return (
        f"<p><b>{production.name}</b> is in production since {when(last.created_at)} "
        f"({escape(last.actor)}): {escape(last.reason) or 'no reason given'}.</p>"
    )


def history_html(history: Sequence[AliasEvent]) -> str:
    """A table of all moves of the production alias."""
    if not history:
        return "<p class='note'>Nothing was promoted yet.</p>"
    rows = [
        [
            when(move.created_at),
            move.previous or "–",
            move.version,
            escape(move.actor),
            escape(move.reason) or "–",
        ]
        for move in history
    ]
    return table(["when", "from", "to", "who", "why"], rows, f"History of {PRODUCTION}", wide=True)


def comparison_html(left: Version, right: Version, colours: Mapping[str, str]) -> str:
    """A table that compares the metrics of two versions and the recall of each class."""
    first, second = (version.manifest["metrics"] for version in (left, right))
    rows = [
        [term("macro-F1"), *_score_cells(first["macro_f1"], second["macro_f1"])],
        [
            term("accuracy"),
            accuracy(first),
            accuracy(second),
            _points_text(first["accuracy"], second["accuracy"]),
        ],
    ]
    recalls = [
        {row["name"]: row for row in metrics["per_class"] if row["support"]} for metrics in (first, second)
    ]
    for name in dict.fromkeys([*recalls[0], *recalls[1]]):
        rows.append(
            [
                f"recall of {class_name(name, colours)}",
                *_recall_cells(*(recall.get(name) for recall in recalls)),
            ]
        )
    return table(["", left.name, right.name, "difference"], rows, f"{left.name} and {right.name}")


def _score_cells(first: float, second: float) -> list[str]:
    # The difference of the rounded values, so that it matches the values shown.
    return [charts.number(first), charts.number(second), _signed_text(round(second, 3) - round(first, 3), 3)]


def _recall_cells(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> list[str]:
    shares = [
        charts.share(round(row["recall"] * row["support"]), row["support"]) if row else "–"
        for row in (first, second)
    ]
    return [*shares, _points_text(first["recall"], second["recall"]) if first and second else "–"]


def _points_text(first: float, second: float) -> str:
    difference = _signed_text(100 * (second - first), 0)
    return f"{difference} point{'' if difference in {'+1', '−1'} else 's'}"


def _signed_text(difference: float, decimals: int) -> str:
    rounded = round(difference, decimals)
    return f"{rounded:+.{decimals}f}".replace("-", "−") if rounded else "0"


def different_pictures(left: Version, right: Version) -> str:
    """A warning if two versions were evaluated on different pictures."""
    if left.manifest["snapshot"] == right.manifest["snapshot"]:
        return ""
    return (
        f"<p class='problem'>{left.name} and {right.name} come from different snapshots ({snapshot(left)} and "
        f"{snapshot(right)}), so their figures are from different pictures. Train both on the same pictures, seed and share "
        "to compare them fairly.</p>"
    )


def version_html(version: Version) -> str:
    """Details of a version that are not in the table."""
    manifest = version.manifest
    spec = manifest["spec"]
    libraries = ", ".join(f"{name} {number}" for name, number in manifest["libraries"].items())
    pairs = [
        ("best epoch", f"{manifest['best_epoch']} of {manifest['epochs']}"),
        ("classes", f"{len(manifest['classes'])}"),
        ("seed", f"{spec['seed']}"),
        ("run", f"{version.run_id}"),
    ]
    return f"{facts(pairs)}<p class='note'>{escape(_capitalised(spec_text(spec)))}. Made with {escape(libraries)}.</p>"


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]
