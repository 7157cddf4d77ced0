"""One module a tab, each with ``build(place)``."""
