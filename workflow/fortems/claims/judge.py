"""The paper's findings as checks, judged from evidence of one study or of many.

A claim names a statistic, a level, a test, alpha, sides, a direction and a band, and whether the paper found it
significant. Each condition is an array over studies, so that a run's verdict and the probability of a pattern over
thousands of simulated studies come from the same lines.

Two answers: ``article``, whether the authors would have written the claim (p as stated, point estimate in the band), which
patterns and the design stage use; and a verdict of our own: ``reproduced`` (all conditions hold, a size by its interval),
``consistent (weak)`` (the claim is that something is not significant, and it is not: absence of evidence), ``matches the
article's rule`` (full mediation concluded from a direct path that is not significant, or a pattern of one aspect against others
whose difference is not shown, which is no reproduction), ``cannot tell``
(the interval reaches over an end of the band; of several findings together, that none fails and one of them cannot tell),
``not reproduced``, ``not testable`` (with the reason).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fortems.claims.claimfile import Claim
from fortems.claims.evidence import Estimate, Evidence, Key

Flags = NDArray[np.bool_]

REPRODUCED, WEAK = "reproduced", "consistent (weak)"
NOT_REPRODUCED, NOT_TESTABLE = "not reproduced", "not testable"
MATCHES, CANNOT_TELL = "matches the article's rule", "cannot tell"
NO_DIFFERENCE = "significant beside not significant is no difference, and none is shown"
NO_PROOF = "a direct path that is not significant is not shown to be absent"
NOT_SIGNIFICANT = "not significant, which is weak evidence"
SIZE = "its size is outside "
INSIDE, BESIDE, ACROSS = 1, -1, 0  # where an interval lies by a band of sizes
#: What the table calls the number beside a verdict, where it is not the claim's statistic.
STATISTICS = {"correlation": "r", "full_mediation": "indirect", "covariates": "joint"}
COLUMNS = (
    *("claim", "role", "text", "estimand", "statistic", "test", "judged", "estimate", "ci_low", "ci_high"),
    *("p", "n_clients", "article", "verdict", "reason"),
)


@dataclass(frozen=True)
class Judgement:
    """A claim judged at one estimand in S studies.

    Attributes
    ----------
    claim : Claim
    estimand : str
    conditions : dict of str to ndarray (S,) of bool
        What must hold, by what is said where it does not.
    testable : ndarray (S,) of bool
        Whether the study has all numbers that the claim needs.
    shown : Estimate
        The number that stands beside the verdict.
    reason : str
        Why nothing is testable.
    beside : dict of str to Estimate
        Numbers shown with it that are no part of the verdict, by their statistic.
    band : (str, ndarray (S,) of int) or None
        Which of the conditions is on the estimate's size, and where its interval lies: ``INSIDE``, ``BESIDE`` or
        ``ACROSS`` the band.
    by_rule : bool
        Whether it, or a part of it, is concluded by the article's rule on the direct path alone.
    parts : tuple of Judgement
        Of several findings together: these.
    contrasts : tuple of Judgement
        Differences that our verdict on a pattern asks for besides; the article's does not.
    """

    claim: Claim
    estimand: str
    conditions: Mapping[str, Flags]
    testable: Flags
    shown: Estimate
    reason: str = ""
    beside: Mapping[str, Estimate] = field(default_factory=dict)
    band: tuple[str, NDArray[np.int64]] | None = None
    by_rule: bool = False
    parts: tuple[Judgement, ...] = ()
    contrasts: tuple[Judgement, ...] = ()

    @property
    def holds(self) -> Flags:
        """Whether the authors would have written it (S,), by p and estimate; False where it is not testable."""
        return np.logical_and.reduce([self.testable, *self.conditions.values()])

    def verdict(self, study: int = 0) -> tuple[str, str]:
        """Return a study's verdict and the reason for it; a size is judged by the interval."""
        if self.claim.statistic == "all_of":
            return self._together(study)
        size = self.band[0] if self.band else None
        failed = [words for words, flags in self.conditions.items() if not flags[study] and words != size]
        if not self.testable[study]:
            return NOT_TESTABLE, self.reason or "the study gives no number here"
        if self.band and self.band[1][study] == BESIDE:
            failed.append(str(size))
        if failed:
            return NOT_REPRODUCED, "; ".join(failed)
        if self.band and self.band[1][study] == ACROSS:
            return CANNOT_TELL, f"its interval reaches over an end of {str(size).removeprefix(SIZE)}"
        return self._as_stated()

    def _together(self, study: int) -> tuple[str, str]:
        """Verdict on a pattern: one part that fails decides, whatever the others are; one that cannot tell does not fail."""
        open_ = [part.claim.name for part in self.parts if part.verdict(study)[0] == CANNOT_TELL]
        missed = [part.claim.name for part in self.parts if part.testable[study] and not part.holds[study]]
        if set(missed) - set(open_):
            return NOT_REPRODUCED, "; ".join(
                f"{name} {'is not decided' if name in open_ else 'does not hold'}" for name in missed
            )
        if not self.testable[study]:
            return NOT_TESTABLE, self.reason or "the study gives no number here"
        if open_:
            return CANNOT_TELL, "; ".join(f"{name} is not decided" for name in open_)
        unshown = [each.claim.name for each in self.contrasts if not each.holds[study]]
        if unshown:
            return MATCHES, f"{NO_DIFFERENCE}: {', '.join(unshown)}"
        return self._as_stated()

    def _as_stated(self) -> tuple[str, str]:
        """Verdict where all that was asked holds."""
        if self.by_rule:
            return MATCHES, NO_PROOF
        return (REPRODUCED, "") if self.claim.significant else (WEAK, NOT_SIGNIFICANT)


