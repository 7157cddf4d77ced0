from pathlib import Path

import pytest

from workbench.server import UPLOADS, build_app
from workbench.services import Services


def test_what_a_killed_server_left_of_uploads_is_gone(
    services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    left = services.settings.data / UPLOADS / "hash" / "bottles.zip"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"zip")
    build_app(services)
    assert not left.exists()
