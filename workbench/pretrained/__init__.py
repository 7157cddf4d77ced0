"""Backbones and their pretrained weights: what there is, where the files lie, how they are fetched. No TensorFlow."""
