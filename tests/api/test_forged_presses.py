"""What anybody can send in the name of the page's buttons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import handle_file

from tests.api.forged_files import Attacked, attacked
from tests.pictures import picture


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Attacked]:
    with attacked(tmp_path) as running:
        yield running


def _pressed(target: Attacked, elem_id: str) -> int:
    """The number of the function that a press in a component calls."""
    (component,) = (
        part["id"] for part in target.config["components"] if part["props"].get("elem_id") == elem_id
    )
    (number,) = (
        function["id"]
        for function in target.functions()
        if [component, "press"] in [list(event) for event in function["targets"]]
    )
    return number


def test_a_press_that_the_bin_does_not_know_restores_nothing(target: Attacked, tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(picture(1))
    client = target.server.client()
    ids = client.predict(files=[handle_file(file)], api_name="/import_images")["image_ids"]
    client.predict(image_ids=ids, api_name="/archive_images")

    def binned() -> int:
        return client.predict(status="bin", api_name="/list_images")["total"]

    number = _pressed(target, "curate-binned")
    target.run(number, [None], {"press": "something else"})
    assert binned() == 1
    target.run(number, [None], {"press": "restore"})
    assert binned() == 0
