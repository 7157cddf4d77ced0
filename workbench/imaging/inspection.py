"""What the catalogue keeps of a picture besides its bytes: size, format, perceptual hash, quality."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from workbench.imaging.bounded_decoder import BoundedDecoder
from workbench.imaging.decode import to_small_grey
from workbench.imaging.phash import phash
from workbench.imaging.quality import Quality, assess


@dataclass(frozen=True)
class Inspection(Quality):
    """Size, format, number of frames, perceptual hash and quality measures of a picture."""

    width: int
    height: int
    format: str
    frames: int
    phash: str


def inspect(decoder: BoundedDecoder, data: bytes) -> Inspection:
    """Decode a picture once and measure it.

    Raises:
        RejectedPicture: The file is damaged, has an unknown format, or has too many pixels.
    """
    with decoder.decoded(data) as decoded:
        grey = to_small_grey(decoded.image)
        quality = assess(decoded, grey)
    return Inspection(
        **asdict(quality),
        width=decoded.width,
        height=decoded.height,
        format=decoded.format,
        frames=decoded.frames,
        phash=phash(grey),
    )
