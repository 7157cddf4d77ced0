"""What the figures of a run do not tell, by the sides of its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from storage.records import TEST, TRAIN, VALIDATION, SnapshotItem

_NAMED = 3
_SIDES = ((VALIDATION, "check", "to check with"), (TEST, "test", "of the test"))


def caveats(classes: Sequence[str], items: Sequence[SnapshotItem]) -> tuple[str, ...]:
    """Sentences, none where the check and the test are independent and know every class.

    Args:
        classes: Their names.
        items: The pictures of a snapshot, or of one that is about to be frozen.
    """
    learnt = {item.group for item in items if item.split == TRAIN}
    said = []
    for side, what, words in _SIDES:
        mine = [item for item in items if item.split == side]
        near = [item for item in mine if item.group in learnt]
        if near:
            said.append(_dependent(what, words, len(near), len(mine), _names(classes, near)))
    checked = {item.label for item in items if item.split == VALIDATION}
    lacking = [name for label, name in enumerate(classes) if label not in checked]
    if lacking:
        said.append(
            f"No picture of {_listed(lacking)} is there to check with, so there are no figures for that."
        )
    return tuple(said)


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
