"""A made-up run in a folder, small and consistent, for the tests of report and figures.

Effects follow from a few numbers; verdicts, agreement and claims are computed from them by the study's own code, so
that a changed estimate changes what follows from it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from fortems import tidy
from fortems.claims.claimfile import load_claims
from fortems.claims.evidence import from_tables
from fortems.claims.judge import claims_table
from fortems.mediation.agreement import agreement
from fortems.mediation.verdicts import verdicts
from fortems.robustness.bayes import posterior
from fortems.robustness.choices import load_choices
from fortems.robustness.confounding import tables as confounding
from fortems.robustness.distribution import table as distribution
from fortems.robustness.specifications import Multiverse
from fortems.robustness.specifications_summary import choice_table, summary_table
from fortems.run.config import complete, switched_on
from fortems.study.models import load_models, models_of

ROOT = Path(__file__).resolve().parents[2]
#: The kinds of data that a report is written of.
KINDS = ("simulated", "items", "scores", "matrix")
MODELS = {
    "alliance": {"predictor": "alliance", "mediator": "meaning", "outcome": "distress"},
    "bond": {"predictor": "bond", "mediator": "meaning", "outcome": "distress"},
    "goal": {"predictor": "goal", "mediator": "meaning", "outcome": "distress"},
    "task": {"predictor": "task", "mediator": "meaning", "outcome": "distress"},
    "aspects": {"predictor": ["bond", "goal", "task"], "mediator": "meaning", "outcome": "distress"},
    "bond_age_gender": {
        "predictor": "bond", "mediator": "meaning", "outcome": "distress", "covariates": ["age", "gender"],
    },
    "bond_social_role": {"predictor": "bond", "mediator": "meaning", "outcome": "social_role"},
    "bond_search": {"predictor": "bond", "mediator": "search", "outcome": "distress"},
    "reversed_alliance_distress_meaning": {"predictor": "alliance", "mediator": "distress", "outcome": "meaning"},
    "bond_by_age": {"predictor": "bond", "mediator": "meaning", "outcome": "distress", "moderator": "age"},
}  # fmt: skip
AS_MODELS = models_of(MODELS)
SCALES = ("bond", "task", "goal", "alliance", "meaning", "search", "symptom_distress", "interpersonal_relations",
          "social_role", "distress")  # fmt: skip
SOURCES = {
    "simulated": {"source": "simulated", "scenario": "as_reported"},
    "items": {"source": "file", "path": "mine.csv", "format": "items"},
    "scores": {"source": "file", "path": "mine.tsv", "format": "scores"},
    "matrix": {"source": "matrix", "path": "tests/data/article.yaml"},
}
ENGINES = {
    "twolevel": ("within",),
    "regression": ("single",),
    "semopy": ("single",),
    "mixedlm": ("within", "single"),
}


def configuration(kind: str, **changes: Any) -> dict[str, Any]:
    """A complete configuration of a kind of run."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    config["data"] = {**config["data"], **SOURCES[kind]}
    config["run"] = kind
    config.update(changes)
    return complete(config)


def effects(a: float = 0.9, b: float = -1.2, direct: float = 0.1, level_shift: float = 0.05) -> pd.DataFrame:
    """Rows of ``effects.csv`` for every model; ``a`` and ``b`` of the bond, smaller ``a`` for goal and task."""
    rows: list[dict[str, Any]] = []
    for number, (name, model) in enumerate(MODELS.items()):
        predictors = model["predictor"] if isinstance(model["predictor"], list) else [model["predictor"]]
        for engine, levels in ENGINES.items():
            for level in levels:
                for at in ("25.5", "50.5") if "moderator" in model else ("",):
                    rows += _rows(
                        name, model, predictors, engine, level, at, (a, b, direct), level_shift * number
                    )
    return pd.DataFrame(rows)


