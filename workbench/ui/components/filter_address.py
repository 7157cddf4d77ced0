"""Conversion of a filter to the query parameters of the page's URL, and back."""

from __future__ import annotations

from storage.records import Filter


def address(filter_: Filter) -> dict[str, str]:
    """The query parameters of a filter."""
    show = f"flag:{filter_.flag}" if filter_.flag else filter_.status
    return {
        "show": show,
        "class": filter_.label,
        "tag": filter_.tag,
        "search": filter_.search,
        "order": filter_.sort,
    }


def filter_from_address(parts: dict[str, str]) -> Filter:
    """The filter that query parameters describe."""
    show = parts.get("show", "")
    flag = show.removeprefix("flag:") if show.startswith("flag:") else ""
    return Filter(
        label=parts.get("class", ""),
        status="" if flag else show,
        sort=parts.get("order", ""),
        flag=flag,
        tag=parts.get("tag", ""),
        search=parts.get("search", ""),
    )
