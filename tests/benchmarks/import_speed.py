"""Import speed, beside what Pillow alone needs to decode the same files with ``draft`` on the same cores; and its memory."""

from __future__ import annotations

import multiprocessing
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from PIL import Image, ImageOps

from storage.core.disk_space import DiskSpace
from tests.benchmarks.figures import Row
from workbench.core.machine import cores
from workbench.core.settings import Limits, Settings
from workbench.imaging.decode import SIDE
from workbench.importing.ingest import ImportRequest
from workbench.importing.staging import Staging
from workbench.importing.uploads import Upload, sources
from workbench.services import build_services

GOAL, GOAL_LARGE = 0.8, 0.85
ROUNDS = 5
LARGE = (4000, 3000)
LARGE_FILES = 100
GRAIN = 6
"""Standard deviation, in grey levels, of the noise that gives an enlarged photo the bytes of one from a phone: about 3 MB."""
PAGE = 60
FEW, MANY = 100, 800
MOST_GROWTH = 50
"""Megabytes that an import of 800 files may need beyond one of 100, which is what allocators keep."""


def rows(data: Path) -> Iterator[Row]:
    """Import over decoding, for the photos as they are and as 12-megapixel JPEGs; thumbnails at first sight; memory."""
    photos = sorted(path for path in (data / "water-bottles").rglob("*") if path.is_file())
    yield _compared("import over decoding, photos as they are", photos, decoded, GOAL)
    yield _compared("import over decoding to 256 px, photos as they are", photos, decoded_small, GOAL)
    with TemporaryDirectory() as place:
        for kind, grain in (("smooth", 0), ("with the grain of a camera", GRAIN)):
            large = [
                _enlarged(photo, Path(place) / f"{grain}-{number}.jpg", grain)
                for number, photo in enumerate(photos[:LARGE_FILES])
            ]
            size = sum(file.stat().st_size for file in large) / len(large) / 1e6
            figure = f"import over decoding, 12-megapixel JPEGs, {kind} ({size:.1f} MB)"
            yield _compared(figure, large, decoded, GOAL_LARGE)
            yield _first_sight(
                f"a page of {PAGE} thumbnails at first sight, 12-megapixel JPEGs, {kind}", large
            )
        yield _memory(large)


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


def _compared(figure: str, files: Sequence[Path], decode: Callable[[Path], Image.Image], goal: float) -> Row:
    rates = [(_import_rate(files), _decode_rate(files, decode)) for _ in range(ROUNDS)]
    ratio = median(imported / plain for imported, plain in rates)
    value = (
        f"{ratio:.2f}x ({median(r[0] for r in rates):.0f} and {median(r[1] for r in rates):.0f} pictures/s)"
    )
    return Row(figure, f">= {goal}x", value, ratio >= goal)


def _import_rate(files: Sequence[Path]) -> float:
    with TemporaryDirectory() as place:
        sent = Path(place) / "sent"
        sent.mkdir()
        uploads = [
            Upload(Path(shutil.copy(file, sent / str(number))), file.name)
            for number, file in enumerate(files)
        ]
        return len(files) / _imported(uploads, Path(place) / "data", len(files))


def _imported(uploads: Sequence[Upload], place: Path, expected: int) -> float:
    """Import what was uploaded into a fresh folder; gives the seconds it took."""
    services = build_services(Settings(data=place))
    staging = Staging(place / "staged", DiskSpace(place))
    began = perf_counter()
    kept = staging.files(staging.take(uploads))
    report = services.ingest.run(ImportRequest(sources(kept, Limits())))
    seconds = perf_counter() - began
    services.stores.database.close()
    if len(report.outcomes) != expected or report.having("rejected"):
        raise RuntimeError("the import lost files")
    return seconds


def _decode_rate(files: Sequence[Path], decode: Callable[[Path], Image.Image]) -> float:
    began = perf_counter()
    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(lambda file: decode(file).size, files):
            pass
    return len(files) / (perf_counter() - began)


def _first_sight(figure: str, files: Sequence[Path]) -> Row:
    """What a page waits for whose thumbnails nobody has asked for yet."""
    with TemporaryDirectory() as place:
        services = build_services(Settings(data=Path(place)))
        report = services.ingest.run(
            ImportRequest(sources([Upload(file, file.name) for file in files[:PAGE]], Limits()))
        )
        stores = services.stores
        kept = stores.catalogue.several([outcome.image_id for outcome in report.outcomes if outcome.image_id])
        began = perf_counter()
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(lambda image: stores.derivatives.thumbnail(image.sha256), kept))
        seconds = perf_counter() - began
        stores.database.close()
    return Row(figure, "", f"{seconds * 1e3:.0f} ms, {seconds / len(kept) * 1e3:.1f} ms each", None)


def _memory(files: Sequence[Path]) -> Row:
    with TemporaryDirectory() as place:
        needs = [_peak(_zipped(files, Path(place) / f"{count}.zip", count), count) for count in (FEW, MANY)]
    grown = needs[1] - needs[0]
    value = f"{needs[0]:.0f} MB and {needs[1]:.0f} MB"
    figure = f"memory that an import of {FEW} and of {MANY} such JPEGs in a zip adds at its peak"
    return Row(figure, f"<= {MOST_GROWTH} MB apart", value, grown <= MOST_GROWTH)


def _zipped(files: Sequence[Path], target: Path, count: int) -> Path:
    """A zip of different files: what follows the end of a JPEG changes nothing but its sha256."""
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(count):
            data = files[number % len(files)].read_bytes()
            archive.writestr(f"{number}.jpg", data + number.to_bytes(2))
    return target


def _peak(archive: Path, count: int) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_grown, (archive, count))


def _grown(archive: Path, count: int) -> float:
    """Megabytes by which the peak of this process grows, after a first import of a single file."""
    with TemporaryDirectory() as place:
        _imported([Upload(_first_of(archive, Path(place) / "first.jpg"), "first.jpg")], Path(place) / "a", 1)
        before = _highest()
        services = build_services(Settings(data=Path(place) / "b"))
        done = sum(
            len(outcomes)
            for outcomes in services.ingest.stream(
                ImportRequest(sources([Upload(archive, archive.name)], Limits()))
            )
        )
        services.stores.database.close()
    if done != count:
        raise RuntimeError("the import lost files")
    return _highest() - before


def _highest() -> float:
    """The most memory that this process ever had, in megabytes; ``getrusage`` would tell the one of its parent."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _first_of(archive: Path, target: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        target.write_bytes(opened.read(opened.namelist()[0]))
    return target


def _enlarged(photo: Path, target: Path, grain: float) -> Path:
    large = Image.open(photo).convert("RGB").resize(LARGE, Image.Resampling.BICUBIC)
    if grain:
        noise = np.random.default_rng(0).normal(0, grain, (LARGE[1], LARGE[0])).astype(np.int16)
        pixels = np.asarray(large, np.int16) + noise[..., None]
        large = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    large.save(target, quality=90)
    return target