def _rows(name, model, predictors, engine, level, at, paths, shift):  # type: ignore[no-untyped-def]
    a, b, direct = paths
    small = 0.0 if engine in ("twolevel", "regression") else 0.02
    common = {
        "model": name, "engine": engine, "level": level, "mediator": model["mediator"], "outcome": model["outcome"],
        "at": at, "n_clients": 96, "n_therapists": 23,
    }  # fmt: skip
    found = []

    def add(effect: str, predictor: str, interval: str, estimate: float, se: float) -> None:
        half = 2 * se
        found.append(
            {**common, "effect": effect, "predictor": predictor, "interval": interval, "estimate": estimate, "se": se,
             "ci_low": estimate - half, "ci_high": estimate + half, "p": float(np.exp(-((estimate / se) ** 2) / 1.6)),
             "standardized": estimate / 7}
        )  # fmt: skip

    weights = {"bond": 1.0, "alliance": 0.8}
    for predictor in predictors:
        own = a * weights.get(predictor, 0.2) + small
        add("a", predictor, "wald", own, 0.2)
        add("direct", predictor, "wald", direct + 0.01 * shift, 0.5)
        for interval in (
            ("delta", "montecarlo", "percentile", "bca") if small == 0 else ("delta", "montecarlo")
        ):
            add("indirect", predictor, interval, own * b, 0.33)
        add("total", predictor, "delta", own * b + direct, 0.5)
    add("b", predictors[0] if len(predictors) == 1 else "", "wald", b, 0.3)
    return found


def fit(boundary: bool = True) -> pd.DataFrame:
    """Rows of ``fit.csv``."""
    rows = []
    for model in MODELS:
        for engine in ENGINES:
            for variant, loglik, count in (("partial", -100.0, 9), ("full", -100.4, 8)):
                rows.append(
                    {"model": model, "engine": engine, "variant": variant, "loglik": loglik, "n_parameters": count, "chi2": 0.8,
                     "df": 9 - count, "p": 0.4, "aic": 210.0, "bic": 220.0, "converged": True, "admissible": True,
                     "boundary": boundary and engine == "twolevel", "se_method": "", "message": ""}
                )  # fmt: skip
    return pd.DataFrame(rows)


def correlations(matrix: bool = False, strength: float = 0.3) -> pd.DataFrame:
    """Rows of ``correlations.csv`` at three levels."""
    rows = []
    for i, x in enumerate(SCALES):
        for y in SCALES[i + 1 :]:
            sign = -1 if "dis" in y or "role" in y or "relations" in y else 1
            r = sign * strength * (0.3 if x in ("goal", "task") else 1.0)
            p = 0.004 if abs(r) > 0.2 else 0.3
            kinds = (("total", "pearson"), ("total", "robust"), ("within", "centred"), ("between", "latent"))
            for level, kind in kinds[:1] if matrix else kinds:
                between = level == "between"
                rows.append(
                    {"x": x, "y": y, "level": level, "kind": kind, "r": np.nan if between else r, "n": 96, "n_therapists": 23,
                     "df": 60.0, "t": r * 8, "p": np.nan if between else p, "ci_low": np.nan if between else r - 0.19,
                     "ci_high": np.nan if between else r + 0.19, "p_holm": np.nan if between else min(1.0, 9 * p),
                     "reason": "withheld" if between else ""}
                )  # fmt: skip
    return pd.DataFrame(rows)


def scores(seed: int = 3) -> pd.DataFrame:
    """Client rows."""
    rng = np.random.default_rng(seed)
    therapist = np.repeat([f"T{j}" for j in range(12)], 8)
    frame = pd.DataFrame({"client": [f"SECRET{i}" for i in range(96)], "therapist": therapist})
    bond = rng.normal(16, 3, 96)
    meaning = 0.9 * bond + rng.normal(6, 5, 96)
    return frame.assign(bond=bond, meaning=meaning, distress=100 - 1.2 * meaning + rng.normal(0, 15, 96))


MEASURED = {"observed": "montecarlo", "latent": "delta", "corrected": "reliability"}


