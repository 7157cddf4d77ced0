"""What decoding takes of the memory, read from the process that decodes."""

from __future__ import annotations

import struct
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from gradio_client import handle_file
from PIL import Image

from tests.running import ROOT, Server
from tests.workbench.imaging.test_decode import saved

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")

MEGAPIXELS_100 = 10_000
SIDE = 3000
LEAST = 200_000_000
"""Bytes that no decode of a test keeps below if nothing is measured."""

MEASURE = """
import os, sys
from workbench.imaging.decode_memory import peak_bytes
from workbench.imaging.decode import canonical, read_header, decode_pixels, to_small_grey
from tests.workbench.imaging.test_decode_memory import begin, peak

def decode(data):
    file = read_header(data, 10**9)
    estimate = peak_bytes(file)
    picture = decode_pixels(file)
    canonical(picture.image, "letterbox")
    to_small_grey(picture.image)
    return estimate

for line in sys.stdin:
    if not os.fork():
        small, large = (open(name, "rb").read() for name in line.rstrip("\\n").split("\\t"))
        decode(small)
        before = begin("self")
        print(decode(large), peak("self") - before, flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(1)
"""
"""Forks for each line, which names a small and a large file, so that every decode is the first of a process."""


@pytest.fixture(scope="module")
def measuring() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURE],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.communicate(timeout=60)


def begin(process: int | str) -> int:
    """Forget the peak of a process, and give what it holds now, in bytes."""
    Path(f"/proc/{process}/clear_refs").write_text("5")
    return peak(process)


def peak(process: int | str) -> int:
    """The most memory that a process has held since then, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def huge_webp(side: int, colour: tuple[int, int, int]) -> bytes:
    """A whole picture of one colour in some 40 bytes."""
    data = bytearray(saved(Image.new("RGB", (16, 16), colour), "WEBP", lossless=True))
    [head] = struct.unpack_from("<I", data, 21)
    struct.pack_into("<I", data, 21, head & ~0xFFFFFFF | (side - 1) | (side - 1) << 14)
    return bytes(data)


def wide(kind: str, side: int) -> bytes:
    """12 bits in 16, in colour."""
    ramp = np.asarray(drawn("RGB", side)).astype(np.uint16) * 16
    return bytes(cv2.imencode({"PNG": ".png", "TIFF": ".tif"}[kind], ramp)[1])


def drawn(mode: str, side: int) -> Image.Image:
    ramp = Image.radial_gradient("L").resize((side, side))
    if mode == "I;16":
        return Image.fromarray(np.asarray(ramp).astype(np.uint16) * 257)
    if mode in {"L", "F", "1"}:
        return ramp.convert(mode)
    image = Image.merge("RGB", (ramp, ramp.transpose(0), ramp.transpose(1)))
    if mode == "RGBA":
        image.putalpha(ramp)
    return image.quantize(64) if mode == "P" else image.convert(mode)


TURNED = Image.Exif()
TURNED[0x0112] = 6
KINDS = [
    *((mode, "PNG", {"compress_level": 1}) for mode in ("1", "L", "P", "RGB", "RGBA", "I;16")),
    ("RGB", "PNG", {"compress_level": 1, "exif": TURNED}),
    *(("RGB;12", kind, {}) for kind in ("PNG", "TIFF")),
    *((mode, "WEBP", {"method": 0}) for mode in ("RGB", "RGBA")),
    ("RGBA", "WEBP", {"method": 0, "lossless": True, "quality": 0}),
    ("RGB", "WEBP", {"method": 0, "save_all": True, "append_images": [Image.new("RGB", (SIDE, SIDE))]}),
    *((mode, "AVIF", {"speed": 10}) for mode in ("RGB", "RGBA")),
    ("RGB", "HEIF", {"quality": 50}),
    *((mode, "TIFF", {}) for mode in ("RGB", "RGBA", "I;16", "F", "CMYK")),
    ("RGB", "TIFF", {"compression": "tiff_adobe_deflate", "strip_size": 3 * SIDE**2}),
    ("RGB", "TIFF", {"compression": "tiff_lzw", "exif": TURNED}),
    ("RGB", "JPEG", {}),
    ("RGB", "JPEG", {"progressive": True, "subsampling": 0}),
    ("CMYK", "JPEG", {"progressive": True}),
    *((mode, "BMP", {}) for mode in ("RGB", "RGBA", "P")),
    ("P", "GIF", {}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "kind", "options"), KINDS, ids=lambda value: str(value)[:30])
def test_a_decode_takes_no_more_than_was_reckoned(
    tmp_path: Path, measuring: subprocess.Popen[str], mode: str, kind: str, options: dict
) -> None:
    names = []
    for side in (64, SIDE):
        save_options = dict(options)
        if "append_images" in save_options:
            save_options["append_images"] = [Image.new("RGB", (side, side))]
        names.append(tmp_path / str(side))
        data = wide(kind, side) if mode == "RGB;12" else saved(drawn(mode, side), kind, **save_options)
        names[-1].write_bytes(data)
    assert measuring.stdin is not None
    assert measuring.stdout is not None
    measuring.stdin.write("\t".join(map(str, names)) + "\n")
    measuring.stdin.flush()
    reckoned, taken = map(int, measuring.stdout.readline().split())
    assert taken <= reckoned
    assert taken > SIDE**2 // 64  # something was measured


@pytest.fixture
def huge(server: Server) -> list[str]:
    """Four pictures of 100 megapixels, imported; their sha256."""
    client = server.client()
    files = []
    for number in range(4):
        files.append(server.data / f"{number}.webp")
        files[-1].write_bytes(huge_webp(MEGAPIXELS_100, (40 * number, 100, 200)))
    report = client.predict(
        files=[handle_file(str(file)) for file in files], label="", api_name="/import_images"
    )
    assert report["imported"] == 4, report
    return [image["sha256"] for image in client.predict(api_name="/list_images")["items"]]


ALONE = 850_000_000
"""Bytes that the decode of one such picture takes at most: of a lossless WebP libwebp keeps 4 a pixel, and hands over 3."""


def get(server: Server, sha256: str, size: str = "thumbnail") -> int:
    try:
        with urllib.request.urlopen(f"{server.url}/media/{sha256}/{size}.jpg", timeout=120) as answer:
            Image.open(BytesIO(answer.read())).load()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_many_requests_for_huge_pictures_take_the_memory_of_one(server: Server, huge: list[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        for requests in ([(huge[0], "thumbnail")] * 4, [(size, "stage") for size in huge]):
            before = begin(server.pid)
            assert set(pool.map(lambda request: get(server, *request), requests)) == {200}
            assert LEAST < peak(server.pid) - before < ALONE


@pytest.mark.slow
def test_an_import_of_huge_pictures_takes_the_memory_of_one(server: Server) -> None:
    client, files = server.client(), []
    for number in range(10):
        files.append(server.data / f"{number}.webp")
        files[-1].write_bytes(huge_webp(MEGAPIXELS_100, (20 * number, 100, 200)))
    client.predict(files=[], label="", api_name="/import_images")
    before = begin(server.pid)
    report = client.predict(
        files=[handle_file(str(file)) for file in files], label="", api_name="/import_images"
    )
    assert report["imported"] == 10
    assert LEAST < peak(server.pid) - before < ALONE
