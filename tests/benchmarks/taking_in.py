"""Import speed, beside what Pillow alone needs to decode the same files with ``draft`` on the same cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from PIL import Image, ImageOps

from tests.benchmarks.rows import Row
from workbench.archives import Upload, sources
from workbench.cores import cores
from workbench.intake import Order
from workbench.pictures import SIDE
from workbench.services import build_services
from workbench.settings import Limits, Settings

GOAL = 0.8
ROUNDS = 5
LARGE = (4000, 3000)
LARGE_FILES = 100


def rows(data: Path) -> list[Row]:
    """Import over decoding, for the photos as they are and as 12-megapixel JPEGs."""
    photos = sorted(path for path in (data / "water-bottles").rglob("*") if path.is_file())
    with TemporaryDirectory() as place:
        large = [
            _enlarged(photo, Path(place) / f"{number}.jpg")
            for number, photo in enumerate(photos[:LARGE_FILES])
        ]
        return [
            _compared("import over decoding, photos as they are", photos, decoded),
            _compared("import over decoding to 256 px, photos as they are", photos, decoded_small),
            _compared("import over decoding, 12-megapixel JPEGs", large, decoded),
        ]


def decoded(file: Path) -> Image.Image:
    """Decode with ``draft``, nothing more."""
    image = Image.open(BytesIO(file.read_bytes()))
    image.draft("RGB", (SIDE, SIDE))
    image.load()
    return image


def decoded_small(file: Path) -> Image.Image:
    """Decode with ``draft``, turn upright, bring to RGB and to 256 px: the least that a picture needs."""
    image = ImageOps.exif_transpose(decoded(file)).convert("RGB")
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    return image


def _compared(figure: str, files: Sequence[Path], decode: Callable[[Path], Image.Image]) -> Row:
    rates = [(_import_rate(files), _decode_rate(files, decode)) for _ in range(ROUNDS)]
    ratio = median(imported / plain for imported, plain in rates)
    value = (
        f"{ratio:.2f}x ({median(r[0] for r in rates):.0f} and {median(r[1] for r in rates):.0f} pictures/s)"
    )
    return Row(figure, f">= {GOAL}x", value, ratio >= GOAL)


def _import_rate(files: Sequence[Path]) -> float:
    with TemporaryDirectory() as place:
        services = build_services(Settings(data=Path(place)))
        uploads = [Upload(file, file.name) for file in files]
        began = perf_counter()
        report = services.intake.run(Order(sources(uploads, Limits())))
        seconds = perf_counter() - began
        services.stores.database.close()
    if len(report.outcomes) != len(files):
        raise RuntimeError("the import lost files")
    return len(files) / seconds


def _decode_rate(files: Sequence[Path], decode: Callable[[Path], Image.Image]) -> float:
    began = perf_counter()
    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(lambda file: decode(file).size, files):
            pass
    return len(files) / (perf_counter() - began)


def _enlarged(photo: Path, target: Path) -> Path:
    Image.open(photo).convert("RGB").resize(LARGE, Image.Resampling.BICUBIC).save(target, quality=90)
    return target
