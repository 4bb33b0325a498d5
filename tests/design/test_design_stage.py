"""Tasks and chunks, proportions, power, coverage and recovery."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fortems.design import coverage, diagnosticity, populations, power, recovery, stage
from fortems.design.proportions import jeffreys, mean_error, ratio
from fortems.design.tasks import Settings, Task, blocks, deal, gather, run
from fortems.errors import ConfigError
from fortems.run.config import complete
from fortems.run.preflight import check
from fortems.schema import load_yaml
from fortems.stats.normal import draw_normal
from fortems.tidy import write_csv
from scipy import stats
from wording import says

INSTRUMENTS = {
    "mlq": "config/instruments/mlq.yaml",
    "wai": "config/instruments/wai_sr.yaml",
    "oq": "config/instruments/oq45.yaml",
}


def settings(seed=1, **design):
    return Settings(seed, 0.95, design, "config/claims.yaml", "config/models.yaml", INSTRUMENTS)


SMALL = {
    "diagnosticity": {"studies": 260, "scenarios": ["as_reported", "reversed"], "gaps": [0, 0.2]},
    "power": {"studies": 260, "therapists": [12], "clients": [4], "indirect": [0.15], "icc": [0, 0.05]},
    "coverage": {"studies": 10, "bootstrap_studies": 2, "replicates": 20},
    "recovery": {"studies": 2},
}


@pytest.fixture(scope="module")
def small():
    """All tables of the small stage, made in one chunk, and the sums they are made of."""
    chosen = settings(**SMALL)
    chunk, _ = stage.run_chunk(chosen, 0, 1, lambda line: None)
    return chosen, chunk, stage.tables(chosen, [chunk])


def test_number_of_chunks_changes_no_byte(small, tmp_path):
    chosen, _, tables = small
    chunks = [stage.run_chunk(chosen, i, 3, lambda line: None)[0] for i in (2, 0, 1)]
    for name, table in stage.tables(chosen, chunks).items():
        write_csv(table, tmp_path / "three.csv")
        write_csv(tables[name], tmp_path / "one.csv")
        assert (tmp_path / "three.csv").read_bytes() == (tmp_path / "one.csv").read_bytes(), name


def test_another_seed_gives_other_studies(small):
    _, chunk, _ = small
    other = settings(seed=2, power=SMALL["power"])
    again, _ = stage.run_chunk(other, 0, 1, lambda line: None)
    mine = chunk[chunk["part"] == "power"].reset_index(drop=True)
    assert not np.allclose(mine["value"], again["value"])


@pytest.mark.parametrize("chunks", [1, 2, 5, 40])
def test_every_task_is_dealt_once(chunks):
    tasks = stage.tasks(settings(**SMALL))
    dealt = deal(tasks, chunks)
    assert len(dealt) == chunks
    assert sorted(map(repr, tasks)) == sorted(repr(task) for chunk in dealt for task in chunk)


def test_chunks_are_about_even():
    config = complete(load_yaml("config/config.yaml"))
    tasks = stage.tasks(settings(**config["design"]))
    for chunks in (2, 4, 16):
        load = [sum(task.cost for task in chunk) for chunk in deal(tasks, chunks)]
        assert max(load) < 1.25 * sum(load) / chunks


def test_full_stage_has_the_sizes_that_are_asked_for():
    config = complete(load_yaml("config/config.yaml"))
    tasks = stage.tasks(settings(**config["design"]))
    studies = {}
    for task in tasks:
        studies[task.part] = studies.get(task.part, 0) + task.studies
    assert studies["power"] == 96 * 1000
    assert studies["diagnosticity"] == (8 + 5) * 5000
    assert studies["coverage"] == (7 * 4 + 2 * 4 * 4) * 2000


def test_blocks_have_a_fixed_size():
    cut = blocks("p", "c", 620, 250, 1.0, bundle=2)
    assert [task.studies for task in cut] == [250, 250, 120]
    assert [task.bundle for task in cut] == [0, 0, 1]


def test_a_million_studies_per_scenario_leave_a_small_table():
    tasks = stage.tasks(settings(diagnosticity={"studies": 10**6, "scenarios": ["as_reported"], "gaps": []}))
    assert len(tasks) == 4000
    assert len({task.bundle for task in tasks}) == 200


def test_sums_are_added_in_the_order_of_bundles():
    columns = ["part", "cell", "bundle", "estimand", "item", "measure", "value"]
    rows = [
        ("p", "c", block, "single", "i", "m", value) for block, value in enumerate([1e16, 1.0, -1e16, 1.0])
    ]
    frames = [pd.DataFrame(part, columns=columns) for part in (rows, rows[::-1])]
    parts = [pd.DataFrame([row], columns=columns) for row in rows[::-1]]
    assert gather([frames[0]])["value"].item() == gather([frames[1]])["value"].item()
    assert gather(parts)["value"].item() == gather([frames[0]])["value"].item()


def test_progress_tells_share_and_time_left():
    lines = []
    run([Task("p", "c", 0, 0, 1, 1.0)], {"p": lambda task: []}, lines.append, "design, chunk 1 of 2")
    (line,) = lines
    says(line, "design, chunk 1 of 2", "100% done", "0 s left", "p c")


def test_jeffreys_against_the_beta_distribution():
    assert jeffreys(3, 10) == pytest.approx(stats.beta(3.5, 7.5).ppf([0.025, 0.975]))
    assert jeffreys(0, 10)[0] == 0 and jeffreys(10, 10)[1] == 1
    assert all(math.isnan(end) for end in jeffreys(0, 0))


def test_ratio_and_its_bounds():
    found = ratio(50, 1000, 10, 1000)
    assert found["relation"] == "=" and found["ratio"] == pytest.approx(5)
    assert found["ci_low"] < 5 < found["ci_high"]
    none = ratio(50, 1000, 0, 1000)
    assert none["relation"] == "≥" and none["ratio"] == none["ci_low"] and math.isnan(none["ci_high"])
    assert ratio(0, 1000, 50, 1000)["relation"] == "≤"
    assert ratio(0, 1000, 0, 1000)["relation"] == "none"


def test_ratio_interval_covers():
    rng = np.random.default_rng(0)
    first, second = rng.binomial(500, 0.10, 500), rng.binomial(500, 0.05, 500)
    inside = [
        found["ci_low"] <= 2 <= (found["ci_high"] if found["relation"] == "=" else math.inf)
        for found in (ratio(a, 500, b, 500) for a, b in zip(first, second, strict=True))
    ]
    assert 0.92 < np.mean(inside) < 0.985


def test_standard_error_of_a_mean():
    values = np.random.default_rng(1).normal(size=30)
    assert mean_error(values.sum(), (values**2).sum(), 30) == pytest.approx(values.std(ddof=1) / 30**0.5)


def test_reversed_directions_cannot_be_told_apart(small):
    """`reversed` has the covariance matrix that `as_reported` implies, so every ratio is 1 within its error."""
    ratios = small[2]["likelihood_ratios"]
    found = ratios[(ratios["against"] == "reversed") & (ratios["relation"] == "=")]
    z = np.log(found["ratio"]) / (np.log(found["ci_high"] / found["ci_low"]) / (2 * 1.96))
    assert len(found) > 12
    assert np.abs(z).max() < 3.5


def test_diagnosticity_table_counts(small):
    table = small[2]["diagnosticity"]
    assert (table["studies"] == 260).all() and (table["holds"] <= table["testable"]).all()
    assert (table["testable"] >= 255).all()
    assert table["gap"].dropna().unique().tolist() == [0, 0.2]
    assert set(table["estimand"]) == {"total", "within", "single"}
    grid = table[(table["claim"] == "bond_alone") & table["gap"].notna()].groupby("gap")["probability"]
    assert grid.min()[0.2] > 3 * grid.max()[0.0]


def test_what_no_study_can_test_has_no_probability(tmp_path):
    models = tmp_path / "models.yaml"
    models.write_text("bond: {predictor: bond, mediator: meaning, outcome: distress}", encoding="utf-8")
    chosen = replace(settings(diagnosticity=SMALL["diagnosticity"]), models=str(models))
    chunk, _ = stage.run_chunk(chosen, 0, 1, lambda line: None)
    table, ratios = diagnosticity.table(chunk, chosen), diagnosticity.ratios_table(chunk, chosen)
    for found in (table, ratios):
        assert {"bond_full_mediation", "alliance_meaning"} <= set(found["claim"])
        assert not {"alliance_full_mediation", "whole_pattern"} & set(found["claim"])
    assert (table["testable"] == table["studies"]).all()


def test_power_population_is_full_mediation_at_both_levels():
    within, between = power.population(0.3, -0.35, 0.1)
    assert np.diag(within + between) == pytest.approx([1, 1, 1])
    for matrix in (within, between):
        paths = recovery.true_paths(matrix)
        assert (paths["a"], paths["b"]) == pytest.approx((0.3, -0.35))
        assert paths["direct"] == pytest.approx(0, abs=1e-12)


def test_power_sums_by_hand():
    estimate = np.array([-0.2, 0.1, -0.1, np.nan])
    low, high = np.array([-0.3, 0.05, -0.3, np.nan]), np.array([-0.1, 0.2, 0.1, np.nan])
    found = power._sums(estimate, low, high, -0.1)
    assert found["studies"] == 4 and found["intervals"] == 3 and found["significant"] == 2
    assert found["wrong_sign"] == 1
    assert found["exaggeration"] == pytest.approx(2 + 1)
    assert found["width"] == pytest.approx(0.2 + 0.15 + 0.4)


def test_power_table_and_smallest_designs(small):
    table = small[2]["power"]
    assert len(table) == 2 * 2 * 3 and table["power"].between(0.1, 0.7).all()
    assert (table["type_m"] > 1).all()
    rows = power.smallest_table(
        confidence=0.9,
        power=pd.DataFrame(
            [
                {**{"therapists": t, "clients": c, "n": t * c, "power": p, "ci_low": p, "ci_high": p}}
                | {
                    "estimand": "within",
                    "interval": "montecarlo",
                    "indirect": -0.1,
                    "icc": 0.05,
                    "width": 0.1,
                }
                for t, c, p in [(20, 5, 0.5), (50, 4, 0.81), (25, 8, 0.85), (100, 8, 0.88)]
            ]
        ),
    ).set_index("target")
    assert (rows.loc[0.8, "therapists"], rows.loc[0.8, "n"]) == (25, 200)
    says(rows.loc[0.8, "sentence"], "25 therapists", "8 clients each", "200 clients")
    assert "(90 % interval of the simulation" in rows.loc[0.8, "sentence"]
    assert math.isnan(rows.loc[0.9, "n"]) and "None of the designs" in rows.loc[0.9, "sentence"]


def test_power_of_the_papers_size():
    """96 clients of 23 therapists, a = .30, b = -.35, Monte Carlo interval: about .7 at both estimands."""
    cell = "23 therapists, ICC .05; effect"
    chosen = settings(coverage={"studies": 500, "bootstrap_studies": 1, "replicates": 20})
    runner = coverage.Runner(chosen)
    found = {row[:3]: row[3] for row in runner(Task("coverage", cell, 0, 0, 500, 0.0))}
    for estimand in ("within", "single"):
        assert 0.58 < found[estimand, "montecarlo", "excludes_zero"] / 500 < 0.80
        assert found[estimand, "montecarlo", "covers"] / 500 > 0.91
    assert found["within", "", "boundary"] / 500 > 0.85


def test_bootstrap_by_weights_is_resampling_of_therapists():
    rng = np.random.default_rng(5)
    data, cluster = draw_normal(rng, 1, *power.population(0.3, -0.35, 0.2), (6, 5, 4, 3, 3))
    found = coverage.bootstrap_intervals(data, cluster, 50, np.random.default_rng(6), 0.95)
    weights = np.random.default_rng(6).multinomial(5, np.full(5, 0.2), size=50)
    values = []
    for weight in weights:
        rows = np.concatenate([np.tile(np.flatnonzero(cluster == j), w) for j, w in enumerate(weight)])
        values.append(recovery.true_paths(np.cov(data[0][rows].T))["indirect"])
    expected = np.quantile(values, [0.025, 0.975])
    assert [end[0] for end in found["single", "percentile"]] == pytest.approx(expected)
    assert found["within", "bca"][0][0] < found["within", "bca"][1][0]


@pytest.mark.parametrize("kind", [populations.ORDINAL, populations.SLOPES, populations.BOTH])
def test_moments_of_populations_are_those_of_what_is_drawn(kind):
    """A million clients, ten to a therapist; and the within part from pairs of one therapist's clients."""
    chosen, icc = populations.Population(0.3, -0.35, kind), 0.1
    design = populations.Design("many", (10,) * 50_000, icc)
    data, _ = populations.draw(np.random.default_rng(3), 2, chosen, design)
    rows = data.reshape(-1, 3)
    rows = rows - rows.mean(axis=0)
    groups = rows.reshape(-1, 10, 3)
    total = rows.T @ rows / len(rows)
    sums = groups.sum(axis=1)
    between = (sums.T @ sums - rows.T @ rows) / (len(groups) * 90)  # products of different clients
    expected_total, expected_within = populations.moments(chosen, icc)
    unit = np.sqrt(np.outer(np.diag(expected_total), np.diag(expected_total)))
    assert np.abs((total - expected_total) / unit).max() < 0.006
    if kind == populations.SLOPES:
        return  # a therapist's slopes are shared by his clients: no part of the within paths' truth
    assert np.abs((total - between - expected_within) / unit).max() < 0.006


