"""The pages for people: what they name is there, and what is there is named."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from tests.running import ROOT
from workbench.core.settings import Limits
from workbench.training import spec_reference

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
FILE = re.compile(r"`((?:app\.py|(?:workbench|storage|tests|docs|\.ci)/[\w./]*))`")
WALK = re.compile(r"^### ([^\n]+): (\d+) modules\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
SPECS = {"best"}
"""Values of a spec, which are no names of the code."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_names_of_files_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    linked = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    named = [name for name in FILE.findall(text) if not (ROOT / name).exists()]
    assert (linked, named) == ([], [])


def test_the_readme_leads_to_every_page() -> None:
    linked = {(ROOT / target).resolve() for target in LINK.findall((ROOT / "README.md").read_text())}
    assert {page.resolve() for page in PAGES if page.name != "README.md"} <= linked


def test_every_setting_is_explained() -> None:
    page = (ROOT / "docs/settings.md").read_text()
    source = (ROOT / "workbench/core/settings.py").read_text()
    limits = {f"WORKBENCH_MAX_{field.name.upper()}": field.default for field in fields(Limits)}
    for name in [*re.findall(r'"((?:WORKBENCH|GRADIO)_[A-Z_]+[A-Z])"', source), *limits]:
        assert f"`{name}`" in page, name
    for name, default in limits.items():
        assert f"| `{name}` | `{default}` |" in page


def test_every_key_of_a_training_spec_is_explained_as_it_is() -> None:
    assert spec_reference.as_markdown() in (ROOT / "docs/training.md").read_text()


def test_every_endpoint_is_listed() -> None:
    promised = set(json.loads((ROOT / "tests/api/info.json").read_text())["named_endpoints"])
    page = (ROOT / "docs/endpoints.md").read_text()
    listed = [name for line in page.splitlines() if line.startswith("| `/") for name in _endpoints(line)]
    assert promised <= set(listed)
    assert f"There are {len(promised)} endpoints." in page
    assert f"{len(promised)} endpoints" in (ROOT / "README.md").read_text()


def _endpoints(row: str) -> list[str]:
    return re.findall(r"`(/\w+)`", row.split("|")[1])


def test_the_walks_count_what_they_list() -> None:
    walks = WALK.findall((ROOT / "docs/layout.md").read_text())
    assert len(walks) == 4
    for title, total, text in walks:
        numbers = [int(number) for number in re.findall(r"^(\d+)\. `", text, re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1)), title
        assert int(total) == len(numbers), title


def test_what_the_layout_names_of_a_module_is_in_it() -> None:
    rows = re.findall(r"^\d+\. `([\w/.]+)`: (.*)$", (ROOT / "docs/layout.md").read_text(), re.MULTILINE)
    missing = [
        f"{file}: {name}"
        for file, words in rows
        for name in re.findall(r"`(?:\w+\.)?([A-Za-z_]\w*)`", words)
        if name not in SPECS and not re.search(rf"\b{name}\b", (ROOT / file).read_text())
    ]
    assert (len(rows) > 40, missing) == (True, [])


def test_ci_runs_the_command_of_the_readme() -> None:
    """The way in which ``.ci/run`` reads it."""
    script = (ROOT / ".ci/run").read_text()
    reading = next(line for line in script.splitlines() if line.startswith("command="))
    code = f'{reading}; echo "$command"'
    output = subprocess.run(["bash", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.strip().endswith(".venv/bin/python -m tests")
