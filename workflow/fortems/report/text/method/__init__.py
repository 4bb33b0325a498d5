"""Sentences of the method section."""