POSSIBLE = {"bond": (4, 20), "meaning": (5, 35), "distress": (0, 180)}


def _small() -> dict[str, pd.DataFrame]:
    """The remaining tables, a few rows each."""
    tables: dict[str, pd.DataFrame] = {}
    tables["data/flow.csv"] = pd.DataFrame(
        {"step": ["received", "excluded", "scored", "analysed"], "detail": ["rows of the file", "sessions: at least 5", "all", "any"],
         "clients": [107, 11, 94, 96], "therapists": [24, 1, 23, 23], "clients_per_therapist": [4.46, None, 4.09, 4.17]}
    )  # fmt: skip
    rows = [
        {"variable": name, "category": "", "n": 95, "missing": 1 if name == "task" else 0, "mean": 20.5 + i, "sd": 4.25, "skew": -0.4 - 0.2 * i,
         "ceiling": 0.2 if name == "bond" else 0.01, "reason": "",
         **(dict(zip(("possible_min", "possible_max"), POSSIBLE[name], strict=True)) if name in POSSIBLE else {})}
        for i, name in enumerate(("age", "sessions", *SCALES))
    ]  # fmt: skip
    rows += [
        {"variable": "gender", "category": word, "n": n, "share": n / 96, "reason": ""}
        for word, n in (("female", 61), ("male", 35))
    ]
    tables["tables/descriptives.csv"] = pd.DataFrame(rows)
    tables["tables/icc.csv"] = pd.DataFrame(
        [{"variable": name, "n_clients": 96, "n_therapists": 23, "n0": 4.09, "icc": 0.04, "ci_low": -0.08, "ci_high": 0.3, "icc_ml": 0.03, "p": 0.3}
         for name in SCALES]
    )  # fmt: skip
    instruments = {
        "mlq": ("meaning", "search"),
        "wai": ("bond", "task", "goal", "alliance"),
        "oq": SCALES[6:],
    }
    tables["tables/reliability.csv"] = pd.DataFrame(
        [{"scale": scale, "instrument": key, "level": level, "n_items": 5, "alpha": 0.85, "alpha_low": 0.8, "alpha_high": 0.9, "omega": 0.86,
          "omega_low": 0.81, "omega_high": 0.91, "reason": ""}
         for key, scales in instruments.items() for scale in scales for level in ("total", "within")]
    )  # fmt: skip
    counts = {"n": 96, "missing": 0, "missing_share": 0.0, "distinct": 20}
    middle = {
        "minimum": 1,
        "q05": 7,
        "q25": 12,
        "median": 16,
        "q75": 18,
        "q95": 19,
        "maximum": 20,
        "mean": 15.5,
        "sd": 3.2,
    }
    tables["data/codebook.csv"] = pd.DataFrame(
        [{"variable": "client", "label": "Client", "kind": "identifier", "source": "client", **counts},
         {"variable": "gender", "label": "Gender", "kind": "category", "source": "sex", **counts, "values": "female: 60; male: 34; other: 2"},
         {"variable": "bond", "label": "Bond", "kind": "score", "instrument": "wai", "source": "wai_3, wai_5, wai_7, wai_9", **counts, **middle,
          "lowest_possible": 4, "highest_possible": 20},
         {"variable": "task", "label": "Task", "kind": "score", "instrument": "wai", "source": ", ".join(f"wai_{i}" for i in range(1, 13)),
          **counts, **middle, "n": 93, "missing": 3, "missing_share": 0.03125, "lowest_possible": 4, "highest_possible": 20},
         {"variable": "wai_3", "label": "Item 3", "kind": "item", "instrument": "wai", "source": "wai_3", **counts, **middle}]
    )  # fmt: skip
    tables["data/missing_patterns.csv"] = pd.DataFrame(
        [{"missing": "", "n_missing": 0, "clients": 84, "share": 0.875}, {"missing": "task", "n_missing": 1, "clients": 9, "share": 0.09375},
         {"missing": "task; goal", "n_missing": 2, "clients": 3, "share": 0.03125}]
    )  # fmt: skip
    tables["data/calibration.csv"] = pd.DataFrame(
        {"quantity": ["mean"], "variable": ["bond"], "stated": [16.4], "achieved": [16.4]}
    )
    tables["mediation/derived.csv"] = pd.DataFrame(
        [{"model": "bond_by_age", "engine": "twolevel", "level": "within", "quantity": "moderated_mediation", "estimate": 0.1, "ci_low": -0.2,
          "ci_high": 0.4, "note": ""}]
    )  # fmt: skip
    tables["mediation/measurement.csv"] = pd.DataFrame(
        [{"model": f"{x}_{kind}", "measurement": kind, "engine": "twolevel", "level": level, "effect": "indirect", "predictor": x,
          "mediator": "meaning", "outcome": "distress", "interval": MEASURED[kind], "estimate": -1.1,
          "se": 0.3, "ci_low": -1.7, "ci_high": -0.5 if x == "bond" else 0.1, "p": 0.01, "standardized": -0.2, "ratio": 1.2, "n_clients": 96,
          "n_therapists": 23, "note": "latent by 11 indicators" if kind == "latent" else "",
          **({"chi2": 62.46, "df": 41, "chi2_p": 0.017} if kind == "latent" else {})}
         for x in ("alliance", "bond") for kind in ("observed", "latent", "corrected") for level in ("within", "single")]
    )  # fmt: skip
    tables["robustness/leave_one_out.csv"] = pd.DataFrame(
        [{"model": x, "engine": "twolevel", "level": level, "effect": "indirect", "predictor": x, "mediator": "meaning", "outcome": "distress",
          "at": "", "estimate": -1.1, "se": 0.3, "lowest": -1.4, "quarter": -1.2, "median": -1.1, "three_quarters": -1.0, "highest": -0.8,
          "largest_shift": -1.0, "sign_changes": 0, "n_fits": 23, "n_failed": 0}
         for x in ("alliance", "bond") for level in ("within", "single")]
    )  # fmt: skip
    return tables | _robustness() | _design()


