"""YAML files checked against the closed schemas in ``workflow/schemas``: every problem named, with its key."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from fortems.errors import ConfigError, Problem, did_you_mean, nearest
from fortems.yamlfile import LOADER, build, measured, read_text

#: Environment variable with a mark for each content that passed its schema: jobs inherit it and do not check again.
CHECKED = "FORTEMS_CHECKED"
#: The key by which a file asks Snakemake to take its values for templates, which are code.
TEMPLATES = "__use_yte__"
SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
#: Keys that ask for weighted clients, which no engine gives: refused by name wherever they are typed.
WEIGHTS = (
    "weight",
    "weights",
    "weighted",
    "weighting",
    "sampling_weight",
    "sampling_weights",
    "case_weights",
)


def load_checked(path: str | os.PathLike[str], schema: str) -> dict[str, Any]:
    """Read a YAML file and check it against a schema.

    Parameters
    ----------
    path : path
        The file.
    schema : str
        Name in ``workflow/schemas`` without ``.schema.yaml``.

    Returns
    -------
    dict
        As typed, with the schema's defaults filled in.

    Raises
    ------
    ConfigError
        With every problem: missing or unreadable file, unknown key (the nearest one named), wrong value.
    """
    value = load_yaml(path)
    if problems := schema_problems(value, load_schema(schema), os.fspath(path)):
        raise ConfigError(problems)
    fill_defaults(value, load_schema(schema))
    return value


def load_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a YAML file that holds a map.

    Raises
    ------
    ConfigError
        When it is missing (nearest file named), unreadable, not YAML, beyond all measure, or no map.
    """
    where = os.fspath(path)
    try:
        value = build(measured(read_text(path), where), where)
    except FileNotFoundError:
        folder = Path(path).parent
        near = nearest(Path(path).name, (p.name for p in folder.glob("*.y*ml")))
        hint = f"Did you mean {folder / near}?" if near else ""
        raise ConfigError(Problem(where, "there is no such file", "a YAML file", hint)) from None
    except OSError as error:
        raise ConfigError(Problem(where, f"cannot be read ({error})", "a YAML file in UTF-8")) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(unreadable(where, error)) from None
    if not isinstance(value, dict):
        raise ConfigError(Problem(where, "holds no keys", "a YAML map, `key: value`"))
    return value


def unreadable(path: str | os.PathLike[str], error: UnicodeDecodeError | yaml.YAMLError) -> Problem:
    """Say in which line a file is no YAML in UTF-8, and what helps."""
    where = os.fspath(path)
    if isinstance(error, UnicodeDecodeError):
        whole = Path(path).read_bytes()
        place = _no_utf8(whole)
        line = whole.count(b"\n", 0, place) + 1
        text = whole.splitlines()[line - 1].decode("cp1252", errors="replace").strip() if whole else ""
        what = f"is not in UTF-8; in Windows-1252 or Latin-1 this line would be {text!r}"
        return Problem(
            f"{where}, line {line}",
            what,
            "a YAML file in UTF-8",
            "Save it as UTF-8 in your editor",
            row=str(line),
        )
    if isinstance(error, yaml.constructor.ConstructorError):
        return Problem(where, error.problem or str(error), "each key once")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = " ".join(str(getattr(error, "problem", None) or error).split())
    what = f"is not YAML ({what})" if what else "is not YAML"
    if mark is None:
        return Problem(where, what)
    hint = "A bracket, quote or colon may be missing there or in a line above; YAML is indented by spaces, never by tabs"
    return Problem(
        f"{where}, line {mark.line + 1}", what, "a YAML map, `key: value`", hint, row=str(mark.line + 1)
    )


def _no_utf8(whole: bytes) -> int:
    """Return where the first byte stands that is no UTF-8."""
    try:
        whole.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def configuration_problems(path: str | os.PathLike[str], once: bool = True) -> list[Problem]:
    """Name what makes a configuration file unfit to be built, for files that Snakemake reads before all else.

    It keeps the last of two equal keys and says nothing, builds whatever a file asks for, and says of one that it cannot
    read neither which it is nor where. JSON it reads with tabs too. ``once`` as in ``yamlfile.measured``.
    """
    where = os.path.relpath(path) if Path(path).resolve().is_relative_to(Path.cwd()) else os.fspath(path)
    text = ""
    try:
        text = read_text(path)
        value = build(measured(text, where, once), where)
    except ConfigError as error:
        return [Problem(where, p.what, p.allowed, p.hint) for p in error.problems]
    except FileNotFoundError:
        return []
    except OSError as error:
        return [Problem(where, f"cannot be read ({error})", "a YAML file in UTF-8")]
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        return [] if isinstance(error, yaml.YAMLError) and _is_json(text) else [unreadable(where, error)]
    if isinstance(value, dict) and TEMPLATES in value:
        what = f"the key {TEMPLATES!r} would run code of the file"
        return [Problem(where, what, "keys and values as they stand", "Write out what it would give")]
    return []


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def plain_yaml(path: str | os.PathLike[str]) -> Any:
    """Read a YAML file of the package's own, or one that has passed its check, as it stands."""
    return yaml.load(read_text(path), Loader=LOADER)


