"""Files of pretrained weights: search, download and validation. Imports no TensorFlow, since the UI uses it."""

from __future__ import annotations

import functools
import hashlib
import os
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from storage.core.errors import DiskFull, is_disk_full
from workbench.backbones.definitions import Backbone
from workbench.core.errors import TrainingFailed

_TIMEOUT_SECONDS = 30
_BLOCK_BYTES = 256 * 1024
DOWNLOAD_DAMAGED = "The download of {file} came damaged; start the run again."
_SCRATCH_HINT = "“From scratch” (architecture compact) trains without such a file."

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class WeightsState:
    """Availability of a backbone's pretrained weights.

    Attributes:
        present: Whether an intact file exists.
        file: Name of the file.
        folder: Folder that contains it, or should contain it.
        sha256: Hash of the file; None if it does not exist.
        sentence: Status sentence for the user.
    """

    present: bool
    file: str
    folder: Path
    sha256: str | None
    sentence: str

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.folder / self.file


def weights_state(backbone: Backbone, folder: Path) -> WeightsState:
    """Search for the weights of a pretrained backbone, first in a folder, then in Keras' own cache."""
    damaged = None
    for candidate in (folder, keras_cache()):
        path = candidate / backbone.weights_file
        if not path.is_file():
            continue
        if _is_intact(path):
            sentence = f"The ImageNet weights of {backbone.label} are here."
            return WeightsState(True, backbone.weights_file, candidate, _sha256(path), sentence)
        damaged = damaged or path
    sentence = damaged_message(damaged) if damaged else _missing_message(backbone, folder)
    return WeightsState(False, backbone.weights_file, folder, None, sentence)


def find_or_download(backbone: Backbone, folder: Path, on_progress: ProgressCallback) -> WeightsState:
    """Find the weights of a backbone; download them if they are missing.

    Args:
        backbone: One with pretrained weights.
        folder: Searched first; downloads go there if it is writable, else to Keras' cache.
        on_progress: Called with the number of downloaded bytes and the total; an exception it raises ends the download.

    Raises:
        TrainingFailed: A file is damaged, or it cannot be downloaded; the message names the file and the folder.
        DiskFull: There is not enough disk space.
    """
    state = weights_state(backbone, folder)
    if not state.present and state.path.is_file():
        raise TrainingFailed(state.sentence)
    if not state.present:
        _download(backbone, _writable(folder), on_progress)
        state = weights_state(backbone, folder)
    if not state.present:
        raise TrainingFailed(state.sentence)
    return state


def keras_cache() -> Path:
    """Keras' cache folder of downloaded weights: ``$KERAS_HOME/models``, else ``~/.keras/models``."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def _download(backbone: Backbone, folder: Path, on_progress: ProgressCallback) -> None:
    """Download a file to a temporary name and rename it when it is complete.

    Raises:
        TrainingFailed: The download failed, or the checksum does not match.
        DiskFull: There is not enough disk space.
    """
    part = folder / f"{backbone.weights_file}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        digest = _download_to(backbone, part, on_progress)
        if backbone.checksum not in ("", digest):
            raise TrainingFailed(DOWNLOAD_DAMAGED.format(file=backbone.weights_file))
        part.replace(folder / backbone.weights_file)
    except (URLError, OSError) as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise TrainingFailed(unreachable_message(backbone, folder)) from error
    finally:
        part.unlink(missing_ok=True)


def _download_to(backbone: Backbone, part: Path, on_progress: ProgressCallback) -> str:
    digest = hashlib.new("sha256" if len(backbone.checksum) == 64 else "md5", usedforsecurity=False)
    with urllib.request.urlopen(backbone.url, timeout=_TIMEOUT_SECONDS) as response, part.open("wb") as file:  # noqa: S310
        total = int(response.headers.get("Content-Length") or backbone.megabytes * 1e6)
        downloaded = 0
        while block := response.read(_BLOCK_BYTES):
            file.write(block)
            digest.update(block)
            downloaded += len(block)
            on_progress(downloaded, max(total, downloaded))
    if downloaded < total and response.headers.get("Content-Length"):
        raise URLError("the connection ended before the file did")
    return digest.hexdigest()


def _writable(folder: Path) -> Path:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return folder if os.access(existing, os.W_OK) else keras_cache()


def _missing_message(backbone: Backbone, folder: Path) -> str:
    return (
        f"The ImageNet weights of {backbone.label} are not here yet; the first run downloads them ({backbone.megabytes:g} MB). "
        f"Without a network, put the file {backbone.weights_file} into {folder}, or train from scratch."
    )


def unreachable_message(backbone: Backbone, folder: Path) -> str:
    """Error message for weights that are missing and could not be downloaded into a folder."""
    return (
        f"The ImageNet weights of {backbone.label} are not here and could not be downloaded. "
        f"Put the file {backbone.weights_file} into {folder} and start the run again. {_SCRATCH_HINT}"
    )


def damaged_message(path: Path) -> str:
    """Error message for a file that is not intact."""
    return f"The weights file {path} is damaged or cut short. Delete it or put a whole one in its place. {_SCRATCH_HINT}"


def wrong_weights_message(path: Path, backbone: Backbone) -> str:
    """Error message for an intact file whose weights belong to another net."""
    return (
        f"The file {path} does not hold the weights of {backbone.label} without its top. "
        f"Delete it or put the right one in its place. {_SCRATCH_HINT}"
    )


def _is_intact(path: Path) -> bool:
    status = path.stat()
    return _hdf5_opens(path, status.st_size, status.st_mtime_ns)


def _sha256(path: Path) -> str:
    status = path.stat()
    return _cached_sha256(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _hdf5_opens(path: Path, _size: int, _changed: int) -> bool:
    """Whether HDF5 can open the file, which includes a check of its size; cached by path, size and modification time."""
    import h5py

    try:
        with h5py.File(path):
            return True
    except OSError:
        return False


@functools.lru_cache(maxsize=16)
def _cached_sha256(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