@lru_cache
def _robustness() -> dict[str, pd.DataFrame]:
    """What the study's own code says of the made-up clients, in few draws."""
    own = {name: AS_MODELS[name] for name in ("alliance", "bond")}
    clients, rng = scores(), np.random.default_rng(4)
    clients = clients.assign(
        alliance=3 * clients["bond"] + rng.normal(0, 4, 96),
        goal=clients["bond"] + rng.normal(0, 3, 96),
        age=rng.normal(40, 12, 96),
    )
    made = confounding.tables(own, clients)
    made["survivors"] = confounding.survivors_table(
        own, clients, {"dropout": [0.3], "predictor": [0.0, 0.5], "outcome": [-0.5, 0.0, 0.5]}
    )
    made["distribution"] = distribution.table(own, clients, {"meaning": (5.0, 35.0)}, 5, seed=1)
    made["bayes"] = posterior.table(own, clients, posterior.Settings(1, steps=2000, chains=2))
    calibrated = pd.DataFrame(
        {
            "prior": "johns_2019",
            "eta": 2.0,
            "level": "within",
            "quantity": ["a", "b"],
            "studies": 200,
            "p": [0.3, 0.04],
        }
    )
    made |= _multiverse()
    return {f"robustness/{name}.csv": table for name, table in made.items()} | {"design/sbc.csv": calibrated}


