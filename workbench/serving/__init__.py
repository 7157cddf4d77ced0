"""Serving with LiteRT. Knows no TensorFlow."""
