"""All tables on the pattern, made of a stage's sums and kept draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fortems.design.pattern import forecast, kernel, maximum, numbers, posterior, surface
from fortems.design.pattern.event import Event
from fortems.design.pattern.package import OWN
from fortems.design.pattern.package import PART as TESTED
from fortems.design.pattern.posterior import described, named_prior, odds_ratio, weighted_mean
from fortems.design.pattern.sampling import PART, REJECTION, WHOLE, Kept
from fortems.design.pattern.setup import Setup, setup, with_test
from fortems.design.pattern.typed import typed
from fortems.design.power import by_cell
from fortems.design.proportions import jeffreys, share
from fortems.design.tasks import Settings

#: Table → its part of the configuration, its columns.
TABLES = {
    "surface": ("surface", surface.COLUMNS),
    "surface_ratios": ("surface", surface.RATIO_COLUMNS),
    "surface_maximum": ("surface", maximum.COLUMNS),
    "pattern": ("posterior", posterior.PATTERN_COLUMNS),
    "posterior": ("posterior", posterior.COLUMNS),
    "statements": ("posterior", posterior.STATEMENT_COLUMNS),
    "information": ("posterior", numbers.INFORMATION_COLUMNS),
    "forecast": ("forecast", forecast.COLUMNS),
    "forecast_sizes": ("forecast", forecast.SIZE_COLUMNS),
    "attempts": ("attempts", forecast.ATTEMPT_COLUMNS),
}


def tables(settings: Settings, sums: pd.DataFrame, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Make the tables; without a pattern that can be posed they have no rows.

    Parameters
    ----------
    settings : Settings
    sums : DataFrame
        From ``tasks.gather``.
    table : DataFrame
        From ``sampling.gather_kept``.
    """
    found = {
        name: pd.DataFrame(columns=columns)
        for name, (part, columns) in TABLES.items()
        if settings.design.get(part)
    }
    known = setup(settings)
    if known is None:
        return found
    if "surface" in found:
        found["surface"] = surface.table(settings, sums, known)
        found["surface_ratios"] = surface.ratios_table(settings, found["surface"])
        found["surface_maximum"] = maximum.table(settings, sums, known)
    headline, prior = None, None
    if "posterior" in found:
        cell = posterior.headline(settings)
        own = by_cell(sums, PART)
        kept = posterior.all_kept(settings, known.event, table)
        headline = kept[cell]
        prior = own[cell][REJECTION, WHOLE]["kept"], own[cell][REJECTION, ""]["draws"]
        pattern = [
            *posterior.pattern_rows(settings, own),
            *_other_tests(settings, known, sums, headline, prior[1]),
        ]
        left_out = "; ".join(f"{name}: {reason}" for name, reason in known.event.left_out.items())
        found["pattern"] = pd.DataFrame(pattern, columns=posterior.PATTERN_COLUMNS).assign(left_out=left_out)
        rows = [
            *posterior.posterior_rows(settings, known.event, own, kept),
            *_confirmed(settings, known.event, sums),
        ]
        rows += _thinned(settings, known.event, headline)
        rows += with_typed(settings, known)
        found["posterior"] = pd.DataFrame(rows, columns=posterior.COLUMNS)
        statements = posterior.statement_rows(settings, known.event, own)
        found["statements"] = pd.DataFrame(statements, columns=posterior.STATEMENT_COLUMNS)
        found["information"] = numbers.information_table(known.event, headline)
    if "forecast" in found and headline is not None:
        found["forecast"] = forecast.forecast_table(settings, known.event, headline)
        found["forecast_sizes"] = forecast.sizes_table(settings, known.event, headline)
    if "attempts" in found:
        populations = dict(forecast.named_populations(settings, known))
        found["attempts"] = forecast.attempts_table(settings, known, populations, prior)
    return found


