"""Which figures a run draws, and what each needs. Light: the Snakefile reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fortems.run.catalogue import SOURCE_FILE
from fortems.run.config import switched_on
from fortems.schema import plain_yaml
from fortems.study.models import one_outcome_each

SUFFIXES = ("svg", "pdf", "png", "csv")
INDEX = "figures/index.csv"
PATH = "path_"
CLAIMS = "claims.csv"  # the strip shows them where a run has them

#: Figure → the results that it draws; a figure is drawn when a run makes all of them.
NEEDS: dict[str, tuple[str, ...]] = {
    "strip": ("mediation/effects.csv",),
    "causal": (),
    "paths": ("mediation/effects.csv",),
    "flow": ("data/flow.csv",),
    "correlations": ("tables/correlations.csv",),
    "scatter": ("data/scores.csv", "tables/descriptives.csv"),
    "therapists": ("data/scores.csv", "tables/icc.csv"),
    "indirect": ("mediation/effects.csv",),
    "equivalence": ("mediation/verdicts.csv",),
    "agreement": ("mediation/agreement.csv",),
    "measurement": ("mediation/measurement.csv",),
    "leave_one_out": ("robustness/leave_one_out.csv",),
    "specification": (
        "robustness/specifications.csv",
        "robustness/multiverse.csv",
        "robustness/choices.csv",
    ),
    "confounding": ("robustness/confounding.csv",),
    "robustness_values": ("robustness/robustness_values.csv",),
    "common_factor": ("robustness/common_factor.csv",),
    "survivors": ("robustness/survivors.csv",),
    "bayes": ("robustness/bayes.csv",),
    "overview": ("design/diagnosticity.csv",),
    "diagnosticity": ("design/diagnosticity.csv", "design/likelihood_ratios.csv"),
    "surface": ("design/surface.csv", "design/surface_maximum.csv"),
    "posterior": ("design/posterior.csv",),
    "power": ("design/power.csv",),
    "coverage": ("design/coverage.csv",),
}

_SIMULATED = [
    name for name, needs in NEEDS.items() if needs and all(need.startswith("design/") for need in needs)
]
#: Figures of simulated studies that show nothing of a run's own data.
OF_STUDIES = frozenset(_SIMULATED) - {"overview"}


def _variables(entry: Mapping[str, Any]) -> set[str]:
    """All variables that a model names."""
    found: set[str] = set()
    for key in ("predictor", "mediator", "outcome", "covariates", "moderator"):
        value = entry.get(key) or []
        found |= {value} if isinstance(value, str) else set(value)
    return found


def path_models(config: Mapping[str, Any]) -> list[str]:
    """Return the models whose paths are drawn: those of observed scores, of a matrix those that it can give."""
    entries = one_outcome_each(plain_yaml(config["models"]))
    found = [name for name, entry in entries.items() if entry.get("measurement", "observed") == "observed"]
    if config["data"]["source"] != "matrix":
        return found
    printed = set(plain_yaml(config["data"]["path"]).get("variables") or {})
    return [
        name
        for name in found
        if _variables(entries[name]) <= printed and entries[name].get("between", "saturated") == "saturated"
    ]


def names(config: Mapping[str, Any]) -> list[str]:
    """Return the names of the figures that a run with this (complete) configuration draws."""
    drawn = [name for name, needs in NEEDS.items() if all(switched_on(need, config) for need in needs)]
    if switched_on("mediation/effects.csv", config):
        drawn += [f"{PATH}{model}" for model in path_models(config)]
    return drawn


def sources(config: Mapping[str, Any]) -> list[str]:
    """Return the results that the figures of a run draw, and what names a matrix's source, without repeats."""
    drawn = [need for name in names(config) for need in NEEDS.get(name, ("mediation/effects.csv",))]
    drawn += [CLAIMS] if "strip" in names(config) and switched_on(CLAIMS, config) else []
    drawn += [SOURCE_FILE] if switched_on(SOURCE_FILE, config) else []
    return list(dict.fromkeys(drawn))


def files(config: Mapping[str, Any]) -> list[str]:
    """Return all files that the figures of a run consist of, within ``results/<run>/``."""
    return [f"figures/{name}.{suffix}" for name in names(config) for suffix in SUFFIXES] + [INDEX]


def of_simulated() -> list[str]:
    """Return the tables beside figures that show simulated studies alone: their numbers of clients are of nobody."""
    return [f"figures/{name}.csv" for name in _SIMULATED]
