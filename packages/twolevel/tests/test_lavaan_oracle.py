"""Every stored lavaan case with a regular maximum: same likelihood, estimates, standard errors, fit, and psd bounds.

The oracle and the R script that made it stand in tests/reference/lavaan (its README says what `regular` means).
"""

import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel_brute import cluster_logliks

ORACLE = Path(__file__).parent / "reference" / "lavaan"
CASES = pd.read_csv(ORACLE / "cases.csv").set_index("case")
EXPECTED = pd.read_csv(ORACLE / "expected" / "fit.csv").set_index("case")
ESTIMATES = pd.read_csv(ORACLE / "expected" / "estimates.csv", keep_default_na=False, na_values=["", "NA"])
REGULAR = list(EXPECTED.index[EXPECTED["regular"]])
LATER = pd.read_csv(ORACLE / "0.7" / "loglik.csv").set_index("case")  # lavaan 0.7-2 as it comes
INSIDE = list(EXPECTED.index[EXPECTED["regular"] & (EXPECTED["between_min"] > 1e-6)])


@cache
def data(name: str) -> twolevel.ClusterData:
    return twolevel.ClusterData(pd.read_csv(ORACLE / "data" / f"{name}.csv"), "cluster")


@cache
def model(name: str) -> twolevel.Model:
    return twolevel.Model((ORACLE / "models" / f"{name}.lav").read_text())


