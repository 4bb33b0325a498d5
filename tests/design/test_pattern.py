"""The pattern as an event: exact draws, tests, priors, posterior, surface, forecast, typed numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from fortems.claims.claimfile import load_claims
from fortems.design import stage
from fortems.design.pattern import (
    forecast,
    kernel,
    maximum,
    numbers,
    package,
    posterior,
    priors,
    sampling,
    surface,
)
from fortems.design.pattern.event import critical, event_of, one_sided_table
from fortems.design.pattern.population import Quantity, correlate, quantities, values, whole
from fortems.design.pattern.setup import pose, setup, with_test
from fortems.design.pattern.tables import with_typed
from fortems.design.pattern.typed import typed
from fortems.design.tasks import Settings
from fortems.errors import ConfigError
from fortems.published.ledger import Entry, load_ledger
from fortems.published.matrix import Printed
from fortems.stats.normal import cluster_index, draw_normal
from fortems.tidy import write_csv
from scipy import integrate, stats

INSTRUMENTS = {
    "mlq": "config/instruments/mlq.yaml",
    "wai": "config/instruments/wai_sr.yaml",
    "oq": "config/instruments/oq45.yaml",
}
SMALL = {
    "surface": {"studies": 50, "tested": 4, "gaps": [0.2], "totals": [-0.11, -0.9], "direct": [0, 0.5], "search": 200, "starts": 1},
    "posterior": {"priors": ["meta_analytic", "lkj_alone"], "draws": 120_000, "other_draws": 2000, "importance": 5000, "confirm": 300},
    "forecast": {"studies": 400, "sizes": [[96, 23], [384, 92]]},
    "attempts": {"studies": 2000, "numbers": [1, 5]},
}  # fmt: skip


def settings(seed=1, published=None, **design):
    return Settings(seed, 0.95, design, "config/claims.yaml", "config/models.yaml", INSTRUMENTS, published)


@pytest.fixture(scope="module")
def known():
    return setup(settings())


@pytest.fixture(scope="module")
def event(known):
    return known.event


@pytest.fixture(scope="module")
def small():
    """Tables of a small stage."""
    chosen = settings(**SMALL)
    sums, kept = stage.run_chunk(chosen, 0, 1, lambda line: None)
    return chosen, kept, stage.tables(chosen, [sums], [kept])


def populations(known, draws, icc):
    return np.repeat(known.account()[None], draws, 0), np.full(draws, icc)


# --- cross-products without client rows


@pytest.mark.parametrize("icc", [0.0, 0.3])
def test_cross_products_have_the_moments_of_client_rows(known, event, icc):
    rng = np.random.default_rng(1)
    draws = 40_000
    _, products = event.studies(rng, *populations(known, draws, icc), [event.every])
    mine = event.covariances(products)
    within, between = (1 - icc) * known.account(), icc * known.account()
    data, _ = draw_normal(rng, draws, within, between, event.sizes)
    centred = data - data.mean(axis=1, keepdims=True)
    weights = known.roles.weights()
    brute = weights @ np.einsum("snp,snq->spq", centred, centred) @ weights.T
    i, j = np.triu_indices(mine.shape[1])
    for sample in (
        lambda t: t[:, i, j],
        lambda t: t[:, i, j] ** 2,
        lambda t: np.arctanh(correlate(t)[:, 0, 1:]) ** 2,
    ):
        a, b = sample(mine), sample(brute)
        error = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
        assert np.abs((a.mean(axis=0) - b.mean(axis=0)) / error).max() < 4.5


def test_mean_of_the_cross_products_in_closed_form(known, event):
    icc = 0.3
    n = np.array(event.sizes)
    _, products = event.studies(np.random.default_rng(2), *populations(known, 40_000, icc), [event.every])
    place = known.roles.columns.index(known.roles.mediator)
    found = event.covariances(products)[:, place, place]
    expected = (1 - icc) * (n.sum() - 1) + icc * (n.sum() - (n**2).sum() / n.sum())
    assert found.mean() == pytest.approx(expected, abs=4 * found.std() / 200)


def test_a_study_is_judged_alike_drawn_in_part_or_whole(known, event):
    """Leaving failing studies unfinished changes what is drawn afterwards, not how often the pattern shows."""
    draws = 200_000
    part, _ = event.studies(np.random.default_rng(3), *populations(known, draws, 0.05))
    full, _ = event.studies(np.random.default_rng(4), *populations(known, draws, 0.05), [event.every])
    p, q = (part == 0).mean(), (full == 0).mean()
    assert abs(p - q) < 4 * np.sqrt((p + q) / draws)
    assert (part == kernel.STOPPED).any() and not (full == kernel.STOPPED).any()


# --- tests of a study


@pytest.mark.plain
def test_statements_are_those_of_least_squares(known, event):
    """Every statement of 60 studies against statsmodels on client rows."""
    rng = np.random.default_rng(5)
    base, _ = draw_normal(rng, 60, 0.95 * known.account(), 0.05 * known.account(), event.sizes)
    data = package.all_columns(known, base)
    centred = data - data.mean(axis=1, keepdims=True)
    failed = event.judge(np.einsum("snp,snq->spq", centred, centred))
    at = known.roles.columns.index
    claims, models = known.claims, known.models
    for study, bits in zip(data, failed, strict=True):
        for place, name in enumerate(event.names):
            claim = claims[name]
            if claim.statistic == "correlation":
                r, p = stats.pearsonr(study[:, at(claim.x)], study[:, at(claim.y)])
                good = (p < 0.05) == claim.significant
                if claim.significant:
                    good &= np.sign(r) == (1 if claim.direction == "positive" else -1)
                if claim.band:
                    good &= claim.band[0] <= abs(r) < claim.band[1]
            else:
                model = models[claim.model]
                x, m, y = (study[:, at(v)] for v in (model.predictors[0], model.mediators[0], model.outcome))
                first = sm.OLS(m, sm.add_constant(x)).fit()
                second = sm.OLS(y, sm.add_constant(np.stack([m, x], 1))).fit()
                good = first.pvalues[1] < 0.05 and second.pvalues[1] < 0.05 and second.pvalues[2] >= 0.05
                good = good and first.params[1] * second.params[1] < 0
            assert bool(bits >> place & 1) == (not good), name


@pytest.mark.plain
def test_both_outcomes_of_every_statement_occur(known, event):
    failed, _ = event.studies(np.random.default_rng(6), *populations(known, 3000, 0.05), [event.every])
    for place in range(len(event.names)):
        assert 0 < ((failed >> place) & 1).mean() < 1


@pytest.mark.parametrize(("t_a", "t_b"), [(2.2, -2.1), (2.3, -2.4), (5.0, -2.0), (0.3, -6.0), (2.0, -30.0)])
def test_product_test_is_the_product_intervals(t_a, t_b):
    """P(AB < 0) by quadrature of the product's distribution, A and B t variates about their estimates."""
    a, b = stats.t(94, loc=t_a), stats.t(93, loc=t_b)
    below, _ = integrate.quad(
        lambda x: a.pdf(x) * (b.cdf(0) if x > 0 else b.sf(0)), -20, 60, points=[0], limit=300
    )
    p, q = stats.t(94).sf(abs(t_a)), stats.t(93).sf(abs(t_b))
    assert min(below, 1 - below) == pytest.approx(p + q - 2 * p * q, abs=1e-7)


