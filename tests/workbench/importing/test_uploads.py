import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from storage.core.errors import DomainError
from workbench.core.settings import MEGABYTE, Limits
from workbench.importing.plan import MOST_OPEN, build_plan
from workbench.importing.uploads import OpenUpload, Source, Upload, count, sources

LIMITS = Limits()
Put = Callable[[str, bytes], Upload]
Entries = dict[str, bytes]


def zipped(entries: Entries, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def central(data: bytes, offset: int, form: str, value: int) -> bytes:
    """A zip whose central directory says something else of its first file."""
    start = data.index(b"PK\x01\x02") + offset
    return data[:start] + struct.pack(form, value) + data[start + struct.calcsize(form) :]


def read(upload: Upload, limits: Limits = LIMITS) -> list[tuple[str, str, bytes | str]]:
    """Name, folder, and bytes or reason of every file."""
    return [(source.name, source.label, _content(source)) for source in sources([upload], limits)]


def _content(source: Source) -> bytes | str:
    try:
        return source.read()
    except DomainError as error:
        return str(error)


def reason(upload: Upload, limits: Limits = LIMITS) -> str:
    """Why the only file was not read."""
    [(_, _, content)] = read(upload, limits)
    assert isinstance(content, str)
    return content


def test_a_plain_file_is_itself(upload: Put) -> None:
    assert read(upload("a.jpg", b"data")) == [("a.jpg", "", b"data")]


def test_a_zip_is_known_by_its_content_and_names_folders(upload: Put) -> None:
    entries = {
        "top.png": b"1",
        "Full/a.png": b"2",
        "Half water level/Half water level/b.png": b"3",
        "./Full/c.png": b"4",
        "Full\\d.png": b"5",
    }
    entries_read = read(upload("photos.bin", zipped(entries)))
    assert [(folder, data) for _, folder, data in entries_read] == [
        ("", b"1"),
        ("Full", b"2"),
        ("Half water level", b"3"),
        ("Full", b"4"),
        ("Full", b"5"),
    ]


def test_what_systems_add_by_themselves_is_passed_over(upload: Put) -> None:
    noise = [
        "__MACOSX/Full/._a.png",
        "Full/.DS_Store",
        "Full/Thumbs.db",
        "desktop.ini",
        "Full/",
        "Full\\Thumbs.db",
        "Full\\",
        "Full/.hidden.png",
        "Full/..a.png",
        "Full/._a.png",
        "Full/a.png:Zone.Identifier",
        ".ipynb_checkpoints/a-checkpoint.png",
        "Full/.ipynb_checkpoints/a-checkpoint.png",
        ".Trash-0/files/d.png",
        ".thumbnails/a.png",
        "Full/@eaDir/a.png/SYNOPHOTO_THUMB_M.jpg",
        "Full/@eaDir/a.png@SynoEAStream",
        "#recycle/a.png",
        "@Recycle/a.png",
        "$RECYCLE.BIN/S-1/$R1.png",
        "System Volume Information/a.png",
        "lost+found/a.png",
        "Full/_thumbs/a.png",
        "./Full/.git/a.png",
        "Full/.AppleDouble/a.png",
        "Full/Icon\r",
        "LEFT-OUT.txt",
    ]
    uploaded = upload("a.zip", zipped({"Full/a.png": b"1", **dict.fromkeys(noise, b"x")}))
    assert [name for name, _, _ in read(uploaded)] == ["Full/a.png"]
    assert count(uploaded) == 1


def test_words_that_a_person_may_mean_are_not_passed_over(upload: Put) -> None:
    folders = [
        "trash",
        "recycled",
        "thumbs",
        "thumbnails",
        "checkpoints",
        "hidden",
        "#1",
        "@home",
        "lost",
        "eaDir",
    ]
    uploaded = upload("a.zip", zipped({f"{folder}/a.png": b"1" for folder in folders}))
    assert [folder for _, folder, _ in read(uploaded)] == folders


def test_a_zip_that_holds_nothing_else_says_so(upload: Put) -> None:
    uploaded = upload("a.zip", zipped({".data/Full/a.png": b"1", ".data/": b""}))
    assert "All that the zip holds is hidden or a leftover" in reason(uploaded)


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "Full/../../a.png",
        "/etc/a.png",
        "\\\\host\\a.png",
        "C:\\a.png",
        "c:/a.png",
        "Full\\..\\a.png",
    ],
)
def test_a_path_that_leaves_the_zip_is_refused(upload: Put, name: str) -> None:
    assert (
        reason(upload("a.zip", zipped({name: b"1"}))) == "Its path points outside the zip, so it is not read."
    )


