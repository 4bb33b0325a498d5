"""Sentences that follow from results, by subject; templates call them as ``say.<name>()``.

Every function takes the report and returns Markdown; every branch is a whole sentence that is true in its case.
"""

from __future__ import annotations

from collections.abc import Callable

from fortems.report.text import (
    claims,
    design,
    discussion,
    fit,
    full,
    instruments,
    matrix,
    mediation,
    multiverse,
    own,
    pattern,
    people,
    relations,
    robustness,
    sensitivity,
    setup,
    story,
    summary,
)
from fortems.report.text.article import brief, opening, statements

SENTENCES: dict[str, Callable[..., str]] = {
    name: function
    for module in (
        setup,
        people,
        instruments,
        relations,
        mediation,
        own,
        full,
        fit,
        matrix,
        claims,
        robustness,
        multiverse,
        sensitivity,
        design,
        pattern,
        discussion,
        story,
        summary,
        opening,
        brief,
        statements,
    )
    for name, function in module.SENTENCES.items()
}