@pytest.mark.plain
def test_product_test_is_stricter_than_both_paths(known, event):
    rng = np.random.default_rng(7)
    _, products = event.studies(rng, *populations(known, 5000, 0.05), [event.every])
    covariances = event.covariances(products)
    joint, product = event.judge(covariances), with_test(event, "product").judge(covariances)
    assert ((joint & ~product) == 0).all() and (joint != product).any()


@pytest.mark.plain
def test_table_of_p_values_and_critical_correlations():
    table = one_sided_table(94)
    for r in (0.0, 0.1234, 0.2, 0.7):
        expected = stats.t(94).sf(r * np.sqrt(94 / (1 - r**2)))
        assert kernel.one_sided(r, table) == pytest.approx(expected, abs=1e-7)
    assert critical(0.05, 2, 94) == pytest.approx(0.2006, abs=1e-4)


# --- the event


def altered(tmp_path, old, new):
    text = Path("config/claims.yaml").read_text()
    assert old in text
    path = tmp_path / "claims.yaml"
    path.write_text(text.replace(old, new, 1))
    return str(path)


def test_statements_that_contradict_each_other_are_named(tmp_path):
    path = altered(tmp_path, "      - task_distress\n", "      - task_distress\n      - never\n")
    text = (
        Path(path)
        .read_text()
        .replace(
            "claims:\n",
            "claims:\n  never: {text: No., statistic: correlation, x: bond, y: meaning, expected: not_significant}\n",
            1,
        )
    )
    Path(path).write_text(text)
    with pytest.raises(ConfigError, match=r"(?s)bond_meaning.*never|never.*bond_meaning"):
        pose(path, "config/models.yaml", INSTRUMENTS)


