"""The CR2 interval of many simulated studies is, study by study, the one that a run has of its own data."""

import numpy as np
import pandas as pd
import pytest
from fortems.design import coverage, populations
from fortems.design.paths import Sample, single_paths
from fortems.design.tasks import Settings, Task
from fortems.mediation.run import fit_all
from fortems.mediation.slopes import Settings as RunSettings
from fortems.seeds import stream
from fortems.stats.products import FINE
from fortems.stats.regression import ols_cr2
from fortems.study.models import MediationModel
from scipy import integrate, stats

NAMES = ("x", "m", "y")
MODEL = MediationModel("made", ("x",), ("m",), "y")
#: One therapist with half of the clients and several with one client, and sizes at random.
HALF = (30, 7, 6, 5, 4, 3, 2, 1, 1, 1)
RANDOM = tuple(int(size) for size in np.random.default_rng(11).integers(1, 9, 14))


def drawn(sizes, studies=5, seed=4):
    """Studies (S, N, 3) in units far from each other, therapists differing, and the therapist of each client."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    shared = rng.normal(size=(studies, len(sizes), 3))[:, cluster]
    x, first, second = np.moveaxis(rng.normal(size=(studies, len(cluster), 3)), -1, 0)
    m = 0.4 * x + first * np.sqrt(0.3 + 0.7 * x**2)
    y = -0.4 * m + 0.1 * x + second
    return (np.stack([x, m, y], axis=-1) + 0.4 * shared) * [3.0, 0.02, 400.0] + [50, 0, -7], cluster


def effects(study, cluster):
    """Rows of effects.csv with the CR2 interval, as a run has them of one study."""
    frame = pd.DataFrame(study, columns=list(NAMES))
    frame.insert(0, "therapist", [f"t{j:02d}" for j in cluster])
    frame.insert(0, "client", [f"c{i:03d}" for i in range(len(frame))])
    asked = RunSettings(seed=1, draws=200, replicates=0, intervals=("cr2",))
    rows = fit_all({"made": MODEL}, frame, ["regression"], asked)["effects"]
    return rows[(rows["effect"] == "indirect") & (rows["interval"] == "cr2")].iloc[0]


def by_definition(columns, outcome, cluster, place):
    """Variance and df of one slope from N x N matrices (Bell & McCaffrey, 2002; Pustejovsky & Tipton, 2018)."""
    x = np.column_stack([np.ones(len(outcome)), *columns])
    away = np.eye(len(outcome)) - x @ np.linalg.pinv(x)
    contrast = np.linalg.pinv(x)[place]  # c'(X'X)⁻¹X'
    weights = np.zeros((len(outcome), cluster.max() + 1))
    for j in range(cluster.max() + 1):
        own = cluster == j
        values, vectors = np.linalg.eigh(away[np.ix_(own, own)])
        weights[own, j] = vectors @ ((vectors.T @ contrast[own]) / np.sqrt(values))
    variance = ((weights.T @ (away @ outcome)) ** 2).sum()
    p = weights.T @ away @ weights
    return variance, np.trace(p) ** 2 / (p**2).sum()


@pytest.mark.parametrize("sizes", [HALF, RANDOM, (1,) * 20 + (20,)])
def test_paths_have_the_variances_and_df_of_the_definition(sizes):
    data, cluster = drawn(sizes)
    paths = single_paths(Sample.of(data, NAMES, cluster), ("x",), "m", "y")
    for s, (x, m, y) in enumerate(np.moveaxis(data, -1, 1)):
        z, v, w = ((values - values.mean()) / values.std() for values in (x, m, y))
        unit_a, unit_b = m.std() / x.std(), y.std() / m.std()
        for found, (columns, outcome, unit) in (
            ((paths.var_a[s, 0], paths.df_a[s, 0]), ([z], v, unit_a)),
            ((paths.var_b[s], paths.df_b[s]), ([v, z], w, unit_b)),
        ):
            variance, df = by_definition(columns, outcome, cluster, 1)
            assert found == pytest.approx((variance * unit**2, df), rel=1e-9)
            alone = ols_cr2(np.column_stack([np.ones(len(outcome)), *columns]), outcome, cluster)
            assert found == pytest.approx((alone.vcov[0, 1, 1] * unit**2, alone.df[0, 1]), rel=1e-9)


@pytest.mark.parametrize("sizes", [HALF, RANDOM])
def test_interval_is_the_one_of_the_runs_engine(sizes):
    """To rounding with the run's quadrature; with the stage's, which the primary intervals have, to a share of the width."""
    data, cluster = drawn(sizes)
    paths = single_paths(Sample.of(data, NAMES, cluster), ("x",), "m", "y")
    fine, used = paths.own_errors(step=FINE), paths.own_errors()
    for s, study in enumerate(data):
        row = effects(study, cluster)
        width = row["ci_high"] - row["ci_low"]
        assert [fine.low[s], fine.high[s]] == pytest.approx([row["ci_low"], row["ci_high"]], abs=1e-9 * width)
        assert fine.p[s] == pytest.approx(row["p"], abs=1e-9)
        assert [used.low[s], used.high[s]] == pytest.approx([row["ci_low"], row["ci_high"]], abs=2e-3 * width)


def test_ends_are_quantiles_of_the_product_of_the_two_t_variates():
    """P(A·B ≤ end) by adaptive integration over A, with scipy's t: .025 and .975."""
    data, cluster = drawn(HALF, studies=2)
    paths = single_paths(Sample.of(data, NAMES, cluster), ("x",), "m", "y")
    found = paths.own_errors(step=FINE)
    for s in range(2):
        a = stats.t(paths.df_a[s, 0], paths.a[s, 0], np.sqrt(paths.var_a[s, 0]))
        b = stats.t(paths.df_b[s], paths.b[s], np.sqrt(paths.var_b[s]))
        for end, share in ((found.low[s], 0.025), (found.high[s], 0.975)):

            def below(u, end=end, a=a, b=b):
                value = a.ppf(u)
                return b.cdf(end / value) if value > 0 else b.sf(end / value)

            zero = float(a.cdf(0))
            parts = [integrate.quad(below, *ends, limit=500)[0] for ends in ((0, zero), (zero, 1))]
            assert sum(parts) == pytest.approx(share, abs=1e-5)


