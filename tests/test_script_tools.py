"""The tools that check the page's scripts: pinned exactly, from no registry in particular, and asked for where they are missing."""

from __future__ import annotations

import json
import re

import pytest

from tests import __main__ as checks
from tests.running import ROOT

PACKAGE = json.loads((ROOT / "package.json").read_text())
LOCK = json.loads((ROOT / "package-lock.json").read_text())
EXACT = re.compile(r"\d+\.\d+\.\d+")


def test_the_tools_are_pinned_exactly_and_the_lock_has_these_versions() -> None:
    assert LOCK["packages"][""]["devDependencies"] == PACKAGE["devDependencies"]
    for name, version in PACKAGE["devDependencies"].items():
        assert EXACT.fullmatch(version), name
        assert LOCK["packages"][f"node_modules/{name}"]["version"] == version
    assert "dependencies" not in PACKAGE


def test_the_lock_has_a_hash_of_everything_and_names_no_registry() -> None:
    locked = [package for path, package in LOCK["packages"].items() if path]
    assert all(package["integrity"].startswith("sha512-") for package in locked)
    assert not [package["resolved"] for package in locked if "resolved" in package]


@pytest.mark.parametrize(("there", "missing"), [((), "node and npm and npx"), (("node",), "npm and npx")])
def test_without_node_the_checks_fail_with_a_sentence(
    there: tuple[str, ...],
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        checks.shutil, "which", lambda name: name if name in {*there, *checks.NAMES} else None
    )
    assert checks.main([]) == 1
    output = capsys.readouterr().out
    assert f"{missing} is not on this machine" in output
    assert "install your system's packages nodejs and npm" in output


def test_the_checks_lint_and_test_the_scripts() -> None:
    commands = [" ".join(command) for command in checks.commands([])]
    assert any("eslint" in command for command in commands)
    (node,) = [command for command in commands if command.startswith("node --test")]
    assert all(f"tests/js/{path.name}" in node for path in (ROOT / "tests/js").glob("*.test.js"))
