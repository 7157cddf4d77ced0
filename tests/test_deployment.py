"""What can be tested of the image, the Space and the README without a Docker engine."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.running import ROOT
from workbench.core import python_version

DOCKERFILE = (ROOT / "Dockerfile").read_text()
README = (ROOT / "README.md").read_text()


LOCKS = {
    "requirements.lock": ["requirements.txt"],
    "tests/requirements.lock": ["requirements.txt", "tests/requirements.txt"],
}


def _requirements(name: str = "requirements.txt") -> list[Requirement]:
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def _locked(name: str) -> dict[str, tuple[Requirement, int]]:
    """What a lock pins, by name, with how many hashes each has."""
    entries = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    pinned = [entry.split("--hash=") for entry in entries if entry and not entry.lstrip().startswith("#")]
    return {
        canonicalize_name(Requirement(text).name): (Requirement(text), len(hashes))
        for text, *hashes in pinned
    }


def _front_matter() -> dict:
    return yaml.safe_load(README.split("---\n")[1])


def _instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(" ", 1)[1] for line in joined.splitlines() if line.startswith(f"{name} ")]


def test_the_image_is_slim_unprivileged_and_listens_on_7860() -> None:
    assert _instructions("FROM")[0].endswith("-slim")
    assert "--uid 1000" in _instructions("RUN")[0]
    assert _instructions("USER") == ["user"]
    assert _instructions("EXPOSE") == ["7860"]
    environment = " ".join(_instructions("ENV"))
    assert "GRADIO_SERVER_NAME=0.0.0.0" in environment
    assert "GRADIO_SERVER_PORT=7860" in environment


def test_dependencies_have_a_layer_before_the_code() -> None:
    copies = _instructions("COPY")
    assert copies[0] == "--chown=user requirements.lock ."
    assert DOCKERFILE.index("pip install") < DOCKERFILE.index("COPY --chown=user app.py")


def test_everything_that_the_image_copies_is_there() -> None:
    for copy in _instructions("COPY"):
        *sources, _ = [word for word in copy.split() if not word.startswith("--")]
        assert all((ROOT / source).exists() for source in sources), copy


def test_a_cpu_box_gets_the_cpu_wheel() -> None:
    cpu = {"sys_platform": "linux", "platform_machine": "x86_64"}
    chosen = {
        requirement.name
        for requirement in _requirements()
        if requirement.marker is None or requirement.marker.evaluate(cpu)
    }
    assert "tensorflow-cpu" in chosen
    assert "tensorflow" not in chosen


def test_what_is_installed_fits_the_requirements() -> None:
    for requirement in _requirements():
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(version(requirement.name)), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_requirement_within_its_range_with_hashes(lock: str) -> None:
    locked = _locked(lock)
    for requirement in [requirement for name in LOCKS[lock] for requirement in _requirements(name)]:
        pinned, _ = locked[canonicalize_name(requirement.name)]
        (pin,) = pinned.specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), requirement
    assert all(hashes for _, hashes in locked.values())


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_registry(lock: str) -> None:
    assert not re.search(r"://|--index-url|--find-links|^-f |^-i ", (ROOT / lock).read_text(), re.MULTILINE)


def test_the_lock_of_the_tests_is_that_of_the_app_and_more() -> None:
    app, tests = _locked("requirements.lock"), _locked("tests/requirements.lock")
    assert {name: str(pinned) for name, (pinned, _) in app.items()} == {
        name: str(pinned) for name, (pinned, _) in tests.items() if name in app
    }


def test_the_image_installs_the_lock_and_nothing_without_a_hash() -> None:
    installs = [instruction for instruction in _instructions("RUN") if "pip install" in instruction]
    assert installs
    assert all("--require-hashes -r requirements.lock" in install for install in installs)


@pytest.mark.parametrize("supported", [(3, 11), (3, 12), (3, 13)])
def test_a_supported_python_is_not_refused(supported: tuple[int, int]) -> None:
    assert python_version.version_error(supported) is None


@pytest.mark.parametrize("other", [(3, 8), (3, 10), (3, 14), (4, 0)])
def test_another_python_is_refused_with_a_sentence(other: tuple[int, int]) -> None:
    sentence = python_version.version_error(other)
    assert sentence
    assert "Python 3.11, 3.12 or 3.13" in sentence
    assert f"this is Python {other[0]}.{other[1]}:" in sentence


@pytest.mark.parametrize("name", ["app.py", "workbench/__init__.py", "workbench/core/python_version.py"])
def test_an_old_python_can_read_what_refuses_it(name: str) -> None:
    source = (ROOT / name).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    modules = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert modules <= {"__future__", "logging", "os", "sys", "workbench.core.python_version"}


def test_the_project_says_which_pythons_it_runs_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11, 3.12 or 3.13" in README
    assert "3.11 or newer" not in README


def test_front_matter_is_that_of_a_docker_space() -> None:
    matter = _front_matter()
    assert matter["sdk"] == "docker"
    assert matter["app_port"] == 7860
    assert len(matter["short_description"]) <= 60
    assert matter["title"] == "Waterline"
