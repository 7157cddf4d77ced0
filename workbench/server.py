"""The FastAPI application: health check, image and download routes, and the Gradio page mounted at the root."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import gradio as gr
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.responses import FileResponse, JSONResponse
from starlette.middleware import Middleware

from storage.core.disk_space import DiskSpace
from storage.core.errors import DomainError
from workbench.charts.plotly_asset import ADDRESS, packed_library
from workbench.core.errors import Overloaded
from workbench.core.settings import MEGABYTE
from workbench.core.upload_folder import UploadFolder
from workbench.imaging.memory_budget import PATIENCE
from workbench.services import Services
from workbench.ui.call_validation import check_server_call
from workbench.ui.components.assets import PREFIX, module_source, preload_links
from workbench.ui.error_responses import HANDLERS, ErrorSentences, RouteAllowlist
from workbench.ui.file_transfer import served_file
from workbench.ui.page import build_page
from workbench.ui.tab_sessions import limit_sessions
from workbench.ui.upload_route import upload_route
from workbench.web.access_middleware import AccessMiddleware
from workbench.web.body_limits import BodyLimit

STYLES = sorted((Path(__file__).parent / "ui/static").rglob("*.css"), key=lambda path: path.name)
UPLOADS = "gradio-uploads"
CACHE_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]


def build_app(services: Services) -> AccessMiddleware:
    """Build the ASGI application; the services start and stop with its lifespan."""
    # Set before the page is built, since Gradio reads them then: no analytics requests, and a separate upload folder per app.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    uploads = _upload_folder(services)
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.folder)
    # By default Gradio keeps analytics of 10,000 calls and recomputes them after each call.
    os.environ.update(GRADIO_ANALYTICS_MAX_EVENTS="1", GRADIO_ANALYTICS_CACHE_FREQUENCY=str(10**12))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services.start()
        uploads.start()
        yield
        uploads.close()
        services.close()

    app = FastAPI(
        title="Waterline", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None,
        exception_handlers=HANDLERS, middleware=[Middleware(ErrorSentences), Middleware(BodyLimit)],
    )  # fmt: skip

    @app.get("/healthz")
    def healthz() -> Response:
        problem = services.problem()
        if problem:
            return JSONResponse({"status": "failing", "problem": problem}, 503)
        return JSONResponse({"status": "ok"})

    @app.get("/media/{sha256}/{size}.jpg")
    def media(sha256: str, size: str) -> Response:
        return _media_response(services, sha256, size)

    @app.get(ADDRESS)
    def charts() -> Response:
        headers = {"Content-Encoding": "gzip", **CACHE_FOREVER}
        return Response(packed_library(), media_type="text/javascript", headers=headers)

    app.get(PREFIX + "/{version}/{name:path}")(_script)

    @app.get("/imports/{import_id}.csv")
    def report(import_id: int) -> Response:
        return _report_response(services, import_id)

    @app.get("/exports/{name}")
    def export(name: str) -> Response:
        return _export_response(services, name)

    @app.api_route("/gradio_api/file={path:path}", methods=["GET", "HEAD"])
    def file(path: str) -> Response:
        # Registered before Gradio's own route, which also serves other files and fetches URLs.
        if services.exports.holds(path):
            return _export_response(services, Path(path).name)
        return served_file(path)

    upload = upload_route(uploads, services.settings.limits.upload_mb)
    app.post("/gradio_api/upload", response_model=None)(upload)
    # Gradio then returns the path of an export without copying it; access is checked by the route above.
    gr.set_static_paths([services.exports.folder])
    return AccessMiddleware(_mount_page(app, services), services.settings, services.stores.preferences)


def _upload_folder(services: Services) -> UploadFolder:
    default_folder = services.settings.data / UPLOADS
    # Remove leftovers of an earlier server. A folder given by GRADIO_TEMP_DIR may be shared: there only old files are removed.
    shutil.rmtree(default_folder, ignore_errors=True)
    folder = Path(os.environ.get("GRADIO_TEMP_DIR") or default_folder).resolve()
    return UploadFolder(
        folder, DiskSpace(folder, services.settings.reserve_mb * MEGABYTE, "the folder of uploads")
    )


def _export_response(services: Services, name: str) -> Response:
    try:
        return FileResponse(services.exports.file(name), filename=name)
    except DomainError as error:
        raise HTTPException(404, str(error)) from error


def _report_response(services: Services, import_id: int) -> Response:
    try:
        text = services.imports.report_csv(import_id)
    except DomainError as error:
        raise HTTPException(404, str(error)) from error
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id}.csv"'}
    # UTF-8 with a byte order mark, so that spreadsheet programs detect the encoding.
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _script(version: str, name: str) -> Response:
    try:
        return Response(module_source(version, name), media_type="text/javascript", headers=CACHE_FOREVER)
    except DomainError as error:
        raise HTTPException(404, str(error)) from error


def _media_response(services: Services, sha256: str, size: str) -> Response:
    sizes = {"thumbnail": services.stores.derivatives.thumbnail, "stage": services.stores.derivatives.stage}
    if size not in sizes:
        raise HTTPException(404, "The sizes are thumbnail and stage.")
    try:
        return Response(sizes[size](sha256, PATIENCE), media_type="image/jpeg", headers=CACHE_FOREVER)
    except Overloaded as error:
        raise HTTPException(503, str(error), {"Retry-After": "5"}) from error
    except DomainError as error:
        raise HTTPException(404, str(error)) from error


def _mount_page(app: FastAPI, services: Services) -> FastAPI:
    theme = gr.themes.Default(
        primary_hue="blue", font=FONTS, font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"]
    )
    page = build_page(services)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=services.settings.host,
        server_port=services.settings.port,
        show_error=False,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        # Gradio's file route, which these paths are meant for, is replaced; here they only allow names that begin with a dot.
        allowed_paths=[os.environ["GRADIO_TEMP_DIR"]],
        app_kwargs={
            "exception_handlers": HANDLERS,
            "middleware": [Middleware(ErrorSentences), Middleware(RouteAllowlist)],
            "dependencies": [Depends(check_server_call)],
        },
        max_file_size=services.settings.limits.upload_mb * MEGABYTE,
        footer_links=["api"],
        theme=theme,
        css_paths=STYLES,
        head=preload_links(),
    )
    limit_sessions(page, app.router.routes[-1].app, services.settings.limits.sessions)  # type: ignore[attr-defined]
    return app