def test_stage_counts_what_the_runs_engine_finds():
    """A block's sums of CR2 intervals against those of one study after the other."""
    cell, studies = "23 therapists, one with half the clients; effect", 6
    chosen = Settings(3, 0.95, {"coverage": {"studies": studies}}, None, "", {})
    task = Task(coverage.PART, cell, 0, 0, studies, 0.0)
    found = {row[:3]: row[3] for row in coverage.Runner(chosen)(task)}
    design, name = populations.cells()[cell]
    data, cluster = populations.draw(
        stream(3, coverage.PART, cell, 0), studies, populations.POPULATIONS[name], design
    )
    rows = [effects(study, cluster) for study in data]
    low, high = (np.array([row[end] for row in rows]) for end in ("ci_low", "ci_high"))
    sums = {measure: value for (level, kind, measure), value in found.items() if kind == "cr2"}
    truth = 0.30 * -0.35
    assert sums["studies"] == sums["intervals"] == studies
    assert sums["covers"] == ((low <= truth) & (truth <= high)).sum()
    assert sums["excludes_zero"] == ((low > 0) | (high < 0)).sum()
    assert sums["width"] == pytest.approx((high - low).sum(), rel=2e-3)
    assert {level for level, kind, _ in found if kind == "cr2"} == {"single"}


def test_a_slope_of_one_therapist_alone_has_no_interval():
    """As in a run, which withholds it: the predictor varies among the clients of one therapist only."""
    data, cluster = drawn(HALF, studies=2)
    data[0, cluster != 0, 0] = 50.0
    paths = single_paths(Sample.of(data, NAMES, cluster), ("x",), "m", "y")
    found = paths.own_errors()
    assert np.isnan([found.low[0], found.high[0], found.p[0]]).all()
    assert np.isfinite([found.low[1], found.high[1], found.p[1]]).all()
