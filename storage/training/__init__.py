"""Snapshots, runs, versions and predictions."""
