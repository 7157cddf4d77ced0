"""The public endpoints by subject. Their modules do without postponed annotations: Gradio reads the types."""

ACTOR = "api"
"""Who the journal says acted."""