@cache
def fitted(case: str, bounds: str, se: str = "information") -> twolevel.Fit:
    row = CASES.loc[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", twolevel.TwoLevelWarning)
        return twolevel.fit(
            model(row["model"]), data(row["data"]), bounds=bounds, missing=row["missing"], se=se
        )


def tolerance(case: str) -> float:
    latent = "=~" in (ORACLE / "models" / f"{CASES.loc[case, 'model']}.lav").read_text()
    return 1e-5 if latent or CASES.loc[case, "missing"] == "ml" else 1e-6


def beside(case: str, fit: twolevel.Fit) -> pd.DataFrame:
    """Our parameters joined to lavaan's."""
    theirs = ESTIMATES[ESTIMATES["case"] == case].copy()
    theirs["level"] = theirs["level"].map({1: "within", 2: "between", 0: ""})
    theirs["rhs"] = theirs["rhs"].fillna("")
    ours = fit.parameters
    swapped = ours[(ours["op"] == "~~") & (ours["lhs"] != ours["rhs"])].rename(
        columns={"lhs": "rhs", "rhs": "lhs"}
    )
    both = pd.concat([ours, swapped]).drop(columns="label")
    keys = ["level", "lhs", "op"] + ([] if (theirs["op"] == ":=").all() else ["rhs"])
    both.loc[both["op"] == ":=", "rhs"] = ""
    theirs.loc[theirs["op"] == ":=", "rhs"] = ""
    joined = theirs.merge(both, on=keys, suffixes=("_lavaan", ""), how="left", validate="one_to_one")
    assert joined["estimate"].notna().all()
    return joined


def test_oracle_has_the_breadth_it_should():
    assert len(REGULAR) >= 40
    assert CASES.loc[REGULAR, "missing"].eq("ml").sum() >= 3


@pytest.mark.parametrize("case", REGULAR)
def test_unbounded_maximum_is_lavaans(case):
    fit = fitted(case, "none")
    expected = EXPECTED.loc[case]
    assert fit.converged, fit.message
    assert fit.n_parameters == expected["npar"]
    assert fit.n_clients == expected["clients"]
    # lavaan goes on counting a cluster whose rows are all incomplete.
    assert expected["clusters"] - (case == "missing_mcar__partial__listwise") == fit.n_clusters
    assert fit.loglik == pytest.approx(expected["loglik"], abs=tolerance(case))
    assert fit.aic == pytest.approx(expected["aic"], abs=1e-4)
    assert fit.bic == pytest.approx(expected["bic"], abs=1e-4)
    table = beside(case, fit)
    free = table[(table["free_lavaan"] == 1) | (table["op"] == ":=")]
    assert np.abs((free["estimate"] - free["est"]) / free["se_lavaan"]).max() < 5e-4
    assert np.abs(free["se"] / free["se_lavaan"] - 1).max() < 1e-3
    assert np.abs(table["standardized"] - table["std"]).max() < 1e-3


def scores_trusted(case: str) -> bool:
    """Complete data without within-only variables.

    For those, lavaan 0.6-14's cluster scores are not the gradients of the clusters' likelihoods
    (test_likelihood.py checks ours against brute force, within-only variables included).
    """
    own = model(CASES.loc[case, "model"]).layout
    return CASES.loc[case, "missing"] == "listwise" and set(own.y) <= set(own.levels[1].names)


@pytest.mark.parametrize("case", [c for c in REGULAR if scores_trusted(c)])
def test_robust_standard_errors_are_lavaans_times_the_small_sample_factor(case):
    fit = fitted(case, "none", "robust")
    table = beside(case, fit)
    j = fit.n_clusters
    free = table[table["free_lavaan"] == 1]
    assert np.abs(free["se"] / free["se_robust"] / np.sqrt(j / (j - 1)) - 1).max() < 2e-3


@pytest.mark.parametrize(
    "case", [c for c in REGULAR if EXPECTED.loc[c, "h1_regular"] and EXPECTED.loc[c, "df"] > 0]
)
def test_fit_indices_are_lavaans(case):
    found, expected = fitted(case, "none").fit_indices, EXPECTED.loc[case]
    assert found.loglik_saturated == pytest.approx(expected["loglik_h1"], abs=tolerance(case))
    assert found.chi2 == pytest.approx(expected["chisq"], abs=1e-4)
    assert found.df == expected["df"]
    assert found.p == pytest.approx(expected["pvalue"], abs=1e-5)
    if expected["baseline_regular"]:
        assert found.baseline_df == expected["baseline_df"]
        assert found.baseline_chi2 == pytest.approx(expected["baseline_chisq"], abs=1e-4)
        assert found.cfi == pytest.approx(expected["cfi"], abs=1e-5)
        assert found.tli == pytest.approx(expected["tli"], abs=1e-5)
    assert found.rmsea == pytest.approx(expected["rmsea"], abs=1e-5)
    assert found.srmr_within == pytest.approx(expected["srmr_within"], abs=1e-4)
    if expected["between_min"] > 0:
        assert found.srmr_between == pytest.approx(expected["srmr_between"], abs=1e-4)


@pytest.mark.parametrize("case", INSIDE)
def test_bounds_change_nothing_where_the_maximum_is_inside(case):
    free, bounded = fitted(case, "none"), fitted(case, "psd")
    if not free.admissible:  # a negative residual variance of a latent-variable model
        assert bounded.loglik <= free.loglik + 1e-8
        return
    assert bounded.converged and bounded.admissible
    assert bounded.loglik == pytest.approx(free.loglik, abs=1e-7)
    se = np.sqrt(np.diag(free.covariance.matrix))
    assert np.abs((bounded.solution.theta - free.solution.theta) / se).max() < 1e-4
    np.testing.assert_allclose(np.sqrt(np.diag(bounded.covariance.matrix)), se, rtol=1e-4)


@pytest.mark.parametrize("case", [c for c in REGULAR if c not in INSIDE])
def test_bounded_maximum_is_no_higher_than_the_regular_one(case):
    bounded = fitted(case, "psd")
    assert bounded.converged and bounded.admissible
    assert bounded.loglik <= EXPECTED.loc[case, "loglik"] + 1e-6


@pytest.mark.parametrize("case", [c for c in CASES.index if c not in REGULAR])
def test_no_regular_maximum_is_never_a_silent_number(case):
    free, bounded = fitted(case, "none"), fitted(case, "psd")
    if not free.converged:
        assert "no maximum" in free.message
        assert free.parameters["se"].isna().all()
    assert bounded.converged and bounded.admissible and bounded.boundary


def test_both_versions_of_lavaan_know_the_same_cases():
    assert set(LATER.index) == set(CASES.index)
    assert len(INSIDE) == 55


@pytest.mark.parametrize("case", INSIDE)
def test_the_maximum_is_no_lower_than_that_of_either_version(case):
    better = max(EXPECTED.loc[case, "loglik"], LATER.loc[case, "loglik"])
    assert fitted(case, "psd").loglik >= better - tolerance(case) or not fitted(case, "none").admissible
    assert fitted(case, "none").loglik >= better - tolerance(case)


def test_the_pinned_level_of_the_later_version_is_as_the_guide_says():
    """What docs/lavaan-report.md reports: converged, and short of a maximum that is known from three sides."""
    short = pd.Series({case: fitted(case, "none").loglik - LATER.loc[case, "loglik"] for case in INSIDE})
    assert LATER.loc[INSIDE, "converged"].all()
    assert ((short > 1e-3).sum(), (short > 0.1).sum()) == (17, 9)
    assert short.idxmax() == "covariates__one_covariate"
    assert short.max() == pytest.approx(7.389, abs=1e-3)
    assert short.min() > -1e-6


def test_the_maximum_that_the_later_version_misses_most_is_one_by_brute_force():
    case = "covariates__one_covariate"
    fit = fitted(case, "none")
    frame = pd.read_csv(ORACLE / "data" / f"{CASES.loc[case, 'data']}.csv")
    layout = fit.model.layout
    dense = cluster_logliks(fit.implied, frame, list(layout.y), list(layout.z), "cluster").sum()
    assert dense == pytest.approx(fit.loglik, abs=1e-8)
    assert fit.fit_indices.df == 0
    assert 2 * (dense - LATER.loc[case, "loglik"]) == pytest.approx(14.778, abs=1e-3)


@pytest.mark.parametrize("case", [c for c in CASES.index if c not in INSIDE])
def test_the_bounded_maximum_is_no_lower_than_that_of_the_later_version(case):
    assert fitted(case, "psd").loglik >= LATER.loc[case, "loglik"] - 1e-6
