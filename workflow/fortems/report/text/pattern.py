"""What must be true for the article's pattern of findings: posterior, forecast, the surface's maximum."""

from __future__ import annotations

from fortems.presentation.results import Row
from fortems.presentation.words import listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import joined
from fortems.study.variables import label

POSTERIOR = "design/posterior.csv"
FORECAST = "design/forecast.csv"
SIZES = "design/forecast_sizes.csv"
MAXIMUM = "design/surface_maximum.csv"
WHOLE = "whole pattern"
FIGURES = ("fig-posterior", "fig-surface")
CLEAR = 2.0  # likelihood ratio from which a pattern speaks for something
NOTHING = 0.05  # a probability that moves by less has hardly moved


def posterior(report: Report) -> str:
    """All sentences of the section; they point to each of its figures."""
    told = joined([speaks_for(report), repeated(report), likeliest(report)])
    unseen = [name for name in FIGURES if name in report.items and report.ref(name) not in told]
    if not told:
        return f"No simulated study showed the pattern{report.see(*unseen)}."
    return f"{told.removesuffix('.')}{report.see(*unseen)}."


def speaks_for(report: Report) -> str:
    """What the pattern alone makes more probable, and what it leaves as it was."""
    rows = _probabilities(report)
    for_, beside = [], []
    for row in rows:
        words = f"{_what(row)} ({report.bind.of(row, 'prior_mean', 'r')} before, {report.bind.of(row, 'posterior', 'r')} after)"
        if row.has("ratio") and row["ratio"] >= CLEAR:
            for_.append(words)
        elif abs(row["posterior"] - row["prior_mean"]) < NOTHING:
            beside.append(words)
    parts = []
    if for_:
        parts.append(
            f"Under a prior of {escape(str(rows[0]['title']).lower())} correlations, the pattern alone speaks for this: {listed(for_)}."
        )
    if beside:
        parts.append(f"It says next to nothing about whether {listed(beside)}.")
    if parts:
        parts[-1] = f"{parts[-1].removesuffix('.')}{report.see('fig-posterior')}."
    return joined(parts)


def _probabilities(report: Report) -> list[Row]:
    """Probabilities under the headline prior, by plain rejection and the plain tests."""
    found = report.results.rows(POSTERIOR, method="rejection", test="pearson")
    if not found:
        return []
    first = found[0]["prior"]
    kinds = ("beats", "small_direct", "mostly_mediated")
    return [
        row
        for row in found
        if row["prior"] == first and row["kind"] in kinds and row.has("posterior", "prior_mean")
    ]


def _what(row: Row) -> str:
    x = label(row["x"]).lower()
    if row["kind"] == "beats":
        return f"{x} relates more closely to the mediator than {label(row['y']).lower()} does"
    if row["kind"] == "small_direct":
        return f"the direct path of {x} is smaller than a tenth"
    return f"more than half of the relation of {x} is mediated"


def repeated(report: Report) -> str:
    """How often a replication of the same size would repeat the whole pattern, and whether any size would."""
    rows = report.results.rows(FORECAST, finding=WHOLE)
    if not rows:
        return ""
    first = rows[0]
    text = (
        f"Given the pattern, a replication with {report.bind.of(first, 'clients', 'n')} clients repeats the whole of it in "
        f"{report.bind.of(first, 'probability', '%1')} of cases"
    )
    size = report.results.first(SIZES, finding=WHOLE)
    if size is not None and size["relation"] == "none":
        text += f", and no number of clients brings this to {report.bind.of(size, 'target', '%')}"
    return f"{text}."


def likeliest(report: Report) -> str:
    """The largest probability that any correlations give the pattern."""
    rows = report.results.rows(MAXIMUM)
    if not rows:
        return ""
    return (
        f"Over all correlations the search found no population in which more than {report.bind.of(rows[0], 'probability', '%1')} of studies of "
        f"this size show it{report.see('fig-surface')}."
    )


SENTENCES = {"posterior": posterior}
