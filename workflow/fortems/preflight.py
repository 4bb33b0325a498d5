"""The files that a configuration names, each read by its own loader before the first job starts.

A mistyped claim must not come to light when the models have been computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fortems.claimfile import load_claims
from fortems.errors import ConfigError, Problem
from fortems.instruments import load_instruments
from fortems.mediation.models import load_models
from fortems.published.ledger import load_ledger
from fortems.published.matrix import load_matrix
from fortems.simulate.scenario import load_scenario
from fortems.variables import SCORE_COLUMNS


def file_problems(config: Mapping[str, Any]) -> list[Problem]:
    """List what is wrong with the files that a complete configuration names.

    Parameters
    ----------
    config : mapping
        Complete, and right by its schema.

    Returns
    -------
    list of Problem
        Of instruments, scenarios, models, claims, published values and a published matrix. A file of client
        rows is checked by the data stage.
    """
    data = config["data"]
    simulated = data["source"] == "simulated"
    known = SCORE_COLUMNS if simulated else None  # what a file brings is for the data stage to say
    steps: list[Callable[[], object]] = [
        lambda: load_instruments(data["instruments"]),
        lambda: load_models(config["models"], known),
    ]
    if config["claims"]:
        steps.append(lambda: load_claims(config["claims"], variables=known))
    if config["published"]:
        steps.append(lambda: load_ledger(config["published"]))
    if data["source"] == "matrix":
        steps.append(lambda: load_matrix(data["path"]))
    steps += [
        lambda name=name: _reach(name, data["instruments"])  # type: ignore[misc]
        for name in _scenarios(config)
    ]
    return list(dict.fromkeys(problem for step in steps for problem in _problems(step)))


def _scenarios(config: Mapping[str, Any]) -> list[str]:
    named = [config["data"]["scenario"]] if config["data"]["source"] == "simulated" else []
    diagnosticity = (config["design"] or {}).get("diagnosticity") or {}
    gaps = [f"as_reported@gap={gap:g}" for gap in diagnosticity.get("gaps", [])]
    return list(dict.fromkeys([*named, *diagnosticity.get("scenarios", []), *gaps]))


def _reach(scenario: str, instruments: Mapping[str, str]) -> None:
    """Solve a scenario, so that what its items cannot have is known before the first job."""
    from fortems.simulate.simulator import calibrate

    loaded = load_instruments(instruments)
    calibrate(load_scenario(scenario, loaded), loaded)


def _problems(step: Callable[[], object]) -> list[Problem]:
    try:
        step()
    except ConfigError as error:
        return error.problems
    return []
