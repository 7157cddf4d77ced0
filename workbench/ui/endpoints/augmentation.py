"""Endpoints on augmentation."""

from collections.abc import Callable
from typing import Any

from gradio import FileData
from PIL import Image

from storage.cursors import LARGEST_ID
from workbench import checks
from workbench.augmentation import Augmentation
from workbench.pictures import encoded
from workbench.services import Services
from workbench.training.spec import LIMITS
from workbench.ui.files import handed_out

# Gradio shows defaults as they are and sends them back; nothing here changes what it was given.
EMPTY: dict[str, Any] = {}


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
            checks.whole("image_id", image_id, 1, LARGEST_ID),
            Augmentation.from_dict(augmentation),
            checks.whole("count", count, 1, 32),
            checks.whole("seed", seed, 0, int(LIMITS["seed"].maximum)),
        )
        files = (encoded(Image.fromarray(each), "PNG", compress_level=1) for each in variants)
        return [handed_out(data, f"variant-{number}.png") for number, data in enumerate(files, 1)]

    return [preview_augmentation]