def test_ordinal_covariance_is_the_bivariate_normal_integral():
    from scipy import integrate, stats

    first, second = populations.THRESHOLDS[0][::4], populations.THRESHOLDS[2][40:120:20]
    rho = 0.45

    def above(s, t):
        tail = stats.norm(0, 1).sf
        inner = lambda z: stats.norm.pdf(z) * tail((t - rho * z) / np.sqrt(1 - rho**2))  # noqa: E731
        return integrate.quad(inner, s, 12)[0] - tail(s) * tail(t)

    expected = sum(above(s, t) for s in first for t in second)
    assert populations.ordinal_covariance(first, second, rho) == pytest.approx(expected, abs=1e-9)


def test_primary_intervals_of_paths_and_correlations_cover_in_ordinal_populations():
    cell = f"23 therapists, ICC 0; effect; {populations.ORDINAL}"
    runner = coverage.Runner(settings(coverage={"studies": 400, "bootstrap_studies": 1, "replicates": 20}))
    found = {row[:3]: row[3] for row in runner(Task("coverage", cell, 0, 0, 400, 0.0))}
    for estimand in ("within", "single"):
        for effect in ("robust", "a", "b", "direct"):
            assert 0.91 < found[estimand, effect, "covers"] / 400 < 0.985, (estimand, effect)
    for pair in populations.PAIRS:
        assert 0.91 < found["single", pair, "covers"] / 400 < 0.985, pair


