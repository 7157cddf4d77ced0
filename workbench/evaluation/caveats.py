"""Warnings about the limits of a run's metrics, derived from its splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from storage.records import TEST, TRAIN, VALIDATION, SnapshotItem

_NAMED = 3
_SPLITS = ((VALIDATION, "check", "to check with"), (TEST, "test", "of the test"))


def caveats(classes: Sequence[str], items: Sequence[SnapshotItem]) -> tuple[str, ...]:
    """Warning sentences; empty if validation and test pictures are independent of training and validation covers every class.

    Args:
        classes: Class names.
        items: Pictures of a snapshot, or of a draft of one.
    """
    training_groups = {item.group for item in items if item.split == TRAIN}
    sentences = []
    for split, split_name, phrase in _SPLITS:
        members = [item for item in items if item.split == split]
        dependent = [item for item in members if item.group in training_groups]
        if dependent:
            sentences.append(
                _dependent(split_name, phrase, len(dependent), len(members), _names(classes, dependent))
            )
    validation_labels = {item.label for item in items if item.split == VALIDATION}
    missing = [name for label, name in enumerate(classes) if label not in validation_labels]
    if missing:
        sentences.append(
            f"No picture of {_listed(missing)} is there to check with, so there are no figures for that."
        )
    return tuple(sentences)


def _names(classes: Sequence[str], items: Iterable[SnapshotItem]) -> list[str]:
    return [classes[label] for label in sorted({item.label for item in items})]


def _listed(names: Sequence[str]) -> str:
    """``Full, Half and 3 more classes``."""
    shown = [*names[:_NAMED], *([f"{len(names) - _NAMED:,} more"] if len(names) > _NAMED else [])]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _dependent(what: str, words: str, near: int, count: int, names: Sequence[str]) -> str:
    look = "looks" if near == 1 else "look"
    return (
        f"The {what} is not independent: {near:,} of the {count:,} pictures {words} ({_listed(names)}) {look} almost like pictures that are "
        "trained on, so its figures will be better than on new pictures. Pictures taken at another time or place make it independent."
    )
