"""From an uploaded file to a row."""
