"""Backbones and their pretrained weights: catalogue, file locations, download. Imports no TensorFlow."""
