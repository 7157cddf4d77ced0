"""The Collect tab."""
