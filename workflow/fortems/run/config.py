"""The configuration of a run: completed by its schema's defaults, and what it asks for.

Only light imports: the Snakefile reads this module each time a job starts (fortems.run.preflight checks it, once).
"""

from __future__ import annotations

import copy
import datetime
import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from fortems.package import located, shown
from fortems.run import catalogue
from fortems.schema import fill_defaults, load_schema, plain_yaml

# Results of clients: on own data the full ones stay in data/full/, and what may be told is released from them.
TOLD_IN_PART = ("tables/", "mediation/", "robustness/", "claims.csv", "published.csv")
FULL = "data/full"
PROTECTED = "data/protected"
NAMED_FILES = ("study", "models", "claims", "published")


BRACES = "{}<>"


def complete(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merged configuration with the schema's defaults and the study's instruments filled in.

    Null stays null, but where it drops an instrument.

    A job that a checked run starts need not check again: completing costs a millisecond, checking a tenth of a
    second.
    """
    whole = copy.deepcopy(as_meant(config))
    fill_defaults(whole, load_schema("config"))
    for part, keys in named_files(whole):
        part.update({key: located(part[key]) for key in keys if isinstance(part[key], str)})
    if isinstance(whole["data"]["path"], str):
        whole["data"]["path"] = os.path.expanduser(whole["data"]["path"])
    asked = {**plain_yaml(whole["study"]).get("instruments", {}), **(whole["data"]["instruments"] or {})}
    whole["data"]["instruments"] = {name: located(path) for name, path in asked.items() if path is not None}
    return whole


def named_files(config: dict[str, Any]) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """Return the maps of a configuration that name the package's files, each with the keys that do."""
    multiverse = (config["robustness"] or {}).get("multiverse")
    return [(config, NAMED_FILES), *([(multiverse, ("choices",))] if multiverse else [])]


def without_braces(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a complete configuration in which no path has braces or angles: Snakemake would fill them in.

    A file with them in its path is reached by a link below ``.snakemake/``, whose name has round brackets for them.
    """
    whole = copy.deepcopy(dict(config))
    parts = [*named_files(whole), (whole["data"], ("path",))]
    parts.append((whole["data"]["instruments"], tuple(whole["data"]["instruments"])))
    for part, keys in parts:
        part.update(
            {
                key: _link(part[key])
                for key in keys
                if isinstance(part[key], str) and set(BRACES) & set(part[key])
            }
        )
    return whole


def _link(path: str) -> str:
    target = Path(path).resolve()
    mark = hashlib.sha256(str(target).encode()).hexdigest()[:12]
    link = Path(".snakemake", "linked", mark, target.name.translate(str.maketrans(BRACES, "()()")))
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(target)
    return str(link)


def as_meant(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration as plain values; the text null, all that ``--config design=null`` can give, is null.

    A day without quotes, which YAML reads as a date, is the text of it.

    In ``data`` it stays text: a file's own word may be null.
    """
    return {key: value if key == "data" else _nulls(value) for key, value in plain(config).items()}


def _nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nulls(item) for key, item in value.items()}
    if isinstance(value, datetime.date):
        return value.isoformat()
    return None if value == "null" else value


def kind(config: Mapping[str, Any]) -> str:
    """Return what the data can give: ``items``, ``scores`` or ``matrix``."""
    data = config["data"]
    if data["source"] == "matrix":
        return "matrix"
    return "items" if data["source"] == "simulated" else str(data["format"])


def is_real(config: Mapping[str, Any]) -> bool:
    """Return whether client rows are real people's, so that privacy rules apply."""
    return config["data"]["source"] == "file"


def is_private(config: Mapping[str, Any]) -> bool:
    """Return whether what leaves ``data/`` is kept from telling of few clients: own data, unless switched off."""
    return is_real(config) and bool((config["privacy"] or {}).get("min_cell"))


def is_released(name: str, config: Mapping[str, Any]) -> bool:
    """Return whether a result is computed in full for its owner first, and told of in part."""
    return is_private(config) and name.startswith(TOLD_IN_PART)


def switched_on(name: str, config: Mapping[str, Any]) -> bool:
    """Return whether a run makes a result file.

    Parameters
    ----------
    name : str
        Path within ``results/<run>/``, of the catalogue.
    config : mapping
        Complete.
    """
    file = catalogue.FILES[name]
    asked: Any = config
    for part in filter(None, file.key.split(".")):
        asked = (asked or {}).get(part)
    return bool(data_kinds(config) & set(file.given)) and bool(asked)


def data_kinds(config: Mapping[str, Any]) -> set[str]:
    """Return what the data of a run are, in the catalogue's words."""
    simulated = config["data"]["source"] == "simulated"
    own = {catalogue.PRIVATE} if is_private(config) else set()
    return {catalogue.SIMULATED if simulated else kind(config)} | own


def published_form(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration as a run writes it out: own data, and what lies beside them, by base name only."""
    told = copy.deepcopy(dict(config))
    own, data = config["data"]["path"], told["data"]
    for part, keys in (
        *named_files(told),
        (data, ("path", "scenario")),
        (data["instruments"], tuple(data["instruments"])),
    ):
        part.update({key: told_path(part[key], own) for key in keys if part[key]})
    if told["report"] and told["report"].get("sections"):
        told["report"]["sections"] = told_path(told["report"]["sections"], own)
    return told


def texts_in(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the texts of a folder and of the folders in it, no deeper: whoever names a disk has not all of it read.

    Parameters
    ----------
    folder : path
        Such as ``report.sections``.
    """
    found = []
    for pattern in ("*.md", "*/*.md"):
        with suppress(OSError):  # a folder that may not be read, or that goes meanwhile
            found += [path for path in Path(folder).glob(pattern) if path.is_file()]
    return sorted(found)


def told_path(path: str, own: str | None) -> str:
    """Return a path as results may tell it: one that would tell where own data are kept by its base name.

    Parameters
    ----------
    path : str
        A file that a run reads, as the configuration names it.
    own : str or None
        ``data.path``.
    """
    path = shown(path)
    named, home = PurePath(path), Path.home()
    told = f"~/{named.relative_to(home)}" if named.is_relative_to(home) else path
    if own is None:
        return told
    elsewhere = named.is_absolute() or ".." in named.parts
    beside = elsewhere and Path(path).resolve().is_relative_to(Path(own).resolve().parent)
    return named.name if path == own or beside else told


def plain(value: Any) -> Any:
    """Return ordered and other mappings as dict, so that what is written out is plain YAML."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
