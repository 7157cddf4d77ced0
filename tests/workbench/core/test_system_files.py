"""What systems and tools leave beside a person's files is passed over, wherever the files come from."""

from pathlib import Path

from tests.pictures import picture, write_zip
from workbench.core.settings import Settings
from workbench.importing.service import NewImport
from workbench.importing.uploads import Upload
from workbench.services import Services, build_services

MINE = {"Full/a.jpg": "Full", "Half/b.jpg": "Half", "trash/c.jpg": "trash", "thumbs/d.jpg": "thumbs"}
LEFT = [
    "Full/.ipynb_checkpoints/a-checkpoint.jpg",
    ".Trash-1000/files/e.jpg",
    ".hidden.jpg",
    "Full/._a.jpg",
    "__MACOSX/Full/a.jpg",
    "Full/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
    "#recycle/f.jpg",
    "$RECYCLE.BIN/g.jpg",
    "Half/_thumbs/b.jpg",
    "lost+found/h.jpg",
    "Full/Thumbs.db",
    "Full/a.jpg:Zone.Identifier",
]


def taken_in(services: Services, wanted: NewImport) -> dict[str, str]:
    """The class of each file of an import that took in all of them."""
    ended = services.imports.wait(services.imports.start(wanted))
    assert (ended.status, ended.rejected, ended.done) == ("finished", [], ended.total)
    return {outcome.file: outcome.label for outcome in services.imports.every_file(ended.id)}


def test_zips_and_folders_of_the_server_are_read_alike(tmp_path: Path) -> None:
    files = {name: picture(number) for number, name in enumerate([*MINE, *LEFT])}
    shared = (tmp_path / "shared").resolve()
    for name, data in files.items():
        path = shared / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    services = build_services(Settings(data=tmp_path / "one", import_folders=(shared,)))
    assert taken_in(services, NewImport(folder="set")) == MINE
    services = build_services(Settings(data=tmp_path / "two"))
    zipped = Upload(write_zip(tmp_path / "set.zip", files), "set.zip")
    assert taken_in(services, NewImport([zipped])) == MINE
