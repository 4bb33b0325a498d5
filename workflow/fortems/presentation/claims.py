"""How claims are called, and which of them are the patterns that figures and report speak of."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fortems.claims.claimfile import Claim
from fortems.presentation.results import Row
from fortems.study.definition import study

ESTIMANDS = {"total": "", "within": " (within)", "single": " (single level)"}


def claim_label(claims: Mapping[str, Claim], name: str, estimand: str = "total") -> str:
    """A finding in few words, with the estimand that it was judged at."""
    label = claims[name].label if name in claims else name.replace("_", " ").capitalize()
    return f"{label}{ESTIMANDS.get(estimand, '')}"


def reason(claims: Mapping[str, Claim], row: Row) -> str:
    """Why a finding has its verdict, with the findings that it consists of by their labels, not by their names in the file.

    Parameters
    ----------
    claims : mapping
        The findings of the run.
    row : Row
        A row of ``claims.csv`` with ``claim``, ``verdict`` and ``reason``.
    """
    text = str(row["reason"]).removeprefix(f"{row['verdict']}: ")
    claim = claims.get(str(row["claim"]))
    parts = (*claim.parts, *claim.contrasts) if claim else ()
    if not parts:
        return text
    # All at once, so that a label is not searched for the names of others.
    names = "|".join(re.escape(part) for part in sorted(parts, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", lambda found: f"“{claim_label(claims, found.group())}”", text)


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
