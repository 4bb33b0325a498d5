"""No sentence of the report says what its own tables do not: each verdict beside its rows, and every flipped row is noticed."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from verdict_page import Run
from verdict_sentences import PAIRS, judged, pages, problems


@pytest.fixture(scope="module")
def told(built):
    """The folder of the built run and its pages."""
    old = os.getcwd()
    os.chdir(built.root)
    try:
        folder = built.root / "results/tiny"
        run, texts = Run(folder), pages(folder)
        run.models, run.ledger  # noqa: B018  (read while the folder is the run's)
        list(judged(run, texts))
        yield run, texts
    finally:
        os.chdir(old)


def turned(rows: pd.DataFrame, mine: pd.Series | None = None) -> pd.DataFrame:
    """Intervals that left out zero hold it, and the others leave it out; p likewise."""
    rows = rows.copy()
    mine = rows["ci_low"].notna() if mine is None else mine & rows["ci_low"].notna()
    beyond = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    rows.loc[mine, "ci_low"] = np.where(beyond[mine], -9.0, 8.0)
    rows.loc[mine, "ci_high"] = 9.0
    if "p" in rows:
        rows.loc[mine, "p"] = np.where(rows.loc[mine, "p"] < 0.05, 0.9, 0.001)
    return rows


def of_effect(name: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: turned(rows, rows["effect"] == name)


def other_verdict(rows: pd.DataFrame) -> pd.DataFrame:
    other = {"reproduced": "not reproduced", "not reproduced": "reproduced"}
    return rows.assign(verdict=rows["verdict"].map(lambda verdict: other.get(verdict, verdict)))


def one_estimand(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(verdict=np.where(rows["estimand"] == "within", "cannot tell", rows["verdict"]))


def direct_turned(rows: pd.DataFrame) -> pd.DataFrame:
    """Direct paths of the other sign."""
    return rows.assign(estimate=rows["estimate"].where(rows["effect"] != "direct", -rows["estimate"]))


FLIPS: tuple[tuple[str, Callable[[pd.DataFrame], pd.DataFrame]], ...] = (
    *(("mediation/effects.csv", of_effect(name)) for name in ("a", "b", "direct", "indirect")),
    ("mediation/effects.csv", direct_turned),
    ("tables/correlations.csv", turned),
    ("robustness/aspects.csv", turned),
    ("claims.csv", other_verdict),
    ("claims.csv", one_estimand),
    ("mediation/measurement.csv", turned),
    ("mediation/derived.csv", turned),
    (
        "mediation/verdicts.csv",
        lambda rows: rows.assign(direct_standardized_se=rows["direct_standardized_se"] / 100),
    ),
    ("mediation/fit.csv", lambda rows: rows.assign(chi2=np.where(rows["chi2"] > 3.8, 0.0, 99.0))),
    ("mediation/agreement.csv", lambda rows: rows.assign(difference=rows["difference"] + 1)),
    ("tables/covariates.csv", lambda rows: rows.assign(p=0.01)),
    ("tables/icc.csv", lambda rows: rows.assign(ci_low=0.01)),
    (
        "robustness/leave_one_out.csv",
        lambda rows: rows.assign(sign_changes=1 - rows["sign_changes"].clip(upper=1)),
    ),
    ("robustness/specifications.csv", lambda rows: rows.assign(estimate=-rows["estimate"])),
    ("robustness/specifications.csv", lambda rows: rows.assign(ci_low=-9.0, ci_high=9.0)),
    ("robustness/survivors.csv", turned),
    ("robustness/confounding.csv", lambda rows: rows.assign(indirect=0.5, ci_low=0.2, ci_high=0.7)),
    ("robustness/multiplicity.csv", lambda rows: rows.assign(p=1 - rows["p"])),
    ("design/likelihood_ratios.csv", lambda rows: rows.assign(ci_low=2.0, ci_high=3.0)),
    ("design/recovery.csv", lambda rows: rows.assign(bias=9 * rows["bias_se"])),
    (
        "design/posterior.csv",
        lambda rows: rows.assign(posterior=np.where(rows["ratio"] >= 2, rows["prior_mean"], 0.99)),
    ),
    *(
        (f"design/{name}.csv", lambda rows: rows.assign(ci_high=np.where(rows["ci_high"] < 0.95, 1.0, 0.9)))
        for name in ("coverage", "coverage_paths")
    ),
)


def test_every_verdict_of_the_report_is_that_of_its_rows(told):
    run, texts = told
    assert problems(run, texts) == []
    assert len({name for name, _, _ in judged(run, texts)}) >= 25


def test_every_kind_of_verdict_notices_a_flipped_row(told):
    """A table is turned, the pages stay: each pair that the report has is contradicted by one of the tables at least."""
    run, texts = told
    noticed: set[str] = set()
    for name, flip in FLIPS:
        if not (run.folder / name).is_file():
            continue
        other = Run(run.folder, run.changed | {name: flip(run.table(name))})
        noticed |= {pair for pair, fine, _ in judged(other, texts) if not fine}
    present = {name for name, _, _ in judged(run, texts)}
    assert present - noticed == set()
    assert "" not in noticed


def test_a_verdict_that_no_pair_knows_is_a_problem(told):
    run, texts = told
    page = texts[0].replace("</h2>", "</h2><p>Meaning surely differs from zero and is shown to heal.</p>")
    assert any("no pair knows" in problem for problem in problems(run, [page]))


def test_names_of_pairs_are_their_own():
    assert len({name for name, _, _ in PAIRS}) == len(PAIRS)
