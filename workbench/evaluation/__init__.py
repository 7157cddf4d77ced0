"""Metrics and the choice of the best epoch. Pure: knows neither the database nor the page."""
