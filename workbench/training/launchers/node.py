"""What a node of a cluster does: trains as any worker does, and hands everything back. Imports TensorFlow in functions alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from storage.errors import DomainError, is_disk_full
from workbench.training.dataset import MANIFEST, PIXELS, Dataset
from workbench.training.launchers.desk import Files, News, Relay, apply, whole
from workbench.training.reports import Workplace
from workbench.training.spec import TrainingSpec

if TYPE_CHECKING:
    from workbench.training.train import Artefacts

FULL = "The disk of the node that trained is full. Free some space there and start the run again."
FEATURES = Path("~/.cache/waterline/features")


class DeskHandle(Protocol):
    """The desk, as a node reaches it."""

    def begin(self, node: str) -> tuple[int, Files]:
        """See :meth:`workbench.training.launchers.desk.Desk.begin`."""

    def leave(self, attempt: int, news: News) -> str:
        """See :meth:`workbench.training.launchers.desk.Desk.leave`."""


@dataclass(frozen=True)
class Order:
    """A run without its pictures.

    Attributes:
        manifest: Of the dataset folder.
        spec: The settings.
        weights: The files of pretrained weights that it needs, by name.
    """

    manifest: bytes
    spec: TrainingSpec
    weights: Mapping[str, bytes]


@dataclass(frozen=True)
class Outcome:
    """What became of a run: artefacts with their files, or an error for the user by the name of its class."""

    artefacts: Artefacts | None
    files: Files
    error: tuple[str, str] = ("", "")


def train_remotely(pixels: np.ndarray, order: Order, desk: DeskHandle, node: str) -> Outcome:
    """Unpack, train and pack.

    Args:
        pixels: ``(N, 256, 256, 3) uint8``.
        order: All else of the run.
        desk: Where news goes.
        node: What to call this machine.
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    with TemporaryDirectory(prefix="waterline-") as folder:
        place = _place(Path(folder))
        dataset = _unpacked(pixels, order, Path(folder, "dataset"), place.weights)
        attempt, checkpoint = desk.begin(node)
        apply(checkpoint, place.checkpoints)
        try:
            with Relay(lambda news: desk.leave(attempt, news), place.checkpoints) as relay:
                return _packed(_train(dataset, order.spec, relay, place))
        except DomainError as error:
            return Outcome(None, Files(), (type(error).__name__, str(error)))
        except OSError as error:
            if not is_disk_full(error):
                raise
            return Outcome(None, Files(), ("TrainingFailed", FULL))


def run_part(pixels: np.ndarray, order: Order, function: Callable[..., Any], part: Any) -> Any:
    """Call ``function(dataset, part, place)`` on this node."""
    from workbench.training.train import limit_threads

    limit_threads()
    with TemporaryDirectory(prefix="waterline-") as folder:
        place = _place(Path(folder))
        return function(_unpacked(pixels, order, Path(folder, "dataset"), place.weights), part, place)


def _place(folder: Path) -> Workplace:
    return Workplace(folder / "model", folder / "checkpoints", FEATURES.expanduser(), folder / "weights")


def _unpacked(pixels: np.ndarray, order: Order, folder: Path, weights: Path) -> Dataset:
    """Write the dataset and the weights where training looks for them."""
    for each in (folder, weights):
        each.mkdir()
    np.save(folder / PIXELS, pixels)
    (folder / MANIFEST).write_bytes(order.manifest)
    apply(Files(frozenset(order.weights), order.weights), weights)
    return Dataset.open(folder)


def _train(dataset: Dataset, spec: TrainingSpec, relay: Relay, place: Workplace) -> Artefacts:
    from workbench.training.train import limit_threads, train

    limit_threads()
    return train(dataset, spec, relay, place)


def _packed(artefacts: Artefacts) -> Outcome:
    return Outcome(replace(artefacts, folder=Path()), whole(artefacts.folder))
