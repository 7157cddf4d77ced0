"""From the bytes of a file to pixels, flags and hashes. Pure: knows neither the database nor the page."""