def judge(claims: Mapping[str, Claim], evidence: Evidence) -> dict[tuple[str, str], Judgement]:
    """Judge every claim at each of its estimands.

    Parameters
    ----------
    claims : mapping of str to Claim
    evidence : Evidence
        Of S studies.

    Returns
    -------
    dict of (claim, estimand) to Judgement
        In the order of the claims.
    """
    rules = {
        "correlation": _judge_correlation,
        "effect": _judge_effect,
        "full_mediation": _judge_full_mediation,
        "covariates": _judge_covariates,
        "contrast": _judge_contrast,
    }
    found: dict[tuple[str, str], Judgement] = {}
    for claim in claims.values():
        if claim.statistic != "all_of":
            for level in claim.levels:
                found[claim.name, level] = rules[claim.statistic](claim, level, evidence)
    for claim in claims.values():
        if claim.statistic == "all_of":
            for level in claim.levels:
                found[claim.name, level] = _judge_pattern(claim, level, found, evidence.studies)
    return {(name, level): found[name, level] for name, claim in claims.items() for level in claim.levels}


def _judge_correlation(claim: Claim, level: str, evidence: Evidence) -> Judgement:
    key = Key("correlation", level, test=claim.test, x=claim.x, y=claim.y)
    shown = evidence.get(key)
    others = {
        f"r ({other_level}, {test})": evidence.get(key._replace(level=other_level, test=test))
        for other_level, test in (("total", "robust"), ("total", "pearson"), ("within", "centred"))
        if (other_level, test) != (level, claim.test)
    }
    return _simple(claim, level, shown, others)


def _judge_effect(claim: Claim, level: str, evidence: Evidence) -> Judgement:
    shown = evidence.get(Key(claim.effect, level, model=claim.model, x=claim.x, y=claim.y))
    return _simple(claim, level, shown, {})


def _judge_contrast(claim: Claim, level: str, evidence: Evidence) -> Judgement:
    shown = evidence.get(Key("contrast", level, claim.effect, claim.outcome, claim.x, claim.y))
    return _simple(claim, level, shown, {})


def _judge_full_mediation(claim: Claim, level: str, evidence: Evidence) -> Judgement:
    """The paper's rule: the primary interval of a·b excludes 0, which its p says, and the direct p is at least alpha."""
    shown = evidence.get(Key("indirect", level, model=claim.model, x=claim.x, y=claim.y))
    direct = evidence.get(Key("direct", level, model=claim.model, x=claim.x))
    with np.errstate(invalid="ignore"):
        conditions = {
            "the indirect effect's interval includes 0": _significant(claim, shown),
            "the indirect effect has the other sign": _sign(claim, shown),
            "the direct path is significant": direct.p >= claim.alpha,
        }
    testable = ~np.isnan(shown.value) & ~np.isnan(shown.p) & ~np.isnan(direct.p)
    reason = shown.reason or direct.reason
    return Judgement(claim, level, conditions, testable, shown, reason, {"direct": direct}, by_rule=True)


def _judge_covariates(claim: Claim, level: str, evidence: Evidence) -> Judgement:
    terms = evidence.terms(level, claim.outcome)
    found = [evidence.get(Key("covariate", level, x=term, y=claim.outcome)) for term in terms]
    joint = evidence.get(Key("covariate", level, x="joint", y=claim.outcome))
    beside = dict(zip(terms, found, strict=True))
    if not found:
        return Judgement(claim, level, {}, np.zeros(evidence.studies, bool), joint, joint.reason)
    with np.errstate(invalid="ignore"):
        significant = {term: estimate.p < claim.alpha for term, estimate in beside.items()}
    testable = np.logical_and.reduce([~np.isnan(estimate.p) for estimate in found])
    reason = next((estimate.reason for estimate in found if estimate.reason), "")
    if claim.significant:
        some = np.logical_or.reduce(list(significant.values()))
        return Judgement(claim, level, {"none is significant": some}, testable, joint, reason, beside)
    conditions = {f"{term} is significant": ~flags for term, flags in significant.items()}
    return Judgement(claim, level, conditions, testable, joint, reason, beside)