@cache
def load_schema(name: str) -> dict[str, Any]:
    """Return a schema of ``workflow/schemas`` by name, its patterns as Python's."""
    return _of_python(plain_yaml(SCHEMAS / f"{name}.schema.yaml"))


def _of_python(schema: Any) -> Any:
    """Say the end of a text as Python does: JSON Schema's ``$`` also stands before a last line break there."""
    if isinstance(schema, list):
        return [_of_python(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {key: _of_python(part) for key, part in schema.items()}
    if isinstance(pattern := whole.get("pattern"), str):
        whole["pattern"] = pattern.replace("$", r"\Z")
    if isinstance(keyed := whole.get("patternProperties"), dict):
        whole["patternProperties"] = {key.replace("$", r"\Z"): part for key, part in keyed.items()}
    return whole


def schema_problems(value: object, schema: dict[str, Any], where: str) -> list[Problem]:
    """List what a schema (2020-12) objects to, a problem a key, unknown keys with the nearest known one.

    A content that has passed, in this process or in the one that started it, is not checked again.
    """
    mark = hashlib.sha256(repr((value, schema)).encode()).hexdigest()[:16]
    passed = os.environ.get(CHECKED, "").split()
    if mark in passed:
        return []
    from jsonschema import Draft202012Validator

    if found := list(_not_finite(value, where)):
        return found
    for error in sorted(
        Draft202012Validator(schema).iter_errors(value), key=lambda e: [str(p) for p in e.path]
    ):
        found += _problems(error, where)
    if not found:
        os.environ[CHECKED] = " ".join([*passed, mark])
    return found


def _not_finite(value: Any, where: str, key: str = "") -> Iterator[Problem]:
    """Name the numbers that are none or without end: no bound of a schema stops them."""
    if isinstance(value, float) and not math.isfinite(value):
        yield Problem(f"{where}: {key}" if key else where, f"{value} is no number", "a finite number")
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _not_finite(part, where, f"{key}.{name}" if key else str(name))


def _problems(error: Any, where: str) -> list[Problem]:
    key = ".".join(str(part) for part in error.absolute_path)
    place = f"{where}: {key}" if key else where
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        patterns = error.schema.get("patternProperties", {})
        unknown = [name for name in error.instance if name not in known and not patterns]
        return [_unknown_key(place, name, known) for name in unknown] or [Problem(place, error.message)]
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return [Problem(place, f"the key {name!r} is missing") for name in missing]
    if error.validator == "not" and _asks_for_weights(error.instance):
        return [_weighted(place, error.instance)]
    if error.validator == "enum":
        allowed = ", ".join(str(choice) for choice in error.validator_value)
        hint = did_you_mean(error.instance, error.validator_value)
        return [Problem(place, f"{error.instance!r} is not one of the choices", allowed, hint)]
    allowed = str(error.schema.get("description", ""))
    if error.validator in ("type", "pattern", "anyOf"):
        found = "null" if error.instance is None else repr(error.instance)
        allowed = allowed or _type_words(error.schema.get("type", "another value"))
        return [Problem(place, f"{found} does not fit", allowed)]
    return [Problem(place, error.message, allowed)]


def _type_words(types: str | list[str]) -> str:
    words = {"object": "a map", "array": "a list", "string": "text", "integer": "a whole number"}
    names = [types] if isinstance(types, str) else types
    return " or ".join(words.get(name, f"a {name}" if name != "null" else "null") for name in names)


def _unknown_key(place: str, name: object, known: list[str]) -> Problem:
    if _asks_for_weights(name):
        return _weighted(place, name)
    return Problem(place, f"unknown key {name!r}", ", ".join(known), did_you_mean(name, known))


def _asks_for_weights(key: object) -> bool:
    return str(key).casefold().replace("-", "_").replace(" ", "_") in WEIGHTS


def _weighted(place: str, key: object) -> Problem:
    return Problem(
        place,
        f"{key!r}: weighted models are not estimated",
        "clients who count once each",
        "A sampling weight changes the likelihood and every interval; enter what it is made of as covariates instead",
    )


def fill_defaults(value: Any, schema: dict[str, Any]) -> None:
    """Put a schema's defaults where a map has no such key, at every level below ``value`` that is there."""
    if not isinstance(value, dict):
        return
    for key, part in schema.get("properties", {}).items():
        if "default" in part:
            value.setdefault(key, copy.deepcopy(part["default"]))
        if key in value:
            fill_defaults(value[key], part)
