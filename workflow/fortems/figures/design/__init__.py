"""Figures of the design stage: what a study of this size can tell."""
