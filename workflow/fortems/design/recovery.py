"""Do the estimators find the parameters that the data were made with? Bias and root mean squared error.

Two parts: every scenario's parameters by the two primary estimators, many studies at once; and all engines side by side
on the same studies of the first scenario, through the very adapters that a run uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from twolevel import batch

from fortems.design.paths import Sample, single_paths
from fortems.design.power import by_cell
from fortems.design.proportions import mean_error, share
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.simulate.simulator import by_name
from fortems.stats.arrays import Array
from fortems.study.definition import study
from fortems.study.engines import ENGINES
from fortems.study.models import MediationModel

PART, ENGINES_PART = "recovery", "engines"
BLOCK, ENGINES_BLOCK = 100, 20
PATHS = ("a", "b", "direct", "indirect", "total")


def _models() -> dict[str, MediationModel]:
    """A model of each predictor of the study."""
    ours = study()
    return {x: MediationModel(x, (x,), (ours.mediator,), ours.outcome) for x in ours.predictors}


def scenarios(settings: Settings) -> list[str]:
    """Scenarios of the diagnosticity part, or the study's account where that part is off."""
    asked = settings.design.get("diagnosticity") or {}
    return list(asked.get("scenarios", filter(None, [study().account])))


def tasks(settings: Settings) -> list[Task]:
    """Blocks of both parts."""
    asked = settings.design.get("recovery")
    if not asked:
        return []
    own = scenarios(settings)
    found = [task for cell in own for task in blocks(PART, cell, asked["studies"], BLOCK, 0.0009)]
    return found + blocks(ENGINES_PART, own[0], asked["studies"], ENGINES_BLOCK, 0.07, bundle=1)