def test_coverage_table(small):
    table = small[2]["coverage"]
    simple, resampled = (7 * 4 + 2 * 4 * 4) * 2 * 3, 2 * 4 * 2 * 2
    cr2 = table[table["interval"] == "cr2"]
    assert len(cr2) == (7 * 4 + 2 * 4 * 4) and set(cr2["estimand"]) == {"single"}
    assert len(table) == simple + resampled + len(cr2)
    assert (table.groupby("interval")["studies"].first().to_dict()) == {
        **{"robust": 10, "delta": 10, "montecarlo": 10, "cr2": 10},
        **{"percentile": 2, "bca": 2},
    }
    paths = small[2]["coverage_paths"]
    assert len(paths) == (7 * 4 + 2 * 4 * 4) * (2 * 3 + 3)  # the indirect effect is in the other table
    none = paths[(paths["population"] == "a = 0; " + populations.ORDINAL) & (paths["effect"] == "a")]
    assert len(none) and (none["truth"] == 0).all()
    assert [sum(design.sizes) for design in populations.DESIGNS[:3]] == [96] * 3
    assert all(90 <= sum(design.sizes) <= 400 for design in populations.DESIGNS)


def test_recovery_table_knows_the_truth(small):
    table = small[2]["recovery"]
    engines = table[table["comparison"] == "engines"]
    assert set(engines["engine"]) == {"twolevel", "regression", "semopy", "mixedlm"}
    assert set(engines["parameter"]) == {"a", "b", "direct", "indirect", "total"}
    one = table[(table["comparison"] == "scenarios") & (table["scenario"] == "as_reported")]
    truth = one[(one["model"] == "bond") & (one["level"] == "within")].set_index("parameter")["truth"]
    assert truth["indirect"] == pytest.approx(truth["a"] * truth["b"])
    assert truth["mean of meaning"] == pytest.approx(20.84)
    assert truth["between variance of bond"] == pytest.approx(0.05 * 2.8**2, rel=0.02)


