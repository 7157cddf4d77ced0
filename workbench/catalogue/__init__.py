"""Labelling, the bin, near-duplicates and the train/validation/test split."""
