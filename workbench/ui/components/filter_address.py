"""A filter as the parts of the page's address, and back."""

from __future__ import annotations

from storage.records import Filter


def address(wanted: Filter) -> dict[str, str]:
    """A filter as the parts of the page's address."""
    show = f"flag:{wanted.flag}" if wanted.flag else wanted.status
    return {
        "show": show,
        "class": wanted.label,
        "tag": wanted.tag,
        "search": wanted.search,
        "order": wanted.sort,
    }


def addressed(parts: dict[str, str]) -> Filter:
    """The filter that an address names."""
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
