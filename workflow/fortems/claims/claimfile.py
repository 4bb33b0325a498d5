"""Claims as data: the paper's findings, read from YAML and checked."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.schema import load_checked
from fortems.study.counterparts import name_in_run
from fortems.study.definition import BEHIND, study
from fortems.study.models import MediationModel

CARRIED = "A column of your own is a variable where data.columns or a model names it"
CONTRAST = "contrast"
LEVELS = {"both": ("within", "single"), "within": ("within",), "single": ("single",)}


@dataclass(frozen=True)
class Claim:
    """A finding as a check.

    Attributes
    ----------
    name, text, source : str
    label : str
        The finding in few words.
    called : str
        How sentences call a pattern.
    role : str
        ``finding`` of the paper, ``part`` of a pattern, or ``pattern`` (several claims together).
    statistic : str
        ``correlation, effect, full_mediation, covariates, contrast`` or ``all_of``.
    levels : tuple of str
        Where it is judged: ``total`` or ``within`` for a correlation, ``within`` and ``single`` for effects.
    test : str
        Of a correlation: ``robust, pearson, centred``.
    alpha : float
    sides : int
        2, or 1: p halved if the sign is the stated one.
    direction : str
        ``positive, negative, any``: the sign that a significant finding must have.
    significant : bool
        What the paper reports.
    band : (float, float) or None
        low <= \\|estimate\\| < high.
    x, y : str
        Variables of a correlation, predictor and mediator of an effect, or the two sides of a contrast.
    model, effect, outcome : str
        ``effect`` of a contrast: what is compared, ``correlation`` or ``indirect``; ``outcome`` then what it is with.
    parts : tuple of str
        Claims of an ``all_of``.
    contrasts : tuple of str
        Claims by which the verdict on an ``all_of`` goes besides its parts.
    """

    name: str
    text: str
    statistic: str
    source: str = ""
    role: str = "finding"
    levels: tuple[str, ...] = ("total",)
    test: str = "robust"
    alpha: float = 0.05
    sides: int = 2
    direction: str = "any"
    significant: bool = True
    band: tuple[float, float] | None = None
    x: str = ""
    y: str = ""
    model: str = ""
    effect: str = "indirect"
    outcome: str = ""
    parts: tuple[str, ...] = ()
    contrasts: tuple[str, ...] = ()
    label: str = ""
    called: str = ""


def load_claims(
    path: str | os.PathLike[str],
    models: Collection[MediationModel] | None = None,
    variables: Collection[str] | None = None,
) -> dict[str, Claim]:
    """Read a file of claims.

    Parameters
    ----------
    path : path
        As ``config/claims.yaml``.
    models : collection of MediationModel, optional
        Those that a claim may name; of several with one name any will do. None leaves models unchecked.
    variables : collection of str, optional
        Those that a correlation may name; None leaves them unchecked.

    Returns
    -------
    dict of str to Claim
        In the file's order.

    Raises
    ------
    ConfigError
        With every problem: unknown keys, models, variables, sources or claims (the nearest one named), an effect
        that its model does not have or has several of, a test that a level does not have, a pattern of patterns.
    """
    where = os.fspath(path)
    raw = load_checked(path, "claims")
    claims = {name: _claim(name, entry, raw["claims"]) for name, entry in raw["claims"].items()}
    problems: list[Problem] = []
    for claim in claims.values():
        place = f"{where}: claims.{claim.name}"
        if claim.source:
            problems += _unknown(place, "source", [claim.source], raw["sources"])
        if claim.model and models is not None:
            problems += _no_effect(place, claim, models)
        if claim.statistic == "correlation" and variables is not None:
            problems += _unknown(place, "numeric variable", [claim.x, claim.y], variables, CARRIED)
        simple = [name for name, other in claims.items() if other.statistic not in ("all_of", CONTRAST)]
        problems += _unknown(
            place, "claim (one that is not itself a pattern or contrast)", claim.parts, simple
        )
        between = [name for name, other in claims.items() if other.statistic == CONTRAST]
        problems += _unknown(place, "contrast", claim.contrasts, between)
        problems += _contradictions(place, claim)
    if problems:
        raise ConfigError(problems)
    return claims


def claims_of_run(path: str | os.PathLike[str], models: Mapping[str, MediationModel]) -> dict[str, Claim]:
    """Read a file of claims and call their models as a run does, whose models these are."""
    return {
        name: replace(claim, model=name_in_run(claim.model, path, "claims", models))
        for name, claim in load_claims(path).items()
    }


def _unknown(
    place: str, what: str, names: Collection[str], known: Collection[str], remedy: str = ""
) -> list[Problem]:
    found = []
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, remedy)
            found.append(Problem(place, f"there is no {what} {name!r}", ", ".join(known), hint))
    return found


def _no_effect(place: str, claim: Claim, models: Collection[MediationModel]) -> list[Problem]:
    """Say what keeps a claim from meaning one effect of its model."""
    named = [model for model in models if model.name == claim.model]
    if not named:
        return _unknown(place, "model", [claim.model], list(dict.fromkeys(model.name for model in models)))
    effects = ("indirect", "direct") if claim.statistic == "full_mediation" else (claim.effect,)
    if any(all(_means_one(claim, _pairs(model, effect), effect) for effect in effects) for model in named):
        return []
    model = named[0]
    pairs = _pairs(model, effects[0])
    if not pairs:
        why = "a moderator" if model.moderator else f"measurement: {model.measurement}"
        what = f"the model {model.name} has {why}, and claims are judged by effects without"
        usable = [other.name for other in models if _pairs(other, "a")]
        return [Problem(place, what, "one of " + ", ".join(dict.fromkeys(usable)))]
    asked = ", ".join(
        f"{key}: {name}" for key, name in (("predictor", claim.x), ("mediator", claim.y)) if name
    )
    what = (
        f"{asked or 'no predictor or mediator'} names no single {effects[0]} effect of the model {model.name}"
    )
    allowed = "; ".join(
        ", ".join(f"{key}: {name}" for key, name in zip(("predictor", "mediator"), pair, strict=True) if name)
        for pair in pairs
    )
    return [Problem(place, what, allowed)]


def _pairs(model: MediationModel, effect: str) -> list[tuple[str, str]]:
    """Return predictor and mediator of each row that effects.csv has of an effect, as claims look for them."""
    if model.moderator or model.measurement != "observed":
        return []
    predictors, mediators = model.predictors, model.mediators
    if effect == "b" and len(predictors) > 1:
        predictors = ("",)
    if effect in ("direct", "total") and len(mediators) > 1:
        mediators = ("",)
    pairs = [(predictor, mediator) for predictor in predictors for mediator in mediators]
    if model.serial and effect == "a":
        pairs += list(combinations(mediators, 2))
    if model.serial and effect == "indirect":
        pairs += [(x, BEHIND.join(route)) for x in predictors for route in model.routes if len(route) > 1]
    if effect == "indirect" and len(mediators) > 1:
        pairs += [(predictor, "") for predictor in predictors]  # through all of them
    return pairs


def _means_one(claim: Claim, pairs: Collection[tuple[str, str]], effect: str) -> bool:
    x, y = claim.x, "" if claim.statistic == "full_mediation" and effect == "direct" else claim.y
    return (x, y) in pairs or sum(x in ("", pair[0]) and y in ("", pair[1]) for pair in pairs) == 1


def _contradictions(place: str, claim: Claim) -> list[Problem]:
    found = []
    if claim.statistic == "correlation":
        tests = ("centred",) if claim.levels == ("within",) else ("robust", "pearson")
        if claim.test not in tests:
            level = claim.levels[0]
            found.append(Problem(place, f"test {claim.test!r} is not one of level {level}", ", ".join(tests)))
        if claim.x == claim.y:
            found.append(Problem(place, f"correlates {claim.x!r} with itself", "two variables"))
    if claim.statistic == CONTRAST:
        found += _no_contrast(place, claim)
    if claim.statistic == "covariates" and claim.outcome != study().outcome:
        what, allowed = f"{claim.outcome!r} was not expected", f"{study().outcome}, the study's outcome"
        found.append(Problem(f"{place}.outcome", what, allowed))
    if not claim.levels:
        found.append(
            Problem(place, "its claims share no level", "parts that are judged at one level at least")
        )
    if claim.sides == 1 and claim.direction == "any":
        found.append(Problem(place, "a one-sided test without a direction", "direction: positive, negative"))
    if claim.band is not None and not claim.band[0] < claim.band[1]:
        found.append(Problem(place, f"band {list(claim.band)} is empty", "[low, high] with low < high"))
    return found


def _no_contrast(place: str, claim: Claim) -> list[Problem]:
    """Say what keeps a contrast from being one that a run compares: the study's focus with another of its aspects."""
    ours = study()
    others = [name for name in ours.aspects if name != ours.focus]
    found = _unknown(f"{place}.first", "aspect that others are compared with", [claim.x], [ours.focus])
    found += _unknown(f"{place}.second", "other aspect", [claim.y], others)
    if claim.effect == "correlation":
        found += _unknown(f"{place}.with", "such correlation", [claim.outcome], [ours.mediator, ours.outcome])
    elif claim.outcome != ours.outcome:
        what = f"indirect effects are those on the study's outcome, not on {claim.outcome!r}"
        found.append(Problem(f"{place}.with", what, ours.outcome))
    return found