def _multiverse() -> dict[str, pd.DataFrame]:
    """Specifications of the two main models, their summary and joint tests."""
    rng, rows, joint = np.random.default_rng(5), [], []
    for model in ("alliance", "bond"):
        for number, (estimand, covariates, missing) in enumerate(
            product(("within", "single"), ("none", "age_gender"), ("manual", "listwise")), start=1
        ):
            estimate = float(rng.normal(-0.6, 0.4))
            rows.append(
                {
                    **{"model": model, "specification": number, "default": number == 1, "estimand": estimand},
                    **{"engine": "only", "covariates": covariates, "between": "only", "mediator": "sum"},
                    **{"missing": missing, "outliers": "only", "inclusion": "as_run", "key": "only"},
                    **{"engine_run": "twolevel", "estimate": estimate, "interval": "robust"},
                    **{"ci_low": estimate - 0.5, "ci_high": estimate + 0.5, "p": 0.04},
                    **{
                        "significant": bool(abs(estimate) > 0.5),
                        "standardized": estimate / 7,
                        "a": 0.9,
                        "b": -0.7,
                    },
                    **{"direct": 0.1, "n_clients": 96, "n_therapists": 23, "converged": True},
                    **{"admissible": True, "reason": ""},
                }
            )
        joint.append(
            {
                **{
                    "model": model,
                    "null": "a_or_b",
                    "statistic": "median",
                    "observed": -0.6,
                    "specifications": 8,
                },
                **{
                    "failed_specifications": 0,
                    "resamples": 500,
                    "failed_fits": 0,
                    "as_extreme": 9,
                    "p": 0.02,
                },
                **{"reason": ""},
            }
        )
    frames = {"specifications": rows, "joint": joint}
    made = {name: pd.DataFrame(found) for name, found in frames.items()}
    nothing = pd.DataFrame(columns=["choice", "option", "reason"])
    counts = {"combinations": 8, "forbidden": 0, "same": 0}
    whole = made["specifications"]
    each = [
        Multiverse(model, whole[whole["model"] == model], nothing, counts) for model in ("alliance", "bond")
    ]
    made["multiverse"] = summary_table(each)
    return made | {"choices": choice_table(each, load_choices(ROOT / "config/robustness_reduced.yaml"))}


def _design() -> dict[str, pd.DataFrame]:
    scenarios = {"as_reported": "As reported", "equal_aspects": "Equal aspects", "reversed": "Reversed"}
    claims = [("alliance_meaning", "finding", "total"), ("task_distress", "finding", "total")]
    claims += [
        (name, "pattern", level) for name in ("whole_pattern", "bond_alone") for level in ("within", "single")
    ]
    cells = [(name, np.nan, title) for name, title in scenarios.items()] + [
        ("as_reported", gap, f"gap {gap}") for gap in (0.0, 0.2)
    ]
    diagnosticity, ratios = [], []
    for claim, role, level in claims:
        for i, (scenario, gap, title) in enumerate(cells):
            p = 0.6 if role == "finding" else 0.1 + 0.02 * i
            diagnosticity.append(
                {"scenario": scenario, "gap": gap, "title": title, "claim": claim, "role": role, "estimand": level, "studies": 1000,
                 "holds": int(1000 * p), "testable": 1000, "probability": p, "ci_low": p - 0.02, "ci_high": p + 0.02}
            )  # fmt: skip
        for against, value in (("equal_aspects", 1.6), ("reversed", 1.02)):
            ratios.append(
                {"claim": claim, "role": role, "estimand": level, "scenario": "as_reported", "gap": np.nan, "against": against,
                 "against_gap": np.nan, "relation": "=", "ratio": value, "ci_low": value - 0.2, "ci_high": value + 0.2}
            )  # fmt: skip
    power = [
        {"therapists": j, "clients": n, "n": j * n, "indirect": ab, "icc": icc, "estimand": level, "interval": "robust", "studies": 500,
         "power": min(0.99, abs(ab) * j / 12), "ci_low": 0.1, "ci_high": 0.99, "type_m": 1.5}
        for j in (12, 23, 50) for n in (4, 8) for ab in (-0.06, -0.15) for icc in (0.0, 0.05) for level in ("within", "single")
    ]  # fmt: skip
    coverage = [
        {"design": f"{j} therapists, ICC .05", "therapists": j, "n": 96, "icc": 0.05, "population": name, "a": a, "b": -0.35,
         "estimand": level, "interval": kind, "studies": 500, "coverage": value, "ci_low": value - 0.02, "ci_high": value + 0.02}
        for name, a in (("effect", 0.3), ("a = 0", 0.0)) for j in (10, 23) for level in ("within", "single") for kind, value in (("robust", 0.95), ("montecarlo", 0.95), ("delta", 0.94), ("bca", 0.9), ("cr2", 0.91))
        if kind != "cr2" or level == "single"
    ]  # fmt: skip
    coverage_paths = [
        {"design": f"{j} therapists, ICC .05", "therapists": j, "n": 96, "icc": 0.05, "population": name, "estimand": level, "effect": effect, "truth": truth,
         "studies": 500, "coverage": 0.95 - off, "ci_low": 0.93 - off, "ci_high": 0.97 - off, "excludes_zero": 0.05 + off if truth == 0 else 0.6}
        for name, a in (("effect", 0.3), ("a = 0", 0.0)) for j, off in ((10, 0.024), (23, 0.003)) for level in ("within", "single")
        for effect, truth in (("a", a), ("b", -0.35), ("direct", 0.0), ("r(x, m)", a))
    ]  # fmt: skip
    recovery = [
        {"scenario": "as_reported", "comparison": "engines", "engine": "twolevel", "model": "bond", "level": "within",
         "parameter": parameter, "truth": -1.1, "studies": 200, "bias": 0.05, "bias_se": 0.01, "rmse": 0.3}
        for parameter in ("indirect", "between variance of bond")
    ]  # fmt: skip
    return _pattern() | {
        "design/diagnosticity.csv": pd.DataFrame(diagnosticity),
        "design/likelihood_ratios.csv": pd.DataFrame(ratios),
        "design/power.csv": pd.DataFrame(power),
        "design/coverage.csv": pd.DataFrame(coverage),
        "design/coverage_paths.csv": pd.DataFrame(coverage_paths),
        "design/recovery.csv": pd.DataFrame(recovery),
    }