@pytest.mark.parametrize("name", ["10:30.png", "Full 10:30/a.png", "Full/a..b.png", "a..png", "Full../a.png"])
def test_a_path_that_only_looks_odd_is_read(upload: Put, name: str) -> None:
    assert read(upload("a.zip", zipped({name: b"1"})))[0][2] == b"1"


def test_a_bomb_by_ratio_is_not_unpacked(upload: Put) -> None:
    bomb = upload("a.zip", zipped({"Full/a.png": bytes(40 * MEGABYTE)}))
    assert bomb.path.stat().st_size < MEGABYTE
    assert "unpacks to more than 200 times its size" in reason(bomb)


def test_a_bomb_by_number_of_files_is_refused_whole(upload: Put) -> None:
    limits = replace(LIMITS, zip_entries=3)
    entries = {f"Full/{index}.png": b"1" for index in range(4)}
    [entries_read] = read(upload("a.zip", zipped(entries)), limits)
    assert entries_read == ("a.zip", "", "The zip has 4 files; at most 3 are taken in at once. Split it.")
    del entries["Full/0.png"]
    assert len(read(upload("a.zip", zipped(entries)), limits)) == 3


def test_too_large_a_file_is_refused_in_a_zip_and_outside(upload: Put) -> None:
    limits, data = replace(LIMITS, picture_mb=1), bytes(MEGABYTE + 1)
    for uploaded in (upload("a.png", data), upload("a.zip", zipped({"a.png": data}, zipfile.ZIP_STORED))):
        assert reason(uploaded, limits) == "The file is larger than 1 MB, the most that one may have."


@pytest.mark.parametrize("size", [10, 100_000, 0])
def test_a_file_that_lies_about_its_size_is_found_out(upload: Put, size: int) -> None:
    data = central(zipped({"a.png": bytes(range(256)) * 40}), 24, "<I", size)
    assert reason(upload("a.zip", data)) == "The file is damaged inside the zip."


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_file_damaged_inside_leaves_the_others(upload: Put, method: int) -> None:
    data = bytearray(zipped({"a.png": bytes(range(256)) * 40, "b.png": b"whole" * 40}, method))
    data[60:64] = bytes(byte ^ 0xFF for byte in data[60:64])
    assert [content for _, _, content in read(upload("a.zip", bytes(data)))] == [
        "The file is damaged inside the zip.",
        b"whole" * 40,
    ]


@pytest.mark.parametrize("offset", [0xFFFFFF00, 0x7FFFFFFF, 9, 120])
def test_a_file_that_is_not_where_the_zip_says(upload: Put, offset: int) -> None:
    data = central(zipped({"a.png": b"1" * 50}), 42, "<I", offset)
    assert "damaged" in reason(upload("a.zip", data))


def test_a_packing_that_nobody_knows(upload: Put) -> None:
    data = central(zipped({"a.png": b"1" * 50}), 10, "<H", 77)
    assert "damaged" in reason(upload("a.zip", data))


def test_a_locked_zip_asks_for_one_without_a_password(upload: Put) -> None:
    data = central(zipped({"a.png": b"1"}), 8, "<H", 1)
    assert reason(upload("a.zip", data)) == "The file is locked with a password. Make the zip without one."


def test_a_zip_inside_a_zip_is_not_opened(upload: Put) -> None:
    inner = zipped({"Full/a.png": b"1"})
    for name in ("inner.zip", "INNER.ZIP"):
        assert "A zip inside a zip is not opened" in reason(upload("a.zip", zipped({name: inner})))


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_zip_that_is_cut_off_is_called_a_zip(upload: Put, part: float) -> None:
    data = zipped({f"Full/{index}.png": bytes(range(256)) for index in range(9)})
    cut = upload("photos.ZIP", data[: int(len(data) * part)])
    assert reason(cut) == "The zip is damaged and cannot be opened. Make it again."
    assert count(cut) == 1


@pytest.mark.parametrize("data", [b"PK\x05\x06" + b"\xff" * 18, b"PK\x05\x06" + bytes(10), b"PK\x03\x04"])
def test_what_only_starts_like_a_zip(upload: Put, data: bytes) -> None:
    uploaded = upload("a.zip", data)
    assert "damaged" in reason(uploaded)
    assert count(uploaded) == 1


def test_an_empty_zip_holds_nothing(upload: Put) -> None:
    assert read(upload("a.zip", zipped({}))) == []


def test_files_and_zips_come_in_their_order(upload: Put) -> None:
    uploaded = [
        upload("1.png", b"1"),
        upload("a.zip", zipped({"Full/2.png": b"2", "3.png": b"3"})),
        upload("4.png", b"4"),
    ]
    assert [source.read() for source in sources(uploaded, LIMITS)] == [b"1", b"2", b"3", b"4"]


