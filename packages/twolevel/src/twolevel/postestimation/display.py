"""A fit at a glance: what `repr(fit)` and a notebook show. `Fit.summary()` has everything."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd

from ..fitted import Fitted

ROWS = 13  # parameters shown: with the head and the foot a terminal's 24 lines


def head(fit: Fitted) -> list[str]:
    """What was fitted, to how many, and the three verdicts."""
    verdicts = [
        "converged" if fit.converged else "NOT CONVERGED",
        "admissible" if fit.admissible else "NOT ADMISSIBLE",
        "at the boundary" if fit.boundary else "inside the bounds",
    ]
    lines = [
        f"Two-level model, maximum likelihood: {fit.n_clients} rows in {fit.n_clusters} clusters, "
        f"bounds {fit.bounds}, {'full information' if fit.missing == 'ml' else 'complete rows'}",
        f"{', '.join(verdicts)}; log-likelihood {fit.loglik:.3f}, {fit.n_parameters} free parameters",
    ]
    if fit.model.random:
        slopes = [f"{s.name} of {s.outcome} on {s.predictor} ({s.kind})" for s in fit.model.random.slopes]
        given = (
            f"; log-likelihood conditional on {', '.join(fit.conditional_on)}" if fit.conditional_on else ""
        )
        line = f"random slopes: {', '.join(slopes)}{given}"
        lines.append(line if len(line) <= 118 else f"{line[:117]}…")
    return [*lines, *([fit.message] if fit.message else [])]


def shown(fit: Fitted) -> pd.DataFrame:
    """The rows worth a first look: defined parameters, labelled ones, then regressions and loadings; `ROWS` at most."""
    frame = fit.parameters
    labelled = frame["label"].ne("") & frame["op"].ne(":=")
    plain = ~labelled & frame["op"].isin(["~", "=~"]) & frame["free"]
    ordered = pd.concat([frame[labelled], frame[plain], frame[frame["op"] == ":="]])
    if len(ordered) > ROWS:
        ordered = pd.concat([frame[frame["op"] == ":="], frame[labelled], frame[plain]]).head(ROWS)
    names = np.where(
        ordered["label"].ne("") & ordered["op"].ne(":="),
        ordered["lhs"] + " " + ordered["op"] + " " + ordered["label"] + "*" + ordered["rhs"],
        ordered["lhs"] + " " + ordered["op"] + " " + ordered["rhs"],
    )
    table = ordered[["level", "estimate", "se", "p", "ci_low", "ci_high", "standardized"]].copy()
    table.insert(1, "parameter", [name if len(name) <= 30 else f"{name[:29]}…" for name in names])
    return table.reset_index(drop=True)


def more(fit: Fitted, table: pd.DataFrame) -> str:
    """How many parameters are not shown, and where they are."""
    left = len(fit.parameters) - len(table)
    return f"{left} more parameters: summary() and .parameters" if left else "summary() has the whole story"


def text(fit: Fitted) -> str:
    """One screen of text."""
    table = shown(fit)
    lines = head(fit)
    if len(table):
        lines += ["", *_text_rows(table)]
    return "\n".join([*lines, "", more(fit, table)])


def html(fit: Fitted) -> str:
    """The same as a table for notebooks; names are escaped."""
    table = shown(fit)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(row)) + "</tr>"
        for row in table.to_dict("records")
    )
    columns = "".join(f"<th>{name}</th>" for name in _HEAD)
    notes = "".join(f"<div>{escape(line)}</div>" for line in head(fit))
    return (
        f"<div>{notes}<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"
        f"<div>{escape(more(fit, table))}</div></div>"
    )


_HEAD = ("level", "parameter", "estimate", "se", "p", "95% interval", "standardized")


def _cells(row: dict[object, object]) -> list[str]:
    def number(name: str) -> str:
        value = float(row[name])  # type: ignore[arg-type]
        return f"{value:.3f}" if np.isfinite(value) else "NA"

    p = float(row["p"])  # type: ignore[arg-type]
    shown_p = "NA" if not np.isfinite(p) else "<.001" if p < 0.001 else f"{p:.3f}"
    interval = f"[{number('ci_low')}, {number('ci_high')}]" if number("ci_low") != "NA" else "NA"
    return [
        str(row["level"]),
        str(row["parameter"]),
        number("estimate"),
        number("se"),
        shown_p,
        interval,
        number("standardized"),
    ]


def _text_rows(table: pd.DataFrame) -> list[str]:
    rows = [list(_HEAD), *(_cells(row) for row in table.to_dict("records"))]
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    return [
        "  ".join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
