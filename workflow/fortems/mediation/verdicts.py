"""What the effects say about mediation (``verdicts.csv``): one row per model, estimand, predictor and mediator.

Full mediation is never concluded from a non-significant direct path. The verdict rests on the indirect
interval, the direct interval, and an equivalence test of the direct path against ± bound, in SDs within
therapists: two one-sided t tests at .05 (Schuirmann, 1987; Lakens, 2017). With S the standard error in these
units and t the quantiles of its own t distribution, no estimate however small can pass when t(.95) S ≥ bound. The
smallest bound that the data support is |d| + t(.95) S. As S falls with √n, a true direct path of 0 passes with
probability .80 at n · (S (t(.95) + t(.90)) / bound)².

AIC, BIC and the likelihood ratio are one statistic, read at cut-offs 2, ln n and 3.84 per degree of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc, chdtri

from fortems.mediation.wording import conclusion, paper_rule
from fortems.stats.student import t_quantile
from fortems.study.estimands import COUNTING, ESTIMANDS, counting
from fortems.study.models import MediationModel, equivalent_models

BOUND = 0.10

VERDICT_COLUMNS = (
    "model",
    "level",
    "engine",
    "predictor",
    "mediator",
    "outcome",
    "at",
    "indirect",
    "indirect_low",
    "indirect_high",
    "indirect_interval",
    "indirect_excludes_zero",
    "direct",
    "direct_low",
    "direct_high",
    "direct_p",
    "direct_excludes_zero",
    "paper_rule",
    "lr_chi2",
    "lr_df",
    "lr_p",
    "lr_prefers",
    "aic_cutoff",
    "aic_prefers",
    "bic_cutoff",
    "bic_prefers",
    "equivalence_bound",
    "direct_standardized",
    "direct_standardized_se",
    "direct_df",
    "equivalence",
    "smallest_bound",
    "n_clients",
    "n_for_80",
    "conclusion",
    "boundary",
    "fixed_effects_indirect",
    "fixed_effects_low",
    "fixed_effects_high",
    "equivalent_partial",
    "equivalent_full",
    "note",
)


def verdicts(
    effects: pd.DataFrame, fit: pd.DataFrame, models: Mapping[str, MediationModel], bound: float = BOUND
) -> pd.DataFrame:
    """Return the verdicts of both estimands.

    Parameters
    ----------
    effects : DataFrame
        Rows of ``effects.csv``; ``df`` and ``unit`` (predictor's over outcome's SD within therapists) are used
        where they are there, else the normal distribution and the level's own SDs.
    fit : DataFrame
        Rows of ``fit.csv``.
    models : mapping
    bound : float
        Of the equivalence test, in SDs of the outcome per SD of the predictor.

    Returns
    -------
    DataFrame
        ``VERDICT_COLUMNS``; each estimand by its primary engine, or the next one that was run.
    """
    frame = effects.fillna({"at": "", "predictor": "", "mediator": ""})
    for name in ("df", "unit"):
        if name not in frame:
            frame[name] = np.nan
    partial, full = equivalent_models(models, "partial"), equivalent_models(models, "full")
    rows = []
    counted = counting(frame)
    for model in models:
        for level in ESTIMANDS:
            chosen = counted[(counted["model"] == model) & (counted["level"] == level)]
            for indirect in chosen[chosen["effect"] == "indirect"].to_dict("records"):
                row = _verdict(chosen, indirect, bound)
                row |= _likelihood_ratio(fit, model, row["engine"], int(row["n_clients"]))
                row |= _beside(frame, fit, row)
                row["equivalent_partial"] = " ".join(partial.get(model, ()))
                row["equivalent_full"] = " ".join(full.get(model, ()))
                rows.append(row)
    return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))


def _excludes_zero(low: float, high: float) -> bool | None:
    return None if math.isnan(low) or math.isnan(high) else bool(low > 0 or high < 0)


def _verdict(chosen: pd.DataFrame, indirect: Mapping[Any, Any], bound: float) -> dict[str, Any]:
    here = chosen[(chosen["predictor"] == indirect["predictor"]) & (chosen["at"] == indirect["at"])]
    direct: Any = here[here["effect"] == "direct"].iloc[0]
    indirect_excludes = _excludes_zero(indirect["ci_low"], indirect["ci_high"])
    direct_excludes = _excludes_zero(direct["ci_low"], direct["ci_high"])
    unit = float(direct["unit"])
    if math.isnan(unit):
        unit = float(direct["standardized"] / direct["estimate"])
    tested = equivalence(
        float(direct["estimate"]) * unit,
        float(direct["se"]) * unit,
        float(direct["df"]),
        int(direct["n_clients"]),
        bound,
    )
    opposite = bool(indirect["estimate"] * direct["estimate"] < 0)
    return {
        **{name: indirect[name] for name in ("model", "level", "engine", "predictor", "mediator", "at")},
        "outcome": direct["outcome"],
        "indirect": indirect["estimate"],
        "indirect_low": indirect["ci_low"],
        "indirect_high": indirect["ci_high"],
        "indirect_interval": indirect["interval"],
        "indirect_excludes_zero": indirect_excludes,
        "direct": direct["estimate"],
        "direct_low": direct["ci_low"],
        "direct_high": direct["ci_high"],
        "direct_p": direct["p"],
        "direct_excludes_zero": direct_excludes,
        "paper_rule": paper_rule(indirect_excludes, float(direct["p"])),
        "n_clients": int(direct["n_clients"]),
        "conclusion": conclusion(indirect_excludes, direct_excludes, str(tested["equivalence"]), opposite),
        **tested,
    }


def equivalence(estimate: float, se: float, df: float, n: int, bound: float = BOUND) -> dict[str, Any]:
    """Test a standardized direct path against ± bound.

    Parameters
    ----------
    estimate, se : float
        In SDs within therapists.
    df : float
        Of its t distribution; NaN for normal.
    n : int
        Clients.
    bound : float

    Returns
    -------
    dict
        ``equivalence`` (``equivalent``, ``inconclusive``, ``not attainable with data as noisy as these``, or empty without a
        standard error), ``smallest_bound``, ``n_for_80`` and the inputs.
    """
    found: dict[str, Any] = {
        "equivalence_bound": bound,
        "direct_standardized": estimate,
        "direct_standardized_se": se,
        "direct_df": df,
        "equivalence": "",
        "smallest_bound": math.nan,
        "n_for_80": math.nan,
    }
    if not (math.isfinite(estimate) and math.isfinite(se)):
        return found
    known_df = df if math.isfinite(df) else math.inf
    often, usual = (float(t_quantile(probability, known_df)) for probability in (0.95, 0.90))
    smallest = abs(estimate) + often * se
    if often * se >= bound:
        found["equivalence"] = "not attainable with data as noisy as these"
    else:
        found["equivalence"] = "equivalent" if smallest < bound else "inconclusive"
    found["smallest_bound"] = smallest
    found["n_for_80"] = math.ceil(n * (se * (often + usual) / bound) ** 2)
    return found


def _likelihood_ratio(fit: pd.DataFrame, model: str, engine: str, n: int) -> dict[str, Any]:
    """Full against partial: one statistic at three cut-offs, which all grow with the df."""
    nothing: dict[str, Any] = dict.fromkeys(("lr_chi2", "lr_df", "lr_p", "aic_cutoff", "bic_cutoff"), np.nan)
    nothing |= dict.fromkeys(("lr_prefers", "aic_prefers", "bic_prefers"), "")
    rows: Any = fit[(fit["model"] == model) & (fit["engine"] == engine)].set_index("variant")
    if not {"partial", "full"} <= set(rows.index):
        return nothing
    usable = bool(rows.loc["partial", "converged"]) and bool(rows.loc["full", "converged"])
    chi2 = max(2 * float(rows.loc["partial", "loglik"] - rows.loc["full", "loglik"]), 0.0)
    df = int(rows.loc["partial", "n_parameters"] - rows.loc["full", "n_parameters"]) if usable else 0
    if not usable or math.isnan(chi2) or df < 1:
        return nothing

    def prefers(cutoff: float) -> str:
        return "partial" if chi2 > cutoff else "full"

    aic, bic = 2.0 * df, math.log(n) * df
    return {
        "lr_chi2": chi2,
        "lr_df": df,
        "lr_p": float(chdtrc(df, chi2)),
        "lr_prefers": prefers(float(chdtri(df, 0.05))),
        "aic_cutoff": aic,
        "aic_prefers": prefers(aic),
        "bic_cutoff": bic,
        "bic_prefers": prefers(bic),
    }


def _beside(frame: pd.DataFrame, fit: pd.DataFrame, row: dict[str, Any]) -> dict[str, Any]:
    """Whether a variance is at the boundary, and then the fixed-effects estimate beside the within one."""
    fits = fit[
        (fit["model"] == row["model"]) & (fit["engine"] == row["engine"]) & (fit["variant"] == "partial")
    ]
    boundary = bool(fits["boundary"].iloc[0]) if len(fits) and pd.notna(fits["boundary"].iloc[0]) else False
    notes = []
    if row["level"] == "single" and pd.notna(row.get("lr_chi2")):
        notes.append(
            "likelihood ratio, AIC and BIC take clients as independent; the tests of the paths do not"
        )
    found: dict[str, Any] = {"boundary": boundary, "note": "; ".join(notes)}
    if row["level"] != "within" or row["engine"] != "twolevel":
        return found
    same = frame[
        (frame["model"] == row["model"])
        & (frame["engine"] == "mixedlm")
        & (frame["level"] == "within")
        & (frame["effect"] == "indirect")
        & (frame["predictor"] == row["predictor"])
        & (frame["mediator"] == row["mediator"])
        & (frame["at"] == row["at"])
        & (frame["interval"].isin(COUNTING["indirect"]))
    ]
    if len(same):
        first = same.iloc[0]
        found |= {
            "fixed_effects_indirect": first["estimate"],
            "fixed_effects_low": first["ci_low"],
            "fixed_effects_high": first["ci_high"],
        }
    if boundary:
        notes.insert(
            0,
            "therapists' covariance matrix at the boundary: the within estimate borrows information from "
            "differences between therapists; the fixed-effects estimate, which does not, stands beside it",
        )
        found["note"] = "; ".join(notes)
    return found
