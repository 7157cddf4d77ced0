"""The database, files addressed by content, and what every store builds on."""
