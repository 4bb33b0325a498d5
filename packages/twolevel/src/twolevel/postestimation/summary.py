"""The text that `Fit.summary()` prints, laid out as lavaan's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..fitted import Fitted
from ..model.syntax import LEVELS

_TITLES = {
    "=~": "Latent Variables",
    "~": "Regressions",
    "covariance": "Covariances",
    "~1": "Intercepts",
    "variance": "Variances",
}
_OPERATOR = {"=~": " =~", "~": " ~", "covariance": " ~~"}


def _number(value: float, width: int = 10, digits: int = 3) -> str:
    return f"{value:{width}.{digits}f}" if np.isfinite(value) else f"{'NA':>{width}}"


def _line(label: str, value: object) -> str:
    text = (_number(value) if isinstance(value, float) else str(value)).strip()
    return f"  {label} {text:>{59 - len(label)}}"


def summary(fit: Fitted, fit_measures: bool = False) -> str:
    """See `Fit.summary`."""
    out = ["Two-level structural equation model, maximum likelihood", ""]
    out.append(_line("Converged", "yes" if fit.converged else "NO"))
    out.append(_line("Admissible", "yes" if fit.admissible else "NO"))
    out.append(_line("At the boundary", "yes" if fit.boundary else "no"))
    out.append(_line("Bounds", fit.bounds))
    out.append(_line("Number of model parameters", fit.n_parameters))
    out.append(_line("Number of observations", fit.n_clients))
    out.append(_line(f"Number of clusters [{fit.data.cluster}]", fit.n_clusters))
    out.append(_line("Clusters of one", fit.n_singletons))
    if fit.n_dropped:
        out.append(_line("Rows left out", fit.n_dropped))
    out.append(
        _line("Missing values", {"ml": "full information", "listwise": "listwise deletion"}[fit.missing])
    )
    for slope in fit.model.random.slopes:
        acts = "" if slope.predictor in fit.conditional_on else f" ({slope.kind})"
        out.append(_line(f"Random slope {slope.name}", f"{slope.outcome} on {slope.predictor}{acts}"))
    out.append(_line("Loglikelihood", float(fit.loglik)))
    if fit.conditional_on:
        out.append(f"    conditional on {', '.join(fit.conditional_on)}")
    out.append(_line("Akaike (AIC)", float(fit.aic)))
    out.append(_line("Bayesian (BIC, n = observations)", float(fit.bic)))
    if fit_measures:
        measures = fit.fit_indices
        out += ["", "Model Test User Model:", ""]
        out.append(_line("Test statistic", float(measures.chi2)))
        out.append(_line("Degrees of freedom", measures.df))
        out.append(_line("P-value (Chi-square)", float(measures.p)))
        if measures.df > 1:
            out.append("")
            out.append(_line("Comparative Fit Index (CFI)", measures.cfi))
            out.append(_line("Tucker-Lewis Index (TLI)", measures.tli))
            out.append(_line("RMSEA", measures.rmsea))
            out.append(_line("SRMR (within covariance matrix)", measures.srmr_within))
            out.append(_line("SRMR (between covariance matrix)", measures.srmr_between))
        elif measures.df == 1:
            out.append("  With one degree of freedom read the test alone.")
    out += ["", "Parameter Estimates:", "", _line("Standard errors", fit.se_method)]
    if fit.message:
        out += ["", f"  Note: {fit.message}."]
    frame = fit.parameters
    for number, level in enumerate(LEVELS, 1):
        out += ["", "", f"Level {number} [{level}]:"]
        own = frame[frame["level"] == level]
        kind = own["op"].where(
            own["op"] != "~~", np.where(own["lhs"] == own["rhs"], "variance", "covariance")
        )
        for name, title in _TITLES.items():
            rows = own[kind == name]
            if name == "~1" and number == 1:
                rows = rows[rows["free"] | (rows["estimate"] != 0)]
            if len(rows):
                out += ["", *_block(title, rows, name, set(own.loc[own["op"] == "~", "lhs"]))]
    defined = frame[frame["op"] == ":="]
    if len(defined):
        out += ["", "", *_block("Defined Parameters", defined, ":=", set())]
    return "\n".join(out) + "\n"


def _block(title: str, rows: pd.DataFrame, kind: str, endogenous: set[str]) -> list[str]:
    head = f"{title}:"
    out = [f"{head:<26}{'Estimate':>10}{'Std.Err':>10}{'z-value':>10}{'P(>|z|)':>10}{'Std.all':>10}"]
    previous = None
    for row in rows.to_dict("records"):
        if kind in _OPERATOR and row["lhs"] != previous:
            out.append(f"  {row['lhs']}{_OPERATOR[kind]}")
            previous = row["lhs"]
        if kind in _OPERATOR:
            name = f"    {row['rhs']}"
        else:
            dot = "." if kind in ("variance", "~1") and row["lhs"] in endogenous else " "
            name = f"   {dot}{row['lhs']}"
        label = f"({row['label']})" if row["label"] and kind != ":=" else ""
        text = f"{name:<16.16}{label:>9.9} "
        out.append(
            text
            + _number(row["estimate"])
            + "".join(
                " " * 10 if not np.isfinite(row[n]) and not row["free"] and kind != ":=" else _number(row[n])
                for n in ("se", "z", "p")
            )
            + _number(row["standardized"])
        )
    return out
