"""How many pictures each class has, in words."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.charts.formatting import pictures, shown


def class_counts_sentence(counts: Mapping[str, int]) -> str:
    """Say how many pictures are labelled and how unevenly."""
    held = {name: count for name, count in counts.items() if count}
    if not held:
        return "No picture has a class yet."
    most, least = max(held, key=lambda name: held[name]), min(held, key=lambda name: held[name])
    total = f"{pictures(sum(held.values()))} labelled"
    empty = len(counts) - len(held)
    if empty:
        return f"{total}; {empty} of {len(counts)} classes {'has' if empty == 1 else 'have'} none yet."
    if held[most] < 2 * held[least] or most == least:
        return f"{total}, spread about evenly over {len(held)} class{'' if len(held) == 1 else 'es'}."
    times = held[most] / held[least]
    return f"{total}; {shown(most)} is {times:.2g} times as common as {shown(least)}."
