"""How claims are called, and which of them are the patterns that figures and report speak of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fortems.study.definition import study

if TYPE_CHECKING:
    from fortems.claims.claimfile import Claim

ESTIMANDS = {"total": "", "within": " (within)", "single": " (single level)"}


def claim_label(claims: Mapping[str, Claim], name: str, estimand: str = "total") -> str:
    """A finding in few words, with the estimand that it was judged at."""
    label = claims[name].label if name in claims else name.replace("_", " ").capitalize()
    return f"{label}{ESTIMANDS.get(estimand, '')}"


def patterns(claims: Mapping[str, Claim]) -> dict[str, Claim]:
    """The claims that are several findings together, in the order of the file."""
    return {name: claim for name, claim in claims.items() if claim.role == "pattern"}


def whole_pattern(claims: Mapping[str, Claim]) -> str:
    """The pattern of the study's findings: of those with findings among their parts the one with most; or nothing."""
    found = {
        name: sum(claims[part].role == "finding" for part in claim.parts if part in claims)
        for name, claim in patterns(claims).items()
    }
    best = max(found, key=lambda name: found[name], default="")
    return best if found.get(best) else ""


def aspects_pattern(claims: Mapping[str, Claim]) -> str:
    """The pattern that sets the study's aspects against each other: a claim on the effect of each; or nothing."""
    aspects = set(study().aspects)
    for name, claim in patterns(claims).items():
        parts = [claims[part] for part in claim.parts if part in claims]
        if aspects and {part.x for part in parts} == aspects and all(part.model for part in parts):
            return name
    return ""
