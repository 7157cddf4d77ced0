"""Files of pretrained weights: found, downloaded, or refused with a sentence. Imports no TensorFlow: the page asks as well."""

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
from workbench.core.errors import TrainingFailed
from workbench.pretrained.backbones import Backbone

_TIMEOUT_SECONDS = 30
_BLOCK = 256 * 1024
_WAY_OUT = "“From scratch” (architecture compact) trains without such a file."

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class WeightsState:
    """Whether a backbone can be used at once.

    Attributes:
        present: A whole file is there.
        file: Name of the file.
        folder: Where it lies, or where it should be put.
        sha256: Of the file that is there; None where there is none.
        sentence: What a person should know.
    """

    present: bool
    file: str
    folder: Path
    sha256: str | None
    sentence: str

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.folder / self.file


def weights_state(backbone: Backbone, folder: Path) -> WeightsState:
    """Look for the weights of a pretrained backbone, first in a folder, then in Keras' own cache."""
    broken = None
    for place in (folder, keras_cache()):
        path = place / backbone.weights_file
        if not path.is_file():
            continue
        if _whole(path):
            sentence = f"The ImageNet weights of {backbone.label} are here."
            return WeightsState(True, backbone.weights_file, place, _sha256(path), sentence)
        broken = broken or path
    sentence = _damaged(broken) if broken else _missing(backbone, folder)
    return WeightsState(False, backbone.weights_file, folder, None, sentence)


def find_or_download(backbone: Backbone, folder: Path, told: Told) -> WeightsState:
    """The weights of a backbone, downloaded where they are not there yet.

    Args:
        backbone: One with pretrained weights.
        folder: Looked in first, and where a download is kept if it can be written to; else Keras' cache.
        told: Called with bytes that are there and bytes in all while it downloads; what it raises ends the download.

    Raises:
        TrainingFailed: A file is damaged, or it cannot be downloaded; says which file and where to put it.
        DiskFull: There is no room for it.
    """
    state = weights_state(backbone, folder)
    if not state.present and state.path.is_file():
        raise TrainingFailed(state.sentence)
    if not state.present:
        _download(backbone, _writable(folder), told)
        state = weights_state(backbone, folder)
    if not state.present:
        raise TrainingFailed(state.sentence)
    return state


def keras_cache() -> Path:
    """Where Keras keeps the weights that it downloads: ``$KERAS_HOME/models``, else ``~/.keras/models``."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def _download(backbone: Backbone, folder: Path, told: Told) -> None:
    """Download a file so that it appears only when it is whole.

    Raises:
        TrainingFailed: There is no network, or what came is not the file.
        DiskFull: There is no room for it.
    """
    part = folder / f"{backbone.weights_file}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        digest = _fetch(backbone, part, told)
        if backbone.checksum not in ("", digest):
            raise TrainingFailed(
                f"The download of {backbone.weights_file} came damaged; start the run again."
            )
        part.replace(folder / backbone.weights_file)
    except (URLError, OSError) as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise TrainingFailed(_unreachable(backbone, folder)) from error
    finally:
        part.unlink(missing_ok=True)


def _fetch(backbone: Backbone, part: Path, told: Told) -> str:
    digest = hashlib.new("sha256" if len(backbone.checksum) == 64 else "md5", usedforsecurity=False)
    with urllib.request.urlopen(backbone.url, timeout=_TIMEOUT_SECONDS) as answer, part.open("wb") as file:  # noqa: S310
        total = int(answer.headers.get("Content-Length") or backbone.megabytes * 1e6)
        done = 0
        while block := answer.read(_BLOCK):
            file.write(block)
            digest.update(block)
            done += len(block)
            told(done, max(total, done))
    if done < total and answer.headers.get("Content-Length"):
        raise URLError("the connection ended before the file did")
    return digest.hexdigest()


def _writable(folder: Path) -> Path:
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    return folder if os.access(nearest, os.W_OK) else keras_cache()


def _missing(backbone: Backbone, folder: Path) -> str:
    return (
        f"The ImageNet weights of {backbone.label} are not here yet; the first run downloads them ({backbone.megabytes:g} MB). "
        f"Without a network, put the file {backbone.weights_file} into {folder}, or train from scratch."
    )


def _unreachable(backbone: Backbone, folder: Path) -> str:
    return (
        f"The ImageNet weights of {backbone.label} are not here and could not be downloaded. "
        f"Put the file {backbone.weights_file} into {folder} and start the run again. {_WAY_OUT}"
    )


def _damaged(path: Path) -> str:
    return f"The weights file {path} is damaged or cut short. Delete it or put a whole one in its place. {_WAY_OUT}"


def refused(path: Path, backbone: Backbone) -> str:
    """What to say of a whole file whose weights do not fit the net."""
    return (
        f"The file {path} does not hold the weights of {backbone.label} without its top. "
        f"Delete it or put the right one in its place. {_WAY_OUT}"
    )


def _whole(path: Path) -> bool:
    status = path.stat()
    return _opens(path, status.st_size, status.st_mtime_ns)


def _sha256(path: Path) -> str:
    status = path.stat()
    return _hashed(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _opens(path: Path, _size: int, _changed: int) -> bool:
    """Whether HDF5 can read it; it compares the file's size with the one that its header names."""
    import h5py

    try:
        with h5py.File(path):
            return True
    except OSError:
        return False


@functools.lru_cache(maxsize=16)
def _hashed(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
