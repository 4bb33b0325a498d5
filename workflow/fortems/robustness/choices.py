"""The declared choices: read from YAML, checked, and multiplied into specifications.

A specification takes one option of every choice. Combinations that a file forbids, each with its reason, are none.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.package import ROOT, located
from fortems.schema import load_checked, plain_yaml
from fortems.study.definition import study
from fortems.study.instruments import Instrument, load_instrument

#: The choices that a file may have, each with what the report calls it, and the settings of an analysis that says nothing of it.
STATED: dict[str, tuple[str, dict[str, Any]]] = {
    "estimand": ("estimand", {"level": "single"}),
    "engine": ("estimation", {"engine": "primary"}),
    "covariates": ("covariates", {"columns": []}),
    "between": ("covariates split", {"covariate_level": "both"}),
    "mediator": ("mediator", {"score": "sum"}),
    "missing": ("missing answers", {"rule": "manual"}),
    "outliers": ("outliers", {"beyond": None}),
    "inclusion": ("clients", {"rules": {}}),
    "key": ("scoring key", {"instruments": {}}),
}
CHOICES = tuple(STATED)
ONLY = "only"  # the one option of a choice that a file is silent about

Specification = dict[str, str]


@dataclass(frozen=True)
class Choices:
    """The choices of a multiverse.

    Attributes
    ----------
    options : dict of str to dict
        Choice → option → its settings, all of ``CHOICES``; the first option is the package's own.
    forbidden : tuple of (dict, str)
        Choice → option of a combination, and why there is none.
    joint : tuple of str
        The choices that the joint test runs over.
    labels : dict of (str, str) to str
        Choice and option → what the report calls the option, of those that say it.
    """

    options: Mapping[str, Mapping[str, Mapping[str, Any]]]
    forbidden: tuple[tuple[Mapping[str, str], str], ...] = ()
    joint: tuple[str, ...] = ()
    labels: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def label(self, choice: str, option: str) -> str:
        """Return what the report calls an option."""
        return self.labels.get((choice, option), option.replace("_", " "))

    @property
    def declared(self) -> tuple[str, ...]:
        """The choices with more than one option."""
        return tuple(choice for choice, options in self.options.items() if len(options) > 1)

    @property
    def default(self) -> Specification:
        """The first option of every choice."""
        return {choice: next(iter(options)) for choice, options in self.options.items()}

    def settings(self, specification: Specification, choice: str) -> Mapping[str, Any]:
        """Return what a specification's option of a choice says."""
        return self.options[choice][specification[choice]]

    def reason(self, specification: Specification) -> str:
        """Return why a combination is forbidden; empty for one that is not."""
        for when, because in self.forbidden:
            if all(specification[choice] == option for choice, option in when.items()):
                return because
        return ""

    def without(self, unavailable: Mapping[tuple[str, str], str]) -> Choices:
        """Return the choices without the options that the data cannot give.

        Parameters
        ----------
        unavailable : mapping
            (choice, option) → reason. A choice that loses all its options keeps none, and the product is empty.
        """
        kept = {
            choice: {name: value for name, value in options.items() if (choice, name) not in unavailable}
            for choice, options in self.options.items()
        }
        return replace(self, options=kept)


def combinations(choices: Choices) -> tuple[list[Specification], Counter[str]]:
    """Multiply the choices.

    Returns
    -------
    list of dict
        The specifications that are not forbidden, the default first.
    Counter
        Reason → number of combinations forbidden for it.
    """
    allowed: list[Specification] = []
    forbidden: Counter[str] = Counter()
    for names in product(*choices.options.values()):
        specification = dict(zip(choices.options, names, strict=True))
        if reason := choices.reason(specification):
            forbidden[reason] += 1
        else:
            allowed.append(specification)
    return allowed, forbidden


def joint_combinations(choices: Choices) -> list[Specification]:
    """Return the specifications of the joint test: those of ``joint``, all other choices at their first option."""
    kept = {
        choice: options if choice in choices.joint else dict([next(iter(options.items()))])
        for choice, options in choices.options.items()
        if options
    }
    if len(kept) < len(choices.options):
        return []
    return combinations(replace(choices, options=kept))[0]


def load_choices(
    path: str | os.PathLike[str],
    variables: Collection[str] | None = None,
    instruments: Mapping[str, Instrument] | None = None,
) -> Choices:
    """Read a file of choices.

    Parameters
    ----------
    path : path
        As ``config/robustness.yaml``.
    variables : collection of str, optional
        What covariates and inclusion rules may name; None checks the form only.
    instruments : mapping of str to Instrument, optional
        Of the run: what another key may stand in for, and what items the mediator has.

    Returns
    -------
    Choices

    Raises
    ------
    ConfigError
        With every problem: keys and values against the schema, unknown variables, choices, options, items and
        instruments (the nearest one named), a product that is empty because all of it is forbidden, a forbidden first
        option.
    """
    where = os.fspath(path)
    raw = load_checked(path, "robustness")
    choices = choices_of(raw)
    problems = _forbidden_problems(choices, raw["choices"], where)
    problems += [
        Problem(f"{where}: joint", f"{name!r} is no choice of this file", ", ".join(raw["choices"]))
        for name in choices.joint
        if name not in raw["choices"]
    ]
    if variables is not None:
        problems += _variable_problems(choices, variables, where)
    if instruments is not None:
        problems += _item_problems(choices, instruments, where)
        problems += _key_problems(choices, instruments, where)
    if not problems:
        problems = _product_problems(choices, where)
    if problems:
        raise ConfigError(problems)
    return choices


