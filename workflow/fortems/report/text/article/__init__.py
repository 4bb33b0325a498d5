"""Sentences of the article alone: its first page, and what the supplement tells at length in few words."""