def test_claims_without_a_pattern_of_the_shape_are_no_error(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(
        "sources: {}\nclaims:\n  one: {text: One., statistic: correlation, x: bond, y: meaning}\n"
    )
    assert pose(str(path), "config/models.yaml", INSTRUMENTS) is None
    assert setup(replace(settings(), claims=None)) is None
    chosen = replace(settings(posterior=SMALL["posterior"], surface=SMALL["surface"]), claims=str(path))
    sums, kept = stage.run_chunk(chosen, 0, 1, lambda line: None)
    assert all(table.empty for table in stage.tables(chosen, [sums], [kept]).values())


def test_what_cannot_be_posed_is_told(known):
    models = {name: model for name, model in known.models.items() if name != "alliance"}
    claims = known.claims
    found = event_of(claims["whole_pattern"], claims, models, known.roles, known.event.sizes)
    assert found.left_out == {"alliance_full_mediation": "there is no model alliance here"}


# --- priors


def test_uniform_prior_is_uniform_over_positive_definite_matrices():
    rng = np.random.default_rng(8)
    i, j = np.triu_indices(5, 1)
    brute = np.tile(np.eye(5), (300_000, 1, 1))
    brute[:, i, j] = brute[:, j, i] = rng.uniform(-1, 1, (300_000, 10))
    brute = brute[np.linalg.eigvalsh(brute)[:, 0] > 0]
    mine, _ = priors.load_prior("lkj_alone").draw(rng, 20_000, 3)
    for a, b in ((brute, mine), (brute, priors.lkj(rng, 20_000, 5, 1.0))):
        first, second = np.linalg.det(a), np.linalg.det(b)
        assert stats.ks_2samp(first, second).pvalue > 1e-4
        assert np.abs(a[:, i, j].std(axis=0) - b[:, i, j].std(axis=0)).max() < 0.02


@pytest.mark.parametrize("name", ["vague", "lkj_alone", "meta_analytic"])
def test_densities_integrate_to_one(name):
    """The mean of p / g over draws from g is the share of p that is counted: all of it."""
    prior, rng = priors.load_prior(name), np.random.default_rng(9)
    draws = prior.parameters(rng, 200_000, 3)
    mean, cov = draws.mean(axis=0), 1.3 * np.cov(draws.T)
    g = stats.multivariate_normal(mean, cov)
    other = g.rvs(400_000, random_state=rng)
    inside = np.ones(len(other), bool)
    if prior.uniform:
        inside = np.linalg.eigvalsh(prior.matrices(other, 3))[:, 0] > 0
    weights = np.where(inside, np.exp(prior.log_density(other, 3) - g.logpdf(other)), 0.0)
    assert weights.mean() == pytest.approx(1, abs=max(5 * weights.std() / 632, 0.01))


def test_gaps_leave_the_total_as_it_is():
    prior, rng = priors.load_prior("meta_analytic"), np.random.default_rng(10)
    parameters = prior.parameters(rng, 500, 3)
    matrices = priors.matrices(parameters, 3)
    spread = np.sqrt(matrices[:, :3, :3].sum(axis=(1, 2)))
    assert matrices[:, :3, 3].sum(axis=1) / spread == pytest.approx(parameters[:, 3])
    assert matrices[:, :3, 4].sum(axis=1) / spread == pytest.approx(parameters[:, 4])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mean: 0.65, sd: 0.12", "mean: -0.9, sd: 0.01", "positive definite"),
        ("source: wai,", "source: wia,", "Did you mean wai"),
        ("{mean: 0.25, sd: 0.15,", "{uniform: true,", "all three"),
        ("{mean: 0.25, sd: 0.15,", "{mean: 0.25,", "mean and sd, or uniform"),
        ("mean: 0.05, sd: 0.034", "mean: 0.05, sd: 0.4", "beta"),
        ("gaps:", "gap:", "Did you mean gaps"),
    ],
)
def test_priors_that_cannot_be_are_named(tmp_path, old, new, words):
    text = Path("config/priors/meta_analytic.yaml").read_text()
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=words):
        priors.load_prior(path)
    with pytest.raises(ConfigError, match="Did you mean meta_analytic"):
        priors.load_prior("meta_analitic")


