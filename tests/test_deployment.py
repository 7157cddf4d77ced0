"""What can be tested of the image, the Space and the README without a Docker engine."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib.metadata import version

import yaml
from packaging.requirements import Requirement

from tests.running import ROOT
from workbench.settings import Limits

DOCKERFILE = (ROOT / "Dockerfile").read_text()
README = (ROOT / "README.md").read_text()


def _requirements() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


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
    assert copies[0] == "--chown=user requirements.txt ."
    assert DOCKERFILE.index("pip install") < DOCKERFILE.index("COPY --chown=user app.py")


def test_everything_that_the_image_copies_is_there() -> None:
    for copy in _instructions("COPY"):
        *sources, _ = [word for word in copy.split() if not word.startswith("--")]
        assert all((ROOT / source).exists() for source in sources), copy


def test_a_cpu_box_gets_the_cpu_wheel() -> None:
    cpu = {"sys_platform": "linux", "platform_machine": "x86_64"}
    chosen = {each.name for each in _requirements() if each.marker is None or each.marker.evaluate(cpu)}
    assert "tensorflow-cpu" in chosen
    assert "tensorflow" not in chosen


def test_what_is_installed_fits_the_requirements() -> None:
    for each in _requirements():
        if each.marker is None or each.marker.evaluate():
            assert each.specifier.contains(version(each.name)), each


def test_front_matter_is_that_of_a_docker_space() -> None:
    matter = _front_matter()
    assert matter["sdk"] == "docker"
    assert matter["app_port"] == 7860
    assert len(matter["short_description"]) <= 60
    assert matter["title"] == "Waterline"


def test_the_readme_names_every_setting() -> None:
    source = (ROOT / "workbench" / "settings.py").read_text()
    limits = {f"WORKBENCH_MAX_{field.name.upper()}": field.default for field in fields(Limits)}
    for name in [*re.findall(r'"((?:WORKBENCH|GRADIO)_[A-Z_]+[A-Z])"', source), *limits]:
        assert f"`{name}`" in README, name
    for name, default in limits.items():
        assert f"| `{name}` | `{default}` |" in README
