"""The pattern of a study that compares no aspects: its predictor, mediator and outcome alone, from its own claims."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fortems.design import stage
from fortems.design.pattern.event import NoEventError, roles_of
from fortems.design.pattern.population import quantities
from fortems.design.pattern.priors import load_prior
from fortems.design.pattern.setup import setup
from fortems.design.tasks import Settings
from fortems.errors import ConfigError
from fortems.run.preflight import check
from fortems.schema import load_yaml
from fortems.study.definition import study
from scipy import stats
from snakemake.utils import update_config

ROOT = Path(__file__).resolve().parents[2]
HOPE = "config/studies/hope"
SMALL = {
    "surface": {"studies": 400, "tested": 10, "gaps": [0], "totals": [-0.3], "direct": [0, 0.5], "search": 200, "starts": 2},
    "posterior": {"priors": ["guess", "vague_guess"], "draws": 4000, "other_draws": 2000, "importance": 2000, "confirm": 200},
    "forecast": {"studies": 400, "sizes": [[60, 15], [240, 60]]},
    "attempts": {"studies": 1000, "numbers": [1, 5]},
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def in_force():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORTEMS_STUDY", str(ROOT / HOPE / "study.yaml"))
        yield


@pytest.fixture(scope="module")
def settings():
    files = dict(study().instruments)
    return Settings(1, 0.95, SMALL, f"{HOPE}/claims.yaml", f"{HOPE}/models.yaml", files)


@pytest.fixture(scope="module")
def tables(settings):
    sums, kept = stage.run_chunk(settings, 0, 1, lambda line: None)
    return stage.tables(settings, [sums], [kept])


def test_the_studys_own_claims_are_posed(settings):
    known = setup(settings)
    assert known.event.names == ("alliance_hope", "hope_depression", "alliance_indirect")
    assert known.roles.columns == ("hope", "depression", "alliance") and not known.event.left_out
    names = [quantity.name for quantity in quantities(known.event)]
    assert len(names) == len(set(names)) and "indirect alliance" in names
    account = known.account()
    assert account.shape == (3, 3) and account[1, 2] == pytest.approx(-0.50)
    # bond, task and goal have equal SDs and correlate .60, .60 and .65
    spread = np.sqrt(3 + 2 * (0.60 + 0.60 + 0.65))
    assert account[0, 1] == pytest.approx((0.38 + 0.34 + 0.34) / spread)
    assert account[0, 2] == pytest.approx(-(0.28 + 0.26 + 0.26) / spread)


def by_hand(r, n, studies, rng):
    """Share of studies in which both correlations and both paths are significant with their signs, from client rows."""
    found = 0
    for _ in range(studies):
        x, m, y = rng.multivariate_normal(np.zeros(3), r, n).T
        design = np.column_stack([np.ones(n), m, x])
        slopes, rest, *_ = np.linalg.lstsq(design, y, rcond=None)
        se = np.sqrt(rest[0] / (n - 3) * np.linalg.inv(design.T @ design)[1, 1])
        p_b = 2 * stats.t.sf(abs(slopes[1] / se), n - 3)
        a, my = stats.pearsonr(x, m), stats.pearsonr(m, y)
        found += (
            (a.pvalue < 0.05 and a.statistic > 0) and (my.pvalue < 0.05 and my.statistic < 0) and p_b < 0.05
        )
    return found / studies


def test_its_probability_is_that_of_client_rows(settings):
    known = setup(settings)
    event, draws = known.event, 20_000
    rng = np.random.default_rng(2)
    failed, _ = event.studies(rng, np.repeat(known.account()[None], draws, 0), np.zeros(draws))
    expected = by_hand(known.account(), event.clients, 2000, rng)
    assert (failed == 0).mean() == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 2000))
    assert 0.2 < expected < 0.99


def test_every_table_has_rows(tables):
    for name in ("surface", "surface_maximum", "pattern", "posterior", "statements", "forecast", "attempts"):
        assert len(tables[name]), name
    surface = tables["surface"].query("tests == 'pearson' and estimand == 'single'")
    assert list(surface["direct"]) == [0, 0.5] and set(surface["gap"]) == {0}
    assert surface["mediator"].iloc[0] == pytest.approx(
        0.3 / 0.5
    )  # full mediation: r(x, m) r(m, y) = r(x, y)
    rows = tables["posterior"].query("method == 'rejection' and test == 'pearson'")
    assert not rows.duplicated(["prior", "quantity", "estimand"]).any()
    assert set(rows["x"]) | set(rows["y"].dropna()) <= {"alliance", "hope", "depression", ""}
    best = tables["surface_maximum"]
    assert (
        set(best["limit"].astype(str).str.split(";").str[0]) >= {"any correlations"}
        and best["probability"].max() > 0.9
    )


@pytest.mark.parametrize("name", ["guess", "vague_guess"])
def test_priors_of_three_variables_are_correlation_matrices(name):
    found, icc = load_prior(name, 1).draw(np.random.default_rng(1), 500, 1)
    assert found.shape == (500, 3, 3) and np.allclose(np.einsum("dii->di", found), 1)
    assert (np.linalg.eigvalsh(found)[:, 0] > 0).mean() > 0.9 and ((icc > 0) & (icc < 1)).all()


def test_uniform_relations_of_three_variables_are_uniform():
    """LKJ with shape 1 for three variables: each correlation is uniform in the mean, (r + 1) / 2 ~ Beta(1.5, 1.5)."""
    found, _ = load_prior("vague_guess", 1).draw(np.random.default_rng(1), 20_000, 1)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert stats.kstest((found[:, i, j] + 1) / 2, stats.beta(1.5, 1.5).cdf).pvalue > 1e-3


def test_aspects_that_make_up_no_total_are_no_pattern():
    with pytest.raises(NoEventError, match="not all the parts of one total"):
        roles_of(replace(study(), aspects=("bond", "hope")))


def test_gaps_of_an_account_without_the_parameter_are_refused():
    own = load_yaml(f"{HOPE}/config.yaml")
    own["design"]["surface"]["gaps"] = [0, 0.1]
    config = load_yaml(ROOT / "config/config.yaml")
    update_config(config, own)
    with pytest.raises(ConfigError, match=r"surface\.gaps.*has no parameter gap.*\[0\]"):
        check(config, ["own.yaml"])
    assert os.environ["FORTEMS_STUDY"].endswith(f"{HOPE}/study.yaml")