# --- posterior


def test_posterior_is_right_where_it_is_known(known, event):
    """One statement on one correlation, all else fixed: the posterior by numerical integration."""
    one = event.only(["meaning_distress"])
    grid = np.linspace(-0.9, 0.9, 181)
    base = np.eye(5)
    base[:3, :3] += 0.6 * (1 - np.eye(3))
    chances = []
    rng = np.random.default_rng(11)
    matrices = np.repeat(base[None], 4000, 0)
    for r in grid:
        matrices[:, 3, 4] = matrices[:, 4, 3] = r
        failed, _ = one.studies(rng, matrices, np.zeros(4000))
        chances.append((failed == 0).mean())
    weights = np.array(chances) * stats.norm(-0.35, 0.12).pdf(grid)
    expected = (weights * grid).sum() / weights.sum()
    draws = rng.normal(-0.35, 0.12, 200_000)
    matrices = np.repeat(base[None], 200_000, 0)
    matrices[:, 3, 4] = matrices[:, 4, 3] = draws
    failed, _ = one.studies(rng, matrices, np.zeros(200_000))
    kept = draws[failed == 0]
    assert kept.mean() == pytest.approx(expected, abs=0.002)
    # The study's own r has Fisher's z with variance 1 / (n - 3), nearly.
    z = stats.norm(np.arctanh(-0.4), 1 / np.sqrt(93))
    assert chances[50] == pytest.approx(z.cdf(np.arctanh(-0.3)) - z.cdf(np.arctanh(-0.5)), abs=0.03)


def test_prototype_s_numbers(small):
    """An independent prototype: acceptance 2.6e-4; .50 to .91 and .89; .22 to .20 and .19; .61 without goal-meaning."""
    tables = small[2]
    pattern = tables["pattern"].iloc[0]
    assert pattern["probability"] == pytest.approx(2.6e-4, rel=0.5)
    assert pattern["ci_low"] < 2.75e-4 and pattern["ci_high"] > 2.5e-4
    table = tables["posterior"]
    own = table[
        (table["prior"] == "meta_analytic") & (table["method"] == "rejection") & (table["test"] == "pearson")
    ]
    found = own.set_index("quantity")
    for name, before, after in (
        ("beats bond goal", 0.5, 0.91),
        ("beats bond task", 0.5, 0.89),
        ("small_direct alliance", 0.22, 0.20),
        ("mostly_mediated alliance", 0.22, 0.19),
    ):
        assert found.loc[name, "prior_mean"] == pytest.approx(before, abs=0.01)
        error = max(found.loc[name, "mc_se"], 0.03)
        assert found.loc[name, "posterior"] == pytest.approx(after, abs=4 * error)
    out = tables["statements"].set_index(["prior", "left_out", "quantity"])["without_it"]
    assert out["meta_analytic", "goal_meaning", "beats bond goal"] == pytest.approx(0.61, abs=0.12)
    assert out["meta_analytic", "significant totals", "small_direct alliance"] == pytest.approx(
        0.53, abs=0.08
    )
    redundant = tables["statements"].query("redundant and prior == 'meta_analytic'")["left_out"]
    assert {"alliance_meaning", "bond_meaning"} <= set(redundant)


def test_importance_agrees_with_rejection_on_the_coarse_pattern(small):
    pattern = small[2]["pattern"]
    coarse = pattern[pattern["event"] == sampling.COARSE].set_index("method")
    a, b = coarse.loc["rejection"], coarse.loc["importance"]
    error = np.hypot((a["ci_high"] - a["ci_low"]) / 4, (b["ci_high"] - b["ci_low"]) / 4)
    assert abs(a["probability"] - b["probability"]) < 4 * error


