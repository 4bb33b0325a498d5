"""The words for variables of the study in force."""

from __future__ import annotations

from fortems.study.definition import definite, study


def label(name: str) -> str:
    """Return the words for a variable; a name that is not the study's own is made readable."""
    return study().variable(name).label


def short_label(name: str) -> str:
    """Return the words for a variable where there is little room."""
    return study().variable(name).short


def bare(name: str) -> str:
    """Return a variable's words after "more" and "less"."""
    return study().variable(name).bare


def with_article(name: str) -> str:
    """Return a variable's words within a sentence, with the article."""
    return definite(in_sentence(name))


def in_sentence(name: str) -> str:
    """Return a variable's words within a sentence."""
    return study().variable(name).sentence
