"""Labelling, the bin, near-duplicates and the split."""
