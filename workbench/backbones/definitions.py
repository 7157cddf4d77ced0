"""Catalogue of the nets that a run can train, with and without ImageNet weights. Imports no TensorFlow, since the UI uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Backbone:
    """An architecture that can be trained.

    Attributes:
        name: Name in a spec.
        label: Display name.
        builder: Function of ``keras.applications`` that builds it; empty for the nets of this project, which are trained from scratch.
        side: Input height and width in pixels.
        weights_file: File name that Keras uses for the ImageNet weights; empty if there are none.
        licence: Licence of the weights.
        megabytes: Size of the weights file.
        cost: Inference time per picture relative to MobileNetV2, measured on a CPU.
        sentence: Advice for the user on when to choose it.
        origin: URL of the folder that Keras downloads the file from.
        checksum: SHA-256 or MD5 of the file as listed in Keras; empty if Keras lists none.
        cuts: For each fine-tuning depth the last frozen layer.
    """

    name: str
    label: str
    builder: str
    side: int
    weights_file: str
    licence: str
    megabytes: float
    cost: float
    sentence: str
    origin: str = ""
    checksum: str = ""
    cuts: tuple[tuple[str, str], ...] = ()

    @property
    def pretrained(self) -> bool:
        """Whether ImageNet weights are available for it."""
        return bool(self.builder)

    def cut(self, depth: str) -> str:
        """The last frozen layer at a depth of :data:`workbench.training.spec.DEPTHS`."""
        return dict(self.cuts)[depth]

    @property
    def url(self) -> str:
        """Where Keras downloads the weights file from."""
        return f"{self.origin}{self.weights_file}"


def _cuts(top: str, middle: str, deep: str) -> tuple[tuple[str, str], ...]:
    return (("top", top), ("middle", middle), ("deep", deep))


_ORIGIN = "https://storage.googleapis.com/tensorflow/keras-applications/"
_ALL = (
    Backbone("compact", "Compact", "", 256, "", "", 0, 0.3,
             "Needs no weights file and keeps where things are: choose it where there is no network."),
    Backbone("classic", "Classic", "", 256, "", "", 0, 2,
             "The six-convolution net of the reference notebooks, slow: choose it to compare with them."),
    Backbone("mobilenet_v2", "MobileNetV2", "MobileNetV2", 224,
             "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", "Apache 2.0", 9.4, 1,
             "Good and quick on a CPU: choose it unless you have a reason not to.",
             f"{_ORIGIN}mobilenet_v2/", "",
             _cuts("block_12_add", "block_9_add", "block_5_add")),
    Backbone("mobilenet_v3_small", "MobileNetV3 Small", "MobileNetV3Small", 224,
             "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5", "Apache 2.0", 4.3, 0.3,
             "The quickest: choose it for a small machine or a phone.",
             f"{_ORIGIN}mobilenet_v3/", "d3e8ec802a04aa4fc771ee12a9a9b836",
             _cuts("expanded_conv_7_add", "expanded_conv_5_add", "expanded_conv_2_add")),
    Backbone("mobilenet_v3_large", "MobileNetV3 Large", "MobileNetV3Large", 224,
             "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5", "Apache 2.0", 13, 0.8,
             "As quick as MobileNetV2: choose it to compare the two.",
             f"{_ORIGIN}mobilenet_v3/", "07fb09a5933dd0c8eaafa16978110389",
             _cuts("expanded_conv_11_add", "expanded_conv_9_add", "expanded_conv_5_add")),
    Backbone("efficientnet_v2_b0", "EfficientNetV2-B0", "EfficientNetV2B0", 224,
             "efficientnetv2-b0_notop.h5", "Apache 2.0", 24, 1.3,
             "Often a little better than MobileNetV2 on fine detail: choose it where minutes matter less.",
             f"{_ORIGIN}efficientnet_v2/", "893217f2bb855e2983157299931e43ff",
             _cuts("block5e_add", "block4c_add", "block3b_add")),
    Backbone("convnext_tiny", "ConvNeXt Tiny", "ConvNeXtTiny", 224,
             "convnext_tiny_notop.h5", "MIT", 111, 8,
             "The strongest and slowest: choose it on a GPU.",
             f"{_ORIGIN}convnext/", "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
             _cuts("convnext_tiny_downsampling_block_2", "convnext_tiny_downsampling_block_1", "convnext_tiny_downsampling_block_0")),
)  # fmt: skip
BACKBONES: Mapping[str, Backbone] = {backbone.name: backbone for backbone in _ALL}
PRETRAINED = tuple(backbone.name for backbone in _ALL if backbone.pretrained)
FROM_SCRATCH = tuple(backbone.name for backbone in _ALL if not backbone.pretrained)
