"""Exports as five programs write them, run whole: each ends in a report in all three formats, and tells of nobody."""

from __future__ import annotations

import pytest
import yaml
from reconstruct import attack

pytestmark = pytest.mark.slow

FORMATS = ("html", "pdf", "docx")
REDUCED = {
    "engines": ["twolevel", "regression"],
    "intervals": ["delta"],
    "montecarlo": {"draws": 200},
    "bootstrap": None,
    "robustness": {
        "distribution": {"studies": 3},
        "bayes": {"steps": 500, "chains": 2, "scales": [0.5]},
        "survivors": {"dropout": [0.3], "predictor": [0.5], "outcome": [0]},
        "multiverse": {"choices": "config/robustness_reduced.yaml", "resamples": 20},
        "influence": {"most": 0.05},
        "aspects": {"resamples": 20},
    },
}


@pytest.mark.parametrize("name", ["redcap", "limesurvey", "qualtrics", "dutch", "spss"])
def test_an_export_runs_to_all_three_report_formats(repository, name):
    repository.write("reduced.yaml", yaml.safe_dump(REDUCED))
    own = f"tests/data/example_{name}.yaml"
    done = repository.snakemake("--configfile", own, "reduced.yaml")
    assert done.returncode == 0, done.stdout[-4000:]
    folder = repository.root / f"results/example_{name}"
    for document in ("manuscript", "supplement"):
        made = {kind: folder / f"manuscript/{document}.{kind}" for kind in FORMATS}
        assert all(path.stat().st_size > 10_000 for path in made.values())
        assert made["pdf"].read_bytes().startswith(b"%PDF")
        assert "</html>" in made["html"].read_text(encoding="utf-8")
    assert (folder / "manifest.json").is_file()
    assert attack(folder) == []
