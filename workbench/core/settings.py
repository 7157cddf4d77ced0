"""Settings, read from environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from storage.core.errors import DomainError
from storage.core.file_identity import lies_in
from workbench.core.addresses import parse_address

MEGABYTE = 1024 * 1024
EVERY_HOST = "*"
FITS = ("letterbox", "squash", "crop")
"""How a picture is fitted to the square input: padded, stretched, or centre-cropped."""
EMBEDDINGS = ("auto", "backbone", "version", "built-in")
NOT_TYPABLE = (
    "WORKBENCH_PASSWORD is empty, begins or ends with a space, or has a letter in it that cannot be typed. Give it "
    "another value, or do not set it at all."
)
NOT_A_FOLDER = "WORKBENCH_IMPORT_FOLDERS names “{folder}”, which is not a folder. Make it, or leave it out."
OWN_FOLDER = (
    "WORKBENCH_IMPORT_FOLDERS names “{folder}”, which belongs to the data folder {data}; Waterline does not "
    "import its own files. Leave it out."
)


@dataclass(frozen=True)
class Limits:
    """Resource limits.

    Attributes:
        picture_mb: Megabytes of one picture file.
        upload_mb: Megabytes of one uploaded file.
        pixels: Width times height of one picture.
        zip_entries: Files in one zip.
        zip_ratio: Compression ratio of one file in a zip.
        table_mb: Megabytes of one CSV or JSON file.
        table_lines: Lines of all tables of one import.
        queued_runs: Queued training runs.
        decode_mb: Megabytes of memory for all pictures that one process decodes at the same time.
        sessions: Browser tabs and clients whose session state is kept.
    """

    picture_mb: int = 50
    upload_mb: int = 4096
    pixels: int = 100_000_000
    zip_entries: int = 100_000
    zip_ratio: int = 200
    table_mb: int = 100
    table_lines: int = 250_000
    queued_runs: int = 50
    decode_mb: int = 1024
    sessions: int = 1000


@dataclass(frozen=True)
class Access:
    """Access control settings.

    Attributes:
        password: The shared password (``WORKBENCH_PASSWORD``); empty for no login.
        without_login: Whether a server reachable from the network may run without a password (``WORKBENCH_OPEN``).
        hosts: Additional allowed host names (``WORKBENCH_ALLOWED_HOSTS``); ``*`` allows all.
        on_space: Whether it runs as a Hugging Face Space (``SPACE_ID`` or ``SPACE_HOST`` is set).
        space_host: The Space's host name (``SPACE_HOST``).
    """

    password: str = field(default="", repr=False)
    without_login: bool = False
    hosts: tuple[str, ...] = ()
    on_space: bool = False
    space_host: str = ""


@dataclass(frozen=True)
class Settings:
    """All settings of the server.

    Attributes:
        data: The data folder (``WORKBENCH_DATA``).
        host: Host name or IP address to bind to (``GRADIO_SERVER_NAME``).
        port: Port to bind to (``GRADIO_SERVER_PORT``).
        fit: How pictures are fitted to the square input (``WORKBENCH_FIT``), one of ``FITS``.
        limits: Resource limits (``WORKBENCH_MAX_*``).
        import_folders: Server folders that may be imported from (``WORKBENCH_IMPORT_FOLDERS``, separated like ``PATH``).
        insight: Whether model-assisted labelling is on (``WORKBENCH_INSIGHT``).
        weights: Folder with pretrained Keras weights (``WORKBENCH_WEIGHTS``); None for ``weights`` in the data folder.
        embeddings: Source of embeddings (``WORKBENCH_EMBEDDINGS``): ``auto``, ``backbone``, ``version`` (in production) or
            ``built-in``.
        runs: Number of parallel training runs (``WORKBENCH_RUNS``).
        memory_mb: Memory limit of one run in megabytes (``WORKBENCH_MEMORY_MB``); 0 for a share of the machine's memory.
        reserve_mb: Disk space to keep free in megabytes (``WORKBENCH_RESERVE_MB``); 0 for 5 % of the disk, at most 500 MB.
        webhook: URL that is called when a run ends (``WORKBENCH_WEBHOOK``).
        ray_address: Address of a Ray cluster (``WORKBENCH_RAY_ADDRESS``).
        access: Access control settings.
    """

    data: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 7860
    fit: str = "letterbox"
    limits: Limits = Limits()
    import_folders: tuple[Path, ...] = ()
    insight: bool = True
    weights: Path | None = None
    embeddings: str = "auto"
    runs: int = 1
    memory_mb: int = 0
    reserve_mb: int = 0
    webhook: str = ""
    ray_address: str = ""
    access: Access = Access()

    @property
    def weights_folder(self) -> Path:
        """The folder that is searched first for pretrained Keras weights."""
        return self.weights or self.data / "weights"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Raises:
        DomainError: A variable has an invalid value.
    """
    fit = environment.get("WORKBENCH_FIT", Settings.fit)
    if fit not in FITS:
        raise DomainError(f"WORKBENCH_FIT is “{fit}”; it can be {', '.join(FITS)}.")
    weights = environment.get("WORKBENCH_WEIGHTS")
    data = _data_folder(environment.get("WORKBENCH_DATA") or "data")
    limits = {
        field.name: _positive_integer(environment, f"WORKBENCH_MAX_{field.name.upper()}", int(field.default))  # type: ignore[arg-type]
        for field in fields(Limits)
    }
    return Settings(
        data=data,
        host=environment.get("GRADIO_SERVER_NAME") or Settings.host,
        port=_positive_integer(environment, "GRADIO_SERVER_PORT", Settings.port, 65535),
        fit=fit,
        insight=_choice(environment, "WORKBENCH_INSIGHT", ("on", "off")) == "on",
        embeddings=_choice(environment, "WORKBENCH_EMBEDDINGS", EMBEDDINGS),
        weights=Path(weights).expanduser().resolve() if weights else None,
        runs=_positive_integer(environment, "WORKBENCH_RUNS", Settings.runs, 16),
        memory_mb=_positive_integer(environment, "WORKBENCH_MEMORY_MB", 0)
        if environment.get("WORKBENCH_MEMORY_MB")
        else 0,
        reserve_mb=_positive_integer(environment, "WORKBENCH_RESERVE_MB", 0)
        if environment.get("WORKBENCH_RESERVE_MB")
        else 0,
        webhook=_webhook_url(environment.get("WORKBENCH_WEBHOOK", "")),
        ray_address=environment.get("WORKBENCH_RAY_ADDRESS", ""),
        limits=Limits(**limits),
        import_folders=_import_folders(environment.get("WORKBENCH_IMPORT_FOLDERS", ""), data),
        access=_access(environment),
    )


