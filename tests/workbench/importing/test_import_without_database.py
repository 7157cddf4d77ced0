"""An import whose database is taken away while it runs."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.pictures import picture
from tests.running import until
from workbench.importing.service import NewImport
from workbench.importing.uploads import Upload
from workbench.services import Services


def test_it_ends_with_a_sentence_and_keeps_its_files_for_the_next_start(
    services: Services, upload: Callable[[str, bytes], Upload], tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for seed in range(300):
            archive.writestr(f"Full/{seed}.jpg", picture(seed))
    zip_upload = upload("all.zip", (tmp_path / "all.zip").read_bytes())
    import_id = services.imports.start(NewImport([zip_upload]))
    until(lambda: services.imports.state(import_id).done, "the first pictures")
    (services.settings.data / "waterline.db-wal").unlink()

    ended = services.imports.wait(import_id)
    assert (ended.status, ended.total) == ("failed", 300)
    assert "The database was replaced or removed while Waterline was running" in ended.error
    staged = [
        path.name for place in (services.settings.data / "staging").iterdir() for path in place.iterdir()
    ]
    assert sorted(staged) == ["0", "listing.json"], "what the next start reads"
