"""Two explorers for the page: the specification curve, and what must be true. What scripts need; a static picture for all.

Each reads a table that the page carries. Which columns are choices and which measures is settled here; the scripts know no
names of the study.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fortems.presentation import numbers
from fortems.presentation.analyses import SPECIFICATIONS, some_withheld
from fortems.presentation.words import ESTIMAND_LABELS, INTERVAL_WORDS, model_label
from fortems.report import analyses
from fortems.report.page import nodes
from fortems.report.page.table import Cell
from fortems.report.template import Report

CHOICES = "robustness/choices.csv"
SURFACE = "design/surface.csv"
#: Of the curve: what is measured; every other column with few values is a choice.
MEASURES = frozenset(
    [
        *("estimate", "ci_low", "ci_high", "p", "standardized", "a", "b", "direct", "n_clients", "n_therapists", "se"),
        *("specification", "reason", "default", "significant", "converged", "admissible", "interval", "engine_run", "message"),
    ]
)  # fmt: skip
#: Names that the curve's figure may have.
CURVES = ("specification", "specifications", "specification_curve")
SLIDERS = {
    "gap": "Gap between the first aspect and the others",
    "total": "Total relation",
    "direct": "Direct share",
}
SELECTS = {"pattern": "Pattern", "estimand": "Effects", "tests": "Tests"}
MOST_OPTIONS = 12
TESTS = {"pearson": "Pearson and least squares", "package": "the package's own"}


@dataclass(frozen=True)
class Explorer:
    """An explorer of one table.

    Attributes
    ----------
    name : str
        ``curve`` or ``surface``.
    title : str
        Its heading.
    lead : Cell
        What it is for.
    file : str
        The table that it reads.
    figure : str
        The figure that stands for it where there are no scripts, and in whose section it is placed.
    near : tuple of str
        Other figures, tables and headings in whose section it may stand.
    settings : dict
        For the script: columns, labels.
    """

    name: str
    title: str
    lead: Cell
    file: str
    figure: str
    near: tuple[str, ...]
    settings: dict[str, Any]

    def blocks(self) -> list[nodes.Node]:
        """The explorer as a division that says what it is and waits for the script."""
        heading = {"t": "Header", "c": [2, nodes.attr(f"explore-{self.name}"), nodes.words(self.title)]}
        instead = nodes.para(
            nodes.words(
                "It needs scripts, which are switched off; the figure before it shows the same table."
            )
        )
        body = [
            heading,
            nodes.para(self.lead.inlines()),
            nodes.div([instead], classes=["without-scripts"]),
        ]
        return [nodes.div(body, classes=["explorer"], **{"data-explorer": self.name})]


def explorers(report: Report) -> list[Explorer]:
    """The explorers for which this run has a table."""
    found = (_curve(report), _surface(report))
    return [each for each in found if each is not None]


def _curve(report: Report) -> Explorer | None:
    table = report.results.table(SPECIFICATIONS)
    if table is None or not {"estimate", "ci_low", "ci_high"} <= set(table.columns):
        return None
    choices = [
        str(name)
        for name in table.columns
        if name not in MEASURES and 1 < table[name].dropna().nunique() <= MOST_OPTIONS
    ]
    words: dict[str, dict[str, str]] = {name: _values(report, name, table[name]) for name in choices}
    labels = {name: _label(name) for name in choices}
    for row in report.results.rows(CHOICES):
        choice = str(row["choice"])
        if not row.has("option"):
            labels[choice] = str(row["label"])[:1].upper() + str(row["label"])[1:]
        elif choice in words and choice != "estimand":  # the estimands have names of their own
            words[choice][str(row["option"])] = str(row["label"])
    part = some_withheld(table)
    return Explorer(
        "curve",
        "Explore: The Defensible Analyses on the Run's Own Clients"
        if part
        else "Explore: Every Defensible Analysis",
        Cell.of(
            "Each point is the indirect effect by one combination of choices, with its interval, sorted by size. Filter by any choice; "
            "a point shows what was chosen for it.",
            *analyses.not_typical(report),
        ),
        SPECIFICATIONS,
        next((name for name in CURVES if f"fig-{name}" in report.items), CURVES[0]),
        ("fig-sensitivity", "r-sensitivity", "r-full"),
        {
            "choices": [
                {"column": name, "label": labels[name], "words": words[name], "single": name == "model"}
                for name in choices
            ],
            "low": "ci_low",
            "high": "ci_high",
            "estimate": "estimate",
            "what": "analyses on the run's own clients" if part else "analyses",
            "default": "default" if "default" in table.columns else "",
            "says": [
                {"column": name, "label": label}
                for name, label in (("standardized", "standardized"), ("p", "p"), ("n_clients", "clients"))
                if name in table.columns
            ],
        },
    )


def _surface(report: Report) -> Explorer | None:
    table = report.results.table(SURFACE)
    if table is None or "probability" not in table.columns:
        return None
    possible = table[table["pattern"].notna()] if "pattern" in table.columns else table
    if possible.empty:
        return None
    sliders = [name for name in SLIDERS if name in table.columns and table[name].dropna().nunique() > 1]
    selects = [name for name in SELECTS if name in table.columns and table[name].dropna().nunique() > 1]
    if not sliders:
        return None
    return Explorer(
        "surface",
        "Explore: What Must Be True",
        Cell(
            "How often a study of the simulated size shows the pattern of findings depends on what is true. Move the sliders over the grid of "
            "populations that were simulated; every value shown is a simulated share with its interval."
        ),
        SURFACE,
        "surface",
        ("fig-posterior", "tbl-diagnosticity", "r-pattern"),
        {
            "sliders": [{"column": name, "label": SLIDERS[name]} for name in sliders],
            "selects": [
                {"column": name, "label": SELECTS[name], "words": _values(report, name, possible[name])}
                for name in selects
            ],
            "value": "probability",
            "low": "ci_low",
            "high": "ci_high",
            "studies": "studies",
            "reason": "reason",
        },
    )


def _label(column: str) -> str:
    return column.replace("_", " ").capitalize()


def _values(report: Report, column: str, values: Any) -> dict[str, str]:
    """What the values of a column are called."""
    named: Mapping[str, str] = (
        {**ESTIMAND_LABELS, **INTERVAL_WORDS} if column in ("estimand", "level") else {}
    )
    if column == "tests":
        named = TESTS
    found: dict[str, str] = {}
    for value in dict.fromkeys(values.dropna()):
        text = str(value)
        if column == "pattern" and text in report.results.claims:
            found[text] = report.results.claims[text].label
        elif column == "model" and text in report.models:
            found[text] = model_label(report.models, text)
        else:
            found[text] = named.get(
                text, numbers.plain(value) if isinstance(value, float) else text.replace("_", " ")
            )
    return found
