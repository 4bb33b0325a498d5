"""The configuration of a run, checked before the first job: by its schema, and each file that it names by its own loader.

A mistyped claim must not come to light when the models have been computed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fortems.claims.claimfile import load_claims
from fortems.errors import ConfigError, Problem, did_you_mean, nearest
from fortems.package import ROOT, located
from fortems.published.ledger import load_ledger
from fortems.published.matrix import load_matrix
from fortems.robustness.choices import is_packages, load_choices
from fortems.run.config import as_meant, complete, texts_in
from fortems.schema import configuration_problems, fill_defaults, load_schema, schema_problems
from fortems.simulate.scenario import load_scenario
from fortems.study.counterparts import package_models
from fortems.study.definition import load_study, study, use_study
from fortems.study.engines import FROM_MATRIX, RESAMPLED, RESAMPLING
from fortems.study.instruments import Instrument, load_instruments, score_ranges
from fortems.study.models import MediationModel, load_models
from fortems.yamlfile import kind_words

WHERE = "configuration"


def check(config: Mapping[str, Any], files: Iterable[str | os.PathLike[str]] = ()) -> dict[str, Any]:
    """Check the merged configuration, put its study in force, and return it complete.

    Parameters
    ----------
    config : mapping
        As Snakemake merges it: maps merged, lists and scalars replaced, null where a part is switched off.
    files : iterable of path
        The files that it was merged from.

    Returns
    -------
    dict
        With defaults filled in.

    Raises
    ------
    ConfigError
        With every problem of the configuration and of the files that it names: unknown key (nearest named),
        key written twice, wrong value, missing file, unknown scenario.
    """
    whole = as_meant(config)
    problems = [problem for file in files for problem in configuration_problems(file)]
    problems += _named_better(schema_problems(whole, load_schema("config"), WHERE), whole)
    if not problems:
        fill_defaults(whole, load_schema("config"))
        whole["study"] = located(whole["study"])
        problems = _problems(lambda: load_study(whole["study"]))
    if not problems:
        use_study(whole["study"])
        whole = complete(whole)
        problems = _source_problems(whole) + _path_problems(whole["data"]) + _section_problems(whole)
    if not problems:
        problems = file_problems(whole)
    if problems:
        raise ConfigError(problems)
    return whole


def _section_problems(config: Mapping[str, Any]) -> list[Problem]:
    """List what is wrong with the folder of the user's sections: each file in it must have a section's name."""
    folder = (config["report"] or {}).get("sections")
    if not folder:
        return []
    own = ROOT / "manuscript"
    known = [path.name for path in sorted((own / "sections").glob("*.md"))]
    known += [f"supplement/{path.name}" for path in sorted((own / "supplement").glob("*.md"))]
    where = f"{WHERE}: report.sections"
    if not os.path.isdir(folder):
        return [Problem(where, f"{folder!r} is no folder")]
    there = [path.relative_to(folder).as_posix() for path in texts_in(folder)]
    if not there:
        return [Problem(where, f"{folder!r} has no section", ", ".join(known))]
    return [
        Problem(where, f"{name!r} is no section", ", ".join(known), did_you_mean(name, known))
        for name in there
        if name not in known
    ]


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
    known = study().score_columns if simulated else None  # what a file brings is for the data stage to say
    answers = simulated or (data["source"] == "file" and data["format"] == "items")
    instruments: dict[str, Instrument] = {}

    def scored() -> list[str] | None:
        """What may be latent or corrected; without answers to items nothing of it is fitted, whatever it is."""
        return (list(score_ranges(instruments)) or None) if answers else None

    models: dict[str, MediationModel] = {}
    names: list[str] = []
    steps: list[Callable[[], object]] = [
        lambda: instruments.update(load_instruments(data["instruments"])),
        lambda: models.update(load_models(config["models"], known, scored())),
    ]
    if data["source"] == "matrix":
        steps.append(lambda: names.extend(load_matrix(data["path"]).names))
    if config["claims"]:
        steps.append(
            lambda: load_claims(
                config["claims"],
                [*models.values(), *package_models().values()] if models else None,
                _numeric_variables(data, instruments, models, names),
            )
        )
    if config["published"]:
        steps.append(lambda: load_ledger(config["published"]))
    if multiverse := (config["robustness"] or {}).get("multiverse"):
        steps.append(lambda: _choices(multiverse["choices"], data, instruments, models, names))
    problems = [problem for step in steps for problem in _problems(step)]
    asked = (config["design"] or {}).get("posterior") or {}
    for name in asked.get("priors", []):
        problems += _problems(lambda name=name: _draw(name))  # type: ignore[misc]
    if models and config["claims"] and instruments and not problems:
        problems += _problems(lambda: _pose(config))
    if instruments and not problems:
        problems += _no_gaps(config, instruments)
    for name in _scenarios(config) if instruments else ():
        problems += _problems(lambda name=name: _reach(name, instruments))  # type: ignore[misc]
    return list(dict.fromkeys(problems))


def _choices(
    path: str,
    data: Mapping[str, Any],
    instruments: Mapping[str, Instrument],
    models: Mapping[str, MediationModel],
    names: Sequence[str],
) -> None:
    """Read a file of choices, a person's own against what this run knows."""
    if is_packages(path):
        load_choices(path)
    else:
        variables = [*study().categories, *_numeric_variables(data, instruments, models, names)]
        load_choices(path, variables, instruments)


