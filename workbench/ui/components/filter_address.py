"""Conversion of a filter to the query parameters of the page's URL, and back."""

from __future__ import annotations

from storage.records import Filter


def show_value(filter_: Filter) -> str:
    """The value of the "Show" field for a filter: a status, or ``flag:`` and a quality flag."""
    return f"flag:{filter_.flag}" if filter_.flag else filter_.status


def fields_of_show_value(value: str) -> dict[str, str]:
    """The filter fields for a value of the "Show" field."""
    flag = value.removeprefix("flag:") if value.startswith("flag:") else ""
    return {"status": "" if flag else value, "flag": flag}


def address(filter_: Filter) -> dict[str, str]:
    """The query parameters of a filter."""
    return {
        "show": show_value(filter_),
        "class": filter_.label,
        "tag": filter_.tag,
        "search": filter_.search,
        "order": filter_.sort,
    }


def filter_from_address(parts: dict[str, str]) -> Filter:
    """The filter that query parameters describe."""
    return Filter(
        **fields_of_show_value(parts.get("show", "")),
        label=parts.get("class", ""),
        sort=parts.get("order", ""),
        tag=parts.get("tag", ""),
        search=parts.get("search", ""),
    )
