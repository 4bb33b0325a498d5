"""Sentences that follow from results, by subject; templates call those of a module's SENTENCES as ``say.<name>()``.

Every function takes the report and returns Markdown; every branch is a whole sentence that is true in its case.
"""

from __future__ import annotations

from collections.abc import Callable

from fortems.report.text import (
    claims,
    covariates,
    discussion,
    fit,
    full,
    matrix,
    mediation,
    multiverse,
    own,
    relations,
    robustness,
    sensitivity,
    story,
    summary,
)
from fortems.report.text.article import brief, opening, statements
from fortems.report.text.design import diagnosticity, pattern, precision
from fortems.report.text.method import analyses, estimation, instruments, missing, people, source

SENTENCES: dict[str, Callable[..., str]] = {
    function.__name__.rstrip("_"): function
    for module in (
        source,
        estimation,
        analyses,
        missing,
        people,
        instruments,
        relations,
        mediation,
        covariates,
        own,
        full,
        fit,
        matrix,
        claims,
        robustness,
        multiverse,
        sensitivity,
        diagnosticity,
        precision,
        pattern,
        discussion,
        story,
        summary,
        opening,
        brief,
        statements,
    )
    for function in module.SENTENCES
}
