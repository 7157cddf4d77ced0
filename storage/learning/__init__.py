"""Embeddings, and what is learnt from them."""
