"""Scripts and templates of the page, kept in files of their own beside it.

The scripts are ES modules that the server gives out under an address that changes with any of them, so that browsers keep them and
a page never mixes two versions: what a module imports by a relative path has the same version in its address.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

from storage.core.errors import NotFound

FOLDER = Path(__file__).parents[1] / "static"
PREFIX = "/scripts"
LOST = "<p class='problem' role='alert'>This part of the page could not be loaded. Reload the page.</p>"


def template(*names: str) -> str:
    """HTML files of ``workbench/ui/static`` one after the other, as one text."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def mounting(*names: str, events: tuple[str, ...] = ()) -> str:
    """JavaScript for ``js_on_load`` that hands the component to the function ``mount`` of modules, one after the other.

    Args:
        names: Modules of ``workbench/ui/static``.
        events: Events that they trigger; Gradio knows an event of a component by its quoted name in this text.
    """
    imports = ", ".join(f"import('{module_address(name)}')" for name in names)
    return (
        f"// Events: {', '.join(map(repr, events)) or 'none'}\n"
        f"Promise.all([{imports}]).then(\n"
        "  (modules) => modules.forEach(({ mount }) => mount({ element, props, trigger, server, upload, watch })),\n"
        f'  () => {{ element.innerHTML = "{LOST}"; }},\n'
        ");"
    )


def module_address(name: str) -> str:
    """Where the server gives out a module."""
    return f"{PREFIX}/{_version()}/{name}"


def module_source(version: str, name: str) -> bytes:
    """A module's text.

    Raises:
        NotFound: There is no such module, or the page that asks is older or newer than this server.
    """
    if version != _version() or name not in _modules():
        raise NotFound("There is no such script in this version of the page. Reload the page.")
    return _modules()[name]


def preload_links() -> str:
    """Tags for the head of the page: every module comes with the page, so that a component that appears later need not wait."""
    return "\n".join(f'<link rel="modulepreload" href="{module_address(name)}">' for name in _modules())


@functools.cache
def _modules() -> Mapping[str, bytes]:
    """Read once: files that are replaced while the server runs would not fit the version."""
    files = sorted(FOLDER.rglob("*.js"))
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in files}


@functools.cache
def _version() -> str:
    parts = [part for name, source in _modules().items() for part in (name.encode(), source)]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]
