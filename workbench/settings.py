"""Settings from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from storage.errors import DomainError
from storage.identity import lies_in
from workbench.pictures import FITS

MEGABYTE = 1024 * 1024
EMBEDDINGS = ("auto", "backbone", "version", "built-in")


@dataclass(frozen=True)
class Limits:
    """What is taken in at most.

    ``picture_mb``, ``upload_mb`` and ``table_mb`` are megabytes of one picture file, of one uploaded file, and of one CSV or
    JSON file; ``pixels`` is width times height; ``zip_entries`` files in one zip; ``zip_ratio`` unpacked to packed size of
    one file in a zip.
    """

    picture_mb: int = 50
    upload_mb: int = 4096
    pixels: int = 100_000_000
    zip_entries: int = 100_000
    zip_ratio: int = 200
    table_mb: int = 100


@dataclass(frozen=True)
class Settings:
    """Everything that a person may set before the start.

    ``import_folders`` are folders of the server that may be imported from (``WORKBENCH_IMPORT_FOLDERS``, written like ``PATH``).
    ``insight`` switches the model's help on or off (``WORKBENCH_INSIGHT``). ``embeddings`` is what makes its embeddings
    (``WORKBENCH_EMBEDDINGS``): ``auto``, ``backbone``, ``version`` (in production) or ``built-in``. ``weights`` is the folder with Keras' files of
    pretrained weights (``WORKBENCH_WEIGHTS``); None stands for ``weights`` in the data folder. ``runs`` is how many training runs go on at once
    (``WORKBENCH_RUNS``), ``memory_mb`` what one may take (``WORKBENCH_MEMORY_MB``); 0 stands for a share of what the machine has. ``webhook``
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
    webhook: str = ""
    ray_address: str = ""

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
        webhook=_address(environment.get("WORKBENCH_WEBHOOK", "")),
        ray_address=environment.get("WORKBENCH_RAY_ADDRESS", ""),
        limits=Limits(**limits),
        import_folders=_allowed(environment.get("WORKBENCH_IMPORT_FOLDERS", ""), data),
    )


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
    folders = tuple(Path(each).expanduser().resolve() for each in text.split(os.pathsep) if each)
    for each in folders:
        if not each.is_dir():
            raise DomainError(
                f"WORKBENCH_IMPORT_FOLDERS names “{each}”, which is not a folder. Make it, or leave it out."
            )
        if lies_in(each, data):
            raise DomainError(
                f"WORKBENCH_IMPORT_FOLDERS names “{each}”, which belongs to the data folder {data}; Waterline does not "
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
