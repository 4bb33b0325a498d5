"""Do the verdicts follow from the numbers? Verdicts on claims and on mediation, derived anew from the tables.

The steps that judge (``claims.py``, ``mediation/verdicts.py``) work on unrounded arrays of many studies; here each
verdict is derived from the printed rows, by rules written down a second time. A number that lies within its rounding
of a threshold decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.gate.snapshot import Snapshot, each_row, equal, is_number
from fortems.tidy import having

HOLDS = ("reproduced", "consistent (weak)")
RULE, UNDECIDED = "matches the article's rule", "cannot tell"
NEAR = 1e-8  # a share of the threshold: ten significant digits, and some room
CLAIMS, CORRELATIONS, EFFECTS = "claims.csv", "tables/correlations.csv", "mediation/effects.csv"
FIT, VERDICTS, ASPECTS = "mediation/fit.csv", "mediation/verdicts.csv", "robustness/aspects.csv"

Outcome = bool | None  # None: undecided, since a number is missing or too close to its threshold


def check_claims(evidence: Snapshot) -> Iterator[str]:
    """Every configured claim has a verdict, with numbers that stand in the tables and decide it."""
    claims = evidence.tables[CLAIMS]
    judged = claims[claims["judged"].astype(bool)]
    given = set(zip(judged["claim"], judged["estimand"], strict=True))
    wanted = {(name, level) for name, claim in evidence.claims.items() for level in claim.levels}
    for name, level in sorted(wanted - given):
        yield f"the claim {name} ({level}) is configured and has no verdict in claims.csv"
    for name, level in sorted(given - wanted):
        yield f"claims.csv judges {name} ({level}), which is not configured"
    written = {(row.claim, row.estimand): (row.article, row.verdict) for row in each_row(judged)}
    shown = claims[~claims["judged"].astype(bool)]
    for row in each_row(judged):
        claim = evidence.claims.get(row.claim)
        if claim is None:
            continue
        beside = having(shown, claim=row.claim, estimand=row.estimand)
        if claim.statistic in SOURCES:
            yield from SOURCES[claim.statistic](evidence, claim, row, beside)
        if claim.statistic == "all_of":
            wanted_verdict = _pattern(claim, row.estimand, written, evidence.claims)
        else:
            outcome = RULES[claim.statistic](claim, row, beside)
            wanted_verdict = _worded(claim, outcome)
        if wanted_verdict in HOLDS and claim.band is not None:
            wanted_verdict = _by_band(claim, row, wanted_verdict)
        untestable = row.verdict == "not testable"
        if wanted_verdict is not None and not untestable and wanted_verdict != row.verdict:
            yield f"{row.claim} ({row.estimand}): {row.verdict}, where its numbers say {wanted_verdict}"
        if untestable and claim.statistic in ("correlation", "effect") and is_number(row.p):
            yield f"{row.claim} ({row.estimand}): not testable, with p = {row.p}"


def _worded(claim: Any, outcome: Outcome) -> str | None:
    if outcome is None:
        return None
    if claim.statistic == "full_mediation" and outcome:
        return RULE
    return ("reproduced" if claim.significant else "consistent (weak)") if outcome else "not reproduced"


def _by_band(claim: Any, row: Any, otherwise: str) -> str | None:
    """A size that the claim states is judged by where the whole interval lies."""
    low, high = claim.band
    ends = sorted((abs(row.ci_low), abs(row.ci_high)))
    least = 0.0 if row.ci_low * row.ci_high <= 0 else ends[0]
    inside = _all(_not(_below(least, low)), _below(ends[1], high))
    below, above = _below(ends[1], low), _not(_below(least, high))
    if inside:
        return otherwise
    if True in (below, above):
        return "not reproduced"
    return None if None in (inside, below, above) else UNDECIDED


def _all(*outcomes: Outcome) -> Outcome:
    """One that fails decides; else one that is undecided leaves it so."""
    if False in outcomes:
        return False
    return None if None in outcomes else True


def _below(value: float, threshold: float) -> Outcome:
    if not (is_number(value) and is_number(threshold)):
        return None
    if abs(value - threshold) <= NEAR * max(1.0, abs(threshold)):
        return None
    return bool(value < threshold)


def _not(outcome: Outcome) -> Outcome:
    return None if outcome is None else not outcome


def _has_sign(claim: Any, estimate: float) -> Outcome:
    if claim.direction == "any":
        return True
    return _below(0.0, estimate) if claim.direction == "positive" else _below(estimate, 0.0)


def _excludes_zero(low: float, high: float) -> Outcome:
    above, below = _below(0.0, low), _below(high, 0.0)
    return True if True in (above, below) else None if None in (above, below) else False


def _is_significant(claim: Any, row: Any) -> Outcome:
    if claim.sides == 2:
        return _below(row.p, claim.alpha)
    return _all(_has_sign(claim, row.estimate), _below(row.p / 2, claim.alpha))


def _one_estimate(claim: Any, row: Any, beside: pd.DataFrame) -> Outcome:
    """Significant with the stated sign; or not significant, where the claim says so."""
    shows = _is_significant(claim, row)
    return _all(shows, _has_sign(claim, row.estimate)) if claim.significant else _not(shows)


def _full_mediation(claim: Any, row: Any, beside: pd.DataFrame) -> Outcome:
    direct = beside.loc[beside["statistic"] == "direct", "p"]
    absent = _not(_below(float(direct.iloc[0]), claim.alpha)) if len(direct) == 1 else None
    return _all(_is_significant(claim, row), _has_sign(claim, row.estimate), absent)


def _covariates(claim: Any, row: Any, beside: pd.DataFrame) -> Outcome:
    significant = [_below(float(p), claim.alpha) for p in beside["p"]]
    if not significant:
        return None
    some = True if True in significant else None if None in significant else False
    return some if claim.significant else _not(some)


def _pattern(
    claim: Any, level: str, written: Mapping[tuple[str, str], tuple[Any, str]], claims: Mapping[str, Any]
) -> str | None:
    """Whether the authors would have written each part, at the pattern's estimand or at its own only one.

    Ours leaves it open where no part fails but one cannot tell. It asks for its contrasts as well: one that is not shown, or
    has no answer, leaves the article's rule.
    """

    def answers(names: Sequence[str]) -> list[tuple[Any, str]]:
        return [
            written.get(
                (name, level), next((v for (part, _), v in written.items() if part == name), (None, ""))
            )
            for name in names
        ]

    parts = answers(claim.parts)
    known = [(bool(article), verdict) for article, verdict in parts if isinstance(article, bool | np.bool_)]
    if any(not article and verdict != UNDECIDED for article, verdict in known):
        return "not reproduced"
    if len(known) < len(parts):
        return "not testable"
    if UNDECIDED in [verdict for _, verdict in known]:
        return UNDECIDED
    if not all(isinstance(one, bool | np.bool_) and one for one, _ in answers(claim.contrasts)):
        return RULE
    if any(claims[name].statistic == "full_mediation" for name in claim.parts):
        return RULE
    return "reproduced" if claim.significant else "consistent (weak)"


RULES: dict[str, Callable[[Any, Any, pd.DataFrame], Outcome]] = {
    **dict.fromkeys(("correlation", "effect", "contrast"), _one_estimate),
    "full_mediation": _full_mediation,
    "covariates": _covariates,
}


def _correlation_stands(evidence: Snapshot, claim: Any, row: Any, beside: pd.DataFrame) -> Iterator[str]:
    table = evidence.tables[CORRELATIONS]
    pair = ((table["x"] == claim.x) & (table["y"] == claim.y)) | (
        (table["x"] == claim.y) & (table["y"] == claim.x)
    )
    found = having(table[pair], level=row.estimand, kind=row.test)
    yield from _stands(row, found, "r", CORRELATIONS)


def _effect_stands(evidence: Snapshot, claim: Any, row: Any, beside: pd.DataFrame) -> Iterator[str]:
    table = evidence.tables[EFFECTS]
    here = having(table, model=claim.model, level=row.estimand)
    shown = "indirect" if claim.statistic == "full_mediation" else claim.effect
    yield from _stands(row, having(here, effect=shown), "estimate", EFFECTS)
    for other in each_row(beside):
        yield from _stands(other, having(here, effect=other.statistic), "estimate", EFFECTS)


def _contrast_stands(evidence: Snapshot, claim: Any, row: Any, beside: pd.DataFrame) -> Iterator[str]:
    table = evidence.tables.get(ASPECTS)
    if table is None:
        return
    mine = {
        "statistic": claim.effect,
        "level": row.estimand,
        "first": claim.x,
        "second": claim.y,
        "with": claim.outcome,
    }
    yield from _stands(row, having(table, **mine), "estimate", ASPECTS)


def _stands(row: Any, found: pd.DataFrame, column: str, name: str) -> Iterator[str]:
    """Estimate, interval and p stand together in one row of a table."""
    if not is_number(row.estimate):
        return
    ours = (row.estimate, row.ci_low, row.ci_high, row.p)
    same = found[[column, "ci_low", "ci_high", "p"]].itertuples(index=False)
    if not any(all(_same(x, y) for x, y in zip(ours, theirs, strict=True)) for theirs in same):
        yield (
            f"{row.claim} ({row.estimand}): {row.statistic} = {row.estimate} [{row.ci_low}, {row.ci_high}], p = {row.p} "
            f"in claims.csv stands in no row of {name}"
        )


def _same(x: float, y: float) -> bool:
    return equal(x, y) if is_number(x) and is_number(y) else is_number(x) == is_number(y)


SOURCES: dict[str, Callable[[Snapshot, Any, Any, pd.DataFrame], Iterator[str]]] = {
    "correlation": _correlation_stands,
    "effect": _effect_stands,
    "full_mediation": _effect_stands,
    "contrast": _contrast_stands,
}


def check_verdicts(evidence: Snapshot) -> Iterator[str]:
    """Every verdict on mediation has the numbers of its effects and follows from them."""
    empty = {"at": "", "predictor": "", "mediator": ""}
    effects = evidence.tables[EFFECTS].fillna(empty)
    fit = evidence.tables[FIT]
    of_fit: dict[tuple[str, str, str], list[Any]] = {}
    for row in each_row(effects):
        of_fit.setdefault((row.model, row.level, row.engine), []).append(row)
    for row in each_row(evidence.tables[VERDICTS].fillna(empty)):
        place = ", ".join(str(part) for part in (row.model, row.level, row.mediator, row.at) if part)
        here = [
            effect
            for effect in of_fit.get((row.model, row.level, row.engine), ())
            if effect.predictor == row.predictor and str(effect.at) == str(row.at)
        ]
        indirect = [
            effect
            for effect in here
            if (effect.effect, effect.interval, effect.mediator)
            == ("indirect", row.indirect_interval, row.mediator)
        ]
        yield from _numbers(place, "indirect", row, indirect)
        yield from _numbers(place, "direct", row, [effect for effect in here if effect.effect == "direct"])
        for name, ours, theirs in _derived(row, fit):
            if ours is not None and ours != theirs:
                yield f"{place}: {name} is {theirs} in mediation/verdicts.csv, where its numbers say {ours}"


def _numbers(place: str, effect: str, row: Any, found: Sequence[Any]) -> Iterator[str]:
    ours = [getattr(row, name) for name in (effect, f"{effect}_low", f"{effect}_high")]
    theirs = [(other.estimate, other.ci_low, other.ci_high) for other in found]
    if not any(all(_same(x, y) for x, y in zip(ours, values, strict=True)) for values in theirs):
        yield f"{place}: the {effect} effect {ours[0]} [{ours[1]}, {ours[2]}] stands in no row of {EFFECTS}"


def _least_bound(se: float, df: float) -> float:
    """The bound that an estimate of 0 would show, by the t of the test."""
    from scipy.special import ndtri, stdtrit

    return float(se * (stdtrit(df, 0.95) if is_number(df) else ndtri(0.95)))


def _derived(row: Any, fit: pd.DataFrame) -> Iterator[tuple[str, object, object]]:
    """What follows from the row's own numbers and the two fits: name, derived (None: undecided), as it stands."""
    indirect = _excludes_zero(row.indirect_low, row.indirect_high)
    direct = _excludes_zero(row.direct_low, row.direct_high)
    yield "indirect_excludes_zero", indirect, row.indirect_excludes_zero
    yield "direct_excludes_zero", direct, row.direct_excludes_zero
    significant = _below(row.direct_p, 0.05)
    if indirect is not None and significant is not None:
        rule = ("partial" if significant else "full") if indirect else "none"
        yield "paper_rule", rule, row.paper_rule
    attainable = _below(_least_bound(row.direct_standardized_se, row.direct_df), row.equivalence_bound)
    within = _below(row.smallest_bound, row.equivalence_bound)
    if attainable is False:
        yield "equivalence", "not attainable with data as noisy as these", row.equivalence
    elif attainable and within is not None:
        yield "equivalence", "equivalent" if within else "inconclusive", row.equivalence
    if indirect is not None and direct is not None:
        conclusion = str(row.conclusion)
        excluded = indirect and direct and row.equivalence != "equivalent"
        yield "conclusion: an indirect effect", indirect, conclusion.startswith("an indirect effect")
        yield "conclusion: full mediation incompatible", excluded, "full mediation incompatible" in conclusion
    if is_number(row.lr_chi2):
        fits = having(fit, model=row.model, engine=row.engine).set_index("variant")["loglik"]
        ratio = max(2 * (fits["partial"] - fits["full"]), 0.0)
        rounding = 1e-8 * max(1.0, abs(fits["full"]))
        yield "lr_chi2", row.lr_chi2 if equal(row.lr_chi2, ratio, rounding) else ratio, row.lr_chi2
        for name, cutoff in (("aic", row.aic_cutoff), ("bic", row.bic_cutoff)):
            larger = _below(cutoff, row.lr_chi2)
            preferred = None if larger is None else "partial" if larger else "full"
            yield f"{name}_prefers", preferred, getattr(row, f"{name}_prefers")
