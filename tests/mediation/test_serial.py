"""Serial mediators: x → m1 → m2 → y, against least squares by hand, and every engine against the others."""

import numpy as np
import pandas as pd
import pytest
from fortems.errors import ConfigError
from fortems.gate.checks import _products
from fortems.mediation.agreement import agreement
from fortems.mediation.run import fit_all
from fortems.mediation.slopes import Settings
from fortems.mediation.verdicts import verdicts
from fortems.stats.chains import chain_interval
from fortems.study.models import equivalent_models, load_models

ROUTES = ["m1", "m2", "m1 -> m2", ""]
TRUTH = {"m1": 0.5 * 0.2, "m2": 0.2 * -0.4, "m1 -> m2": 0.5 * 0.6 * -0.4}


def data(therapists=30, size=8, seed=4, icc=0.3):
    rng = np.random.default_rng(seed)
    n, j = therapists * size, np.repeat(np.arange(therapists), size)

    def part(share):
        e = [rng.normal(0, np.sqrt(share), len(j)) for _ in range(4)]
        x = e[0]
        m1 = 0.5 * x + e[1]
        m2 = 0.2 * x + 0.6 * m1 + e[2]
        return x, m1, m2, 0.1 * x + 0.2 * m1 - 0.4 * m2 + e[3]

    inside = part(1 - icc)
    between = [v[:therapists][j] for v in part(icc)]
    columns = {k: a + b for k, a, b in zip(("x", "m1", "m2", "y"), inside, between, strict=True)}
    return pd.DataFrame({"client": range(n), "therapist": [f"t{i}" for i in j], **columns})


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    path = tmp_path_factory.mktemp("serial") / "models.yaml"
    path.write_text(
        "chain: {predictor: x, mediator: [m1, m2], outcome: y, serial: true}\n"
        "beside: {predictor: x, mediator: [m1, m2], outcome: y}\n"
    )
    return load_models(path)


@pytest.fixture(scope="module")
def fitted(models):
    settings = Settings(
        1, draws=4000, replicates=60, intervals=("delta", "montecarlo", "cr2", "percentile", "bca")
    )
    return fit_all(models, data(), ["twolevel", "regression", "mixedlm", "semopy"], settings)


def rows(fitted, model="chain", **keys):
    found = fitted["effects"].query("model == @model").fillna({"mediator": ""})
    for key, value in keys.items():
        found = found[found[key] == value]
    return found


def test_paths_are_those_of_least_squares(fitted):
    frame = data()

    def slopes(dependent, right):
        design = np.column_stack([np.ones(len(frame)), frame[right]])
        return dict(zip(right, np.linalg.lstsq(design, frame[dependent], rcond=None)[0][1:], strict=True))

    one, two, three = slopes("m1", ["x"]), slopes("m2", ["x", "m1"]), slopes("y", ["x", "m1", "m2"])
    whole = slopes("y", ["x"])["x"]
    expected = {
        ("a", "x", "m1"): one["x"],
        ("a", "x", "m2"): two["x"],
        ("a", "m1", "m2"): two["m1"],
        ("b", "x", "m1"): three["m1"],
        ("b", "x", "m2"): three["m2"],
        ("direct", "x", ""): three["x"],
        ("indirect", "x", "m1 -> m2"): one["x"] * two["m1"] * three["m2"],
        ("indirect", "x", ""): whole - three["x"],
        ("total", "x", ""): whole,
    }
    found = rows(fitted, engine="regression").drop_duplicates(["effect", "predictor", "mediator"])
    estimates = found.set_index(["effect", "predictor", "mediator"])["estimate"]
    for key, value in expected.items():
        assert estimates[key] == pytest.approx(value, abs=1e-10), key
    semopy = rows(fitted, engine="semopy").drop_duplicates(["effect", "predictor", "mediator"])
    for key, value in expected.items():
        other = semopy.set_index(["effect", "predictor", "mediator"])["estimate"][key]
        assert other == pytest.approx(value, abs=1e-6), key


def test_within_slopes_are_the_fixed_effects_ones_and_near_the_truth(fitted):
    mixed = rows(fitted, engine="mixedlm", level="within", effect="indirect").drop_duplicates("mediator")
    two = rows(fitted, engine="twolevel", level="within", effect="indirect").drop_duplicates("mediator")
    frame = data()
    names = ["x", "m1", "m2", "y"]
    inside = frame[names] - frame.groupby("therapist")[names].transform("mean")
    b = np.linalg.lstsq(inside[["x", "m1", "m2"]], inside["y"], rcond=None)[0]
    step = np.linalg.lstsq(inside[["x", "m1"]], inside["m2"], rcond=None)[0]
    a = (inside["x"] @ inside["m1"]) / (inside["x"] @ inside["x"])
    mine = mixed.set_index("mediator")["estimate"]
    assert mine["m1 -> m2"] == pytest.approx(a * step[1] * b[2], abs=1e-8)
    assert mine["m2"] == pytest.approx(step[0] * b[2], abs=1e-8)
    for route, value in TRUTH.items():
        row = two.set_index("mediator").loc[route]
        assert row["estimate"] == pytest.approx(value, abs=4 * row["se"])
    assert list(two["mediator"]) == ROUTES


