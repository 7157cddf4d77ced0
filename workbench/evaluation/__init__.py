"""Metrics and the choice of the best epoch. Independent of the database and the UI."""
