"""Endpoints for augmentation."""

from collections.abc import Callable
from typing import Any, TypedDict

from gradio import FileData
from PIL import Image

from workbench.core import validation
from workbench.imaging.augmentation import Augmentation
from workbench.imaging.decode import encode_image
from workbench.label_safety.service import SafetyReport
from workbench.services import Services
from workbench.training.spec import LIMITS
from workbench.ui.api.answers import answer
from workbench.ui.file_transfer import to_file_data

# A mutable default, since Gradio documents the default value; it is never modified.
EMPTY: dict[str, Any] = {}


class CheckedOperation(TypedDict):
    """What the model in production made of one operation alone; ``excess`` is a 95 % interval."""

    operation: str
    enabled: bool
    strength: float
    pictures: int
    variants: int
    misread: int
    excess: list[float]
    flagged: bool


class Check(TypedDict):
    """What is known so far of an augmentation."""

    state: str
    version: str | None
    pictures: int
    operations: list[CheckedOperation]
    error: str | None


class Speed(TypedDict):
    """Pictures a second in one thread of the server's machine, of each operation alone and of those that run together."""

    alone: dict[str, float]
    together: float


def endpoints(services: Services) -> list[Callable[..., Any]]:
    """The functions to publish."""

    def preview_augmentation(
        image_id: int,
        augmentation: dict[str, Any] = EMPTY,
        count: int = 4,
        seed: int = 1,
    ) -> list[FileData]:
        """Show what training will do to a picture: PNG files of 256 x 256, made by the code that training runs.

        Variant k is what a run with this seed sees of the picture in epoch k.

        Args:
            image_id: Id of a picture.
            augmentation: Operations by name, such as {"rotate": {"enabled": true, "strength": 8}}; what is missing keeps its
                default.
            count: How many variants, 1 to 32.
            seed: Seed of the run.
        """
        variants = services.training.preview(
            validation.whole("image_id", image_id),
            Augmentation.from_dict(augmentation),
            validation.whole("count", count, 1, 32),
            validation.whole("seed", seed, 0, int(LIMITS["seed"].maximum)),
        )
        files = (encode_image(Image.fromarray(variant), "PNG", compress_level=1) for variant in variants)
        return [to_file_data(data, f"variant-{number}.png") for number, data in enumerate(files, 1)]

    def check_augmentation(augmentation: dict[str, Any] = EMPTY) -> Check:
        """Say which operations change the class of pictures in the eyes of the model in production.

        Each operation alone is tried in the background on pictures that the model reads rightly and surely; ask again until
        the state is no longer checking or waiting. The other states are checked, no model, too few, off and failed.

        Args:
            augmentation: Operations by name, such as {"rotate": {"enabled": true, "strength": 8}}; what is missing keeps its
                default.
        """
        parsed = Augmentation.from_dict(augmentation)
        services.label_safety.ask(parsed)
        return _check(services.label_safety.report(parsed), parsed)

    def augmentation_cost(augmentation: dict[str, Any] = EMPTY) -> Speed:
        """Measure how many pictures a second each operation makes on the server's machine, and those that run together.

        Args:
            augmentation: Operations by name, such as {"rotate": {"enabled": true, "strength": 8}}; what is missing keeps its
                default.
        """
        cost = services.throughput.of(Augmentation.from_dict(augmentation))
        return answer(Speed, cost)

    return [preview_augmentation, check_augmentation, augmentation_cost]


def _check(safety: SafetyReport, augmentation: Augmentation) -> Check:
    operations = [
        answer(CheckedOperation, tally, operation=name, enabled=name in augmentation.enabled)
        for name, tally in safety.tallies.items()
    ]
    return answer(
        Check, safety, version=safety.version or None, operations=operations, error=safety.error or None
    )
