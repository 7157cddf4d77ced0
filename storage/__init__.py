"""Persistence: SQLite and content-addressed files. Knows neither gradio, tensorflow nor workbench."""
