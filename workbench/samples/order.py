"""The sample set as something to import."""

from __future__ import annotations

from workbench.archives import Source
from workbench.intake import Order
from workbench.samples.collection import SamplePicture, sample_pictures

SAMPLES = 200


def sample_order(actor: str, count: int = SAMPLES) -> Order:
    """The order that imports the sample set, marked as synthetic; pictures are rendered one by one as they are read."""
    return Order(map(_source, sample_pictures(count)), actor=actor, synthetic=True)


def _source(picture: SamplePicture) -> Source:
    return Source(picture.filename, picture.label, lambda: picture.data)
