"""Settings from the environment."""

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
"""How a picture is brought to the square: its whole on a grey ground, stretched, or its middle."""
EMBEDDINGS = ("auto", "backbone", "version", "built-in")


@dataclass(frozen=True)
class Limits:
    """What is taken in at most.

    ``picture_mb``, ``upload_mb`` and ``table_mb`` are megabytes of one picture file, of one uploaded file, and of one CSV or
    JSON file; ``decode_mb`` megabytes of memory for all pictures that one process decodes at once; ``pixels`` is width times
    height; ``zip_entries`` files in one zip; ``zip_ratio`` unpacked to packed size of one file in a zip; ``table_lines`` lines
    of all tables of one import together. ``queued_runs`` are training runs that wait;
    ``sessions`` browser tabs and clients whose place is remembered.
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
    """Who may reach the server.

    Attributes:
        password: The shared password (``WORKBENCH_PASSWORD``); without one there is no login.
        without_login: Whether a server that the network reaches may go without one (``WORKBENCH_OPEN``).
        hosts: Host names it answers to beside its own (``WORKBENCH_ALLOWED_HOSTS``); ``*`` stands for all.
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
    """Everything that a person may set before the start.

    ``import_folders`` are folders of the server that may be imported from (``WORKBENCH_IMPORT_FOLDERS``, written like ``PATH``).
    ``insight`` switches the model's help on or off (``WORKBENCH_INSIGHT``). ``embeddings`` is what makes its embeddings
    (``WORKBENCH_EMBEDDINGS``): ``auto``, ``backbone``, ``version`` (in production) or ``built-in``. ``weights`` is the folder with Keras' files of
    pretrained weights (``WORKBENCH_WEIGHTS``); None stands for ``weights`` in the data folder. ``runs`` is how many training runs go on at once
    (``WORKBENCH_RUNS``), ``memory_mb`` what one may take (``WORKBENCH_MEMORY_MB``); 0 stands for a share of what the machine has.
    ``reserve_mb`` is how much of a disk stays free (``WORKBENCH_RESERVE_MB``); 0 stands for 5 % of it, at most 500 MB. ``webhook``
    is told of every run that ends (``WORKBENCH_WEBHOOK``). ``ray_address`` is a Ray cluster to run on (``WORKBENCH_RAY_ADDRESS``).
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
        """Where Keras' files of pretrained weights are looked for first."""
        return self.weights or self.data / "weights"


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        DomainError: A variable has a value that is not allowed.
    """
    fit = environment.get("WORKBENCH_FIT", Settings.fit)
    if fit not in FITS:
        raise DomainError(f"WORKBENCH_FIT is “{fit}”; it can be {', '.join(FITS)}.")
    weights = environment.get("WORKBENCH_WEIGHTS")
    data = _folder(environment.get("WORKBENCH_DATA") or "data")
    limits = {
        field.name: _number(environment, f"WORKBENCH_MAX_{field.name.upper()}", int(field.default))  # type: ignore[arg-type]
        for field in fields(Limits)
    }
    return Settings(
        data=data,
        host=environment.get("GRADIO_SERVER_NAME") or Settings.host,
        port=_number(environment, "GRADIO_SERVER_PORT", Settings.port, 65535),
        fit=fit,
        insight=_one_of(environment, "WORKBENCH_INSIGHT", ("on", "off")) == "on",
        embeddings=_one_of(environment, "WORKBENCH_EMBEDDINGS", EMBEDDINGS),
        weights=Path(weights).expanduser().resolve() if weights else None,
        runs=_number(environment, "WORKBENCH_RUNS", Settings.runs, 16),
        memory_mb=_number(environment, "WORKBENCH_MEMORY_MB", 0)
        if environment.get("WORKBENCH_MEMORY_MB")
        else 0,
        reserve_mb=_number(environment, "WORKBENCH_RESERVE_MB", 0)
        if environment.get("WORKBENCH_RESERVE_MB")
        else 0,
        webhook=_address(environment.get("WORKBENCH_WEBHOOK", "")),
        ray_address=environment.get("WORKBENCH_RAY_ADDRESS", ""),
        limits=Limits(**limits),
        import_folders=_allowed(environment.get("WORKBENCH_IMPORT_FOLDERS", ""), data),
        access=_access(environment),
    )


def _access(environment: Mapping[str, str]) -> Access:
    space_host = environment.get("SPACE_HOST", "").strip().lower()
    return Access(
        password=_password(environment.get("WORKBENCH_PASSWORD")),
        without_login=_one_of(environment, "WORKBENCH_OPEN", ("0", "1")) == "1",
        hosts=_hosts(environment.get("WORKBENCH_ALLOWED_HOSTS", "")),
        on_space=bool(space_host or environment.get("SPACE_ID")),
        space_host=space_host,
    )


def _password(text: str | None) -> str:
    """The password; a sentence never shows it."""
    if text is None:
        return ""
    if not text or text != text.strip() or not text.isprintable():
        raise DomainError(
            "WORKBENCH_PASSWORD is empty, begins or ends with a space, or has a letter in it that cannot be typed. Give it "
            "another value, or do not set it at all."
        )
    return text


def _hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name != EVERY_HOST and parse_address(name) is None:
            raise DomainError(
                f"WORKBENCH_ALLOWED_HOSTS names “{name[:80]}”; it takes names such as bottles.example.org or "
                "bottles.example.org:8080, separated by commas, without http:// and without paths."
            )
    return names


def _folder(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if not next(each for each in (path, *path.parents) if each.exists()).is_dir():
        raise DomainError(f"WORKBENCH_DATA is “{text}”; it must be a folder, or one that can be made.")
    return path


def _one_of(environment: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed texts, the first where the variable is not set."""
    text = environment.get(name) or allowed[0]
    if text not in allowed:
        raise DomainError(f"{name} is “{text[:40]}”; it can be {', '.join(allowed)}.")
    return text


def _allowed(text: str, data: Path) -> tuple[Path, ...]:
    """The folders of a list such as that of ``PATH``."""
    folders = tuple(Path(part).expanduser().resolve() for part in text.split(os.pathsep) if part)
    for folder in folders:
        if not folder.is_dir():
            raise DomainError(
                f"WORKBENCH_IMPORT_FOLDERS names “{folder}”, which is not a folder. Make it, or leave it out."
            )
        if lies_in(folder, data):
            raise DomainError(
                f"WORKBENCH_IMPORT_FOLDERS names “{folder}”, which belongs to the data folder {data}; Waterline does not "
                "import its own files. Leave it out."
            )
    return folders


def _address(text: str) -> str:
    if text and not _is_address(text):
        raise DomainError(
            f"WORKBENCH_WEBHOOK is “{text[:80]}”; it must be an address that begins with http:// or https://."
        )
    return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _number(environment: Mapping[str, str], name: str, default: int, most: int = 10**15) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
        raise DomainError(f"{name} is “{text[:40]}”; it must be a whole number from 1 to {most}.")
    return int(text)
