"""Files across the public endpoints: what came in through an upload, and what is handed out."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradio import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from storage.errors import DiskFull, DomainError, is_disk_full
from workbench.archives import Upload
from workbench.staging import link_or_copy

NOT_UPLOADED = (
    "A file must be uploaded first (in Python: gradio_client.handle_file), not named by a path or address."
)


def uploads(files: Any) -> list[Upload]:
    """The uploaded files among what a caller sent.

    Gradio hands an endpoint whatever path the caller wrote, so each one must lie in Gradio's own upload folder.

    Raises:
        DomainError: It is not a list of uploaded files.
    """
    if not isinstance(files, Sequence) or isinstance(files, str | bytes):
        raise DomainError("files must be a list of uploaded files.")
    return [upload(each) for each in files]


def upload(file: Any) -> Upload:
    """One uploaded file.

    Raises:
        DomainError: It is not an uploaded file.
    """
    given = file.get("path") if isinstance(file, dict) else file
    if not isinstance(given, str) or not given or "\0" in given:
        raise DomainError(NOT_UPLOADED)
    path = Path(given).resolve()
    if not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
        raise DomainError(NOT_UPLOADED)
    name = file.get("orig_name") if isinstance(file, dict) else None
    return Upload(path, str(name or path.name))


def handed_out(data: bytes, name: str) -> FileData:
    """A file for the caller to download."""
    path = save_bytes_to_cache(data, name, cache_dir=get_upload_folder())
    return {"path": path, "orig_name": name, "size": len(data), "meta": {"_type": "gradio.FileData"}}  # type: ignore[typeddict-item]


def linked_out(path: Path) -> FileData:
    """A large file for the caller to download: a second name for it where that can be, else a copy.

    Raises:
        DiskFull: There is no room for a copy.
    """
    place = Path(get_upload_folder()) / uuid.uuid4().hex
    place.mkdir(parents=True)
    try:
        link_or_copy(path, place / path.name)
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        if is_disk_full(error):
            raise DiskFull from error
        raise
    size = path.stat().st_size
    return {  # type: ignore[typeddict-item]
        "path": str(place / path.name), "orig_name": path.name, "size": size, "meta": {"_type": "gradio.FileData"},
    }  # fmt: skip
