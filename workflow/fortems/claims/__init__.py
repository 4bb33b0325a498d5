"""Findings of the article: what each says, by what it is judged, the verdict."""
