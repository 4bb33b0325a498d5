"""What archives and indexes read about the package: valid, and of one source."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml
from clones import ROOT, Repository
from jsonschema import Draft7Validator

SCHEMA = ROOT / "tests/reference/citation/cff-1.2.0.schema.json"
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_citation_file_follows_its_schema():
    validator = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert not [error.message for error in validator.iter_errors(CITATION)]
    assert list(validator.iter_errors({**CITATION, "type": "study"}))


def test_codemeta_is_what_follows_from_the_citation_file():
    made = runpy.run_path(str(ROOT / ".ci/citing.py"))["text"]()
    assert (ROOT / "codemeta.json").read_text(encoding="utf-8") == made, "renew it: make citing"


def test_the_version_is_the_same_everywhere():
    version = CITATION["version"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == version
    assert f"(Version {version})" in (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first and first[1] == version


@pytest.mark.parametrize("entry", yaml.safe_load((ROOT / "codecheck.yml").read_text())["manifest"], ids=str)
def test_what_a_codecheck_looks_at_is_made(built: Repository, entry):
    name = Path(entry["file"]).relative_to("results/main")
    assert (built.root / "results/tiny" / name).is_file()


def test_the_catalogs_file_has_what_the_catalog_asks_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert {"desc", "flags"} == set(usage["mandatory-flags"])
    assert set(usage["software-stack-deployment"]) <= {"conda", "apptainer", "apptainer+conda"}
    assert all(
        (ROOT / path).is_file() for path in ("workflow/Snakefile", "config/README.md", "config/config.yaml")
    )


def test_the_public_host_runs_what_anyone_can_run():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert commands == ["bash .ci/run"]
