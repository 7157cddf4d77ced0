"""The scripts of the page as the server gives them out: only to whom may see the page, and never two versions mixed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from gradio import HTML

from tests.conftest import PASSWORD
from tests.running import Server
from tests.web.raw_requests import get, log_in
from workbench.services import Services
from workbench.ui.components import assets
from workbench.ui.page import build_page

BOARD = assets.module_address("label/board.js")
VERSION = PurePosixPath(BOARD).parts[2]


def with_imports(name: str) -> Iterator[str]:
    """The text of a module, and of every one that it imports, directly or by way of others."""
    text = assets.module_source(VERSION, name).decode()
    yield text
    for path in re.findall(r"from '\./([^']+)'", text):
        yield from with_imports(f"{PurePosixPath(name).parent}/{path}")


def test_a_module_is_kept_for_good_under_an_address_with_its_version(plain: Server) -> None:
    answer = get(plain, BOARD)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "export function mount(" in answer.text


def test_every_module_that_the_page_preloads_is_there(plain: Server) -> None:
    addresses = re.findall(r'href="([^"]+)"', assets.preload_links())
    assert len(addresses) > 30
    assert {get(plain, address).status for address in addresses} == {200}


@pytest.mark.parametrize(
    "path",
    [
        "/scripts/0000000000000000/label/board.js",
        f"/scripts/{VERSION}/label/board.html",
        f"/scripts/{VERSION}/label/label.css",
        f"/scripts/{VERSION}/label/",
        f"/scripts/{VERSION}/label/../label/board.js",
        f"/scripts/{VERSION}/../../../app.py",
        f"/scripts/{VERSION}/%2e%2e/%2e%2e/page.py",
        f"/scripts/{VERSION}//etc/passwd",
    ],
)
def test_nothing_else_is_given_out(plain: Server, path: str) -> None:
    answer = get(plain, path)
    assert answer.status == 404
    assert answer.sentence.endswith(".")


def test_the_scripts_are_behind_the_login(locked: Server) -> None:
    assert get(locked, BOARD).status == 401
    cookie = log_in(locked, PASSWORD).cookie
    assert get(locked, BOARD, Cookie=cookie).status == 200


def test_the_version_changes_with_what_a_script_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(content: str) -> str:
        (tmp_path / "part.js").write_text(content)
        assets._modules.cache_clear()
        assets._version.cache_clear()
        return PurePosixPath(assets.module_address("part.js")).parts[2]

    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    try:
        assert version("one") == version("one") != version("two")
    finally:
        assets._modules.cache_clear()
        assets._version.cache_clear()


def test_every_event_that_a_component_names_is_triggered_by_its_scripts(services: Services) -> None:
    scripts = [block.js_on_load for block in build_page(services).blocks.values() if isinstance(block, HTML)]
    named = [text for text in scripts if text and assets.PREFIX in text]
    assert len(named) > 15
    for text in named:
        modules = re.findall(rf"import\('{assets.PREFIX}/{VERSION}/([^']+)'\)", text)
        events = re.findall(r"'(\w+)'", text.splitlines()[0])
        parts = [part for module in modules for part in with_imports(module)]
        assert set(events) <= {name for part in parts for name in re.findall(r"trigger\('(\w+)'", part)}, text
