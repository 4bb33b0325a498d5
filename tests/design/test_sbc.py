"""Calibration of the posterior: uniform ranks where sampler and prior are right, others where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from fortems.design import sbc
from fortems.design.tasks import Settings, gather, run
from fortems.robustness.bayes import posterior
from fortems.robustness.bayes.prior import priors


def tabulated(studies: int, steps: int):
    settings = Settings(7, 0.95, {"sbc": {"studies": studies, "steps": steps}}, None, "", {})
    sums = run(sbc.tasks(settings), {sbc.PART: sbc.Runner(settings)}, lambda line: None)
    return sbc.table(gather([sums]), settings)


def test_every_study_has_a_rank_of_every_quantity():
    found = tabulated(3, 400)
    bins = found[[f"bin_{k + 1}" for k in range(sbc.BINS)]].sum(axis=1)
    assert (bins == 3).all() and (found["studies"] == 3).all()
    assert set(found["prior"]) == {"johns_2019", "half_t_0.5"}
    assert {("within", "direct_standardized"), ("contextual", "b"), ("between", "icc_outcome")} <= set(
        zip(found["level"], found["quantity"], strict=True)
    )


@pytest.mark.slow
def test_ranks_are_uniform():
    """Thirty quantities: none far off, and few of them off at all."""
    found = tabulated(100, 15_000)
    assert found["p"].min() > 0.05 / len(found) / 10
    assert (found["p"] < 0.05).mean() < 0.2
    np.testing.assert_allclose(found["mean_rank"], 0.5, atol=0.12)


def test_a_wrong_prior_shows(monkeypatch):
    """Studies from SDs between of scale 2, analysed as if therapists hardly differed: ICCs rank high."""
    wide, narrow = priors([2.0], 2.0)[1], priors([0.01], 2.0)[1]
    original = posterior.chain
    monkeypatch.setattr(
        posterior,
        "chain",
        lambda statistics, prior, *rest, **more: original(statistics, narrow, *rest, **more),
    )
    rng = np.random.default_rng(1)
    ranks = [sbc.ranks(rng, wide, sbc.PAPER_SIZES, 3000)["between", "icc_outcome"] for _ in range(20)]
    assert np.mean(ranks) / sbc.RANKS > 0.7
