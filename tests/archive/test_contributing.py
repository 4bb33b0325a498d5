"""CONTRIBUTING.md's recipes, done as they stand there: each adds one of its kind, and the package takes it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fortems.claims.claimfile import load_claims
from fortems.run.preflight import check
from fortems.schema import load_yaml
from fortems.study.definition import study
from fortems.study.instruments import load_instruments
from fortems.study.models import load_models

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def files() -> dict[str, str]:
    """File that a recipe writes → its text."""
    return dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of a person's own with all that the recipes write."""
    monkeypatch.chdir(tmp_path)
    for name, text in files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def checked(**keys) -> dict:
    """A configuration of the recipes over the package's own, as a run checks it before any computing."""
    base = load_yaml(ROOT / "config/config.yaml")
    for key, value in keys.items():
        base[key] = {**base[key], **value} if isinstance(value, dict) else value
    return check(base)


def test_a_model(here):
    whole = checked(models="my_models.yaml", claims=None, published=None, design=None)
    models = load_models(whole["models"], study().score_columns)
    assert models["bond_age"].covariates == ("age",)


def test_an_instrument(here):
    """Nine answers of 2 make a sum of 18, and higher is worse."""
    import numpy as np
    from fortems.study.scoring import score_array

    data = {"source": "file", "path": "clinic.csv", "format": "items"}
    data |= {"instruments": {"phq9": "phq9.yaml"}, "items": {"phq9": "phq9_{n}"}}
    (here / "clinic.csv").write_text("client,therapist\n1,1\n")
    whole = checked(data=data, design=None, claims=None, published=None)
    instrument = load_instruments({"phq9": whole["data"]["instruments"]["phq9"]})["phq9"]
    scored = score_array(np.full((1, 9), 2.0), instrument)
    assert float(np.asarray(scored["phq9"])[0]) == 18


def test_a_scenario(here):
    for path in (ROOT / "config/scenarios").glob("*.yaml"):
        shutil.copy(path, here / "config/scenarios")
    checked(data={"source": "simulated", "scenario": "smaller_gap"}, design=None)
    from fortems.simulate.scenario import load_scenario

    assert load_scenario("smaller_gap").title == "Smaller gap"


def test_a_claim(here):
    whole = checked(claims="my_claims.yaml", published=None, design=None)
    assert set(load_claims(whole["claims"], [], ["bond", "meaning"])) == {"bond_meaning"}


def test_a_figure(repository, built):
    """In a copy: the module, its two places, and the drawing from the built run."""
    name = "workflow/fortems/figures/therapist_counts.py"
    repository.write(name, files()[name])
    catalog = repository.root / "workflow/fortems/figures/catalog.py"
    needs = re.search(r'NEEDS\["therapist_counts"\] = \(.*?\)', TEXT)[0]
    catalog.write_text(catalog.read_text() + f"\n{needs}\n")
    repository.edit(
        "workflow/fortems/figures/build.py",
        "        therapists,\n",
        "        therapists,\n        therapist_counts,\n",
    )
    repository.edit(
        "workflow/fortems/figures/build.py",
        "    modules = (\n",
        "    modules = (\n        therapist_counts,\n",
    )
    code = (
        "from pathlib import Path\n"
        "from fortems.figures import catalog, build\n"
        "from fortems.figures.base import Context\n"
        "from fortems.presentation.results import Results\n"
        f"results = Results(Path({str(built.root / 'results/tiny')!r}))\n"
        "assert 'therapist_counts' in catalog.names(results.config)\n"
        "print(build.draw(build.spec('therapist_counts'), Context(results), Path('.')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository.root,
        env=repository.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for suffix in ("svg", "pdf", "png", "csv"):
        assert (repository.root / f"therapist_counts.{suffix}").stat().st_size > 0


def test_a_study(tmp_path, monkeypatch):
    command = re.search(r"^make new STUDY=(\w+)$", TEXT, flags=re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    subprocess.run(
        [sys.executable, "-m", "fortems.study.new", command[1]], check=True, env=environment, cwd=tmp_path
    )
    made = tmp_path / "config/studies" / command[1]
    assert (made / "study.yaml").is_file()
    assert all(yaml.safe_load(path.read_text(encoding="utf-8")) for path in made.rglob("*.yaml"))


def test_every_recipe_is_tried():
    recipes = re.findall(r"^### An? (\w+)", TEXT, flags=re.MULTILINE)
    assert set(recipes) >= {"model", "instrument", "scenario", "claim", "figure", "study"}
    tests = Path(__file__).read_text(encoding="utf-8")
    assert all(f"def test_a_{r}(" in tests or f"def test_an_{r}(" in tests for r in set(recipes) - {"result"})
    assert len(files()) == 5


def test_what_is_named_is_there():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", TEXT):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    for path in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / path).exists(), path
