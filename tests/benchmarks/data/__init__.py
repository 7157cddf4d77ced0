"""Figures on data: storage, labelling, curation at 100,000 pictures."""
