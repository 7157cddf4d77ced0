"""Parses labels in JSON values: plain text, Label Studio choices, or a Label Studio taxonomy."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.importing.table_faults import TableFault


def multiple_labels_fault(where: str) -> TableFault:
    """The fault of a line with several labels."""
    message = f"{where.capitalize()} has several choices; the first one counts."
    return TableFault(where, message, "have several choices, of which the first one counts")


def parse_label(value: object) -> tuple[str, bool]:
    """The class in a value, and whether the value has several classes.

    Of several choices the first is used, of a taxonomy the leaf of its first path.

    Args:
        value: A text or integer, ``{"choices": [...]}``, ``{"taxonomy": [[...]]}``, or a list of these objects.

    Raises:
        TypeError: The value has another form.
    """
    names = list(_label_names(value))
    return (names[0], len(set(names)) > 1) if names else ("", False)


def _label_names(value: object) -> Iterator[str]:
    if value is None or value == []:
        return
    if isinstance(value, str) or type(value) is int:
        yield str(value).strip()
    elif isinstance(value, dict) and isinstance(value.get("choices"), list):
        yield from (name.strip() for name in value["choices"] if isinstance(name, str))
    elif isinstance(value, dict) and isinstance(value.get("taxonomy"), list):
        yield from _leaves(value["taxonomy"])
    elif isinstance(value, list) and all(isinstance(part, dict) for part in value):
        for part in value:
            yield from _label_names(part)
    else:
        raise TypeError


def _leaves(paths: list[object]) -> Iterator[str]:
    for path in paths:
        if isinstance(path, list) and path and isinstance(path[-1], str):
            yield path[-1].strip()
