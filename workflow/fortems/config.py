"""The configuration of a run: checked against its schema, completed, and read by few.

Only light imports: the Snakefile reads this module each time a job starts.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from fortems.errors import ConfigError, Problem, nearest
from fortems.published.places import MATRIX_FILES
from fortems.schema import fill_defaults, load_schema, schema_problems

WHERE = "configuration"

# Result files that a source cannot give, as prefixes of their paths in results/<run>/.
BEYOND_SOURCE: dict[str, tuple[str, ...]] = {
    "items": (),
    "scores": ("data/items.csv", "tables/reliability.csv", "mediation/cfa.csv"),
    "matrix": (
        "data/",
        "tables/reliability.csv",
        "tables/icc.csv",
        "tables/covariates.csv",
        "mediation/measurement.csv",
        "mediation/cfa.csv",
        "robustness/leave_one_out.csv",
        "disclosure.json",
    ),
}

# Tables of the design stage that a part with another name makes.
DESIGN_PARTS = {"likelihood_ratios": "diagnosticity", "smallest_designs": "power"}


def complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merged configuration with the schema's defaults filled in; null stays null.

    A job that a checked run starts need not check again: completing costs a millisecond, checking a tenth of a
    second.
    """
    whole = copy.deepcopy(_plain(config))
    fill_defaults(whole, load_schema("config"))
    return whole


def check(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check the merged configuration and return it complete.

    Parameters
    ----------
    config : mapping
        As Snakemake merges it: maps merged, lists and scalars replaced, null where a part is switched off.

    Returns
    -------
    dict
        With defaults filled in.

    Raises
    ------
    ConfigError
        With every problem of the configuration and of the files that it names: unknown key (nearest named),
        wrong value, missing file, unknown scenario.
    """
    plain = _plain(config)
    problems = _named_better(schema_problems(plain, load_schema("config"), WHERE), plain)
    if not problems:
        plain = complete(plain)
        problems = _source_problems(plain) + _path_problems(plain["data"])
    if not problems:
        from fortems.preflight import file_problems

        problems = file_problems(plain)
    if problems:
        raise ConfigError(problems)
    return plain


def kind(config: Mapping[str, Any]) -> str:
    """Return what the data can give: ``items``, ``scores`` or ``matrix``."""
    data = config["data"]
    if data["source"] == "matrix":
        return "matrix"
    return "items" if data["source"] == "simulated" else str(data["format"])


def is_real(config: Mapping[str, Any]) -> bool:
    """Return whether client rows are real people's, so that privacy rules apply."""
    return config["data"]["source"] == "file"


def switched_on(name: str, config: Mapping[str, Any]) -> bool:
    """Return whether a run makes a result file.

    Parameters
    ----------
    name : str
        Path within ``results/<run>/``.
    config : mapping
        Complete.
    """
    if name.startswith(BEYOND_SOURCE[kind(config)]):
        return False
    if name in MATRIX_FILES:
        return kind(config) == "matrix"
    stage, _, rest = name.partition("/")
    part = rest.partition(".")[0]
    if stage in ("claims.csv", "published.csv"):
        return config[stage.removesuffix(".csv")] is not None
    if name == "data/calibration.csv":
        return config["data"]["source"] == "simulated"
    if stage == "design":
        asked = config["design"] or {}
        return bool(asked.get(DESIGN_PARTS.get(part, part)))
    if stage == "robustness":
        return bool((config["robustness"] or {}).get(part))
    return True


def published_form(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration as a run writes it out: the path of own data by its base name only."""
    shown = copy.deepcopy(dict(config))
    if shown["data"]["path"]:
        shown["data"]["path"] = PurePath(shown["data"]["path"]).name
    return shown


def _plain(value: Any) -> Any:
    """Ordered and other mappings as dict, so that what is written out is plain YAML."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _named_better(problems: list[Problem], config: Mapping[str, Any]) -> list[Problem]:
    """Replace the schema's words where they would puzzle: a run's name that YAML reads as a number."""
    run = config.get("run")
    if isinstance(run, str):
        return problems
    what = f"the run's name is {run!r}, which YAML does not read as text"
    hint = f"Put the name in quotes and let a letter come first, as in run: 'r{run}'"
    if run is None:
        hint = "Give a name, as in run: mine"
    place = f"{WHERE}: run"
    allowed = str(load_schema("config")["properties"]["run"]["description"])
    return [p if p.where != place else Problem(place, what, allowed, hint) for p in problems]


def _source_problems(config: Mapping[str, Any]) -> list[Problem]:
    data = config["data"]
    source = data["source"]
    problems = []
    if source == "simulated" and not data["scenario"]:
        problems.append(
            Problem(f"{WHERE}: data.scenario", "no scenario is named", "a file in config/scenarios")
        )
    if source != "simulated" and not data["path"]:
        what = f"data.source is {source}, and no file is named"
        problems.append(Problem(f"{WHERE}: data.path", what, "the path of your file"))
    if source == "file" and not data["format"]:
        what = "data.source is file, and its format is not said"
        problems.append(Problem(f"{WHERE}: data.format", what, "items, scores"))
    return problems


def _path_problems(data: Mapping[str, Any]) -> list[Problem]:
    if data["source"] == "simulated" or not data["path"]:
        return []
    path, place = Path(data["path"]), f"{WHERE}: data.path"
    if path.is_dir():
        return [Problem(place, f"{path} is a folder", "a file")]
    if not path.exists():
        there = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        near = nearest(path.name, there)
        hint = f"Did you mean {path.parent / near}?" if near else ""
        return [Problem(place, f"there is no file {path}", "a path from the working directory", hint)]
    if not os.access(path, os.R_OK):
        return [Problem(place, f"{path} cannot be read", "a file that you may read")]
    return []
