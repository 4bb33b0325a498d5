"""How often does a study of the paper's size show the published pattern, when its story is true and when it is not?

Studies are drawn from each scenario, analysed as a run analyses its own (``fortems.design.paths``), and judged by the
same claims code (``fortems.claims.judge``). Scenarios hold no relations of age and gender, so claims on those are left out, and
contrasts, which the article's answer does not ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from fortems.claims.claimfile import Claim, claims_of_run
from fortems.claims.evidence import Estimate, Evidence, Key
from fortems.claims.judge import judge
from fortems.design.paths import Paths, Sample, single_paths, within_paths
from fortems.design.proportions import jeffreys, ratio, share
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.simulate.scenario import load_scenario
from fortems.simulate.simulator import by_name
from fortems.stats.jackknife import jackknife_correlation
from fortems.stats.regression import within_products
from fortems.study.definition import study
from fortems.study.estimands import PRIMARY
from fortems.study.models import MediationModel, load_models
from fortems.study.roles import is_plain
from fortems.tables.correlations import pearson_test

PART = "diagnosticity"
BLOCK = 250
COST = 0.005  # seconds a study, with the package's own claims


def cells(settings: Settings) -> list[str]:
    """Scenarios of the configuration, then the points of the gap between the first aspect and the others."""
    asked = settings.design.get("diagnosticity") or {}
    return [*asked.get("scenarios", []), *(f"{study().account}@gap={gap:g}" for gap in asked.get("gaps", []))]


def tasks(settings: Settings) -> list[Task]:
    """Blocks of all scenarios."""
    if not settings.design.get("diagnosticity"):
        return []
    studies = settings.design["diagnosticity"]["studies"]
    return [task for cell in cells(settings) for task in blocks(PART, cell, studies, BLOCK, COST)]


def _claims(settings: Settings) -> dict[str, Claim]:
    """The claims, their models called as the run's."""
    return claims_of_run(settings.claims, load_models(settings.models)) if settings.claims else {}


class Runner:
    """Runs a block."""

    def __init__(self, settings: Settings):
        self.settings = settings
        models = load_models(settings.models)
        self.claims = simulated_claims(_claims(settings))
        self.models = {c.model: models[c.model] for c in self.claims.values() if c.model in models}
        self.simulator = by_name(settings.instruments)

    def __call__(self, task: Task) -> Iterator[Row]:
        rng = stream(self.settings.seed, PART, task.cell, task.block)
        data, names, cluster = self.simulator(task.cell).scores(rng, task.studies)
        evidence = simulated_evidence(
            data, names, cluster, self.claims, self.models, self.settings.confidence
        )
        for (claim, estimand), judgement in judge(self.claims, evidence).items():
            yield estimand, claim, "studies", float(task.studies)
            yield estimand, claim, "holds", float(judgement.holds.sum())
            yield estimand, claim, "testable", float(judgement.testable.sum())


def simulated_claims(claims: Mapping[str, Claim]) -> dict[str, Claim]:
    """Claims on what the scenarios simulate; patterns keep those of their parts that are."""
    simple = {
        name: claim
        for name, claim in claims.items()
        if claim.statistic not in ("covariates", "contrast", "all_of")
    }
    kept = {}
    for name, claim in claims.items():
        if name in simple:
            kept[name] = claim
        elif claim.statistic == "all_of" and (parts := tuple(p for p in claim.parts if p in simple)):
            kept[name] = replace(claim, parts=parts, contrasts=())
    return kept


def simulated_evidence(
    data: np.ndarray,
    names: tuple[str, ...],
    cluster: np.ndarray,
    claims: Mapping[str, Claim],
    models: Mapping[str, MediationModel],
    confidence: float,
) -> Evidence:
    """Analyse complete studies as far as the claims ask.

    Parameters
    ----------
    data : ndarray (S, N, V)
        Scores.
    names : tuple of str, length V
    cluster : ndarray (N,)
    claims : mapping of str to Claim
    models : mapping of str to MediationModel
        The models that the claims name; those with covariates, moderators, several mediators or a measurement model
        are not simulated, and their claims not testable.
    confidence : float
        Of the intervals.
    """
    plain = {
        name: model
        for name, model in models.items()
        if is_plain(model) and len(model.mediators) == 1 and set(model.variables) <= set(names)
    }
    wanted = {v for claim in claims.values() if claim.statistic == "correlation" for v in (claim.x, claim.y)}
    wanted |= {variable for model in plain.values() for variable in model.variables}
    kept = [i for i, name in enumerate(names) if name in wanted]
    if not kept:
        return Evidence(len(data), confidence, {})
    sample = Sample.of(data[:, :, kept], tuple(names[i] for i in kept), cluster)
    estimates: dict[Key, Estimate] = {}
    for claim in claims.values():
        if claim.statistic == "correlation" and {claim.x, claim.y} <= set(sample.names):
            key = Key("correlation", claim.levels[0], test=claim.test, x=claim.x, y=claim.y)
            estimates[key] = correlation(sample, key, confidence)
    for name, model in plain.items():
        asked = [claim for claim in claims.values() if claim.model == name]
        for level in dict.fromkeys(level for claim in asked for level in claim.levels):
            estimates.update(_effects(sample, model, level, asked))
    return Evidence(len(data), confidence, estimates)


def correlation(sample: Sample, key: Key, confidence: float) -> Estimate:
    """A correlation with the test that its key names, in every study."""
    x, y = (1 + place for place in sample.at((key.x, key.y)))
    if key.test == "robust":
        found = jackknife_correlation(sample.products, x, y, confidence)
        return Estimate(found["r"], found["low"], found["high"], found["p"], "robust")
    clients, therapists = sample.sizes
    whole = sample.products.sum(axis=1) if key.test == "pearson" else within_products(sample.products)
    df = clients - 2.0 if key.test == "pearson" else clients - therapists - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        r = whole[:, x, y] / np.sqrt(whole[:, x, x] * whole[:, y, y])
    return Estimate(r, *pearson_test(r, df, confidence), key.test)


