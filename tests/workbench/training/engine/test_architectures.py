import numpy as np
import pytest

from workbench.backbones.definitions import FROM_SCRATCH
from workbench.training.engine.architectures import build, mirror_averaged


@pytest.mark.slow
@pytest.mark.parametrize("name", FROM_SCRATCH)
@pytest.mark.parametrize("classes", [2, 5])
def test_pictures_go_in_and_probabilities_come_out(name: str, classes: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), dtype=np.uint8)
    probabilities = build(name, classes).predict_on_batch(pictures)
    assert probabilities.shape == (3, classes)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert (probabilities >= 0).all()


def test_classic_is_the_published_net() -> None:
    net = build("classic", 3)
    assert net.count_params() == 183_747
    kinds = [type(layer).__name__ for layer in net.layers]
    assert kinds == ["InputLayer", "Rescaling", *["Conv2D", "MaxPooling2D"] * 6, "Flatten", "Dense", "Dense"]
    assert [layer.filters for layer in net.layers if type(layer).__name__ == "Conv2D"] == [
        32,
        64,
        64,
        64,
        64,
        64,
    ]


def test_compact_has_no_convolution_that_trains_slowly_on_a_processor() -> None:
    kinds = {type(layer).__name__ for layer in build("compact", 3).layers}
    assert not kinds & {"DepthwiseConv2D", "SeparableConv2D", "GlobalAveragePooling2D"}


def test_a_mirrored_net_gives_a_picture_and_its_mirror_image_the_same_answer() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    net = build("compact", 3)
    answers = mirror_averaged(net).predict_on_batch(pictures)
    assert answers == pytest.approx(mirror_averaged(net).predict_on_batch(pictures[:, :, ::-1]), abs=1e-5)
    assert answers != pytest.approx(net.predict_on_batch(pictures), abs=1e-7)
