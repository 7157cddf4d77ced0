"""Files of the page and the endpoints: uploads, and files for download."""

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
from workbench.core.settings import Limits
from workbench.core.upload_folder import mark_answered, mark_used, remove_upload
from workbench.importing.service import ImportService, NewImport
from workbench.importing.uploads import Upload, read_file

NOT_UPLOADED = (
    "A file must be uploaded first (in Python: gradio_client.handle_file), not named by a path or address."
)
NOT_SERVED = "There is no such file, or it may not be read here."
# Gradio stores an upload in a folder named by a seeded SHA-256 of its bytes; files for download are in randomly named ones.
_UPLOAD_FOLDER = re.compile(r"[0-9a-f]{64}")
_SERVED_FOLDER = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}")
_MAX_PATH_LENGTH = 4096
# Types that are shown inline. All others are sent as attachments, so that no browser executes them in our origin.
_INLINE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"})
_HEADERS = {"Cache-Control": "private"}


def uploaded_file(path: Any) -> Path | None:
    """The uploaded file at a path; None for any other path, which is not opened.

    The folder name acts as a capability: only the uploader was told it. Files made by the server (exports, reports) and
    unfinished uploads are in other folders.
    """
    return _find_file(path, _UPLOAD_FOLDER)


def uploads(files: Any) -> list[Upload]:
    """Parse a list of uploaded files.

    Raises:
        DomainError: It is not a list of uploaded files.
    """
    if not isinstance(files, Sequence) or isinstance(files, str | bytes):
        raise DomainError("files must be a list of uploaded files.")
    return [upload(file) for file in files]


def upload(file: Any) -> Upload:
    """Parse one uploaded file.

    Raises:
        DomainError: It is not an uploaded file.
    """
    path = uploaded_file(file.get("path") if isinstance(file, dict) else file)
    if path is None:
        raise DomainError(NOT_UPLOADED)
    mark_used(path)
    name = file.get("orig_name") if isinstance(file, dict) else None
    return Upload(path, str(name or path.name))


def read_upload(file: Any, limits: Limits, reused: bool = False) -> bytes:
    """Read one uploaded picture, which is then kept for some more minutes.

    Args:
        file: The uploaded file.
        limits: Limits its size.
        reused: Whether it is kept as long as before instead, since the page shows it and may send it again.

    Raises:
        DomainError: It is not an uploaded file.
        RejectedPicture: It exceeds the size limit, or cannot be read.
    """
    uploaded = upload(file)
    try:
        return read_file(uploaded.path, limits)
    finally:
        if not reused:
            mark_answered(uploaded.path)


@contextmanager
def using_uploads(uploaded: Sequence[Upload]) -> Iterator[None]:
    """Mark uploads as processed when the block ends; they are kept for some more minutes."""
    try:
        yield
    finally:
        for file in uploaded:
            mark_answered(file.path)


def begin_import(imports: ImportService, new_import: NewImport) -> int:
    """Queue an import of uploads, which takes over their files.

    Returns:
        The id of the import.

    Raises:
        DomainError: See :meth:`workbench.importing.service.ImportService.start`; the uploads are kept.
    """
    import_id = imports.start(new_import)
    for file in new_import.uploads:
        remove_upload(file.path)
    return import_id


def served_file(path: str) -> FileResponse:
    """The response with an upload or a file for download; knowing the path is the permission.

    Raises:
        HTTPException: The path is neither.
    """
    file = _find_file(path, _SERVED_FOLDER)
    if file is None:
        raise HTTPException(403, NOT_SERVED)
    media_type = mimetypes.guess_type(file.name)[0]
    if media_type in _INLINE_TYPES:
        return FileResponse(file, media_type=media_type, headers=_HEADERS)
    return FileResponse(file, media_type="application/octet-stream", filename=file.name, headers=_HEADERS)


def to_file_data(data: bytes, name: str) -> FileData:
    """Write a file and return it for download.

    Raises:
        DiskFull: The disk is full.
    """
    path = _new_folder() / name
    try:
        path.write_bytes(data)
    except OSError as error:
        _discard(path.parent, error)
    return _file_data(path)


def to_named_file_data(path: Path) -> FileData:
    """An existing export for download, without a copy."""
    return _file_data(path)


def _find_file(path: Any, folders: re.Pattern[str]) -> Path | None:
    """The regular file at ``<upload folder>/<folder>/<name>``; no other path is looked up in the file system."""
    if not isinstance(path, str) or not 0 < len(path) <= _MAX_PATH_LENGTH or "\0" in path:
        return None
    file, root = Path(path).absolute(), Path(get_upload_folder()).absolute()
    if file.name == ".." or file.parent.parent != root or not folders.fullmatch(file.parent.name):
        return None
    try:
        # Symbolic links are not followed: they could point outside the folder.
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
