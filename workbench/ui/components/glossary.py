"""Definitions of machine learning terms."""

from __future__ import annotations

from html import escape

TERMS = {
    "macro-F1": "F1 of each class, averaged so that every class counts the same, however few pictures it has. 1 is perfect.",
    "accuracy": "The share of the validation pictures that the model got right. It hides a rare class that is never found.",
    "precision": "Of the pictures that the model called this class, the share that really are.",
    "recall": "Of the pictures that really are this class, the share that the model found.",
    "F1": "Precision and recall in one number (their harmonic mean): high only where both are.",
    "support": "How many validation pictures the class has. With few of them, each one moves the figures a lot.",
    "macro average": "The mean over the classes, each counting the same.",
    "weighted average": "The mean over the classes, each counting by how many validation pictures it has.",
    "95 % interval": "Another set of so many pictures would give a figure in this range 19 times out of 20.",
    "worst recall": "The recall of the class that the model finds least often.",
    "snapshot": "The pictures, classes and split that a run was trained on, frozen. Same code, same pictures.",
    "weight": "How much one picture of the class counts in the loss. Balanced weights make rare classes count as much as common ones.",
}


def term(name: str) -> str:
    """A term with its definition as a tooltip, which can be focused."""
    return f"<abbr tabindex='0' title='{escape(TERMS[name])}'>{escape(name)}</abbr>"


def glossary(names: tuple[str, ...]) -> str:
    """The terms with their definitions, collapsed; touch screens have no tooltips."""
    entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(TERMS[name])}</dd>" for name in names)
    return f"<details class='glossary'><summary>What these words mean</summary><dl>{entries}</dl></details>"