def test_an_upload_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    for path in (tmp_path / "gone", tmp_path):
        assert reason(Upload(path, "a.jpg")) == "The file could not be read. Upload it again."
        assert count(Upload(path, "a.jpg")) == 1


def unflagged(names: dict[bytes, bytes], extras: dict[bytes, bytes] | None = None) -> bytes:
    """A zip of files with names of any bytes, as tools write them that do not flag UTF-8."""
    stand_ins = {"ABCDEFGH"[number] * len(name): name for number, name in enumerate(names)}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for stand_in, name in stand_ins.items():
            entry = zipfile.ZipInfo(stand_in)
            entry.extra = (extras or {}).get(name, b"")
            archive.writestr(entry, names[name])
    data = buffer.getvalue()
    for stand_in, name in stand_ins.items():
        data = data.replace(stand_in.encode(), name)
    return data


def unicode_path(name: str, raw: bytes, version: int = 1) -> bytes:
    """Info-ZIP's extra field with the name of an entry, made for another one."""
    field = struct.pack("<BL", version, zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


def test_names_without_the_flag_are_utf8_where_they_can_be(upload: Put) -> None:
    names = {
        "満水/瓶1.jpg".encode(): b"1",
        "Fu\u0308llho\u0308he halb/b.jpg".encode(): b"2",
        "F\u00fcll/c.jpg".encode("cp437"): b"3",
        "Füll/d.jpg".encode("latin-1"): b"4",
        b"plain/e.jpg": b"5",
    }
    assert read(upload("a.zip", unflagged(names))) == [
        ("満水/瓶1.jpg", "満水", b"1"),
        ("Fu\u0308llho\u0308he halb/b.jpg", "Fu\u0308llho\u0308he halb", b"2"),
        ("Füll/c.jpg", "Füll", b"3"),
        ("Fⁿll/d.jpg", "Fⁿll", b"4"),
        ("plain/e.jpg", "plain", b"5"),
    ]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (unicode_path("満水/a.jpg", b"x1/a.jpg"), "満水/a.jpg"),
        (b"UT\x05\x00\x01abcd" + unicode_path("満水/a.jpg", b"x1/a.jpg"), "満水/a.jpg"),
        (unicode_path("満水/a.jpg", b"renamed.jpg"), "x1/a.jpg"),
        (unicode_path("満水/a.jpg", b"x1/a.jpg", version=2), "x1/a.jpg"),
        (unicode_path("", b"x1/a.jpg"), "x1/a.jpg"),
    ],
)
def test_the_unicode_path_field_counts_where_it_was_made_for_the_name(
    upload: Put, field: bytes, name: str
) -> None:
    uploaded = upload("a.zip", unflagged({b"x1/a.jpg": b"1"}, {b"x1/a.jpg": field}))
    assert [(name, data) for name, _, data in read(uploaded)] == [(name, b"1")]
    assert [*OpenUpload(uploaded, LIMITS).list_names().names] == [name]


def test_a_unicode_path_that_leaves_the_zip_is_refused(upload: Put) -> None:
    field = unicode_path("../a.jpg", b"x1/a.jpg")
    uploaded = upload("a.zip", unflagged({b"x1/a.jpg": b"1"}, {b"x1/a.jpg": field}))
    assert reason(uploaded) == "Its path points outside the zip, so it is not read."


def test_flagged_names_stay_as_they_are(upload: Put) -> None:
    assert read(upload("a.zip", zipped({"Ã¼/é.png": b"1"}))) == [("Ã¼/é.png", "Ã¼", b"1")]


def test_a_zip_with_a_table_is_opened_once(upload: Put) -> None:
    uploaded = upload("a.zip", zipped({"a.png": b"1", "l.csv": b"filename,label\na.png,Full\n"}))
    plan = build_plan([uploaded], LIMITS)
    uploaded.path.unlink()
    assert [(source.name, source.label, source.read()) for source in plan.sources()] == [
        ("a.png", "Full", b"1")
    ]


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_of_many_zips_none_stays_open(upload: Put) -> None:
    uploaded = [
        upload(f"{n}.zip", zipped({f"{n}.png": b"%d" % n, "l.csv": b""})) for n in range(MOST_OPEN + 1)
    ]
    before = _open_files()
    plan = build_plan(uploaded, LIMITS)
    assert _open_files() <= before
    assert [source.read() for source in plan.sources()] == [b"%d" % n for n in range(MOST_OPEN + 1)]
    assert _open_files() <= before