def test_weighted_draws_of_other_priors_are_shown_only_where_both_ways_agree(small):
    chosen, _, tables = small
    table = tables["posterior"]
    assert len(table[(table["prior"] == "meta_analytic") & (table["method"] == "importance")])

    def sums(shift):
        found = {}
        for cell, (_, method, _) in sampling.cells(chosen).items():
            chance = 0.2 + (shift if method == "importance" else 0.0)
            own = {
                "kept": 200.0,
                "weight": 1000 * chance,
                "weight_squares": 1000 * chance,
                "beats x y": 100.0,
                "beats x y²": 100.0,
            }
            own |= {"beats x y w0": 200.0, "beats x y w1": 100.0, "beats x y w2": 100.0}
            own["beats x y"] = own["beats x y²"] = own["weight"] / 2
            found[cell] = {(method, ""): {"weight": 1000.0, "draws": 1000.0}, (method, sampling.WHOLE): own}
        return found

    assert posterior.agrees(chosen, sums(0.0)) and not posterior.agrees(chosen, sums(0.3))


def test_no_weight_of_importance_sampling_dominates(event):
    prior = priors.load_prior("meta_analytic")
    proposal = sampling.Proposal(prior, event, np.random.default_rng(12))
    correlations, weights = proposal.draw(np.random.default_rng(13), 20_000)
    assert weights.max() <= 1 / sampling.DEFENCE + 1e-9
    assert weights.mean() == pytest.approx(1, abs=0.03)
    definite = np.linalg.eigvalsh(correlations)[:, 0] > 0
    r = correlations[definite][:, 3, 4]
    assert np.average(r, weights=weights[definite]) == pytest.approx(-0.35, abs=0.01)


def test_zero_kept_draws_give_a_bound(small):
    pattern = small[2]["pattern"]
    none = pattern[(pattern["kept"] == 0) & (pattern["method"] == "rejection")]
    assert len(none) and (none["relation"] == "≤").all() and (none["probability"] == none["ci_high"]).all()


def test_chunks_change_no_byte(small, tmp_path):
    chosen, _, tables = small
    parts = [stage.run_chunk(chosen, i, 3, lambda line: None) for i in (2, 0, 1)]
    again = stage.tables(chosen, [part[0] for part in parts], [part[1] for part in parts])
    assert set(again) == set(tables)
    for name, table in again.items():
        write_csv(table, tmp_path / "three.csv")
        write_csv(tables[name], tmp_path / "one.csv")
        assert (tmp_path / "three.csv").read_bytes() == (tmp_path / "one.csv").read_bytes(), name


def test_effects_of_a_population(event):
    r = whole(np.array([[[1, 0.6, 0.6, 0.4, -0.3], [0.6, 1, 0.65, 0.2, -0.1], [0.6, 0.65, 1, 0.2, -0.2], [0.4, 0.2, 0.2, 1, -0.4], [-0.3, -0.1, -0.2, -0.4, 1]]]), event.roles)  # fmt: skip
    x, m, y = (event.roles.columns.index(v) for v in ("bond", "meaning", "distress"))
    b, c = np.linalg.solve([[1, r[0, x, m]], [r[0, x, m], 1]], [r[0, m, y], r[0, x, y]])
    asked = [Quantity("indirect", "bond"), Quantity("direct", "bond"), Quantity("mostly_mediated", "bond")]
    base = r[:, [event.roles.columns.index(v) for v in event.roles.base]][
        :, :, [event.roles.columns.index(v) for v in event.roles.base]
    ]
    found = values(base, event, asked)[0]
    assert found[:2] == pytest.approx([r[0, x, m] * b, c])
    assert found[2] == (r[0, x, m] * b / r[0, x, y] > 0.5)


# --- surface


def test_points_of_the_grid_are_what_they_say(known):
    for point in (
        surface.Point(0.1, -0.28, 0.5),
        surface.Point(0.2, -0.11, 0.0),
        surface.Point(0.0, -0.2, 1.0),
    ):
        found = surface.population(known, point)
        columns = whole(found[None], known.roles)
        at = known.roles.columns.index
        m, y, x = at(known.roles.mediator), at(known.roles.outcome), at(known.roles.total)
        assert columns[0, x, y] == pytest.approx(point.total)
        _, _, direct = surface_effects(columns, x, m, y)
        assert direct == pytest.approx(point.direct * point.total, abs=1e-9)
        assert found[0, 3] - found[1, 3] == pytest.approx(point.gap, abs=1e-6)
    assert surface.population(known, surface.Point(0.2, -0.9, 0.0)) is None


def surface_effects(columns, x, m, y):
    from fortems.design.pattern.population import effects

    a, b, direct = effects(columns, x, m, y)
    return a[0], b[0], direct[0]


