"""Tables of the appendix: reporting checklists, software."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fortems.errors import FortemsError
from fortems.package import NAME
from fortems.report.page.table import Cell, Table
from fortems.report.template import Report
from fortems.schema import plain_yaml
from fortems.study.definition import study

SUPPLEMENT = "s-"  # how identifiers of its sections begin
#: Sections that a run without such models leaves out.
OPTIONAL = frozenset({"s-covariates", "s-further", "s-reversed", "s-power", "s-paths"})
PACKAGES = (
    (NAME, "the study"),
    ("numpy", "arrays"),
    ("scipy", "distributions, optimization"),
    ("pandas", "tables"),
    ("numba", "compiled likelihood"),
    ("statsmodels", "linear mixed models"),
    ("semopy", "path models"),
    ("matplotlib", "figures"),
    ("snakemake", "workflow"),
    ("pypandoc_binary", "document conversion"),
    ("typst", "typesetting"),
)


def _called(package: str) -> str:
    return package if package != NAME else study().package or "this package"


def software(report: Report) -> Table:
    """Versions of the libraries that made the run."""
    body = tuple((_called(name), purpose, report.bind.version_cell(name)) for name, purpose in PACKAGES)
    return Table(
        "tbl-software",
        "Software",
        ("Package", "Purpose", "Version"),
        "lll",
        body,
        ("All versions are fixed by hashed lock files.",),
    )


def checklist(
    path: Path,
    name: str,
    sections: Mapping[str, str],
    absent: Mapping[str, str],
    kind: str,
    stand_ins: Mapping[str, str],
) -> Table:
    """A reporting checklist as a table.

    Parameters
    ----------
    path : path
        YAML: ``title`` and ``items``, each with ``item``, ``in`` (sections), ``unless`` (condition → reason) or
        ``none`` (the reason, or a reason for each kind of run).
    name : str
        Identifier of the table.
    sections : mapping
        Sections of this manuscript: identifier → heading.
    absent : mapping
        Conditions of ``unless`` that hold in this run.
    kind : str
        Kind of run.
    stand_ins : mapping
        Sections that a user's own took the place of → what to point to instead.

    Raises
    ------
    FortemsError
        When an item points to a section that the manuscript does not have.
    """
    entries = plain_yaml(path)
    body = tuple(
        (str(entry["item"]), _answer(entry, sections, absent, kind, path, stand_ins))
        for entry in entries["items"]
    )
    return Table(
        name,
        str(entries["title"]),
        ("Item", "Where"),
        "ll",
        body,
        widths=(0.5, 0.5),
        notes=("Sections by their headings.",),
    )


def _answer(
    entry: Mapping[str, Any],
    sections: Mapping[str, str],
    absent: Mapping[str, str],
    kind: str,
    path: Path,
    stand_ins: Mapping[str, str],
) -> Cell:
    if "none" in entry:
        reason = entry["none"]
        return Cell(f"Not applicable: {reason[kind] if isinstance(reason, dict) else reason}")
    for condition, reason in entry.get("unless", {}).items():
        if condition in absent:
            return Cell(f"Not applicable: {reason}")
    parts: list[Cell | str] = []
    for section in dict.fromkeys(stand_ins.get(one, one) for one in entry["in"]):
        if section in OPTIONAL and section not in sections and len(entry["in"]) > 1:
            continue
        if section not in sections:
            raise FortemsError(
                f"{path.name}: {entry['item']!r} points to the section {section}, which is not there"
            )
        where = " (supplement)" if section.startswith(SUPPLEMENT) else ""
        parts += ["; ", Cell(f"{sections[section]}{where}", link=section)]
    if "note" in entry:
        parts += ["; ", str(entry["note"])]
    return Cell.of(*parts[1:])
