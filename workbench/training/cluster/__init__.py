"""Runs and trials on a Ray cluster. Ray is imported here and nowhere else."""
