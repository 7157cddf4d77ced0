"""Exports pictures and labels to files that other tools can read."""
