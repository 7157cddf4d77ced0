"""The public endpoints by subject. Their modules do not postpone annotations, since Gradio reads the types."""

ACTOR = "api"
"""The default actor in the journal."""
