"""A server that strangers could reach asks for a password before it starts."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from gradio_client import Client, handle_file

from storage.core.errors import DomainError
from tests.pictures import class_zip
from tests.running import ROOT, ColdServer, Server, until
from tests.sentences import raises_sentence
from tests.web.raw_requests import Ask, get, log_in, send
from workbench.core.addresses import is_loopback
from workbench.core.settings import NOT_TYPABLE, Access, Settings, from_environment
from workbench.web.exposure import ANY_HOST, ON_HOST, ON_SPACE, OPEN, UNPROTECTED, warn_or_refuse

SPACE = "anna-bottles.hf.space"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "no.such.host.invalid", "0"])
def test_more_than_loopback_without_a_password_is_refused(host: str) -> None:
    with raises_sentence(DomainError, UNPROTECTED.format(exposed_by=ON_HOST.format(host=host))):
        warn_or_refuse(Settings(host=host))
    assert warn_or_refuse(Settings(host=host, access=Access(password="x"))) == []
    assert warn_or_refuse(Settings(host=host, access=Access(without_login=True))) == [OPEN]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.3.2.1"])
def test_this_machine_needs_none(host: str) -> None:
    assert is_loopback(host)
    assert warn_or_refuse(Settings(host=host)) == []


@pytest.mark.parametrize("name", ["SPACE_ID", "SPACE_HOST"])
def test_a_space_needs_one_wherever_it_listens(name: str) -> None:
    with raises_sentence(DomainError, UNPROTECTED.format(exposed_by=ON_SPACE)):
        warn_or_refuse(from_environment({name: "anna/bottles"}))


def test_every_host_is_said_loudly() -> None:
    warnings = warn_or_refuse(from_environment({"WORKBENCH_ALLOWED_HOSTS": "a.example, *"}))
    assert warnings == [ANY_HOST]


@pytest.mark.parametrize("password", ["", " ", " x", "x ", "x\n", "a\tb", "a\udcffb"])
def test_a_password_that_nobody_can_type_gets_a_sentence_without_it(password: str) -> None:
    with raises_sentence(DomainError, NOT_TYPABLE):
        from_environment({"WORKBENCH_PASSWORD": password})


def test_the_password_is_not_shown() -> None:
    assert "geheim" not in repr(from_environment({"WORKBENCH_PASSWORD": "geheim"}))


@pytest.mark.parametrize("hosts", ["http://a.example", "a.example/x", "user@a.example", "*.example", "a b"])
def test_hosts_that_are_none_get_a_sentence(hosts: str) -> None:
    with pytest.raises(DomainError, match=f"^WORKBENCH_ALLOWED_HOSTS .*“{re.escape(hosts)}”"):
        from_environment({"WORKBENCH_ALLOWED_HOSTS": f"good.example,{hosts}"})


def test_open_is_yes_or_no() -> None:
    with pytest.raises(DomainError, match=r"^WORKBENCH_OPEN .*“yes”.* 0, 1\b"):
        from_environment({"WORKBENCH_OPEN": "yes"})


def test_the_app_ends_with_the_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "WORKBENCH_DATA": str(tmp_path), "GRADIO_SERVER_NAME": "0.0.0.0"}
    ran = subprocess.run(
        [sys.executable, "app.py"],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("GRADIO_SERVER_NAME is “0.0.0.0”: others can reach this workbench")
    assert list(tmp_path.iterdir()) == []


def test_an_open_server_says_so_and_is_found_by_ip_and_by_its_own_name_only(tmp_path: Path) -> None:
    server = Server(tmp_path, GRADIO_SERVER_NAME="0.0.0.0", WORKBENCH_OPEN="1").start()
    try:
        until(lambda: "WARNING: WORKBENCH_OPEN=1: there is no login." in server.log, "the warning")
        for host in ("192.168.1.5:7860", "[fd00::1]", os.uname().nodename):
            assert send(server, Ask("/config", host=host)).status == 200, host
        assert send(server, Ask("/config", host="evil.example")).status == 421
    finally:
        server.close()


def test_a_space_lives_in_a_frame_of_hugging_face(tmp_path: Path) -> None:
    space = {"SPACE_ID": "anna/bottles", "SPACE_HOST": SPACE, "GRADIO_SERVER_NAME": "0.0.0.0"}
    server = ColdServer(tmp_path, WORKBENCH_PASSWORD="right", **space).start()
    try:
        page = send(server, Ask("/login", host=SPACE))
        assert (
            page.headers.get_all("Content-Security-Policy")[-1]
            == "frame-ancestors 'self' https://huggingface.co"
        )
        body = b"password=right"
        headers = (
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", f"https://{SPACE}"),
            ("Sec-Fetch-Site", "same-origin"),
        )
        answer = send(server, Ask("/login", "POST", headers, body, SPACE))
        assert answer.headers["Set-Cookie"].endswith("; HttpOnly; SameSite=None; Secure; Partitioned")
        assert get(server, "/config", Cookie=answer.cookie).status == 200
        assert log_in(server, "right", Origin=f"https://{SPACE}").status == 403
    finally:
        server.close()


def test_the_workers_do_not_learn_the_password(tmp_path: Path) -> None:
    server = Server(tmp_path, WORKBENCH_PASSWORD="right", WORKBENCH_INSIGHT="on").start()
    try:
        client = Client(server.url, headers={"Authorization": "Bearer right"}, verbose=False)
        files = [handle_file(class_zip(tmp_path / "bottles.zip", 2))]
        client.predict(files=files, api_name="/import_images")
        data = str(tmp_path / "workbench")
        environment = until(lambda: _environment_of_a_worker(data), "the worker of the model's help")
        assert "right" not in environment.values()
    finally:
        server.close()


def _environment_of_a_worker(data: str) -> dict[str, str]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            is_own = environment.get("WORKBENCH_DATA") == data
            if is_own and "workbench.active_learning.worker" in process.cmdline():
                return environment
    return {}