def test_the_chains_interval_is_the_product_of_three_jackknifed_paths(fitted):
    for engine, level in (("twolevel", "within"), ("regression", "single")):
        here = rows(fitted, engine=engine, level=level, interval="robust")
        paths = here.set_index(["effect", "predictor", "mediator"])
        three = paths.loc[[("a", "x", "m1"), ("a", "m1", "m2"), ("b", "x", "m2")]]
        found = paths.loc[("indirect", "x", "m1 -> m2")]
        expected = chain_interval(three["estimate"], three["se"] ** 2, np.full(3, 29.0))
        assert (found["ci_low"], found["ci_high"]) == pytest.approx(
            (expected.low[0], expected.high[0]), rel=1e-7
        )
    intervals = set(rows(fitted, engine="regression", effect="indirect", mediator="m1 -> m2")["interval"])
    assert intervals == {"robust", "delta", "montecarlo", "cr2", "percentile", "bca"}


def test_side_by_side_it_is_the_same_likelihood_with_other_paths(fitted, models):
    fit = fitted["fit"].query("variant == 'partial'").pivot(index="engine", columns="model", values="loglik")
    known = fit.dropna()
    assert len(known) >= 3 and np.allclose(known["chain"], known["beside"], atol=1e-6)
    assert equivalent_models(models, "partial")["chain"] == ("beside",)
    one = rows(fitted, "chain", engine="twolevel", level="within", effect="indirect", interval="robust")
    two = rows(fitted, "beside", engine="twolevel", level="within", effect="indirect", interval="robust")
    total = [frame.set_index("mediator")["estimate"][""] for frame in (one, two)]
    assert total[0] == pytest.approx(total[1], abs=1e-7)
    # Beside each other the second mediator's own share holds what goes through the first.
    routes = one.set_index("mediator")["estimate"]
    assert two.set_index("mediator")["estimate"]["m2"] == pytest.approx(
        routes["m2"] + routes["m1 -> m2"], abs=1e-7
    )


def test_every_table_takes_it(fitted, models):
    effects = fitted["effects"]
    found = verdicts(effects, fitted["fit"], models).query("model == 'chain' and level == 'within'")
    assert list(found["mediator"].fillna("")) == ROUTES
    assert "m1 -> m2" in set(fitted["influence"].query("model == 'chain'")["mediator"])
    assert "chain" in set(agreement(effects, fitted["fit"], models)["model"])
    assert {"chain"} <= set(effects["model"])

    class Evidence:
        tables = {"mediation/effects.csv": effects}  # noqa: RUF012

    assert list(_products(Evidence)) == []
    wrong = effects.copy()
    wrong.loc[wrong["mediator"] == "m1 -> m2", "estimate"] += 0.01
    Evidence.tables = {"mediation/effects.csv": wrong}
    assert any("a times b" in line for line in _products(Evidence))


def test_missing_values_go_through_full_information(models):
    frame = data(therapists=12, size=5)
    frame.loc[::11, "m2"] = np.nan
    found = fit_all(
        {"chain": models["chain"]}, frame, ["twolevel", "regression"], Settings(1, draws=200, replicates=0)
    )
    for engine, level in (("twolevel", "within"), ("regression", "single")):
        row = rows(
            found, engine=engine, level=level, effect="indirect", mediator="m1 -> m2", interval="robust"
        )
        assert len(row) == 1 and np.isfinite(row["ci_low"]).all()
        paths = rows(found, engine=engine, level=level, interval="robust").set_index(
            ["effect", "predictor", "mediator"]
        )
        three = paths.loc[[("a", "x", "m1"), ("a", "m1", "m2"), ("b", "x", "m2")], "estimate"]
        assert row["estimate"].item() == pytest.approx(three.prod(), rel=1e-9)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "{predictor: x, mediator: m1, outcome: y, serial: true}",
            "serial with 1 mediator.*a list of 2",
        ),
        (
            "{predictor: x, mediator: [m1, m2], outcome: y, serial: true, moderator: w}",
            "serial mediators with a moderator",
        ),
        ("{predictor: x, mediator: [m1, m2], outcome: y, serial: perhaps}", "true where mediators stand"),
        (
            "{predictor: x, mediator: m1, outcome: y, weights: w}",
            "'weights': weighted models are not estimated",
        ),
        (
            "{predictor: x, mediator: m1, outcome: y, weight: w}",
            "'weight': weighted models are not estimated",
        ),
        (
            "{predictor: x, mediator: m1, outcome: [y, z]}\nm_y: {predictor: x, mediator: m1, outcome: y}",
            "'m_y' has the name",
        ),
    ],
)
def test_refused(tmp_path, entry, message):
    path = tmp_path / "models.yaml"
    path.write_text(f"m: {entry}\n")
    with pytest.raises(ConfigError, match=message):
        load_models(path)


def test_several_outcomes_are_a_model_each(tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text(
        "m: {predictor: x, mediator: m1, outcome: [m2, y]}\none: {predictor: x, mediator: m1, outcome: [y]}\n"
    )
    found = load_models(path)
    assert {name: model.outcome for name, model in found.items()} == {"m_m2": "m2", "m_y": "y", "one": "y"}
    assert all(model.name == name for name, model in found.items())
