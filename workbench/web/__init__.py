"""The one door: host, origin and principal of every request are decided here, before Gradio sees it."""
