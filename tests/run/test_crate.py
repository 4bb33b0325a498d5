"""The RO-Crate of a run, by the validator of those who set the profile, without the network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import requests
import rocrate
from clones import ROOT, Repository
from fortems.run.crate import METADATA, crate, may_be_listed
from fortems.schema import load_yaml
from rocrate_validator import services

CONTEXT = Path(rocrate.__file__).parent / "data/ro-crate.jsonld"
PROFILE = "workflow-run-crate"


@pytest.fixture
def offline(monkeypatch):
    """The context from the library's own copy; any other address fails."""

    def get(self, method, url, *arguments, **options):
        if "w3id.org/ro/crate" not in url:
            raise requests.ConnectionError(f"no network in tests: {url}")
        answer = requests.Response()
        answer.status_code = 200
        answer.headers["Content-Type"] = "application/ld+json"
        answer._content = CONTEXT.read_bytes()
        answer.url = url
        return answer

    monkeypatch.setattr(requests.Session, "request", get)


def faults(folder: Path) -> list[str]:
    result = services.validate(
        services.ValidationSettings(
            rocrate_uri=str(folder),
            profile_identifier=PROFILE,
            requirement_severity="REQUIRED",
            skip_availability_check=True,
            no_cache=True,
        )
    )
    return [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]


def test_the_crate_is_valid(built: Repository, offline):
    found = faults(built.root / "results/tiny")
    assert not found, "\n".join(found)


def test_the_validator_can_fail(built: Repository, offline, tmp_path: Path):
    told = json.loads((built.root / "results/tiny" / METADATA).read_text())
    told["@graph"] = [{k: v for k, v in e.items() if k != "instrument"} for e in told["@graph"]]
    for name in ("Snakefile", "config.yaml"):
        (tmp_path / name).write_bytes((built.root / "results/tiny" / name).read_bytes())
    (tmp_path / METADATA).write_text(json.dumps(told))
    assert faults(tmp_path)


def test_every_file_is_listed_with_its_checksum_and_nothing_of_the_machine(built: Repository):
    root = built.root / "results/tiny"
    text = (root / METADATA).read_text()
    listed = {e["@id"]: e for e in json.loads(text)["@graph"] if "sha256" in e}
    there = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert there - set(listed) == {METADATA, "disclosure.json", "manifest.json"}
    for name, entry in listed.items():
        assert entry["sha256"] == hashlib.sha256((root / name).read_bytes()).hexdigest()
    assert str(built.root) not in text and str(ROOT) not in text


def test_of_own_data_nothing_below_data_is_listed(built: Repository):
    root = built.root / "results/tiny"
    names = ["data/scores.csv", "data/full/claims.csv", "claims.csv", "config.yaml"]
    told = crate(
        root, [n for n in names if (root / n).exists()], "x", load_yaml(ROOT / "CITATION.cff"), "9", True
    )
    assert {e["@id"] for e in told["@graph"] if "sha256" in e} == {"claims.csv", "config.yaml", "Snakefile"}
    assert [n for n in names if may_be_listed(n, own=True)] == ["claims.csv", "config.yaml"]
    assert may_be_listed("data/scores.csv", own=False)
