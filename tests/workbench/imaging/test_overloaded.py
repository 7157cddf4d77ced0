"""Pictures that are asked for while the line of pictures to be decoded does not move."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from storage.records import Filter
from tests.pictures import picture
from workbench import server
from workbench.core.errors import Overloaded, RejectedPicture
from workbench.core.settings import Limits, Settings
from workbench.importing.ingest import ImportRequest
from workbench.importing.uploads import Upload, sources
from workbench.services import Services, build_services
from workbench.ui.components.camera import LARGEST_FRAME, decode_frame


@pytest.fixture
def narrow(tmp_path: Path) -> Services:
    """Services that decode one picture at a time, and hold one."""
    file = tmp_path / "a.jpg"
    file.write_bytes(picture(1))
    services = build_services(
        Settings(data=tmp_path / "workbench", insight=False, limits=Limits(decode_mb=1))
    )
    services.ingest.run(ImportRequest(sources([Upload(file, "a.jpg")], services.settings.limits)))
    return services


def test_a_picture_that_waits_too_long_is_refused_with_a_sentence_and_made_the_next_time(
    narrow: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.05)
    [image] = narrow.stores.pages.page(Filter()).items
    with TestClient(server.build_app(narrow), base_url="http://localhost") as client:
        for size in ("thumbnail", "stage"):
            address = f"/media/{image.sha256}/{size}.jpg"
            with narrow.stores.decoder.decoded(picture(2)):
                refused = client.get(address)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            assert "busy with other pictures. Please try again" in refused.text
            assert "immutable" not in refused.headers.get("Cache-Control", "")
            assert client.get(address).status_code == 200


def test_what_models_see_waits_only_as_long_as_it_may(narrow: Services) -> None:
    [image] = narrow.stores.pages.page(Filter()).items
    with (
        narrow.stores.decoder.decoded(picture(2)),
        pytest.raises(Overloaded),
    ):
        narrow.stores.derivatives.canonical(image.sha256, "squash", 0.05)
    assert narrow.stores.derivatives.canonical(image.sha256, "squash", 0.05).shape == (256, 256, 3)


def test_a_file_that_is_no_picture_is_refused_without_waiting(narrow: Services) -> None:
    with (
        narrow.stores.decoder.decoded(picture(2)),
        pytest.raises(RejectedPicture),
        narrow.stores.decoder.decoded(b"no picture", timeout=0.05),
    ):
        pass


def test_a_frame_of_a_camera_has_a_bounded_size(narrow: Services) -> None:
    def address(size: tuple[int, int]) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(picture(1, size)).decode()

    assert decode_frame(address((640, 480)), narrow.stores.decoder).shape == (480, 640, 3)
    with pytest.raises(RejectedPicture, match=f"{LARGEST_FRAME:,}"):
        decode_frame(address((2500, 2000)), narrow.stores.decoder)