def is_packages(path: str | os.PathLike[str]) -> bool:
    """Return whether a file of choices is one of the package's own.

    These are made for its own study and instruments: where a run has others, what does not fit is withheld with the reason and
    no mistake of anyone's.
    """
    # A path that is none has no place either.
    return os.path.isfile(path) and Path(path).resolve().parent == ROOT / "config"


def choices_of(raw: Mapping[str, Any]) -> Choices:
    """Return the choices of a file that its schema has allowed."""
    stated = {name: raw["choices"].get(name, {ONLY: its}) for name, (_, its) in STATED.items()}
    labels = {
        (choice, option): settings["label"]
        for choice, options in stated.items()
        for option, settings in options.items()
        if "label" in settings
    }
    options = {
        choice: {
            option: {key: value for key, value in settings.items() if key != "label"}
            for option, settings in options.items()
        }
        for choice, options in stated.items()
    }
    forbidden = tuple((entry["when"], entry["because"]) for entry in raw.get("forbidden", []))
    return Choices(options, forbidden, tuple(raw.get("joint", ())), labels)


def files_of(path: str | os.PathLike[str]) -> list[str]:
    """Return a checked file of choices and the instrument files that it names: what a rule that uses it depends on."""
    keys = choices_of(plain_yaml(path)).options["key"].values()
    named = [located(file) for settings in keys for file in settings["instruments"].values()]
    return list(dict.fromkeys([os.fspath(path), *named]))


def _forbidden_problems(choices: Choices, stated: Mapping[str, Any], where: str) -> list[Problem]:
    found = []
    for place, (when, _) in enumerate(choices.forbidden):
        for choice, option in when.items():
            spot = f"{where}: forbidden.{place}.when"
            word, what, known = choice, f"{choice!r} is no choice of this file", list(stated)
            if choice in stated:
                word, what, known = option, f"{choice} has no option {option!r}", list(stated[choice])
            if word not in known:
                found.append(Problem(spot, what, ", ".join(known), did_you_mean(word, known)))
    return found


def _variable_problems(choices: Choices, variables: Collection[str], where: str) -> list[Problem]:
    named = [
        (f"covariates.{option}", name)
        for option, settings in choices.options["covariates"].items()
        for name in settings["columns"]
    ] + [
        (f"inclusion.{option}", name)
        for option, settings in choices.options["inclusion"].items()
        for name in settings["rules"]
    ]
    return [
        Problem(
            f"{where}: choices.{place}",
            f"there is no variable {name!r}",
            ", ".join(variables),
            did_you_mean(name, variables),
            column=name,
        )
        for place, name in named
        if name not in variables
    ]


def _item_problems(choices: Choices, instruments: Mapping[str, Instrument], where: str) -> list[Problem]:
    found = []
    items = next(
        (its.scales[study().mediator] for its in instruments.values() if study().mediator in its.scales), None
    )
    for option, settings in choices.options["mediator"].items():
        without = settings.get("without", [])
        place = f"{where}: choices.mediator.{option}.without"
        if items is None:
            continue
        found += [
            Problem(place, f"{study().mediator} has no item {item}", ", ".join(map(str, items)))
            for item in without
            if item not in items
        ]
        if len(set(items) - set(without)) < 2:
            found.append(Problem(place, "fewer than two items are left", "at least two items that stay"))
    return found


def _key_problems(choices: Choices, instruments: Mapping[str, Instrument], where: str) -> list[Problem]:
    found = []
    for option, settings in choices.options["key"].items():
        for name, path in settings["instruments"].items():
            place = f"{where}: choices.key.{option}.instruments"
            if name not in instruments:
                what = f"there is no instrument {name!r}"
                found.append(Problem(place, what, ", ".join(instruments), did_you_mean(name, instruments)))
                continue
            try:
                other = load_instrument(located(path), name)
            except ConfigError as error:
                found += error.problems
                continue
            own = instruments[name]
            if other.n_items != own.n_items:
                what = f"{path} has {other.n_items} items, {name} has {own.n_items}"
                found.append(Problem(place, what, f"a key of {own.n_items} items"))
            elif set(other.scales) != set(own.scales):
                what = f"{path} scores {', '.join(other.scales)}"
                found.append(Problem(place, what, f"a key of {', '.join(own.scales)}"))
    return found


def _product_problems(choices: Choices, where: str) -> list[Problem]:
    default = choices.default
    if not combinations(choices)[0]:
        what = "every combination of options is forbidden, so that there is no specification"
        return [Problem(f"{where}: forbidden", what, "at least one combination that is not forbidden")]
    if reason := choices.reason(default):
        first = ", ".join(default[choice] for choice in choices.declared)
        what = f"the first options together ({first}) are forbidden: {reason}"
        return [Problem(f"{where}: forbidden", what, "first options that are the package's own analysis")]
    return []