def _pattern() -> dict[str, pd.DataFrame]:
    shared = {
        "prior": "meta_analytic",
        "title": "Meta-analytic",
        "method": "rejection",
        "test": "pearson",
        "estimand": "single",
        "kept": 900,
    }
    posterior = [
        {**shared, "kind": "correlation", "x": x, "y": y, "quantity": f"correlation {x} {y}", "prior_mean": sign * 0.22, "prior_low": sign * 0.22 - 0.3,
         "prior_high": sign * 0.22 + 0.3, "posterior": sign * (0.3 if x == "bond" else 0.2), "ci_low": sign * 0.2 - 0.15, "ci_high": sign * 0.2 + 0.15}
        for y, sign in (("meaning", 1), ("distress", -1)) for x in ("alliance", "bond", "task", "goal")
    ] + [
        {**shared, "kind": kind, "x": x, "y": y, "quantity": f"{kind} {x} {y}".strip(), "prior_mean": before, "posterior": after, "ratio": ratio}
        for kind, x, y, before, after, ratio in (
            ("beats", "bond", "task", 0.5, 0.89, 8.1), ("beats", "bond", "goal", 0.5, 0.91, 10.1),
            ("small_direct", "alliance", "", 0.22, 0.2, 0.89), ("mostly_mediated", "alliance", "", 0.22, 0.19, 0.83),
            ("small_direct", "bond", "", 0.26, 0.35, 1.5))
    ]  # fmt: skip
    surface = [
        {"pattern": "whole_pattern", "estimand": "single", "tests": "pearson", "gap": gap, "total": total, "direct": direct, "mediator": 0.28,
         "account": (gap, total, direct) == (0.2, -0.11, 0), "studies": 1000, "holds": 10, "probability": 0.01 + gap * direct / 3, "ci_low": 0.005,
         "ci_high": 0.05}
        for gap in (0.0, 0.2) for total in (-0.11, -0.28) for direct in (0.0, 0.5) if (total, direct) != (-0.28, 0.0)
    ] + [{"gap": gap, "total": -0.28, "direct": 0.0, "reason": "no population has these correlations", "account": False} for gap in (0.0, 0.2)]  # fmt: skip
    maximum = [
        {"limit": "any correlations", "pattern": "whole_pattern", "studies": 1000, "holds": 290, "probability": 0.29, "ci_low": 0.26, "ci_high": 0.32,
         "starts": 3, "x": "meaning", "y": "bond", "r": 0.8}
    ]  # fmt: skip
    forecast = [
        {"clients": n, "therapists": j, "finding": "whole pattern", "kind": "together", "studies": 1000, "probability": p, "ci_low": p, "ci_high": p}
        for n, j, p in ((96, 23, 0.006), (192, 46, 0.004))
    ]  # fmt: skip
    sizes = [
        {
            "finding": "whole pattern",
            "kind": "together",
            "target": 0.8,
            "relation": "none",
            "most": 0.007,
            "most_at": 80,
        }
    ]
    return {
        "design/posterior.csv": pd.DataFrame(posterior),
        "design/surface.csv": pd.DataFrame(surface),
        "design/surface_maximum.csv": pd.DataFrame(maximum),
        "design/forecast.csv": pd.DataFrame(forecast),
        "design/forecast_sizes.csv": pd.DataFrame(sizes),
    }


