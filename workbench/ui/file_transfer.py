"""Files across the page and the endpoints: what was uploaded, and what is handed out."""

from __future__ import annotations

import mimetypes
import re
import shutil
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from fastapi.responses import FileResponse
from gradio import FileData
from gradio.utils import get_upload_folder

from storage.core.errors import DiskFull, DomainError, is_disk_full
from workbench.core.upload_folder import answered, forget, used
from workbench.importing.service import ImportService, NewImport
from workbench.importing.uploads import Upload

NOT_UPLOADED = (
    "A file must be uploaded first (in Python: gradio_client.handle_file), not named by a path or address."
)
NOT_SERVED = "There is no such file, or it may not be read here."
# Gradio keeps an upload in a folder named by a seeded SHA-256 of its bytes; what we hand out lies in one named at random.
_UPLOAD_FOLDER = re.compile(r"[0-9a-f]{64}")
_SERVED_FOLDER = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}")
_MAX_PATH_LENGTH = 4096
# Whatever a browser could run as part of our page is only ever downloaded.
_INLINE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"})
_HEADERS = {"Cache-Control": "private"}


def uploaded_file(path: Any) -> Path | None:
    """The file that an upload made at a path; None for anything else, which is not opened.

    The name of its folder is what entitles to an upload: only who uploaded it was told that name. What the server made
    (exports, reports) and the parts of uploads under way lie elsewhere.
    """
    return _find_file(path, _UPLOAD_FOLDER)


def uploads(files: Any) -> list[Upload]:
    """The uploaded files among what a caller sent.

    Raises:
        DomainError: It is not a list of uploaded files.
    """
    if not isinstance(files, Sequence) or isinstance(files, str | bytes):
        raise DomainError("files must be a list of uploaded files.")
    return [upload(file) for file in files]


def upload(file: Any) -> Upload:
    """One uploaded file.

    Raises:
        DomainError: It is not an uploaded file.
    """
    path = uploaded_file(file.get("path") if isinstance(file, dict) else file)
    if path is None:
        raise DomainError(NOT_UPLOADED)
    used(path)
    name = file.get("orig_name") if isinstance(file, dict) else None
    return Upload(path, str(name or path.name))


@contextmanager
def answering(uploaded: Sequence[Upload]) -> Iterator[None]:
    """Answer a call with uploads, which are kept for some minutes more then."""
    try:
        yield
    finally:
        for file in uploaded:
            answered(file.path)


def begin_import(imports: ImportService, new_import: NewImport) -> int:
    """Queue an import of uploads, which belong to it from then on: they are no longer among the uploads.

    Returns:
        Its id.

    Raises:
        DomainError: As :meth:`workbench.importing.service.ImportService.start`; the uploads stay then.
    """
    import_id = imports.start(new_import)
    for file in new_import.uploads:
        forget(file.path)
    return import_id


def served_file(path: str) -> FileResponse:
    """An upload, or a file that was handed out, for whoever knows its path.

    Raises:
        HTTPException: It is neither.
    """
    file = _find_file(path, _SERVED_FOLDER)
    if file is None:
        raise HTTPException(403, NOT_SERVED)
    media_type = mimetypes.guess_type(file.name)[0]
    if media_type in _INLINE_TYPES:
        return FileResponse(file, media_type=media_type, headers=_HEADERS)
    return FileResponse(file, media_type="application/octet-stream", filename=file.name, headers=_HEADERS)


def to_file_data(data: bytes, name: str) -> FileData:
    """A file for the caller to download.

    Raises:
        DiskFull: There is no room for it.
    """
    path = _new_folder() / name
    try:
        path.write_bytes(data)
    except OSError as error:
        _discard(path.parent, error)
    return _file_data(path)


def to_named_file_data(path: Path) -> FileData:
    """An export for the caller to download from where it is kept."""
    return _file_data(path)


def _find_file(path: Any, folders: re.Pattern[str]) -> Path | None:
    """The regular file at ``<upload folder>/<folder>/<name>``; the file system is asked about no other path."""
    if not isinstance(path, str) or not 0 < len(path) <= _MAX_PATH_LENGTH or "\0" in path:
        return None
    file, root = Path(path).absolute(), Path(get_upload_folder()).absolute()
    if file.name == ".." or file.parent.parent != root or not folders.fullmatch(file.parent.name):
        return None
    try:
        # Not followed: a link would lead out of the folder.
        regular = stat.S_ISREG(file.lstat().st_mode) and stat.S_ISDIR(file.parent.lstat().st_mode)
    except (OSError, ValueError):
        return None
    return file if regular else None


def _new_folder() -> Path:
    folder = Path(get_upload_folder()) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def _discard(folder: Path, error: OSError) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if is_disk_full(error):
        raise DiskFull from error
    raise error


def _file_data(path: Path) -> FileData:
    return {  # type: ignore[return-value]
        "path": str(path), "orig_name": path.name, "size": path.stat().st_size, "meta": {"_type": "gradio.FileData"},
    }  # fmt: skip
