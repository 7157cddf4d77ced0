"""The upload route, in place of Gradio's: aborted uploads leave no files, and a disk reserve is kept free."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from gradio.route_utils import MultiPartException, upload_fn
from gradio.routes import file_upload_statuses
from starlette.requests import ClientDisconnect

from storage.core.errors import DiskFull, is_disk_full
from workbench.core.settings import MEGABYTE
from workbench.core.upload_folder import UploadFolder

CHECK_BYTES = 4 * MEGABYTE
TOO_LARGE = "A file is larger than uploads may be here ({most:,} MB). Send a smaller one, or several."
MALFORMED = (
    "This upload is not understood ({why}). Send files as multipart/form-data, in a field named “files”."
)
FULL, LARGE, WRONG = 507, 413, 400


def upload_route(uploads: UploadFolder, most_mb: int) -> Callable[..., Awaitable[Response]]:
    """Build the route's handler.

    Args:
        uploads: The folder of uploads.
        most_mb: The maximum size of a file, in megabytes.
    """

    async def upload(request: Request, upload_id: str | None = None) -> Response:
        try:
            uploads.require(_announced_size(request))
            paths = await _receive(
                _DiskCheckedRequest(request, uploads), uploads, most_mb * MEGABYTE, upload_id
            )
        except DiskFull as error:
            return _refusal(FULL, str(error), upload_id)
        except OSError as error:
            if not is_disk_full(error):
                raise
            return _refusal(FULL, str(DiskFull()), upload_id)
        except MultiPartException as error:
            if "maximum allowed size" in error.message:
                return _refusal(LARGE, TOO_LARGE.format(most=most_mb), upload_id)
            return _refusal(WRONG, MALFORMED.format(why=error.message.rstrip(".")), upload_id)
        except ClientDisconnect:
            file_upload_statuses.stop_tracking(upload_id or "")
            return Response(status_code=WRONG)
        return JSONResponse([str(path) for path in paths])

    return upload


class _DiskCheckedRequest(Request):
    """A request that checks the free disk space while its body is read."""

    def __init__(self, request: Request, uploads: UploadFolder) -> None:
        super().__init__(request.scope, request.receive)
        self._uploads = uploads

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body in chunks.

        Raises:
            DiskFull: The disk reserve is reached.
            ClientDisconnect: The client disconnected.
        """
        unchecked = 0
        async for piece in super().stream():
            unchecked += len(piece)
            if unchecked >= CHECK_BYTES:
                self._uploads.require(unchecked)
                unchecked = 0
            yield piece


async def _receive(
    request: Request, uploads: UploadFolder, max_bytes: int, upload_id: str | None
) -> list[Path]:
    with uploads.arriving() as folder:
        progress = file_upload_statuses if upload_id else None
        paths, _, _ = await upload_fn(request, folder, max_bytes, upload_id, upload_progress=progress)
        return [uploads.arrived(Path(path)) for path in paths]


def _announced_size(request: Request) -> int:
    size = request.headers.get("content-length", "")
    return int(size) if size.isascii() and size.isdigit() and len(size) < 20 else 0


def _refusal(status: int, message: str, upload_id: str | None) -> Response:
    if upload_id:
        file_upload_statuses.set_done(upload_id)
    # Plain text: the page shows the body unchanged.
    return PlainTextResponse(message, status)
