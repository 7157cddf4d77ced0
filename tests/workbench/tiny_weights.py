"""Weights files as Keras names them, of nets that have learnt nothing but the spread of their activations."""

from pathlib import Path

import keras
import numpy as np

from workbench.backbones.definitions import BACKBONES

SMALL = "mobilenet_v3_small"


def write_weights(folder: Path, backbone: str = SMALL) -> Path:
    """Write the weights of a fresh net, the same each time, under the name of its pretrained ones."""
    chosen = BACKBONES[backbone]
    keras.utils.set_random_seed(0)
    shape = (chosen.side, chosen.side, 3)
    net = getattr(keras.applications, chosen.builder)(input_shape=shape, include_top=False, weights=None)
    noise = np.random.default_rng(0).uniform(0, 255, (4, *shape)).astype(np.float32)
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # without statistics of its own a fresh net gives next to nothing
    net(noise, training=True)
    folder.mkdir(parents=True, exist_ok=True)
    net.save(folder / chosen.weights_file)
    return folder / chosen.weights_file