def _judge_pattern(
    claim: Claim, level: str, found: Mapping[tuple[str, str], Judgement], studies: int
) -> Judgement:
    def judged(names: Sequence[str]) -> list[Judgement]:
        parts = []
        for name in names:
            # A correlation is judged at its one level, an effect at the pattern's.
            own = [judgement for (part, at), judgement in found.items() if part == name and at == level]
            parts += own or [judgement for (part, _), judgement in found.items() if part == name][:1]
        return parts

    parts, contrasts = judged(claim.parts), tuple(judged(claim.contrasts))
    conditions = {f"{part.claim.name} does not hold": part.holds | ~part.testable for part in parts}
    testable = np.logical_and.reduce([part.testable for part in parts])
    untestable = [part.claim.name for part in parts if not part.testable.any()]
    reason = f"not testable: {', '.join(untestable)}" if untestable else ""
    by_rule = any(part.by_rule for part in parts)
    shown = Estimate.missing(studies, "")
    return Judgement(
        claim,
        level,
        conditions,
        testable,
        shown,
        reason,
        by_rule=by_rule,
        parts=tuple(parts),
        contrasts=contrasts,
    )


def _simple(claim: Claim, level: str, shown: Estimate, beside: Mapping[str, Estimate]) -> Judgement:
    """One estimate against what the paper found of it."""
    significant = _significant(claim, shown)
    if claim.significant:
        conditions = {"it is not significant": significant, "it has the other sign": _sign(claim, shown)}
    else:
        conditions = {"it is significant": ~significant}
    band = None
    if claim.band is not None:
        low, high = claim.band
        size = np.abs(shown.value)
        with np.errstate(invalid="ignore"):
            inside = (size >= low) & (size < high)
        words = f"{SIZE}{_short(low)} to {_short(high)}"
        conditions[words] = inside
        band = words, _place(shown, low, high)
    testable = ~np.isnan(shown.p) & ~np.isnan(shown.value)
    return Judgement(claim, level, conditions, testable, shown, shown.reason, beside, band)


def _place(shown: Estimate, low: float, high: float) -> NDArray[np.int64]:
    """Where the sizes that an interval holds lie by low <= size < high; ``ACROSS`` without an interval."""
    with np.errstate(invalid="ignore"):
        ends = np.abs(np.stack([shown.low, shown.high]))
        least = np.where(shown.low * shown.high <= 0, 0.0, ends.min(axis=0))
        most = ends.max(axis=0)
        inside, beside = (least >= low) & (most < high), (most < low) | (least >= high)
    return np.where(inside, INSIDE, np.where(beside, BESIDE, ACROSS))


def _short(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


def _sign(claim: Claim, shown: Estimate) -> Flags:
    if claim.direction == "any":
        return np.ones(len(shown.value), bool)
    with np.errstate(invalid="ignore"):
        return np.asarray(shown.value > 0 if claim.direction == "positive" else shown.value < 0)


def _significant(claim: Claim, shown: Estimate) -> Flags:
    """Whether p is below alpha, with one side only if the sign is the stated one."""
    with np.errstate(invalid="ignore"):
        if claim.sides == 2:
            return np.asarray(shown.p < claim.alpha)
        return np.asarray(_sign(claim, shown) & (shown.p / 2 < claim.alpha))


def claims_table(claims: Mapping[str, Claim], evidence: Evidence) -> pd.DataFrame:
    """Judge one study's claims as a table.

    Parameters
    ----------
    claims : mapping of str to Claim
    evidence : Evidence
        With S = 1.

    Returns
    -------
    DataFrame
        A row with a verdict per claim and estimand (``judged`` true), followed by rows of what is only shown. ``article``:
        whether the authors would have written it, by p and the point estimate; ``verdict``: what the data show.
    """
    rows = []
    for (name, level), judgement in judge(claims, evidence).items():
        claim = claims[name]
        verdict, reason = judgement.verdict()
        shared = {"claim": name, "role": claim.role, "text": claim.text, "estimand": level}
        statistic = STATISTICS | {"effect": claim.effect}
        rows.append(
            shared
            | {"statistic": statistic.get(claim.statistic, claim.statistic), "judged": True}
            | _numbers(judgement.shown)
            | {"test": judgement.shown.source or claim.test, "verdict": verdict, "reason": reason}
            | {"article": bool(judgement.holds[0]) if judgement.testable[0] else None}
        )
        for what, estimate in judgement.beside.items():
            told = {"statistic": what, "judged": False, "test": estimate.source, "reason": estimate.reason}
            rows.append(shared | told | _numbers(estimate))
    return pd.DataFrame(rows, columns=COLUMNS)


def _numbers(estimate: Estimate) -> dict[str, object]:
    names = ("estimate", "ci_low", "ci_high", "p")
    values = (estimate.value, estimate.low, estimate.high, estimate.p)
    found = {name: float(value[0]) for name, value in zip(names, values, strict=True)}
    return found | {"n_clients": None if math.isnan(estimate.clients) else int(estimate.clients)}
