"""What all parts start from: the pattern, the sizes of the study, the account that is said to have made it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from fortems.claims.claimfile import Claim, load_claims
from fortems.design.pattern.event import Event, NoEventError, Roles, event_of, roles_of
from fortems.design.pattern.population import correlate
from fortems.design.tasks import Settings
from fortems.simulate.scenario import load_scenario
from fortems.stats.arrays import Array
from fortems.study.definition import IN_FORCE, OWN, study
from fortems.study.instruments import Instrument, load_instruments
from fortems.study.models import MediationModel, load_models

GAP = "gap"  # the parameter of a scenario that says how far the first aspect stands out


@dataclass(frozen=True)
class Setup:
    """The study whose pattern is asked about.

    Attributes
    ----------
    claims : mapping of str to Claim
    patterns : tuple of str
        Names of the ``all_of`` claims; the first is the one that posteriors are given.
    models, instruments : mapping
    roles : Roles
    events : mapping of str to Event
        Pattern → event at the article's size, those that can be posed.
    icc : float
        The account's, of all variables.
    gap : float or None
        How far the first aspect's correlations stand out in the account; None where it has no such parameter.
    """

    claims: Mapping[str, Claim]
    patterns: tuple[str, ...]
    models: Mapping[str, MediationModel]
    instruments: Mapping[str, Instrument]
    roles: Roles
    events: Mapping[str, Event]
    icc: float
    gap: float | None

    @property
    def event(self) -> Event:
        """The pattern that posteriors are given."""
        return self.events[self.patterns[0]]

    def account(self, scenario: str = "") -> Array:
        """Correlations (p, p) of the base variables in a scenario, the study's account by default; totals of its
        subscales are weighted by their SDs."""
        found = load_scenario(scenario or study().account, self.instruments)
        names = list(found.scales)
        sums = {i.total: tuple(i.subscales) for i in self.instruments.values() if i.total}
        rows = np.array(
            [[float(name in sums.get(base, (base,))) for name in names] for base in self.roles.base]
        )
        sd = np.array([found.scales[name].sd for name in names])
        return np.asarray(correlate((rows * sd) @ found.correlations @ (rows * sd).T))


def setup(settings: Settings) -> Setup | None:
    """Read the files that a design stage's settings name, as ``pose`` does."""
    return pose(settings.claims, settings.models, settings.instruments)


def pose(claims: str | None, models: str, instruments: Mapping[str, str]) -> Setup | None:
    """Read what a configuration names; None where there are no claims or none has a pattern that can be posed of scores.

    Raises
    ------
    ConfigError
        For files that cannot be read, and statements that contradict each other.
    """
    try:
        return _setup(claims, models, tuple(sorted(instruments.items())), _in_force())
    except NoEventError:
        return None


def _in_force() -> str:
    """The file of the study in force, which a remembered setup belongs to."""
    return os.environ.get(IN_FORCE, os.fspath(OWN))


@lru_cache(maxsize=4)
def _setup(
    claims_file: str | None, models_file: str, instrument_files: tuple[tuple[str, str], ...], study_file: str
) -> Setup:
    if claims_file is None:
        raise NoEventError("no claims are checked")
    claims, models = load_claims(claims_file), load_models(models_file)
    instruments = load_instruments(dict(instrument_files))
    patterns = [claim for claim in claims.values() if claim.statistic == "all_of"]
    if not patterns:
        raise NoEventError("no claim is a pattern (statistic: all_of)")
    if not study().account:
        raise NoEventError("the study names no scenario as its account (scenarios: account)")
    account = load_scenario(study().account, instruments)
    roles = roles_of(study())
    events = {}
    for pattern in patterns:
        try:
            events[pattern.name] = event_of(pattern, claims, models, roles, account.cluster_sizes)
        except NoEventError:
            if pattern is patterns[0]:
                raise
    icc = float(np.mean([scale.icc for scale in account.scales.values()]))
    return Setup(claims, tuple(events), models, instruments, roles, events, icc, account.parameters.get(GAP))


def with_test(event: Event, test: str) -> Event:
    """The same event with another test of indirect effects."""
    return replace(event, test=test)
