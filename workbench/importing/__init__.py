"""Importing uploaded files and label tables into the catalogue."""
