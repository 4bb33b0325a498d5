"""Scenarios: what is true in a simulated population, read from ``config/scenarios/`` and checked before any draw."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from fortems.errors import ConfigError, Problem
from fortems.package import from_here
from fortems.schema import load_schema, load_yaml, schema_problems
from fortems.simulate.checks import matrix_problems, number_problems, scale_problems
from fortems.simulate.stated import Scale, Scenario
from fortems.study.definition import file_of, study
from fortems.study.instruments import Instrument, load_instruments


def load_scenario(
    name: str | os.PathLike[str], instruments: Mapping[str, Instrument] | None = None
) -> Scenario:
    """Read a scenario and check it against the instruments.

    Parameters
    ----------
    name : str or path
        A file of ``scenarios/`` beside the study file or of ``config/scenarios/`` (the suffix may be left out), or a
        path; ``@gap=.05`` behind it sets a parameter of the scenario.
    instruments : mapping, optional
        The instruments whose scales it describes; the study's own by default.

    Returns
    -------
    Scenario

    Raises
    ------
    ConfigError
        With every problem found: keys and values against the schema, missing or unknown variables, a
        stated total, reliabilities out of (0, 1], ICCs out of [0, 1), means and SDs that do not fit the
        range, matrices that are not positive definite (the nearest one named).
    """
    path, settings = resolve(name)
    return _build(merged(path), path, settings, load_instruments() if instruments is None else instruments)


def scenario_files(name: str | os.PathLike[str]) -> list[str]:
    """Return the file of a scenario and those it extends: what a rule that uses it depends on."""
    return [from_here(path) for path, _ in _chain(resolve(name)[0])]


def title_and_story(name: str | os.PathLike[str]) -> tuple[str, str]:
    """Return title and story of a scenario, without checking the rest of it."""
    layers = [layer for _, layer in _chain(resolve(name)[0])]
    title, story = (next(str(layer[key]) for layer in layers if key in layer) for key in ("title", "story"))
    return title, story


def resolve(name: str | os.PathLike[str]) -> tuple[Path, dict[str, float]]:
    """Split ``file@parameter=value`` into an existing file and the parameters to set.

    Raises
    ------
    ConfigError
        When there is no such file (the nearest named) or a setting is no ``name=number``.
    """
    text, *parts = os.fspath(name).split("@")
    settings = {}
    for part in parts:
        key, _, value = part.partition("=")
        try:
            settings[key] = float(value)
        except ValueError:
            what = f"{part!r} sets no parameter"
            raise ConfigError(
                Problem(f"scenario {os.fspath(name)}", what, "name=number, as gap=.05")
            ) from None
    return file_of("scenario", text), settings


def merged(path: Path) -> dict[str, Any]:
    """Return a scenario file laid over those it extends; maps merge, stated numbers replace whole, null removes.

    Raises
    ------
    ConfigError
        For what the schema objects to in any file of the chain, and for files that extend each other.
    """
    problems: list[Problem] = []
    result: dict[str, Any] = {}
    for file, layer in reversed(_chain(path)):
        problems += schema_problems(_without_nulls(layer), load_schema("scenario"), from_here(file))
        layer.pop("extends", None)
        result = _laid_over(result, layer)
    if problems:
        raise ConfigError(problems)
    return result


def _chain(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Read a file and, after it, those that it extends, one after the other."""
    chain: list[tuple[Path, dict[str, Any]]] = []
    following: Path | None = path
    while following is not None:
        if any(following == file for file, _ in chain):
            raise ConfigError(Problem(f"{from_here(path)}: extends", f"{following.name} extends itself"))
        layer = load_yaml(following)
        chain.append((following, layer))
        parent = layer.get("extends")
        following = following.parent / str(parent) if parent else None
    return chain


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    return value


def _laid_over(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)) or "value" in above:
        return _without_nulls(above)
    both = dict(below)
    for key, value in above.items():
        if value is None:
            both.pop(key, None)
        else:
            both[key] = _laid_over(both.get(key), value)
    return both