def test_partial_mediation_is_likelier_than_full(known, event):
    """The issue of one number changed: the total relation of as_reported made -.28."""
    rng, draws = np.random.default_rng(14), 60_000
    shares = {}
    for name in ("as_reported", "partial_mediation", "reversed"):
        failed, _ = event.studies(rng, np.repeat(known.account(name)[None], draws, 0), np.full(draws, 0.05))
        shares[name] = (failed == 0).mean()
    assert shares["as_reported"] == pytest.approx(0.0133, abs=0.002)
    assert shares["partial_mediation"] == pytest.approx(0.036, abs=0.004)
    assert known.account("reversed") == pytest.approx(known.account("as_reported"), abs=0)


def test_search_holds_to_its_limit(known, event):
    for limit in (maximum.FULL, maximum.FULL + maximum.KNOWN):
        free = maximum.Free(event, limit, known.account())
        matrix = free.matrix(free.values(known.account()))
        columns = whole(matrix[None], known.roles)
        at = known.roles.columns.index
        for name in ("alliance", "bond"):
            assert surface_effects(columns, at(name), at("meaning"), at("distress"))[2] == pytest.approx(
                0, abs=1e-9
            )
    free = maximum.Free(event, maximum.ANY, known.account())
    assert free.matrix(free.values(known.account())) == pytest.approx(known.account())


def test_counting_in_shared_studies_is_counting_in_own(known, event):
    z = np.empty((40_000, 5, 5))
    kernel.identity_studies(np.random.default_rng(15), 0.05, *event.counts, z)
    hits = kernel.count(known.account(), event.basis, z, *event.arguments)
    own = surface.hits_of(event, np.random.default_rng(16), known.account(), 0.05, 40_000)
    assert abs(hits - own) < 4.5 * np.sqrt(hits + own)
    odd = known.account().copy()
    odd[0, 1] = odd[1, 0] = -0.9
    assert kernel.count(odd, event.basis, z, *event.arguments) == -1


# --- forecast, attempts, package


def test_findings_take_statements_apart(event):
    parts = forecast.findings(event)
    assert len(parts.statements) == len(event.statements) + 3  # two mediations and one size
    rng = np.random.default_rng(17)
    prior = priors.load_prior("meta_analytic")
    matrices, icc = prior.draw(rng, 3000, 3)
    _, products = event.studies(rng, matrices, icc, [event.every])
    covariances = event.covariances(products[products[:, 0] > 0])
    assert ((event.judge(covariances) == 0) == (parts.judge(covariances) == 0)).all()


def test_forecast_and_attempts_tables(small):
    tables = small[2]
    table = tables["forecast"].set_index(["clients", "finding"])["probability"]
    assert table[384, "meaning_distress"] >= table[96, "meaning_distress"]
    assert table[384, "whole pattern"] <= table[384, "all significant findings"]
    sizes = tables["forecast_sizes"].set_index("finding")
    assert (
        sizes.loc["whole pattern", "relation"] == "none"
        and "No number" in sizes.loc["whole pattern", "sentence"]
    )
    attempts = tables["attempts"]
    five = attempts[attempts["attempts"] == 5]
    assert five["best_of_samples"].tolist() == pytest.approx((1 - (1 - five["probability"]) ** 5).tolist())
    assert five["analyses_high"].tolist() == pytest.approx((5 * five["probability"]).clip(upper=1).tolist())


def test_loosened_statements_lose_nothing(known, event):
    """What the package's own tests accept of correlations lies inside what is analysed at all."""
    rng = np.random.default_rng(18)
    base, cluster = draw_normal(rng, 1500, 0.95 * known.account(), 0.05 * known.account(), event.sizes)
    data = package.all_columns(known, base)
    centred = data - data.mean(axis=1, keepdims=True)
    near = package.loosened(event).judge(np.einsum("snp,snq->spq", centred, centred)) == 0
    accepted = package._correlations_hold(known, data, cluster, 0.95)
    assert accepted.sum() > 10
    assert (accepted & ~near).sum() <= 0.02 * accepted.sum()


# --- typed numbers


def test_effective_df_in_closed_form(event):
    cluster = cluster_index(event.sizes)
    same = (cluster[:, None] == cluster).astype(float)
    centre = np.eye(96) - 1 / 96
    for icc in (0.0, 0.2):
        c = centre @ ((1 - icc) * np.eye(96) + icc * same)
        assert numbers.effective_df(event.sizes, np.array([icc]))[0] == pytest.approx(
            np.trace(c) ** 2 / np.trace(c @ c)
        )