def _claim(name: str, entry: Mapping[str, Any], entries: Mapping[str, Mapping[str, Any]]) -> Claim:
    statistic = entry["statistic"]
    levels: tuple[str, ...]
    if statistic == "correlation":
        level = entry.get("level", "total")
        levels, test = (level,), entry.get("test", "centred" if level == "within" else "robust")
    elif statistic == CONTRAST and entry["of"] == "correlation":
        levels, test = ("total",), ""
    elif statistic == "all_of":
        levels, test = _levels_of_parts(entry["claims"], entries), ""
    else:
        levels, test = LEVELS[entry.get("level", "both")], ""
    band = entry.get("band")
    label = entry.get("label", name.replace("_", " ").capitalize())
    significant = entry.get("expected", "significant") == "significant"
    if statistic == "all_of":  # a pattern of nothing but non-findings is as weak as they are
        significant = any(
            entries.get(part, {}).get("expected", "significant") == "significant" for part in entry["claims"]
        )
    return Claim(
        name=name,
        text=entry["text"],
        statistic=statistic,
        source=entry.get("source", ""),
        role=entry.get("role", "finding"),
        levels=levels,
        test=test,
        alpha=entry.get("alpha", 0.05),
        sides=entry.get("sides", 2),
        direction=entry.get("direction", "any"),
        significant=significant,
        band=None if band is None else (band[0], band[1]),
        x=entry.get("x", entry.get("predictor", entry.get("first", ""))),
        y=entry.get("y", entry.get("mediator", entry.get("second", ""))),
        model=entry.get("model", ""),
        effect=entry.get("effect", entry.get("of", "indirect")),
        outcome=entry.get("outcome", entry.get("with", study().outcome if statistic == CONTRAST else "")),
        parts=tuple(entry.get("claims", ())),
        contrasts=tuple(entry.get("contrasts", ())),
        label=label,
        called=entry.get("name", f"the pattern “{label}”"),
    )


def _levels_of_parts(parts: Collection[str], entries: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Estimands of a pattern: those that all its effects share; ``total`` where it is of correlations only."""
    effects = [
        LEVELS.get(entries[part].get("level", "both"), ())
        for part in parts
        if entries.get(part, {}).get("statistic") in ("effect", "full_mediation", "covariates")
    ]
    if not effects:
        return ("total",)
    return tuple(level for level in LEVELS["both"] if all(level in levels for levels in effects))
