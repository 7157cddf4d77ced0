"""From rows to a file that other tools read."""
