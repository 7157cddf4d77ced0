"""Access control: host, origin and principal of every request are checked here before Gradio handles it."""