def _numeric_variables(
    data: Mapping[str, Any],
    instruments: Mapping[str, Instrument],
    models: Mapping[str, MediationModel],
    names: Sequence[str],
) -> list[str]:
    """List what a claim's correlation may name: the study's variables and what this run's data and models have."""
    items = {column for instrument in instruments.values() for column in instrument.columns()}
    scales = [scale for instrument in instruments.values() for scale in instrument.scales]
    carried = [name for name in data["columns"] or {} if name not in (*items, "client", "therapist")]
    used = [name for model in models.values() for name in model.variables]
    found = dict.fromkeys((*study().variables, *scales, *carried, *used))
    return [name for name in found if name not in study().categories or name in names] + [
        name for name in names if name not in found
    ]


def _scenarios(config: Mapping[str, Any]) -> list[str]:
    named = [config["data"]["scenario"]] if config["data"]["source"] == "simulated" else []
    diagnosticity = (config["design"] or {}).get("diagnosticity") or {}
    account = study().account
    gaps = [f"{account}@gap={gap:g}" for gap in diagnosticity.get("gaps", []) if account]
    return list(dict.fromkeys([*named, *diagnosticity.get("scenarios", []), *gaps]))


def _no_gaps(config: Mapping[str, Any], instruments: Mapping[str, Instrument]) -> list[Problem]:
    """Refuse gaps other than 0 of an account without such a parameter: its correlations are taken as they stand."""
    from fortems.design.pattern.setup import GAP

    asked, account = (config["design"] or {}).get("surface"), study().account
    if not asked or not account or set(asked["gaps"]) == {0}:
        return []
    if GAP in load_scenario(account, instruments).parameters:
        return []
    return [
        Problem(
            f"{WHERE}: design.surface.gaps",
            f"the scenario {account}, the study's account, has no parameter {GAP}",
            "[0], which takes its correlations as they stand",
        )
    ]


def _draw(prior: str) -> None:
    """Read a prior, so that one without a possible population is known before the first job."""
    from fortems.design.pattern.priors import load_prior

    load_prior(prior)


def _pose(config: Mapping[str, Any]) -> None:
    """Pose the patterns of the claims, so that statements which contradict each other are known before the first job."""
    from fortems.design.pattern.setup import pose

    if not {"surface", "posterior"} & {key for key, part in (config["design"] or {}).items() if part}:
        return
    pose(config["claims"], config["models"], config["data"]["instruments"])


def _reach(scenario: str, instruments: Mapping[str, Instrument]) -> None:
    """Solve a scenario, so that what its items cannot have is known before the first job."""
    from fortems.simulate.simulator import calibrate

    calibrate(load_scenario(scenario, instruments), instruments)


def _problems(step: Callable[[], object]) -> list[Problem]:
    try:
        step()
    except ConfigError as error:
        return error.problems
    return []


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
    if source == "matrix" and not set(config["engines"]) & set(FROM_MATRIX):
        what = f"{', '.join(config['engines'])} cannot fit a matrix, which has no clients"
        problems.append(Problem(f"{WHERE}: engines", what, f"one of {', '.join(FROM_MATRIX)} at least"))
    for key in ("items", "already_reversed"):
        for name in data[key] or {}:
            if name not in data["instruments"]:
                place = f"{WHERE}: data.{key}"
                hint = did_you_mean(name, data["instruments"], "Name its file in data.instruments")
                what = f"there is no instrument {name!r}"
                problems.append(Problem(place, what, ", ".join(data["instruments"]), hint))
    return problems + _interval_problems(config)


def _interval_problems(config: Mapping[str, Any]) -> list[Problem]:
    """A run that can give none of the intervals that it asks for beside the primary one is not what was meant."""
    if not set(config["intervals"]) <= set(RESAMPLED):
        return []
    if config["data"]["source"] == "matrix":
        why = "a matrix has no clients to resample"
    elif not config["bootstrap"]:
        why = "the bootstrap is off"
    elif not set(config["engines"]) & set(RESAMPLING):
        why = f"{', '.join(config['engines'])} give none"
    else:
        return []
    what = f"{', '.join(config['intervals'])} come from a bootstrap, and {why}"
    hint = "Leave intervals out, which gives all that there are"
    return [Problem(f"{WHERE}: intervals", what, "delta or montecarlo beside them", hint)]


def _path_problems(data: Mapping[str, Any]) -> list[Problem]:
    if data["source"] == "simulated" or not data["path"]:
        return []
    path, place = Path(data["path"]), f"{WHERE}: data.path"
    if os.path.isdir(path):
        return [Problem(place, f"{path} is a folder", "a file")]
    if not os.path.exists(path):
        there = [p.name for p in path.parent.iterdir() if p.is_file()] if os.path.isdir(path.parent) else []
        near = nearest(path.name, there)
        hint = f"Did you mean {path.parent / near}?" if near else ""
        return [Problem(place, f"there is no file {path}", "a path from the working directory", hint)]
    if not os.path.isfile(path):
        return [Problem(place, f"{path} is {kind_words(path.stat().st_mode)}", "a file")]
    if not os.access(path, os.R_OK):
        return [Problem(place, f"{path} cannot be read", "a file that you may read")]
    return []
