"""Inference with LiteRT. Imports no TensorFlow."""
