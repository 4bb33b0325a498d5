"""The manuscript's tables, each built from results; a table that a run cannot give is left out."""

from __future__ import annotations

from collections.abc import Callable

from fortems.report.page.table import Table
from fortems.report.tables import appendix, codebook, findings, models, scales, sensitivity
from fortems.report.template import Report

BUILDERS: tuple[Callable[[Report], Table | None], ...] = (
    scales.reliability,
    scales.correlations,
    scales.levels,
    scales.raters,
    scales.icc,
    models.mediation,
    models.every_path,
    models.verdicts,
    models.reordered,
    models.measurement,
    sensitivity.overturn,
    sensitivity.distribution,
    sensitivity.posterior,
    findings.claims,
    findings.every_claim,
    findings.scenarios,
    findings.diagnosticity,
    findings.published,
    codebook.variables,
    codebook.patterns,
    appendix.software,
)


def tables(report: Report) -> dict[str, Table]:
    """Build every table that the run can give, by its identifier."""
    built = [builder(report) for builder in BUILDERS]
    return {table.name: table for table in built if table is not None}
