"""The configuration: what is refused and in which words, how overlays merge, what is on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from fortems.errors import ConfigError
from fortems.run import config as configuration
from fortems.run import preflight
from fortems.schema import load_schema

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def in_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def default() -> dict:
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def merged(overlay: str) -> dict:
    from snakemake.utils import update_config

    whole = default()
    update_config(whole, yaml.safe_load(overlay) or {})
    return whole


def problems(overlay: str) -> str:
    with pytest.raises(ConfigError) as caught:
        preflight.check(merged(overlay))
    return str(caught.value)


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ("sed: 4", ["unknown key 'sed'", "Did you mean seed?"]),
        ("data: {scenari: x}", ["data: unknown key 'scenari'", "Did you mean scenario?"]),
        ("data: {instruments: {oc: x}}", ["x: there is no such file"]),
        ("data: {items: {oc: 'oq_{n}'}}", ["data.items", "there is no instrument 'oc'", "Did you mean oq?"]),
        ("study: absent.yaml", ["absent.yaml: there is no such file"]),
        ("design: {power: {studie: 3}}", ["design.power: unknown key 'studie'", "Did you mean studies?"]),
        ("inclusion: {sessions: {minimum: 3}}", ["inclusion.sessions: unknown key 'minimum'", "min?"]),
        ("run: 2024_01", ["run: the run's name is 202401", "quotes", "run: 'r202401'"]),
        ("run: null", ["run: the run's name is None", "run: mine"]),
        ("run: reference", ["run:", "reference"]),
        ("run: a/b", ["run:", "a letter first"]),
        (f"run: {'x' * 42}", ["run:", "up to 41"]),
        ("seed: -1", ["seed:", "-1", "0"]),
        ("seed: 1.5", ["seed:", "1.5"]),
        ("seed: many", ["seed:", "many"]),
        ("engines: [twolevle]", ["engines.0", "'twolevle'", "Did you mean twolevel?"]),
        ("engines: []", ["engines"]),
        ("engines: twolevel", ["engines", "a list of"]),
        ("intervals: [delta, delta]", ["intervals"]),
        (
            "{intervals: [percentile], bootstrap: null}",
            ["intervals: percentile", "bootstrap is off", "delta"],
        ),
        ("{intervals: [percentile, bca], engines: [semopy]}", ["intervals:", "semopy give none"]),
        (
            "{intervals: [bca], data: {source: matrix, path: tests/data/article.yaml}}",
            ["a matrix has no clients to resample"],
        ),
        ("confidence: 95", ["confidence", "95", "a share"]),
        ("bootstrap: {replicates: 2}", ["bootstrap.replicates", "2"]),
        ("montecarlo: {draws: none}", ["montecarlo.draws", "none"]),
        ("privacy: null", ["privacy"]),
        ("data: {source: simulatd}", ["data.source", "Did you mean simulated?"]),
        ("data: {source: file}", ["data.path", "data.format"]),
        (
            "data: {source: file, path: absent.csv, format: items}",
            ["data.path", "there is no file absent.csv"],
        ),
        ("data: {source: file, path: config, format: items}", ["config is a folder"]),
        ("data: {source: matrix}", ["data.path", "matrix"]),
        (
            "{data: {source: matrix, path: tests/data/article.yaml}, engines: [twolevel, mixedlm]}",
            ["engines: twolevel, mixedlm", "cannot fit a matrix", "one of regression, semopy"],
        ),
        ("data: {items: {oq: oq_n}}", ["data.items.oq", "{n}"]),
        ("data: {scenario: as_reportd}", ["as_reportd", "Did you mean", "as_reported"]),
        (
            "design: {diagnosticity: {scenarios: [equal]}}",
            ["equal", "Did you mean", "equal_aspects"],
        ),
        ("design: {diagnosticity: {gaps: [1.5]}}", ["design.diagnosticity.gaps.0", "1.5"]),
        ("design: {power: {icc: []}}", ["design.power.icc"]),
        ("models: config/modles.yaml", ["config/modles.yaml: there is no such file", "config/models.yaml?"]),
        ("claims: [a]", ["claims"]),
        ("data: {instruments: {oq: config/instruments/oq4.yaml}}", ["config/instruments/oq45.yaml?"]),
    ],
)
def test_a_bad_configuration_is_refused_by_name(overlay, words):
    text = problems(overlay)
    for word in words:
        assert word in text, text


def test_every_problem_is_listed():
    text = problems("{sed: 1, confidence: 2, engines: [x], data: {source: y}}")
    assert len(text.splitlines()) == 4


def test_keys_of_other_sources_are_ignored():
    whole = preflight.check(merged("data: {path: absent.csv, format: items}"))
    assert whole["data"]["source"] == "simulated"


def test_overlays_merge_maps_and_replace_lists_and_switch_off_with_null():
    whole = preflight.check(merged("{inclusion: {sessions: null}, engines: [semopy], design: null}"))
    assert whole["inclusion"] == {"sessions": None}
    assert whole["engines"] == ["semopy"]
    assert whole["design"] is None
    assert whole["bootstrap"] == default()["bootstrap"]


def test_null_is_not_replaced_by_a_default():
    whole = preflight.check(merged("{claims: null, bootstrap: null, design: {power: null}}"))
    assert whole["claims"] is None
    assert whole["bootstrap"] is None
    assert whole["design"]["power"] is None


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", "", "just words"])
def test_a_file_that_is_no_yaml_map_is_named(text, tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text(text)
    assert str(path) in problems(f"models: {path}")


def test_the_schema_is_closed_at_every_level():
    def open_maps(schema, place):
        if not isinstance(schema, dict):
            return
        if "properties" in schema and schema.get("additionalProperties") is not False:
            yield place
        for key, part in schema.items():
            if isinstance(part, dict):
                yield from open_maps(part, f"{place}.{key}")

    assert list(open_maps(load_schema("config"), "config")) == []


def leaves(schema: dict, prefix: str = ""):
    for key, part in schema.get("properties", {}).items():
        name = f"{prefix}{key}"
        if "properties" in part and name not in ("data.items", "report.registration"):
            yield from leaves(part, f"{name}.")
        else:
            yield name, part


def test_defaults_of_schema_and_file_are_the_same():
    bare = configuration.complete({})
    assert bare == configuration.complete(default())


def test_every_key_stands_in_the_configuration_file():
    whole = default()
    for name, _ in leaves(load_schema("config")):
        value = whole
        for part in name.split("."):
            assert part in value, f"{name} is not in config/config.yaml"
            value = value[part]


def test_every_key_is_explained_and_every_explained_key_exists():
    text = (ROOT / "config/README.md").read_text()
    explained = set(re.findall(r"^\| `([a-z_.]+)` \|", text, flags=re.MULTILINE))
    declared = {name for name, _ in leaves(load_schema("config"))}
    assert declared - explained == set()
    assert {name for name in explained if name.partition(".")[0] in default()} - declared == set()


@pytest.mark.parametrize(
    ("overlay", "name", "on"),
    [
        ("{}", "data/calibration.csv", True),
        ("{}", "tables/reliability.csv", True),
        ("claims: null", "claims.csv", False),
        ("design: null", "design/power.csv", False),
        ("design: {power: null}", "design/power.csv", False),
        ("design: {power: null}", "design/coverage.csv", True),
        ("design: {diagnosticity: null}", "design/likelihood_ratios.csv", False),
        ("robustness: null", "robustness/leave_one_out.csv", False),
        ("robustness: {leave_one_out: false}", "robustness/leave_one_out.csv", False),
        ("data: {source: file, format: items}", "tables/reliability.csv", True),
        ("data: {source: file, format: items}", "data/calibration.csv", False),
        ("data: {source: file, format: scores}", "tables/reliability.csv", False),
        ("data: {source: file, format: scores}", "data/scores.csv", True),
        ("data: {source: matrix}", "data/scores.csv", False),
        ("data: {source: matrix}", "tables/correlations.csv", True),
    ],
)
def test_a_source_gives_what_it_can(overlay, name, on):
    assert configuration.switched_on(name, merged(overlay)) is on


def test_own_data_and_what_lies_beside_them_are_written_out_by_base_name_only():
    clinic = "/home/someone/clinic"
    whole = merged(
        f"{{data: {{source: file, path: {clinic}/export.sav, format: items, "
        f"instruments: {{wai: {clinic}/key/wai.yaml}}}}, models: {clinic}/models.yaml, claims: null}}"
    )
    shown = configuration.published_form(whole)
    assert "clinic" not in str(shown)
    assert (shown["data"]["path"], shown["models"], shown["claims"]) == ("export.sav", "models.yaml", None)
    assert shown["data"]["instruments"] == whole["data"]["instruments"] | {"wai": "wai.yaml"}
    assert whole["data"]["path"].startswith(clinic)


@pytest.mark.parametrize(
    ("path", "own", "told"),
    [
        ("config/models.yaml", "../clinic/export.csv", "config/models.yaml"),
        ("config/models.yaml", "export.csv", "config/models.yaml"),
        ("config/models.yaml", None, "config/models.yaml"),
        ("../clinic/models.yaml", "../clinic/export.csv", "models.yaml"),
        ("/elsewhere/models.yaml", "../clinic/export.csv", "/elsewhere/models.yaml"),
        ("data/export.csv", "data/export.csv", "export.csv"),
    ],
)
def test_paths_that_results_may_tell(path, own, told):
    assert configuration.told_path(path, own) == told


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("{text: t, statistic: correlation, x: bond, y: meanin}", "Did you mean meaning?"),
        ("{text: t, statistic: correlation, x: gender, y: bond}", "no numeric variable 'gender'"),
        ("{text: t, statistic: effect, effect: a, model: bnd}", "Did you mean bond?"),
    ],
)
@pytest.mark.parametrize(
    "source",
    [
        "source: simulated",
        "source: file, path: tests/data/example_items.csv, format: items",
        "source: matrix, path: tests/data/article.yaml",
    ],
)
def test_claims_name_what_there_is(tmp_path, claim, words, source):
    path = tmp_path / "claims.yaml"
    path.write_text(f"claims: {{one: {claim}}}\n")
    assert words in problems(f"data: {{{source}}}\nclaims: {path}")


@pytest.mark.parametrize(
    "source",
    [
        "source: file, path: tests/data/example_items.csv, format: items, columns: {education: edu}",
        "source: matrix, path: tests/data/article.yaml",
    ],
)
def test_claims_of_the_study_beside_own_models_and_columns(tmp_path, source):
    """What the study knows and this run lacks is no slip."""
    models, claims = tmp_path / "models.yaml", tmp_path / "claims.yaml"
    models.write_text("own: {predictor: bond, mediator: meaning, outcome: phq}\n")
    preflight.check(merged(f"data: {{{source}}}\nmodels: {models}"))
    claims.write_text(
        "claims: {one: {text: t, statistic: correlation, x: bond, y: phq}, "
        "two: {text: t, statistic: effect, effect: a, model: own}}\n"
    )
    preflight.check(merged(f"data: {{{source}}}\nmodels: {models}\nclaims: {claims}"))
    if "columns" in source:
        claims.write_text("claims: {one: {text: t, statistic: correlation, x: bond, y: education}}\n")
        preflight.check(merged(f"data: {{{source}}}\nmodels: {models}\nclaims: {claims}"))


def test_the_text_null_of_a_command_line_switches_off():
    """Snakemake's ``--config design=null`` gives text; a value further down that reads null stays as it is."""
    whole = merged("data: {missing_codes: ['null']}") | {"design": "null", "claims": "null"}
    checked = preflight.check(whole)
    assert checked["design"] is None and checked["claims"] is None
    assert configuration.complete(whole)["design"] is None
    assert configuration.complete(merged("design: {surface: 'null'}"))["design"]["surface"] is None
    assert checked["data"]["missing_codes"] == ["null"]