def test_covariance_of_fisher_z(known, event):
    rng = np.random.default_rng(19)
    _, products = event.studies(rng, *populations(known, 40_000, 0.1), [event.every])
    pairs = np.triu_indices(6, 1)
    z = np.arctanh(correlate(event.covariances(products))[:, pairs[0], pairs[1]])
    r = whole(known.account()[None], known.roles)
    expected = numbers.z_covariance(r, pairs)[0] / (numbers.effective_df(event.sizes, np.array([0.1]))[0] - 2)
    assert np.cov(z.T) == pytest.approx(expected, abs=0.12 / 93)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (numbers.Number(numbers.PAIR, "bond", "meaning"), 0.5),
        (numbers.Number(numbers.PARTIAL, "bond", "direct"), -0.3),
        (numbers.Number(numbers.MEAN, "alliance"), 0.75),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_a_typed_number_conditions_as_draws_that_show_it_do(known, event, number, value):
    """Against brute force: draws whose own study has a number that rounds to the typed one."""
    some = event.only(["meaning_distress", "bond_meaning", "bond_distress"])
    prior, rng = priors.load_prior("meta_analytic"), np.random.default_rng(20)
    matrices, icc = prior.draw(rng, 400_000, 3)
    failed, products = some.studies(rng, matrices, icc)
    shown = failed == 0
    in_study = number.of(correlate(some.covariances(products[shown])), some)
    exact = matrices[shown][np.abs(in_study - value) < 0.01]
    assert len(exact) > 150

    def draw(count):
        found, own = prior.draw(rng, count, 3)
        return found, own, np.ones(count)

    mine, weights = numbers.conditioned(some, [(number, value - 0.01, value + 0.01)], draw, rng, 40_000)
    for i, j in ((0, 3), (0, 4), (3, 4), (1, 3), (0, 1)):
        error = exact[:, i, j].std() / np.sqrt(len(exact)) + 0.003
        assert np.average(mine[:, i, j], weights=weights) == pytest.approx(
            exact[:, i, j].mean(), abs=4 * error
        )
    assert np.sqrt(np.cov(mine[:, 0, 3], aweights=weights)) == pytest.approx(exact[:, 0, 3].std(), rel=0.15)


def test_typed_numbers_are_found_and_tighten(tmp_path, small):
    """Typed twice, as a correlation and as a path, a number counts once."""
    text = Path("config/published.yaml").read_text()
    single = text.index("paths_single:")
    path = "bond ~ a ~ wald: {estimate: , standardized: "
    assert "bond ~ meaning: {r: " in text and path in text[single:]
    text = text[:single] + text[single:].replace(path, f'{path}".31"', 1)
    text = text.replace("bond ~ meaning: {r: ", 'bond ~ meaning: {r: ".31"', 1)
    file = tmp_path / "published.yaml"
    file.write_text(text)
    chosen = replace(small[0], published=str(file))
    known = setup(chosen)
    assert typed(load_ledger(file), known.event, {"bond": "bond"}) == [
        (numbers.Number(numbers.PAIR, "bond", "meaning"), pytest.approx(0.305), pytest.approx(0.315))
    ]
    found = {row["quantity"]: row for row in with_typed(chosen, known)}
    headline = small[2]["posterior"].set_index(["method", "test", "quantity"])
    before = headline.loc[("rejection", "pearson", "correlation bond meaning")].iloc[0]
    own = found["correlation bond meaning"]
    assert own["kept"] > 5
    assert own["ci_high"] - own["ci_low"] < before["ci_high"] - before["ci_low"] + 0.02
    assert found["beats bond goal"]["posterior"] > 0.6


def printed(column, value, decimals=3, **where):
    return Entry("id", "what", "", "A", Printed(value, decimals), False, "file.csv", column, where)


