"""YAML files and their schemas: what is wrong is said with its key."""

from __future__ import annotations

import jsonschema
import pytest
from fortems import schema
from fortems.errors import ConfigError
from fortems.schema import fill_defaults, load_yaml, schema_problems
from wording import facts

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "description": "a whole number"},
        "kind": {"enum": ["simple", "double"], "default": "simple"},
        "part": {"type": "object", "additionalProperties": False, "properties": {"deep": {"default": 3}}},
    },
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", facts("the key 'a'", "twice", "line 3. Allowed:", "each key once")),
        ("a: {b: 1, b: 2}\n", facts("the key 'b'", "twice", "line 1")),
        ("a: [1\n", "is not YAML"),
        ("- a\n", "holds no keys"),
        ("", "holds no keys"),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_yaml(path)


def test_merge_keys_may_stand_more_than_once(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: {<<: *a, x: 5}\n", encoding="utf-8")
    assert load_yaml(path) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 5}}


def test_a_latin_1_file_is_named(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes("a: caf\xe9\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"line 1: is not in UTF-8"):
        load_yaml(path)


def test_problems_name_key_value_and_nearest():
    found = [str(p) for p in schema_problems({"sise": 3, "kind": "simpel", "part": {"depe": 1}}, SCHEMA, "f")]
    assert any("f: unknown key 'sise'" in p and "Did you mean size?" in p for p in found)
    assert any("f: the key 'size' is missing" in p for p in found)
    assert any("f: kind: 'simpel' is not one of the choices" in p and "simple?" in p for p in found)
    assert any("f: part: unknown key 'depe'" in p for p in found)
    assert schema_problems({"size": 3}, SCHEMA, "f") == []


def test_defaults_fill_what_is_absent_and_keep_null():
    value = {"size": 1, "part": {}}
    fill_defaults(value, SCHEMA)
    assert value == {"size": 1, "kind": "simple", "part": {"deep": 3}}
    off = {"size": 1, "kind": None}
    fill_defaults(off, SCHEMA)
    assert off["kind"] is None


def test_what_has_passed_is_not_checked_again_and_what_has_changed_is(tmp_path, monkeypatch):
    monkeypatch.setenv(schema.CHECKED, "")
    seen = []
    validator = jsonschema.Draft202012Validator
    monkeypatch.setattr(jsonschema, "Draft202012Validator", lambda own: seen.append(own) or validator(own))
    path = tmp_path / "models.yaml"
    text = "bond: {predictor: bond, mediator: meaning, outcome: distress}\n"
    path.write_text(text, encoding="utf-8")
    first = schema.load_checked(path, "models")
    assert schema.load_checked(path, "models") == first and len(seen) == 1
    path.write_text(text.replace("mediator", "mediatr"), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ConfigError, match="mediatr"):
            schema.load_checked(path, "models")
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("config", {"weights": "w"}, "f"),
        ("config", {"data": {"source": "file", "weights": "w"}}, "f: data"),
        ("config", {"data": {"source": "file", "columns": {"sampling_weight": "w"}}}, "f: data.columns"),
        ("config", {"robustness": {"weighting": True}}, "f: robustness"),
        ("models", {"one": {"predictor": "x", "mediator": "m", "outcome": "y", "Weights": "w"}}, "f: one"),
        ("claims", {"sampling-weights": "w"}, "f"),
        ("study", {"weight": "w"}, "f"),
    ],
)
def test_weights_are_refused_by_name_wherever_they_are_typed(name, value, place):
    found = [str(p) for p in schema_problems(value, schema.load_schema(name), "f")]
    told = [p for p in found if "weighted models are not estimated" in p]
    assert len(told) == 1 and told[0].startswith(f"{place}: ") and "covariates instead" in told[0]


def test_a_column_may_hold_a_bodys_weight():
    columns = {"run": "x", "seed": 1, "models": "m", "data": {"source": "file", "columns": {"weight": "kg"}}}
    assert not schema_problems(columns, schema.load_schema("config"), "f")
