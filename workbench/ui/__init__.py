"""The page and the public endpoints, in Gradio."""
