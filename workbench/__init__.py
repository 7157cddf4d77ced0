"""Waterline: a workbench in the browser for image classification."""