def _effects(
    sample: Sample, model: MediationModel, level: str, asked: Iterable[Claim]
) -> Iterator[tuple[Key, Estimate]]:
    """The effects of a model that claims ask for."""
    statistics = {claim.effect for claim in asked if claim.statistic == "effect" and level in claim.levels}
    if any(claim.statistic == "full_mediation" for claim in asked):
        statistics |= {"indirect", "direct"}
    names = model.predictors, model.mediators[0], model.outcome
    paths = within_paths(sample, *names) if level == "within" else single_paths(sample, *names)
    for i, predictor in enumerate(model.predictors):
        for statistic in sorted(statistics - {"total"}):
            key = Key(statistic, level, model=model.name, x=predictor, y=model.mediators[0])
            yield key, _estimate(paths, statistic, i, PRIMARY[level][0])


def _estimate(paths: Paths, statistic: str, i: int, engine: str) -> Estimate:
    value = {"a": paths.a[:, i], "b": paths.b, "direct": paths.direct[:, i], "indirect": paths.indirect[:, i]}
    nothing = np.full(len(paths.b), np.nan)  # judged by p; ends are not needed
    return Estimate(value[statistic], nothing, nothing, paths.p(statistic, i), engine)


COLUMNS = (
    *("scenario", "gap", "title", "claim", "role", "estimand", "studies", "holds", "testable"),
    *("probability", "ci_low", "ci_high"),
)


def table(sums: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Probability of each claim and pattern in each scenario, with Jeffreys intervals.

    Parameters
    ----------
    sums : DataFrame
        From ``tasks.gather``.
    settings : Settings

    Returns
    -------
    DataFrame
        ``COLUMNS``; ``gap`` is set for the points of the grid. The probability counts studies in which a claim is not
        testable as studies that do not show it; ``testable`` says how many those are not. Claims that no study could
        test, say for want of their model, have no probability and no row.
    """
    wide = _wide(sums)
    claims = _claims(settings)
    rows = []
    for cell in cells(settings):
        scenario = load_scenario(cell)
        stem, gap = _split(cell)
        for (claim, estimand), counts in _ordered(wide, cell, claims):
            low, high = jeffreys(counts["holds"], counts["studies"], settings.confidence)
            rows.append(
                {
                    **{"scenario": stem, "gap": gap},
                    **{
                        "title": scenario.title,
                        "claim": claim,
                        "role": claims[claim].role,
                        "estimand": estimand,
                    },
                    **{name: int(counts[name]) for name in ("studies", "holds", "testable")},
                    **{"probability": share(counts["holds"], counts["studies"])},
                    **{"ci_low": low, "ci_high": high},
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _wide(sums: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, float]]:
    """(cell, claim, estimand) to its counts."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in sums[sums["part"] == PART].to_dict("records"):
        found.setdefault((row["cell"], row["item"], row["estimand"]), {})[row["measure"]] = row["value"]
    return found


def _ordered(
    wide: Mapping[tuple[str, str, str], Mapping[str, float]], cell: str, claims: Mapping[str, Claim]
) -> Iterator[tuple[tuple[str, str], Mapping[str, float]]]:
    for claim in claims.values():
        for estimand in claim.levels:
            counts = wide.get((cell, claim.name, estimand))
            if counts and counts["testable"]:
                yield (claim.name, estimand), counts


RATIO_COLUMNS = (
    *("claim", "role", "estimand", "scenario", "gap", "against", "against_gap", "holds", "studies"),
    *("against_holds", "against_studies", "relation", "ratio", "ci_low", "ci_high"),
)


def ratios_table(sums: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Likelihood ratios: how much likelier is what the paper found under one scenario than under another?

    The first scenario of the configuration against every other, and each point of the gap's grid against its first.

    Returns
    -------
    DataFrame
        ``RATIO_COLUMNS``; see ``proportions.ratio`` for ``relation``. The ratio is that of the event "the claim (or the
        whole pattern) holds", given that a study is published whatever it finds.
    """
    wide = _wide(sums)
    claims = _claims(settings)
    own = cells(settings)
    grid = [cell for cell in own if "@gap=" in cell]
    plain = [cell for cell in own if "@gap=" not in cell]
    pairs = [(plain[0], other) for other in plain[1:]] if plain else []
    pairs += [(cell, grid[0]) for cell in grid[1:]]
    rows = []
    for first, second in pairs:
        others = dict(_ordered(wide, second, claims))
        for (claim, estimand), counts in _ordered(wide, first, claims):
            other = others.get((claim, estimand))
            if other is None:
                continue
            (scenario, gap), (against, against_gap) = _split(first), _split(second)
            found = ratio(
                counts["holds"], counts["studies"], other["holds"], other["studies"], settings.confidence
            )
            rows.append(
                {
                    **{"claim": claim, "role": claims[claim].role, "estimand": estimand},
                    **{"scenario": scenario, "gap": gap, "against": against, "against_gap": against_gap},
                    **{"holds": int(counts["holds"]), "studies": int(counts["studies"])},
                    **{"against_holds": int(other["holds"]), "against_studies": int(other["studies"])},
                    **found,
                }
            )
    return pd.DataFrame(rows, columns=RATIO_COLUMNS)


def _split(cell: str) -> tuple[str, float | None]:
    stem, _, gap = cell.partition("@gap=")
    return stem, float(gap) if gap else None
