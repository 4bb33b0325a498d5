"""Sentences on the design stage."""
