"""Which candidates a search tries, how it judges them, and cross-validation."""