def write_run(
    folder: Path,
    kind: str = "simulated",
    paths: tuple[float, float, float] = (0.9, -1.2, 0.1),
    strength: float = 0.3,
    drop: tuple[str, ...] = (),
    **changes: Any,
) -> Path:
    """Write a run of a kind, only with what its source can give, and return the folder.

    ``paths`` are the bond's a, b and direct path; ``strength`` the size of the larger correlations; ``drop`` names
    results to leave out; other keywords replace keys of the configuration.
    """
    config = configuration(kind, **changes)
    models_file = folder / "models.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    models_file.write_text(yaml.safe_dump(MODELS, sort_keys=False), encoding="utf-8")
    config["models"] = str(models_file)
    models = load_models(models_file)
    found, fits = effects(*paths), fit()
    if kind == "matrix":
        found = found[
            (found["level"] == "single")
            & (found["engine"] == "regression")
            & found["interval"].isin(["wald", "delta", "montecarlo"])
        ]
        fits = fits[fits["engine"] == "regression"]
    tables = _small()
    tables["mediation/effects.csv"], tables["mediation/fit.csv"] = found, fits
    tables["mediation/verdicts.csv"] = verdicts(found, fits, models)
    tables["mediation/agreement.csv"] = agreement(found, fits, models)
    tables["tables/correlations.csv"] = correlations(kind == "matrix", strength)
    empty = found.replace({"": np.nan})
    evidence = from_tables(tables["tables/correlations.csv"], empty, None, 0.95)
    tables["claims.csv"] = claims_table(load_claims(ROOT / "config/claims.yaml"), evidence)
    tables["published.csv"] = pd.DataFrame(
        [{"id": "n", "what": "Clients", "place": "abstract", "published": 96, "computed": 96, "verdict": "equal", "reason": "",
          "file": "data/flow.csv", "row": "step=analysed"},
         {"id": "r", "what": "r", "place": "", "published": np.nan, "computed": np.nan, "verdict": "not attempted", "reason": "empty",
          "file": "tables/correlations.csv", "row": "x=bond, y=meaning"}]
    )  # fmt: skip
    tables["data/scores.csv"] = scores()
    for name, frame in tables.items():
        if switched_on(name, config) and name not in drop:
            tidy.write_csv(frame, folder / name)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return folder


def own_claims(folder: Path) -> str:
    """A file of claims of one's own: the article's under another name."""
    path = folder / "my_claims.yaml"
    path.write_text((ROOT / "config/claims.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return str(path)
