"""Shared foundations: settings, errors, validation, processes, locks."""
