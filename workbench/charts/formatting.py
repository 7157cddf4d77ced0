"""Formatting of numbers, names and durations for the UI."""

from __future__ import annotations

from html import escape
from math import isfinite

NOTHING = "–"
_MAX_LENGTH = 28


def number(value: float | None) -> str:
    """Write a number with at most three significant digits, ``–`` where there is none."""
    if value is None or not isfinite(value):
        return NOTHING
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"


def percent(value: float | None) -> str:
    """Write a fraction of 0..1 in percent; ``0 %`` and ``100 %`` are used for exactly 0 and 1 only."""
    if value is None or not isfinite(value):
        return NOTHING
    hundredths = value * 100
    if 0 < hundredths < 0.1:
        return "< 0.1 %"
    if 99.9 < hundredths < 100:
        return "> 99.9 %"
    one_decimal = 0 < hundredths < 1 or 99 < hundredths < 100
    return f"{hundredths:.1f} %" if one_decimal else f"{hundredths:.0f} %"


def share(part: int, whole: int) -> str:
    """Write a fraction with its counts: ``86 % · 24 of 28``."""
    counts = f"{part:,} of {whole:,}"
    return f"{percent(part / whole)} · {counts}" if whole else counts


def shown(name: str, longest: int = _MAX_LENGTH) -> str:
    """Prepare a class name for a chart or HTML: whitespace collapsed, truncated with an ellipsis, HTML escaped."""
    collapsed = " ".join(name.split())
    truncated = collapsed if len(collapsed) <= longest else collapsed[: longest - 1].rstrip() + "…"
    return escape(truncated, quote=False)


def pictures(count: int, kind: str = "") -> str:
    """Write ``1 picture`` or ``24 pictures``; with ``kind="test "`` (trailing blank) ``24 test pictures``."""
    return f"{count:,} {kind}picture{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """``8 s``, ``3 min``, ``1 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
