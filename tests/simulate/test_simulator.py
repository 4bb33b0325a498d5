"""Calibrated draws: the stated moments against independent large draws, and the shape of a study."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from fortems.errors import ConfigError
from fortems.package import ROOT
from fortems.run.preflight import check
from fortems.seeds import stream
from fortems.simulate.calibration import solve_latent
from fortems.simulate.scenario import load_scenario
from fortems.simulate.simulator import calibrate
from fortems.simulate.table import calibration_table
from fortems.stats.normal import draw_normal, factor
from fortems.study.definition import study
from fortems.study.instruments import FOLDER as INSTRUMENTS
from fortems.study.instruments import load_instruments
from fortems.study.scoring import score_array
from wording import facts

FOLDER = ROOT / "config" / "scenarios"

SCALES, SUBSCALES = study().scales, study().subscales

SHIPPED = [
    "as_reported",
    "as_reported@gap=0",
    "equal_aspects",
    "low_reliability",
    "meta_analytic",
    "no_mediation",
    "no_therapist_effect",
    "reversed",
]


@pytest.fixture(scope="module")
def simulator():
    return calibrate(load_scenario("as_reported"))


@pytest.fixture(scope="module")
def table(simulator):
    return calibration_table(simulator, stream(20210610, "calibration"))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_scenario_is_reached(name):
    simulator = calibrate(load_scenario(name))
    stated, reached = simulator.stated, simulator.population
    assert stated.variables == reached.variables == SCALES
    assert np.allclose(stated.mean, reached.mean, atol=1e-6)
    assert np.allclose(stated.total, reached.total, atol=1e-6)
    assert np.allclose(stated.between, reached.between, atol=1e-6)
    for scale, latent in zip(
        simulator.scenario.scales.values(), simulator.latent.scales.values(), strict=True
    ):
        assert latent.alpha == pytest.approx(scale.reliability, abs=1e-8)
    for matrix in (simulator.latent.factor_within, simulator.latent.factor_between):
        assert np.linalg.eigvalsh(matrix)[0] > -1e-12


def test_the_calibration_table_holds(table):
    judged = table[table["ok"].notna()]
    assert judged["ok"].all()
    assert set(judged["quantity"]) == {
        "mean",
        "sd",
        "icc",
        "correlation",
        "within_correlation",
        "between_correlation",
        "reliability",
        "share",
    }
    assert (judged["monte_carlo_error"] > 0).all()
    correlations = judged[judged["quantity"].isin(["correlation", "icc"])]
    assert (correlations["difference"].abs() < 0.01).all()
    spreads = judged[(judged["quantity"] == "sd") & (judged["variable"] != "age")]
    assert ((spreads["achieved"] / spreads["stated"] - 1).abs() < 0.01).all()
    errors = (judged["large_draw"] - judged["achieved"]) / judged["monte_carlo_error"]
    assert 0.6 < errors.std() < 1.7  # the errors are as large as they say


def test_the_calibration_table_tells_stated_from_what_follows(table):
    rows = table.set_index(["quantity", "variable", "other"])
    assert rows.loc[("sd", "bond", ""), "kind"] == "stated"
    assert rows.loc[("sd", "bond", ""), "grade"] == "D"
    assert rows.loc[("mean", "meaning", ""), "source"].startswith("Golovchanova")
    assert rows.loc[("share", "gender", "female"), "grade"] == "C"
    assert rows.loc[("correlation", "bond", "meaning"), "kind"] == "stated"
    assert rows.loc[("correlation", "bond", "meaning"), "grade"] == "C"
    assert rows.loc[("correlation", "alliance", "meaning"), "kind"] == "implied"
    assert rows.loc[("sd", "distress", ""), "kind"] == "implied"
    assert rows.loc[("reliability", "distress", ""), "kind"] == "output"
    assert 0.90 < rows.loc[("reliability", "distress", ""), "achieved"] < 0.96
    assert rows.loc[("skew", "bond", ""), "kind"] == "output"
    assert rows.loc[("ceiling_share", "bond", ""), "large_draw"] > 0.05
    stated = table[table["kind"] == "stated"]
    assert stated["source"].notna().all()
    assert not table.duplicated(["quantity", "variable", "other"]).any()


def test_without_therapist_effects_the_between_rows_are_left_out():
    table = calibration_table(calibrate(load_scenario("no_therapist_effect")), stream(1, "calibration"))
    assert not table["quantity"].isin(["between_correlation", "alpha_between"]).any()
    assert table.loc[table["ok"].notna(), "ok"].all()


def test_scores_have_the_moments_by_another_estimator(simulator):
    # Independent of the table: one-way moments from pairs of clients of the same therapist.
    scores, names, cluster = simulator.scores(stream(5, "pairs"), 1, cluster_sizes=[2] * 60000)
    assert names == SCALES
    assert np.array_equal(cluster[:4], [0, 0, 1, 1])
    truth = simulator.population
    pairs = (scores[0] - truth.mean).reshape(-1, 2, len(names))
    n = len(pairs)
    total = (pairs[:, 0].T @ pairs[:, 0] + pairs[:, 1].T @ pairs[:, 1]) / (2 * n)
    between = (pairs[:, 0].T @ pairs[:, 1] + pairs[:, 1].T @ pairs[:, 0]) / (2 * n)
    unit = np.outer(truth.sd, truth.sd)
    assert np.abs((total - truth.total) / unit).max() < 4.5 * np.sqrt(2 / (2 * n)) * 1.1
    assert np.abs((between - truth.between) / unit).max() < 4.5 / np.sqrt(n)


def test_fast_scores_and_scored_answers_are_the_same_population(simulator):
    rng = stream(6, "answers")
    answers = simulator.answers(rng, [4] * 10000)
    scored = {}
    for name, instrument in simulator.instruments.items():
        scored |= score_array(answers[name], instrument)
    slow = np.stack([scored[name] for name in SCALES], axis=1)
    fast = simulator.scores(rng, 1, [4] * 10000)[0][0]
    error = simulator.population.sd / np.sqrt(20000)
    assert np.all(np.abs(slow.mean(axis=0) - fast.mean(axis=0)) < 5 * error)
    assert np.abs(np.corrcoef(slow.T) - np.corrcoef(fast.T)).max() < 0.03
    for name, place in zip(SCALES, range(len(SCALES)), strict=True):
        shares = [np.mean(x[:, place] <= np.median(slow[:, place])) for x in (slow, fast)]
        assert shares[0] == pytest.approx(shares[1], abs=0.02), name


def test_a_study_has_the_shape_of_the_paper(simulator):
    study = simulator.study(stream(20210610, "simulate"))
    assert study.shape == (96, 5 + 10 + 12 + 45)
    assert list(study.columns[:6]) == ["client", "therapist", "age", "gender", "sessions", "mlq_1"]
    assert study["client"].is_unique
    assert tuple(study.groupby("therapist", sort=False).size()) == simulator.scenario.cluster_sizes
    assert study["sessions"].min() >= 5
    assert study["age"].between(18, 85).all()
    assert set(study["gender"]) == {"female", "male"}
    for instrument in simulator.instruments.values():
        values = study[list(instrument.columns())].to_numpy().ravel()
        values = values[~np.isnan(values)]
        assert np.array_equal(values, np.rint(values))
        assert values.min() >= instrument.low
        assert values.max() <= instrument.high
    items = study.iloc[:, 5:]
    assert 0 < items.isna().to_numpy().mean() < 0.03


def test_reversed_items_run_against_their_subscale(simulator):
    answers = simulator.answers(stream(7, "reversed"), [1] * 4000)
    mlq, oq = np.corrcoef(answers["mlq"].T), np.corrcoef(answers["oq"].T)
    assert mlq[0, 8] < -0.3
    assert mlq[0, 3] > 0.3
    assert oq[1, 12] < -0.1  # 13 is reversed, 2 is not
    assert oq[12, 23] > 0.1  # 13 and 24 both are


def test_the_weak_item_of_the_mlq_is_weak(simulator):
    scale = simulator.latent.scales["meaning"]
    assert np.argmin(scale.loadings) == 4
    assert scale.loadings[4] / scale.loadings[1] == pytest.approx(0.67 / 0.84)


def test_the_same_stream_gives_the_same_study_and_another_another(simulator):
    first, again, other = (simulator.study(stream(seed, "simulate")) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_scores_come_in_blocks_that_leave_no_trace(simulator):
    many = simulator.scores(stream(3, "scores"), 130)[0]
    assert many.shape == (130, 96, 10)
    few = simulator.scores(stream(3, "scores"), 64)[0]
    assert np.array_equal(many[:64], few)
    places = {name: place for place, name in enumerate(SCALES)}
    parts = many[..., [places[name] for name in ("bond", "task", "goal")]].sum(axis=-1)
    assert np.array_equal(many[..., places["alliance"]], parts)


def test_age_gender_and_sessions_say_nothing_about_the_scores():
    simulator = calibrate(load_scenario("as_reported"))
    rows = [simulator.study(stream(k, "background")) for k in range(20)]
    values = np.concatenate(
        [
            np.column_stack([r["age"], r["gender"] == "female", r["sessions"], r["oq_2"], r["mlq_1"]])
            for r in rows
        ]
    )
    values = values[~np.isnan(values).any(axis=1)]
    assert np.abs(np.corrcoef(values.T)[:3, 3:]).max() < 4.5 / np.sqrt(len(values))


def test_reversed_draws_the_same_population_the_other_way_round(simulator):
    back = calibrate(load_scenario("reversed"))
    assert np.array_equal(back.latent.factor_total, simulator.latent.factor_total)
    assert np.array_equal(back.latent.factor_between, simulator.latent.factor_between)
    # Distress is the first draw of one story and the last of the other.
    place = list(back.latent.scales).index("social_role")
    order = [list(back.latent.scales).index(name) for name in back.scenario.order]
    assert np.count_nonzero(factor(back.latent.factor_within, order)[place]) == 1
    assert np.count_nonzero(factor(simulator.latent.factor_within)[place]) > 1


def test_a_swapped_key_is_simulated_on_its_own_range():
    paths = {
        name: INSTRUMENTS / file
        for name, file in (("mlq", "mlq.yaml"), ("wai", "wai_s.yaml"), ("oq", "oq45.yaml"))
    }
    instruments = load_instruments(paths)
    simulator = calibrate(load_scenario("as_reported", instruments), instruments)
    answers = simulator.answers(stream(8, "swap"), [1] * 3000)["wai"]
    assert answers.max() == 7
    assert np.corrcoef(answers.T)[0, 3] < 0  # 4 is reversed here
    scores = score_array(answers, instruments["wai"])
    assert scores["bond"].mean() == pytest.approx(simulator.scenario.scales["bond"].mean, abs=0.3)


PHQ = """
label: Nine items on mood
items: 9
response: {low: 0, high: 3}
subscales: {mood: [1, 2, 3, 4, 5, 6, 7, 8, 9]}
missing: {rule: prorate, most: 0.25}
sources: {key: {source: made up, grade: D}}
"""


@pytest.fixture
def four_instruments(tmp_path):
    path = tmp_path / "phq.yaml"
    path.write_text(PHQ)
    return {**load_instruments(), **load_instruments({"phq": path})}


def test_an_instrument_that_the_scenario_does_not_describe_is_left_out(four_instruments):
    scenario = load_scenario("as_reported", four_instruments)
    assert list(calibrate(scenario, four_instruments).instruments) == ["mlq", "wai", "oq"]


def test_a_new_instrument_is_two_files_and_no_code(four_instruments, tmp_path):
    def number(value):
        return f"{{value: {value}, source: judgement, grade: D}}"

    pairs = {name: -0.3 if name in ("bond", "task", "goal", "meaning") else 0.4 for name in SUBSCALES}
    correlations = "".join(f"  {name}: {{mood: {number(value)}}}\n" for name, value in pairs.items())
    text = (
        f"order: [{', '.join([*SUBSCALES, 'mood'])}]\n"
        f"scales:\n  mood:\n    range: [0, 27]\n    mean: {number(11)}\n    sd: {number(5)}\n"
        f"    reliability: {number(0.8)}\n    icc: {number(0.05)}\ncorrelations:\n{correlations}"
    )
    simulator = calibrate(changed(tmp_path, text, four_instruments), four_instruments)
    assert simulator.names == (*SCALES, "mood")
    assert simulator.study(stream(1, "study")).columns[-1] == "phq_9"
    scores, names, _ = simulator.scores(stream(1, "scores"), 50)
    found = np.corrcoef(scores.reshape(-1, len(names)).T)
    assert found[names.index("mood"), names.index("bond")] == pytest.approx(-0.3, abs=0.05)
    table = calibration_table(simulator, stream(1, "calibration"))
    assert table.loc[table["ok"].notna(), "ok"].all()


# ------------------------------------------------------------------------------------------- out of reach


def changed(tmp_path, text, instruments=None):
    for name in ("base.yaml", "as_reported.yaml"):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: as_reported.yaml\n{text}")
    return load_scenario(path, instruments)


def test_the_nearest_value_is_reachable_and_a_little_more_is_not(tmp_path):
    for value, reached in ((0.9610, True), (0.9625, False)):
        scenario = changed(
            tmp_path, f"scales: {{bond: {{reliability: {{value: {value}, source: judgement, grade: D}}}}}}"
        )
        if reached:
            assert solve_latent(scenario).scales["bond"].alpha == pytest.approx(value)
        else:
            with pytest.raises(ConfigError):
                solve_latent(scenario)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "scales: {bond: {sd: {value: 6.6, source: judgement, grade: D}}}",
            facts("scales.bond.sd: 6.6", "out of reach", "4 items", "1 to 5. The nearest") + r".* 5\.53",
        ),
        (
            "scales: {bond: {sd: {value: 0.4, source: judgement, grade: D}}}",
            facts("scales.bond.sd: 0.4", "out of reach", ". The nearest") + r".* 0\.99",
        ),
        (
            "scales: {bond: {reliability: {value: 0.99, source: judgement, grade: D}}}",
            facts("scales.bond.reliability: 0.99", "out of reach", ". The nearest") + r".* 0\.961",
        ),
        (
            "correlations: {task: {goal: {value: 0.90, source: judgement, grade: D}}}\n"
            "scales:\n  task: {reliability: {value: 0.6, source: judgement, grade: D}}\n"
            "  goal: {reliability: {value: 0.6, source: judgement, grade: D}}",
            facts("correlations.task.goal: 0.9", "out of reach", ". The nearest") + r".* 0\.\d+",
        ),
        (
            "scales:\n"
            + "".join(
                f"  {name}: {{icc: {{value: 0.95, source: judgement, grade: D}}}}\n" for name in SUBSCALES
            ),
            facts("scales.bond.icc: 0.95", "out of reach", ". The nearest") + r".* 0\.8",
        ),
    ],
)
def test_out_of_reach_is_a_named_error_with_the_nearest_value(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        solve_latent(changed(tmp_path, text))


def test_out_of_reach_is_known_before_the_first_job(tmp_path, monkeypatch):
    monkeypatch.chdir(FOLDER.parents[1])
    changed(tmp_path, "")
    path = tmp_path / "mine.yaml"
    number = "{value: 0.99, source: judgement, grade: D}"
    path.write_text(f"extends: as_reported.yaml\nscales: {{bond: {{reliability: {number}}}}}\n")
    config = yaml.safe_load(Path("config/config.yaml").read_text())
    config["data"]["scenario"] = str(path)
    with pytest.raises(ConfigError, match=facts("bond.reliability", "0.99")) as caught:
        check(config)
    assert "nearest reachable value is 0.961" in str(caught.value)


def test_latent_matrices_that_cannot_be_are_named(tmp_path):
    # Observed correlations near the attenuation bound: possible for scores, not for the factors behind them.
    text = (
        "scales:\n"
        + "".join(
            f"  {name}: {{reliability: {{value: 0.5, source: judgement, grade: D}}}}\n"
            for name in ("bond", "task", "goal")
        )
        + "correlations: {bond: {task: {value: 0.48, source: judgement, grade: D}, "
        + "goal: {value: 0.2, source: judgement, grade: D}}, task: {goal: {value: 0.48, source: judgement, grade: D}}}"
    )
    with pytest.raises(
        ConfigError, match=facts("factors behind the items, total", "not positive semi-definite")
    ) as caught:
        solve_latent(changed(tmp_path, text))
    assert "Nearest one" in str(caught.value)


# ------------------------------------------------------------------------------------- plain normal scores


def test_normal_scores_have_their_moments():
    rng = np.random.default_rng(4)
    within = np.array([[1.0, 0.4], [0.4, 2.0]])
    between = np.array([[0.2, 0.1], [0.1, 0.05]])  # rank one
    scores, cluster = draw_normal(rng, 400, within, between, [3, 1, 4, 2] * 10)
    assert scores.shape == (400, 100, 2)
    assert np.array_equal(np.bincount(cluster), [3, 1, 4, 2] * 10)
    total = np.einsum("sni,snj->ij", scores, scores) / scores[..., 0].size
    assert np.allclose(total, within + between, atol=0.05)
    pairs = scores[:, [0, 4, 10, 14]], scores[:, [1, 5, 11, 15]]
    shared = np.einsum("sni,snj->ij", *pairs) / pairs[0][..., 0].size
    assert np.allclose(shared, between, atol=0.15)


@pytest.mark.parametrize("order", [None, [2, 0, 1], [1, 2, 0]])
def test_factor_of_a_semi_definite_matrix(order):
    root = np.array([[1.0, 0.0], [0.5, 0.0], [0.2, 0.7]])
    matrix = root @ root.T
    lower = factor(matrix, order)
    assert np.allclose(lower @ lower.T, matrix)
    assert np.allclose(factor(np.zeros((3, 3)), order), 0)