def test_recovery_bias_is_small():
    chosen = settings(recovery={"studies": 100}, diagnosticity={"scenarios": ["as_reported"]})
    runner = recovery.Runner(chosen)
    sums = gather(
        [run([Task("recovery", "as_reported", 0, 0, 100, 1.0)], {"recovery": runner}, lambda line: None)]
    )
    table = recovery.table(sums, chosen)
    paths = table[table["parameter"].isin(["a", "b", "direct", "total"])]
    assert len(paths) == 16
    assert (np.abs(paths["bias"]) < 4 * paths["bias_se"]).all()
    assert (paths["estimates"] >= 98).all()


def whole(**design):
    config = load_yaml("config/config.yaml")
    config["design"] = {**config["design"], **design}
    return config


@pytest.mark.parametrize(
    ("design", "words"),
    [
        ({"power": {"therapists": []}}, ["design.power.therapists"]),
        ({"power": {"icc": [1.0]}}, ["design.power.icc"]),
        ({"power": {"indirct": [0.1]}}, ["indirct", "Did you mean indirect?"]),
        ({"diagnosticity": {"scenarios": []}}, ["design.diagnosticity.scenarios"]),
        ({"diagnosticity": {"scenarios": ["as_reportd"]}}, ["as_reportd", "as_reported"]),
        ({"diagnosticity": {"gaps": [0.9]}}, ["as_reported", "not positive definite"]),
        ({"chunks": 0}, ["design.chunks"]),
        ({"coverage": {"studies": 0}}, ["design.coverage.studies"]),
    ],
)
def test_bad_input_is_named_before_the_first_job(design, words):
    with pytest.raises(ConfigError) as error:
        check(whole(**design))
    for word in words:
        assert word in str(error.value)


def test_parts_that_are_off_make_no_tasks():
    assert stage.tasks(settings(power=None, diagnosticity=None, coverage=None, recovery=None)) == []
    assert diagnosticity.cells(settings()) == []
