"""Each configuration key is used, and each used key is declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from fortems.schema import load_schema
from test_edits import TINY, planned

ROOT = Path(__file__).resolve().parents[2]
RULES = [(ROOT / "Snakefile"), *sorted((ROOT / "workflow/rules").glob("*.smk"))]
READERS = [*RULES, *(ROOT / f"workflow/fortems/run/{name}.py" for name in ("config", "preflight"))]

# A key → another value that a run accepts. Keys that only own data use are tried in the data's own tests.
OTHERS = {
    "seed": "1",
    "data.scenario": "equal_aspects",
    "study": "config/other_study.yaml",
    "data.instruments": "{wai: config/instruments/other.yaml}",
    "inclusion": "{sessions: {min: 6}}",
    "models": "config/models.yaml",
    "claims": "null",
    "published": "null",
    "engines": "[twolevel, semopy]",
    "confidence": "0.9",
    "intervals": "[delta, montecarlo]",
    "montecarlo.draws": "201",
    "bootstrap.replicates": "21",
    "bootstrap.latent": "4",
    "robustness.leave_one_out": "false",
    "robustness.confounding": "false",
    "robustness.multiplicity": "false",
    "robustness.influence.most": "0.03",
    "robustness.aspects.resamples": "30",
    "robustness.multiverse.choices": "config/other_choices.yaml",
    "robustness.multiverse.resamples": "30",
    "robustness.survivors.dropout": "[0.2]",
    "robustness.survivors.predictor": "[0.25]",
    "robustness.survivors.outcome": "[0.25]",
    "robustness.distribution.studies": "4",
    "robustness.bayes.steps": "501",
    "robustness.bayes.chains": "3",
    "robustness.bayes.scales": "[1]",
    "robustness.bayes.lkj": "1",
    "report.title": "Another title",
    "report.labels": "{bond: The bond}",
    "report.sections": "own_sections",
    "report.authors": "[A. Author]",
    "report.affiliations": "[A university]",
    "report.funding": "None",
    "report.conflicts": "None",
    "report.ethics": "Approved",
    "report.registration": "{date: 2026-01-31, address: 'https://osf.io/x'}",
    "report.data": "On request",
    "report.code": "In the archive",
    "design.chunks": "3",
    "design.diagnosticity.studies": "11",
    "design.diagnosticity.scenarios": "[as_reported, reversed]",
    "design.diagnosticity.gaps": "[0]",
    "design.power.studies": "6",
    "design.power.therapists": "[13]",
    "design.power.clients": "[5]",
    "design.power.indirect": "[0.1]",
    "design.power.icc": "[0]",
    "design.coverage.studies": "6",
    "design.coverage.bootstrap_studies": "4",
    "design.coverage.replicates": "21",
    "design.recovery.studies": "4",
    "design.sbc.studies": "3",
    "design.sbc.steps": "401",
    "design.surface.studies": "21",
    "design.surface.tested": "5",
    "design.surface.gaps": "[0]",
    "design.surface.totals": "[-0.2]",
    "design.surface.direct": "[1]",
    "design.surface.search": "101",
    "design.surface.starts": "2",
    "design.posterior.priors": "[meta_analytic, vague]",
    "design.posterior.draws": "50001",
    "design.posterior.other_draws": "2001",
    "design.posterior.importance": "5001",
    "design.posterior.confirm": "501",
    "design.forecast.studies": "51",
    "design.forecast.sizes": "[[96, 23]]",
    "design.attempts.studies": "201",
    "design.attempts.numbers": "[2]",
}
OWN_DATA = ("data.path", "data.format", "data.columns", "data.items", "data.values", "data.missing_codes")
OWN_DATA += ("data.already_reversed", "data.sheet", "data.occasion", "data.fill_down", "privacy.min_cell")
FIRST = ("run", "data.source")  # every run names these


def declared(schema: dict | None = None, prefix: str = "") -> set[str]:
    """Dotted names of all keys that hold no keys of their own."""
    names = set()
    for key, part in (schema or load_schema("config")).get("properties", {}).items():
        name = f"{prefix}{key}"
        deeper = "properties" in part and name not in ("data.items", "report.registration")
        names |= declared(part, f"{name}.") if deeper else {name}
    return names


def used() -> set[tuple[str, ...]]:
    """Keys that the workflow reads, as paths from the top."""
    found = set()
    for path in READERS:
        for keys in re.findall(r'\bconfig((?:\["\w+"\])+)', path.read_text(encoding="utf-8")):
            found.add(tuple(re.findall(r'"(\w+)"', keys)))
    return found


def test_every_used_key_is_declared():
    for keys in used():
        schema = load_schema("config")
        for key in keys:
            assert key in schema.get("properties", {key: {}}), ".".join(keys)
            schema = schema.get("properties", {}).get(key, {})


def test_every_declared_key_is_used_somewhere():
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow").rglob("*.py"))
    text += "\n".join(path.read_text(encoding="utf-8") for path in RULES)
    for name in declared():
        key = name.rpartition(".")[2]
        assert re.search(rf'["\'.]{key}\b', text), f"{name} is read nowhere"


def test_every_declared_key_has_its_test():
    assert declared() == {*OTHERS, *OWN_DATA, *FIRST}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_another_value_reruns_something(built, name):
    """A key whose value changes nothing would be a promise that is not kept."""
    instrument = built.root / "config/instruments/other.yaml"
    instrument.write_text((built.root / "config/instruments/wai_sr.yaml").read_text())
    choices = built.root / "config/other_choices.yaml"
    choices.write_text((built.root / "config/robustness_reduced.yaml").read_text())
    (built.root / "own_sections").mkdir(exist_ok=True)
    (built.root / "own_sections/discussion.md").write_text("# Discussion {#discussion}\n\nOurs.\n")
    study = built.root / "config/other_study.yaml"
    study.write_text((built.root / "config/study.yaml").read_text().replace("rival: search", ""))
    value = yaml.safe_load(OTHERS[name])
    for key in reversed(name.split(".")):
        value = {key: value}
    overlay = built.root / "other.yaml"
    overlay.write_text(yaml.safe_dump(value))
    try:
        started, _ = planned(built, *TINY, overlay.name)
    finally:
        overlay.unlink()
        instrument.unlink()
        study.unlink()
    # These read the written-out configuration, so that any key re-runs them.
    if name == "report.labels":
        assert {"tables", "figures", "manuscript"} <= started
    elif name.startswith("report."):
        assert "manuscript" in started
        return
    assert started - {"all", "configuration", "disclosure", "manuscript", "manifest"}