def _build(
    raw: dict[str, Any], path: Path, settings: dict[str, float], instruments: Mapping[str, Instrument]
) -> Scenario:
    where = from_here(path)
    problems = number_problems(raw, settings, instruments, where)
    if problems:
        raise ConfigError(problems)
    parameters = {name: entry["value"] for name, entry in raw.get("parameters", {}).items()} | settings
    attenuation = raw.get("attenuation", {}).get("value", 1.0)
    names = [name for name in study().subscales if name in raw["scales"]]
    names += [name for name in raw["scales"] if name not in names]
    scales = {name: _scale(raw["scales"][name], name, instruments, attenuation) for name in names}
    correlations, gaps = _matrix(raw["correlations"], names, parameters, where)
    between = dict(raw["between_correlations"])
    others = between.pop("others", None)
    between_correlations, between_gaps = _matrix(
        between, names, parameters, where, key="between_correlations"
    )
    if others is None:
        gaps += between_gaps
    else:
        between_correlations = np.where(np.isnan(between_correlations), correlations, between_correlations)
    problems = gaps + scale_problems(scales, where)
    if not problems:
        correlations = attenuation * correlations + (1 - attenuation) * np.eye(len(names))
        problems = matrix_problems(names, scales, correlations, between_correlations, where)
    if problems:
        raise ConfigError(problems)
    suffix = "".join(f"@{name}={value:g}" for name, value in settings.items())
    return Scenario(
        name=path.stem + suffix,
        title=raw["title"] + "".join(f", {name} {value:g}" for name, value in settings.items()),
        story=raw["story"],
        order=tuple(raw.get("order", names)),
        scales=scales,
        correlations=correlations,
        between_correlations=between_correlations,
        cluster_sizes=tuple(int(size) for size in raw["therapists"]["value"]),
        **{
            part: {key: entry["value"] for key, entry in raw[part].items()}
            for part in ("sessions", "age", "gender")
        },
        missing=raw["missing"]["items"]["value"],
        parameters=parameters,
        provenance=tuple(_provenance(raw, raw.get("sources", {}))),
    )


def _scale(
    raw: dict[str, Any], name: str, instruments: Mapping[str, Instrument], attenuation: float
) -> Scale:
    """Read one scale; moments stated on another range than the instrument's are moved to it linearly."""
    low, high = raw["range"]
    own_low, own_high = next(i.ranges()[name] for i in instruments.values() if name in i.subscales)
    stretch = (own_high - own_low) / (high - low)
    return Scale(
        low=own_low,
        high=own_high,
        mean=own_low + (raw["mean"]["value"] - low) * stretch,
        sd=raw["sd"]["value"] * stretch,
        reliability=attenuation * raw["reliability"]["value"],
        icc=attenuation * raw["icc"]["value"],
        loadings=tuple(raw.get("loadings", {}).get("value", ())),
    )


def _matrix(
    stated: dict[str, dict[str, Any]],
    names: list[str],
    parameters: dict[str, float],
    where: str,
    key: str = "correlations",
) -> tuple[np.ndarray, list[Problem]]:
    """Fill the symmetric matrix of stated correlations, NaN where a pair is not stated."""
    matrix = np.full((len(names), len(names)), np.nan)
    np.fill_diagonal(matrix, 1.0)
    problems = []
    for first, row in stated.items():
        for second, entry in row.items():
            i, j = names.index(first), names.index(second)
            value = entry["value"] + sum(slope * parameters[p] for p, slope in entry.get("per", {}).items())
            if not -1 < value < 1:
                place = f"{where}: {key}.{first}.{second}"
                problems.append(Problem(place, f"{value:g} is no correlation", "above -1, below 1"))
            matrix[i, j] = matrix[j, i] = value
    for (i, first), (j, second) in combinations(enumerate(names), 2):
        if np.isnan(matrix[i, j]):
            place = f"{where}: {key}.{first}.{second}"
            problems.append(Problem(place, "is not stated", "every pair of subscales"))
    return matrix, problems


def _provenance(raw: Any, sources: dict[str, str], path: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """List every stated number with its source in full and its grade."""
    if not isinstance(raw, dict):
        return []
    if "value" in raw:
        slopes = "".join(f" {slope:+g} {name}" for name, slope in raw.get("per", {}).items())
        value = raw["value"]
        text = " ".join(f"{part:g}" for part in value) if isinstance(value, list) else f"{value}{slopes}"
        return [
            {
                "quantity": ".".join(path),
                "value": text,
                "source": sources[raw["source"]],
                "grade": raw["grade"],
            }
        ]
    return [
        row
        for key, part in raw.items()
        if key != "sources"
        for row in _provenance(part, sources, (*path, key))
    ]
