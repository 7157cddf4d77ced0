import struct
import zlib

import pytest

from storage.jobs.import_jobs import IMPORTED, REJECTED
from storage.records import Filter
from tests.pictures import picture
from tests.workbench.conftest import Take
from tests.workbench.importing.test_uploads import zipped
from workbench.core.settings import MEGABYTE
from workbench.services import Services

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def huge_png(side: int) -> bytes:
    """A whole black-and-white PNG of ``side`` x ``side`` in some kilobytes."""
    packer = zlib.compressobj(1)
    row = bytes(1 + -(-side // 8)) * 1000
    rows = b"".join(packer.compress(row) for _ in range(side // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def files_of(services: Services) -> list[str]:
    return [path.name for path in (services.stores.root / "blobs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("notes.jpg", b"just some text\n" * 50, "This is not a picture in a known format"),
        ("cut.jpg", picture(1, (640, 480))[:-4000], "damaged or cut off"),
        ("empty.png", b"", "The file is empty (0 bytes)"),
        ("script.svg", SVG, "This is not a picture in a known format"),
        ("script.png", SVG, "This is not a picture in a known format"),
        ("huge.png", huge_png(30_000), "30,000 x 30,000 pixels; at most 100,000,000"),
        ("cut.heic", picture(1, (640, 480), "HEIF")[:-2000], "damaged or cut off"),
        ("cut.avif", picture(1, (640, 480), "AVIF")[:-2000], "damaged or cut off"),
        (
            "film.mp4",
            b"\0\0\0\x18ftypisom" + bytes(400),
            "This is not a picture in a known format (JPEG, PNG,",
        ),
        (
            "huge.heic",
            picture(1, (64, 64), "HEIF") + b"ispe" + bytes(4) + b"\0\1\0\0" * 2,
            "65,536 x 65,536 pixels",
        ),
        ("bomb.zip", zipped({"Full/a.png": bytes(30 * MEGABYTE)}), "unpacks to more than 200 times its size"),
        ("up.zip", zipped({"../../Full/a.jpg": picture(1)}), "Its path points outside the zip"),
        (
            "inner.zip",
            zipped({"Full/b.zip": zipped({"a.jpg": picture(1)})}),
            "A zip inside a zip is not opened",
        ),
        ("broken.zip", b"PK\x03\x04 and no more", "The zip is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:10] else "",
)
def test_a_bad_file_gets_a_sentence_and_leaves_nothing(
    services: Services, take: Take, name: str, data: bytes, reason: str
) -> None:
    report = take({name: data})
    [outcome] = report.outcomes
    assert outcome.result == REJECTED
    assert reason in outcome.reason
    assert outcome.reason.endswith(".")
    assert services.stores.catalogue.summary(()).images == 0
    assert services.stores.classes.all() == ()
    assert files_of(services) == []


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("<script>alert(1)", "has a character that a name cannot have"),
        ('a"b', "has a character that a name cannot have"),
        ("x" * 300, "A class name has at most 60 characters; this one has 300"),
        ("   ", "A class needs a name with at least one character that is not a blank"),
        ("tab\x07bell", "has a character that a name cannot have"),
        ("a:b", "has a character that a name cannot have"),
        ("Full\u202egpj", "has a character that a name cannot have"),
        ("Full.", "it begins or ends with a dot or a blank"),
        ("CON", "Windows keeps it for a device"),
    ],
)
def test_a_picture_in_a_folder_that_cannot_name_a_class_is_taken_in_without_one(
    services: Services, take: Take, folder: str, reason: str
) -> None:
    report = take({"a.zip": zipped({f"{folder}/a.jpg": picture(1), "Full/b.jpg": picture(2)})})
    assert [(outcome.result, outcome.label) for outcome in report.outcomes] == [
        (IMPORTED, ""),
        (IMPORTED, "Full"),
    ]
    assert reason in report.outcomes[0].note
    assert report.outcomes[0].note.endswith("It is taken in without a class.")
    assert [class_.name for class_ in services.stores.classes.all()] == ["Full"]
    assert services.stores.catalogue.summary(()).images == 2


@pytest.mark.parametrize(
    "folder", ["💧 Overflow 🍾", "満水", "ممتلئ", "Füll", "it's half-full, 50 % & more", "👩‍🔬"]
)
def test_a_folder_in_any_script_names_a_class(services: Services, take: Take, folder: str) -> None:
    assert take({"a.zip": zipped({f"{folder}/a.jpg": picture(1)})}).labels == {folder: 1}
    [image] = services.stores.pages.page(Filter(label=folder)).items
    assert image.label == folder


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>.jpg",
        "x" * 300 + ".jpg",
        "🍾.jpg",
        "a\x00b.jpg",
        "a\udcffb.jpg",
        "no ending",
    ],
)
def test_a_file_of_any_name_is_taken_in(services: Services, take: Take, name: str) -> None:
    report = take({name: picture(1), "b.jpg": picture(2)})
    assert [outcome.result for outcome in report.outcomes] == [IMPORTED, IMPORTED]
    assert len(services.stores.pages.page(Filter()).items[1].filename) <= 255


def test_bad_files_never_stop_the_good_ones(services: Services, take: Take) -> None:
    bad = {
        "Full/cut.jpg": picture(1)[:900],
        "Full/text.jpg": b"text",
        "Full/empty.jpg": b"",
        "../x.jpg": picture(2),
    }
    good = {f"Full/{index}.jpg": picture(10 + index) for index in range(5)}
    report = take(
        {
            "lost.zip": b"PK\x05\x06",
            "a.zip": zipped({**bad, **good, "Full/more.svg": SVG}),
            "z.jpg": picture(3),
        }
    )
    assert report.labels == {"Full": 5, "": 1}
    assert len(report.having(REJECTED)) == 6
    assert services.stores.catalogue.summary(()).images == 6