def _access(environment: Mapping[str, str]) -> Access:
    space_host = environment.get("SPACE_HOST", "").strip().lower()
    return Access(
        password=_password(environment.get("WORKBENCH_PASSWORD")),
        without_login=_choice(environment, "WORKBENCH_OPEN", ("0", "1")) == "1",
        hosts=_allowed_hosts(environment.get("WORKBENCH_ALLOWED_HOSTS", "")),
        on_space=bool(space_host or environment.get("SPACE_ID")),
        space_host=space_host,
    )


def _password(text: str | None) -> str:
    """The validated password; error messages never contain it."""
    if text is None:
        return ""
    if not text or text != text.strip() or not text.isprintable():
        raise DomainError(NOT_TYPABLE)
    return text


def _allowed_hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name != EVERY_HOST and parse_address(name) is None:
            raise DomainError(
                f"WORKBENCH_ALLOWED_HOSTS names “{name[:80]}”; it takes names such as bottles.example.org or "
                "bottles.example.org:8080, separated by commas, without http:// and without paths."
            )
    return names


def _data_folder(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if not next(ancestor for ancestor in (path, *path.parents) if ancestor.exists()).is_dir():
        raise DomainError(f"WORKBENCH_DATA is “{text}”; it must be a folder, or one that can be made.")
    return path


def _choice(environment: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """The value of a variable that has a fixed set of values; the first one is the default."""
    text = environment.get(name) or allowed[0]
    if text not in allowed:
        raise DomainError(f"{name} is “{text[:40]}”; it can be {', '.join(allowed)}.")
    return text


def _import_folders(text: str, data: Path) -> tuple[Path, ...]:
    """The folders of a list separated like ``PATH``."""
    folders = tuple(Path(part).expanduser().resolve() for part in text.split(os.pathsep) if part)
    for folder in folders:
        if not folder.is_dir():
            raise DomainError(NOT_A_FOLDER.format(folder=folder))
        if lies_in(folder, data):
            raise DomainError(OWN_FOLDER.format(folder=folder, data=data))
    return folders


def _webhook_url(text: str) -> str:
    if text and not _is_http_url(text):
        raise DomainError(
            f"WORKBENCH_WEBHOOK is “{text[:80]}”; it must be an address that begins with http:// or https://."
        )
    return text


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _positive_integer(environment: Mapping[str, str], name: str, default: int, maximum: int = 10**15) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= maximum):
        raise DomainError(f"{name} is “{text[:40]}”; it must be a whole number from 1 to {maximum}.")
    return int(text)
