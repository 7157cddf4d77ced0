"""How many pictures each class has, in words."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.charts.formatting import pictures, shown


def class_counts_sentence(counts: Mapping[str, int]) -> str:
    """Say how many pictures are labelled and how unevenly."""
    nonempty = {name: count for name, count in counts.items() if count}
    if not nonempty:
        return "No picture has a class yet."
    most, least = (
        max(nonempty, key=lambda name: nonempty[name]),
        min(nonempty, key=lambda name: nonempty[name]),
    )
    total = f"{pictures(sum(nonempty.values()))} labelled"
    empty = len(counts) - len(nonempty)
    if empty:
        return f"{total}; {empty} of {len(counts)} classes {'has' if empty == 1 else 'have'} none yet."
    if nonempty[most] < 2 * nonempty[least] or most == least:
        return f"{total}, spread about evenly over {len(nonempty)} class{'' if len(nonempty) == 1 else 'es'}."
    times = nonempty[most] / nonempty[least]
    return f"{total}; {shown(most)} is {times:.2g} times as common as {shown(least)}."
