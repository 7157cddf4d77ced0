"""Pictures, their classes, and who works on which."""
