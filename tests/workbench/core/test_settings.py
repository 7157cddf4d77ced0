import os
import re
from pathlib import Path

import pytest

from storage.core.errors import DomainError
from tests.sentences import raises_sentence
from workbench.core.settings import FITS, NOT_A_FOLDER, Limits, Settings, from_environment


def test_nothing_set_gives_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = from_environment({})
    assert settings == Settings(data=tmp_path / "data")
    assert (settings.host, settings.port, settings.fit) == ("127.0.0.1", 7860, "letterbox")


def test_everything_can_be_set(tmp_path: Path) -> None:
    environment = {
        "WORKBENCH_DATA": str(tmp_path / "here" / "or" / "there"),
        "WORKBENCH_FIT": "crop",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": "80",
        "WORKBENCH_MAX_PICTURE_MB": "1",
        "WORKBENCH_MAX_UPLOAD_MB": "2",
        "WORKBENCH_MAX_PIXELS": "3",
        "WORKBENCH_MAX_ZIP_ENTRIES": "4",
        "WORKBENCH_MAX_ZIP_RATIO": "5",
        "WORKBENCH_MAX_TABLE_MB": "6",
        "PATH": "/bin",
    }
    expected = Settings(tmp_path / "here" / "or" / "there", "0.0.0.0", 80, "crop", Limits(1, 2, 3, 4, 5, 6))
    assert from_environment(environment) == expected


def test_an_empty_data_folder_means_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_environment({"WORKBENCH_DATA": ""}).data == tmp_path / "data"


def test_the_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert from_environment({"WORKBENCH_DATA": "~/bottles"}).data == tmp_path / "bottles"


@pytest.mark.parametrize(
    "name", ["GRADIO_SERVER_PORT", "WORKBENCH_MAX_PICTURE_MB", "WORKBENCH_MAX_ZIP_RATIO"]
)
@pytest.mark.parametrize("value", ["", "0", "-1", "1.5", "many", "1e3", " 1", "٣", "9" * 5000])
def test_a_number_that_is_none_gets_a_sentence(name: str, value: str) -> None:
    with pytest.raises(DomainError, match=f"^{name} "):
        from_environment({name: value})


def test_a_port_beyond_the_last_one_gets_a_sentence() -> None:
    assert from_environment({"GRADIO_SERVER_PORT": "65535"}).port == 65535
    with pytest.raises(DomainError, match=r"^GRADIO_SERVER_PORT .*“65536”.*\b65535\b"):
        from_environment({"GRADIO_SERVER_PORT": "65536"})


def test_an_unknown_fit_gets_a_sentence() -> None:
    with pytest.raises(DomainError, match=f"^WORKBENCH_FIT .*“stretch”.* {', '.join(FITS)}"):
        from_environment({"WORKBENCH_FIT": "stretch"})


def test_a_data_folder_that_cannot_be_one_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DomainError, match=f"^WORKBENCH_DATA .*“{path}”"):
            from_environment({"WORKBENCH_DATA": str(path)})


def test_folders_to_import_from_are_written_like_a_path(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    folders = os.pathsep.join([str(tmp_path), "", str(tmp_path / "b")])
    assert from_environment({"WORKBENCH_IMPORT_FOLDERS": folders}).import_folders == (
        tmp_path,
        tmp_path / "a",
    )
    for wrong in (tmp_path / "c", tmp_path / "file"):
        (tmp_path / "file").write_bytes(b"")
        with raises_sentence(DomainError, NOT_A_FOLDER.format(folder=wrong)):
            from_environment({"WORKBENCH_IMPORT_FOLDERS": str(wrong)})


def test_runs_have_settings_of_their_own() -> None:
    bare = from_environment({})
    assert (bare.runs, bare.memory_mb, bare.webhook, bare.ray_address) == (1, 0, "", "")
    environment = {
        "RUNS": "3",
        "MEMORY_MB": "2000",
        "WEBHOOK": "https://example.org/runs",
        "RAY_ADDRESS": "auto",
    }
    settings = from_environment({f"WORKBENCH_{name}": value for name, value in environment.items()})
    actual = (settings.runs, settings.memory_mb, settings.webhook, settings.ray_address)
    assert actual == (3, 2000, "https://example.org/runs", "auto")
    for name, value in (("RUNS", "17"), ("RUNS", "0"), ("MEMORY_MB", "0"), ("MEMORY_MB", "much")):
        with pytest.raises(DomainError, match=f"^WORKBENCH_{name} .*“{value}”"):
            from_environment({f"WORKBENCH_{name}": value})


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://example.org", "example.org", "http://", "http://["]
)
def test_only_addresses_of_the_web_are_told_of_runs(address: str) -> None:
    with pytest.raises(DomainError, match=f"^WORKBENCH_WEBHOOK .*“{re.escape(address)}”"):
        from_environment({"WORKBENCH_WEBHOOK": address})


@pytest.mark.parametrize(("text", "megabytes"), [("", 0), ("1", 1), ("2000", 2000)])
def test_how_much_of_the_disk_stays_free(text: str, megabytes: int) -> None:
    assert from_environment({"WORKBENCH_RESERVE_MB": text}).reserve_mb == megabytes


@pytest.mark.parametrize("text", ["0", "-1", "5%", "1.5", "much"])
def test_a_reserve_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(DomainError, match=f"^WORKBENCH_RESERVE_MB .*“{text}”"):
        from_environment({"WORKBENCH_RESERVE_MB": text})
