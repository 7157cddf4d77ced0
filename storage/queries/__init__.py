"""Filters, orders and pages of the catalogue."""
