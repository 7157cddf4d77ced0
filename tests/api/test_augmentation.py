"""Augmentation over the public endpoints, with a model in production."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.running import Server, until
from tests.two_halves import import_halves, promote_reader
from workbench.core.settings import Settings
from workbench.services import build_services

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("augmentation")
    services = build_services(Settings(data=folder / "workbench", insight=False))
    import_halves(services, folder)
    promote_reader(services, folder)
    running = Server(folder).start()
    yield running
    running.close()


def test_operations_are_checked_when_a_script_asks(client: Client) -> None:
    wanted = {"flip_vertical": {"enabled": True}, "rotate": {"strength": 5}}

    def check() -> dict:
        return client.predict(augmentation=wanted, api_name="/check_augmentation")

    until(lambda: check()["state"] == "checked", "the check to end")
    report = check()
    assert (report["version"], report["pictures"], report["error"]) == ("v1", 24, None)
    operations = {operation["operation"]: operation for operation in report["operations"]}
    turned = operations["flip_vertical"]
    assert (turned["enabled"], turned["misread"], turned["flagged"]) == (True, 24, True)
    assert 0 < turned["excess"][0] < turned["excess"][1] <= 1
    assert (operations["rotate"]["strength"], operations["rotate"]["flagged"]) == (5, False)


def test_the_cost_of_operations_is_measured(client: Client) -> None:
    cost = client.predict(augmentation={"noise": {"enabled": True}}, api_name="/augmentation_cost")
    assert cost["alone"]["noise"] > 0
    assert 0 < cost["together"] < cost["alone"]["brightness"]


@pytest.mark.parametrize("endpoint", ["/check_augmentation", "/augmentation_cost"])
def test_what_is_not_allowed_gets_one_sentence(client: Client, endpoint: str) -> None:
    with pytest.raises(AppError, match="shear"):
        client.predict(augmentation={"shear": {}}, api_name=endpoint)