class Runner:
    """Runs a block of either part."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.simulator = by_name(settings.instruments)

    def __call__(self, task: Task) -> Iterator[Row]:
        rng = stream(self.settings.seed, task.part, task.cell, task.block)
        simulator = self.simulator(task.cell)
        data, names, cluster = simulator.scores(rng, task.studies)
        estimate = side_by_side if task.part == ENGINES_PART else primary
        truth: dict[tuple[str, str, str], float] = {}
        for name, model in _models().items():
            at = [simulator.population.variables.index(v) for v in model.chain]
            population = simulator.population
            for level, matrix in (("within", population.within), ("single", population.total)):
                truth |= {(name, level, k): v for k, v in true_paths(matrix[np.ix_(at, at)]).items()}
            between = population.between[np.ix_(at, at)]
            residual = residual_variances(population.within[np.ix_(at, at)])
            truth |= {
                (name, "within", k): v
                for k, v in _variances(model.chain, residual, between, population.mean[at]).items()
            }
        for (engine, name, level, parameter), values in estimate(data, names, cluster, self.settings).items():
            known = values[~np.isnan(values)]
            error = known - truth[name, level, parameter]
            item = f"{engine}/{name}/{parameter}"
            yield level, item, "studies", float(len(values))
            yield level, item, "estimates", float(len(known))
            yield level, item, "truth", truth[name, level, parameter] * len(values)
            yield level, item, "error", float(error.sum())
            yield level, item, "error_squares", float((error**2).sum())
            yield level, item, "error_fourths", float((error**4).sum())


def true_paths(covariance: Array) -> dict[str, float]:
    """Paths of predictor, mediator, outcome that a population covariance matrix (3, 3) implies."""
    a = covariance[1, 0] / covariance[0, 0]
    direct, b = np.linalg.solve(covariance[:2, :2], covariance[2, :2])
    return {"a": a, "b": b, "direct": direct, "indirect": a * b, "total": direct + a * b}


def residual_variances(covariance: Array) -> Array:
    """Variances of predictor, mediator given it, outcome given both (3,)."""
    return np.diag(np.linalg.cholesky(covariance)) ** 2


def _variances(variables: tuple[str, ...], residual: Array, between: Array, mean: Array) -> dict[str, float]:
    """Parameters of the two-level model besides its paths, by the names that the table shows."""
    found = {f"residual variance of {name}": float(residual[i]) for i, name in enumerate(variables)}
    found |= {f"mean of {name}": float(mean[i]) for i, name in enumerate(variables)}
    for i, name in enumerate(variables):
        found[f"between variance of {name}"] = float(between[i, i])
        for j in range(i):
            found[f"between covariance of {variables[j]} and {name}"] = float(between[i, j])
    return found


Found = dict[tuple[str, str, str, str], Array]


def primary(data: Array, names: tuple[str, ...], cluster: np.ndarray, settings: Settings) -> Found:
    """Estimates (S,) by (engine, model, level, parameter), of the two primary estimators."""
    wanted = tuple(dict.fromkeys(v for model in _models().values() for v in model.variables))
    sample = Sample.of(data[:, :, [names.index(v) for v in wanted]], wanted, cluster)
    found: Found = {}
    for name, model in _models().items():
        (mediator,) = model.mediators
        single = single_paths(sample, model.predictors, mediator, model.outcome)
        values = {"a": single.a[:, 0], "b": single.b, "direct": single.direct[:, 0]}
        found |= _with_products(values, "regression", name, "single")
        two = batch.PathModel.mediation(model.predictors, mediator, model.outcome)
        fitted = batch.fit(two, sample.moments.select(sample.at(two.variables)), vcov=False)
        x = model.predictors[0]
        values = {"a": fitted.path(mediator, x), "b": fitted.path(model.outcome, mediator)}
        found |= _with_products(
            values | {"direct": fitted.path(model.outcome, x)}, "twolevel", name, "within"
        )
        for i, variable in enumerate(two.variables):
            others = {
                f"residual variance of {variable}": fitted.residual_variance[:, i],
                f"mean of {variable}": fitted.mu[:, i],
                f"between variance of {variable}": fitted.sigma_between[:, i, i],
            }
            for j in range(i):
                covariance = f"between covariance of {two.variables[j]} and {variable}"
                others[covariance] = fitted.sigma_between[:, i, j]
            for parameter, value in others.items():
                found["twolevel", name, "within", parameter] = np.where(fitted.converged, value, np.nan)
    return found


def _with_products(values: Mapping[str, Array], engine: str, model: str, level: str) -> Found:
    indirect = values["a"] * values["b"]
    whole = {**values, "indirect": indirect, "total": values["direct"] + indirect}
    return {(engine, model, level, parameter): value for parameter, value in whole.items()}


def side_by_side(data: Array, names: tuple[str, ...], cluster: np.ndarray, settings: Settings) -> Found:
    """Paths (S,) of one model by every engine, through the adapters of a run."""
    from fortems.mediation import slopes
    from fortems.mediation.columns import build
    from fortems.mediation.run import engine

    first = study().predictors[0]
    model = _models()[first]
    (mediator,), outcome = model.mediators, model.outcome
    plain = slopes.Settings(
        seed=settings.seed, confidence=settings.confidence, intervals=("delta",), replicates=0
    )
    values: dict[tuple[str, str, str], Array] = {}
    for s, drawn in enumerate(data):
        scores = pd.DataFrame(drawn, columns=list(names))
        scores.insert(0, "therapist", [f"t{j:03d}" for j in cluster])
        scores.insert(0, "client", [f"c{i:05d}" for i in range(len(scores))])
        system = build(model, scores)
        for name in ENGINES:
            for part in engine(name)(system, plain)[0]:
                if part.level not in ("within", "single"):
                    continue
                slope = dict(zip(part.keys, part.estimate, strict=True))
                keys = (
                    ("a", (mediator, first)),
                    ("b", (outcome, mediator)),
                    ("direct", (outcome, first)),
                )
                for parameter, key in keys:
                    place = values.setdefault((name, part.level, parameter), np.full(len(data), np.nan))
                    place[s] = slope[key]
    found: Found = {}
    for name, level in dict.fromkeys(key[:2] for key in values):
        paths = {parameter: values[name, level, parameter] for parameter in ("a", "b", "direct")}
        found |= _with_products(paths, name, first, level)
    return found


COLUMNS = (
    *("scenario", "comparison", "engine", "model", "level", "parameter", "truth", "studies", "estimates"),
    *("bias", "bias_se", "rmse", "rmse_se", "bias_relative"),
)


def table(sums: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Bias and root mean squared error of every parameter, with Monte Carlo standard errors.

    Returns
    -------
    DataFrame
        ``COLUMNS``; ``comparison`` is ``scenarios`` (the primary estimators) or ``engines`` (all, on the same studies).
        Raw units; ``bias_relative`` is the bias as a share of the truth where that is not 0. A between variance cannot
        be negative, so its bias is positive where the truth is near 0.
    """
    groups: list[list[dict[str, Any]]] = []
    for part, comparison in ((PART, "scenarios"), (ENGINES_PART, "engines")):
        found = by_cell(sums, part)
        for cell in scenarios(settings):
            rows: list[dict[str, Any]] = []
            groups.append(rows)
            for (level, item), s in found.get(cell, {}).items():
                engine, model, parameter = item.split("/")
                n, truth = s["estimates"], s["truth"] / s["studies"]
                mse = share(s["error_squares"], n)
                spread = mean_error(s["error_squares"], s["error_fourths"], n)
                rows.append(
                    {
                        **{"scenario": cell, "comparison": comparison, "engine": engine, "model": model},
                        **{"level": level, "parameter": parameter, "truth": truth},
                        **{"studies": int(s["studies"]), "estimates": int(n), "bias": share(s["error"], n)},
                        **{"bias_se": mean_error(s["error"], s["error_squares"], n), "rmse": np.sqrt(mse)},
                        **{"rmse_se": spread / (2 * np.sqrt(mse)) if mse > 0 else np.nan},
                        **{"bias_relative": share(s["error"], n) / truth if abs(truth) > 1e-6 else np.nan},
                    }
                )
    engine_rank = {name: i for i, name in enumerate(ENGINES)}
    path_rank = {name: i for i, name in enumerate(PATHS)}

    def place(row: dict[str, Any]) -> tuple[object, ...]:
        path = path_rank.get(row["parameter"], len(PATHS))
        return row["model"], row["level"], engine_rank[row["engine"]], path, row["parameter"]

    return pd.DataFrame([row for group in groups for row in sorted(group, key=place)], columns=COLUMNS)