def _thin(event: Event, kept: Kept) -> np.ndarray:
    """Kept draws whose indirect effects are significant by the exact product test too (it is the stricter one)."""
    return np.asarray(with_test(event, "product").judge(event.covariances(kept.products)) == 0)


def _thinned(settings: Settings, event: Event, kept: Kept) -> Iterator[dict[str, Any]]:
    """Posterior with the exact product test, from the headline's kept draws."""
    if event.test != "joint" or any(s.kind == kernel.INDIRECT_NOT for s in event.statements):
        return
    shown = _thin(event, kept)
    name = settings.design["posterior"]["priors"][0]
    asked_for, before = described(settings, name, event)
    after = posterior.values(kept.correlations[shown], event, asked_for)
    for column, quantity in enumerate(asked_for):
        sums = {
            "weight": float(shown.sum()),
            "kept": float(shown.sum()),
            quantity.name: float(after[:, column].sum()),
        }
        sums[f"{quantity.name}²"] = float((after[:, column] ** 2).sum())
        yield _row(settings, quantity, before[:, column], sums, "single", "product")


def _confirmed(settings: Settings, event: Event, sums: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Posterior by the package's own tests, at both estimands."""
    name = settings.design["posterior"]["priors"][0]
    found = by_cell(sums, TESTED).get(name, {})
    known = None
    for estimand in ("within", "single"):
        own = found.get((estimand, WHOLE))
        if not own:
            continue
        known = known or described(settings, name, event)
        for column, quantity in enumerate(known[0]):
            yield _row(settings, quantity, known[1][:, column], own, estimand, OWN)


def _row(
    settings: Settings, quantity: Any, before: np.ndarray, own: Mapping[str, float], estimand: str, test: str
) -> dict[str, Any]:
    mean, error = weighted_mean(own, quantity.name, REJECTION)
    return {
        **named_prior(settings.design["posterior"]["priors"][0]),
        **{"estimand": estimand, "test": test, "method": REJECTION, "kept": int(own["kept"])},
        **quantity.named,
        **{"prior_mean": float(before.mean()), "posterior": mean, "mc_se": error},
        "ratio": odds_ratio(mean, float(before.mean())) if quantity.is_probability else np.nan,
    }


def _other_tests(
    settings: Settings, known: Setup, sums: pd.DataFrame, kept: Kept, draws: float
) -> Iterator[dict[str, Any]]:
    """How probable the pattern is under the headline prior by other tests."""
    name = settings.design["posterior"]["priors"][0]
    found = by_cell(sums, TESTED).get(name, {})
    counted = [("single", "product", float(_thin(known.event, kept).sum()), draws)]
    if ("pearson", "") in found:
        total = found["pearson", ""]["draws"]
        counted += [
            (estimand, OWN, found.get((estimand, WHOLE), {}).get("kept", 0.0), total)
            for estimand in ("within", "single")
        ]
    for estimand, test, hits, total in counted:
        low, high = jeffreys(hits, total, settings.confidence)
        yield {
            **named_prior(name),
            **{"event": WHOLE, "estimand": estimand, "test": test, "method": REJECTION},
            **{"draws": int(total), "kept": int(hits), "effective": hits},
            **{"relation": "=" if hits else "≤", "probability": share(hits, total) if hits else high},
            **{"ci_low": low, "ci_high": high},
        }


def with_typed(settings: Settings, known: Setup) -> list[dict[str, Any]]:
    """Posterior given the article's typed numbers too; nothing where none is typed."""
    if settings.published is None:
        return []
    from fortems.published.ledger import load_ledger

    roles = known.roles
    predictors = {
        name: model.predictors[0]
        for name, model in known.models.items()
        if len(model.predictors) == 1 and model.mediators == (roles.mediator,) and model.outcome == roles.outcome
        and not model.covariates and model.moderator is None and model.measurement == "observed"
    }  # fmt: skip
    found = typed(load_ledger(settings.published), known.event, predictors)
    return list(numbers.conditioned_rows(settings, known.event, found)) if found else []
