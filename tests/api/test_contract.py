"""The public endpoints are those of the committed snapshot. To renew it: python -m tests.api.test_contract"""

from __future__ import annotations

import json
import tempfile
import urllib.request
from pathlib import Path

from tests.running import Server

SNAPSHOT = Path(__file__).parent / "info.json"


def _info(server: Server) -> dict:
    with urllib.request.urlopen(f"{server.url}/gradio_api/info") as answer:
        info = json.load(answer)
    for endpoint in info["named_endpoints"].values():
        del endpoint["code_snippets"]  # they name the port
    return info


def test_info_equals_the_committed_snapshot(served: Server) -> None:
    assert _info(served) == json.loads(SNAPSHOT.read_text())


def test_every_endpoint_and_parameter_is_described(served: Server) -> None:
    info = _info(served)
    assert info["unnamed_endpoints"] == {}
    for name, endpoint in info["named_endpoints"].items():
        assert endpoint["description"], name
        for parameter in endpoint["parameters"]:
            assert f"{parameter['parameter_name']}:" in endpoint["description"], name


def test_the_page_is_not_sent_the_inputs_of_endpoints_and_programs_are(served: Server) -> None:
    with urllib.request.urlopen(served.url) as answer:
        text = answer.read().decode().partition("window.gradio_config = ")[2]
    page, _ = json.JSONDecoder().raw_decode(text)
    with urllib.request.urlopen(f"{served.url}/config") as answer:
        programs = json.load(answer)
    of_endpoints = {component["id"] for component in programs["components"] if component["type"] == "api"}
    assert len(of_endpoints) > 100
    assert {component["id"] for component in programs["components"]} - of_endpoints == {
        component["id"] for component in page["components"]
    }
    assert not of_endpoints & {child["id"] for child in page["layout"]["children"]}
    assert [dependency["id"] for dependency in page["dependencies"]] == [
        dependency["id"] for dependency in programs["dependencies"]
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        running = Server(Path(folder)).start()
        SNAPSHOT.write_text(json.dumps(_info(running), indent=1, ensure_ascii=False) + "\n")
        running.close()