def test_a_typed_p_is_the_correlation_that_has_it(event):
    """With the sign of the estimate beside it, or the one that the pattern states; without a sign it says nothing."""
    rng = np.random.default_rng(22)
    x, m = rng.normal(size=(2, event.clients))
    m, y = m + 0.1 * x, rng.normal(size=event.clients) - 0.2 * m
    r, p = stats.pearsonr(x, m)
    (found,) = typed([printed("p", round(p, 3), 3, x="meaning", y="bond", level="total")], event, {})
    assert found[0] == numbers.Number(numbers.PAIR, "bond", "meaning")
    assert found[1] < r < found[2] and found[2] - found[1] < 0.02
    assert typed([printed("p", 0.2, x="goal", y="meaning", level="total")], event, {}) == []
    fit = sm.OLS(y, sm.add_constant(np.stack([m, x], 1))).fit()
    partial = fit.tvalues[1] / np.sqrt(event.clients - 3 + fit.tvalues[1] ** 2)
    where = {"model": "bond", "effect": "b", "level": "single"}
    rows = [
        printed("p", round(fit.pvalues[1], 3), 3, **where),
        printed("estimate", fit.params[1], 2, **where),
    ]
    (found,) = typed(rows, event, {"bond": "bond"})
    assert found[0] == numbers.Number(numbers.PARTIAL, "bond", "b")
    assert found[1] <= partial <= found[2] and partial < 0
    whole = np.corrcoef([m, y, x, x, x, x])[None]
    assert found[0].of(whole, event)[0] == pytest.approx(partial)
    standardized = printed("standardized", -0.4, 2, **where)
    assert [one[0].kind for one in typed([*rows, standardized], event, {"bond": "bond"})] == [numbers.PATH]


def test_typed_sds_tell_how_the_aspects_correlate(event):
    """The total's SD follows from the aspects' and their correlations; printed as a mean of items it is no sum."""
    sds, r = (
        {"bond": 3.0, "task": 2.6, "goal": 2.8},
        {("bond", "task"): 0.55, ("bond", "goal"): 0.6, ("task", "goal"): 0.7},
    )
    total = np.sqrt(sum(s**2 for s in sds.values()) + 2 * sum(sds[a] * sds[b] * v for (a, b), v in r.items()))

    def rows(total):
        return [printed("sd", s, 2, variable=name) for name, s in {**sds, "alliance": total}.items()]

    (found,) = typed(rows(round(total, 2)), event, {})
    assert found[0] == numbers.Number(numbers.MEAN, "alliance")
    assert found[1] < np.mean(list(r.values())) < found[2] and found[2] - found[1] < 0.02
    assert typed(rows(total)[:-1], event, {}) == [] == typed(rows(total / 12), event, {})


def test_statements_that_a_typed_number_contradicts(event):
    goal = (numbers.Number(numbers.PAIR, "goal", "meaning"), 0.345, 0.355)
    assert numbers.against(event, [goal]) == ["goal_meaning"]
    assert numbers.against(event, [(goal[0], 0.145, 0.155)]) == []


def test_information_ranks_what_tells_most(event, known):
    prior, rng = priors.load_prior("meta_analytic"), np.random.default_rng(21)
    some = event.only(["meaning_distress"])
    matrices, icc = prior.draw(rng, 12_000, 3)
    failed, products = some.studies(rng, matrices, icc)
    rows = np.flatnonzero(failed == 0)

    class Drawn(sampling.Kept):
        def __init__(self):
            self.weight, self.icc = np.ones(len(rows)), icc[rows]
            self.correlations, self.products = matrices[rows], products[rows]

    table = numbers.information_table(event, Drawn())
    assert set(table.groupby("quantity")["rank"].max()) == {len(numbers.candidates(event))}
    best = table[table["rank"] == 1].set_index("quantity")["number"]
    assert best["indirect alliance"] == "path alliance indirect"
    spreads = table[table["number"].str.startswith("SD")]
    assert spreads["explained"].max() < 0.05
    assert (table["moves"] <= table["sd"] + 1e-12).all()


def test_quantities_name_what_stands_out(event):
    names = [q.name for q in quantities(event)]
    assert {"beats bond task", "beats bond goal", "small_direct alliance", "mostly_mediated bond"} <= set(
        names
    )
    assert len(names) == len(set(names))


def test_claims_of_the_study_are_all_posed(event):
    claims = load_claims("config/claims.yaml")
    assert event.names == claims["whole_pattern"].parts and not event.left_out


def test_weighted_quantiles_and_odds():
    sample, weight = np.arange(101.0), np.ones(101)
    assert posterior.weighted_quantiles(sample, weight, (0.5,)) == pytest.approx((50.0,))
    assert posterior.odds_ratio(0.8, 0.5) == pytest.approx(4)
    assert np.isnan(posterior.odds_ratio(1.0, 0.5))
