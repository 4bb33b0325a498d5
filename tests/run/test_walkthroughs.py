"""Five people's first hour, by README alone: their commands, and what they must find. Each runs whole steps: slow."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENGINE = (ROOT / "packages/twolevel/README.md").read_text(encoding="utf-8")
# Sizes that mean nothing, so that a walk takes a minute: what is walked are the ways, not the numbers.
SMALL = {
    "models": "config/tiny_models.yaml",
    "bootstrap": {"replicates": 20, "latent": 0},
    "montecarlo": {"draws": 200},
    "engines": ["twolevel", "regression"],
    "robustness": {"leave_one_out": True},
}

pytestmark = pytest.mark.slow


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def last_line(text: str) -> str:
    return text.rstrip().splitlines()[-1]


def test_the_reviewer_builds_verifies_and_finds_the_report(built):
    """What `make ci` and `make verify` run, with the smallest run in place of the reduced one."""
    assert {"make ci", "make verify"} <= {
        line for block in blocks(README, "sh") for line in block.splitlines()
    }
    shutil.copytree(built.root / "results/tiny", built.root / "results/reference/tiny", dirs_exist_ok=True)
    done = built.run("python", "-m", "fortems.run.verify", "tiny")
    assert done.returncode == 0 and done.stdout.startswith("Identical: all ")
    absent = built.run("python", "-m", "fortems.run.verify", "ci")
    assert absent.returncode == 2 and "make verify RUN=tiny" in absent.stdout
    for row in re.findall(r"^\| `(manuscript/[^`]+)`", README, flags=re.MULTILINE):
        assert (built.root / "results/tiny" / row).stat().st_size > 0


def test_the_clinician_runs_own_clients_follows_the_warnings_and_puts_in_own_words(repository, built):
    """Two spellings and a third category; README's overlay, its report block, then what the warning advises."""
    frame = pd.read_csv(built.root / "results/tiny/data/items.csv", dtype=str, keep_default_na=False)
    frame.loc[frame.index[:6], "gender"] = frame.loc[frame.index[:6], "gender"].str.upper()
    frame.to_csv(repository.root / "clinic.csv", index=False)
    overlay, own = (yaml.safe_load(block) for block in blocks(README, "yaml")[:2])
    (repository.root / own["report"]["sections"]).mkdir()
    repository.write(
        f"{own['report']['sections']}/discussion.md", "# Discussion {#discussion}\n\nOur own words.\n"
    )
    own["report"]["labels"] = {"bond": "Working bond"}
    repository.write("clinic.yaml", yaml.safe_dump({**overlay, **own, **SMALL}))
    done = repository.snakemake("--configfile", "clinic.yaml")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "results/clinic/manuscript/manuscript.html" in last_line(done.stdout)
    assert len(done.stdout.splitlines()) < 80
    warned = next(line for line in done.stdout.splitlines() if line.startswith("  - gender"))
    assert "data.values.gender" in warned
    page = (repository.root / "results/clinic/manuscript/manuscript.html").read_text(encoding="utf-8")
    assert "Our own words." in page and own["report"]["title"] in page and "Working bond" in page
    overlay["data"]["values"] = {"gender": {"FEMALE": "female", "MALE": "male"}}
    repository.write("clinic.yaml", yaml.safe_dump({**overlay, **own, **SMALL}))
    again = repository.snakemake("--configfile", "clinic.yaml")
    assert again.returncode == 0, again.stdout[-3000:]
    assert not any(line.startswith("  - gender") for line in again.stdout.splitlines())


def test_the_student_adds_an_instrument_and_asks_a_power_question(repository, built):
    command = next(
        line for block in blocks(README, "sh") for line in block.splitlines() if line.startswith("make power")
    )
    asked = dict(word.split("=") for word in command.split()[2:])
    words = [part for key, value in asked.items() for part in (f"--{key.lower()}", value)]
    told = repository.run("python", "-m", "fortems.design.question", *words)
    assert told.returncode == 0, told.stdout
    assert re.search(r"\d+ ?%|\.\d\d", told.stdout) and asked["THERAPISTS"] in told.stdout
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = dict(
        re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```", guide, flags=re.DOTALL | re.MULTILINE)
    )
    repository.write("phq9.yaml", files["phq9.yaml"])
    frame = pd.read_csv(built.root / "results/tiny/data/items.csv")
    for n in range(1, 10):
        frame[f"phq9_{n}"] = frame[f"oq_{n}"].clip(0, 3)
    frame.to_csv(repository.root / "clinic.csv", index=False)
    overlay = yaml.safe_load(blocks(README, "yaml")[0])
    overlay["data"] |= {"instruments": {"phq9": "phq9.yaml"}, "items": {"phq9": "phq9_{n}"}}
    models = yaml.safe_load((ROOT / "config/tiny_models.yaml").read_text())
    models["own"] = {"predictor": "bond", "mediator": "meaning", "outcome": "phq9"}
    repository.write("own_models.yaml", yaml.safe_dump(models))
    repository.write("clinic.yaml", yaml.safe_dump({**overlay, **SMALL, "models": "own_models.yaml"}))
    done = repository.snakemake("results/clinic/mediation/effects.csv", "--configfile", "clinic.yaml")
    assert done.returncode == 0, done.stdout[-3000:]
    effects = pd.read_csv(repository.root / "results/clinic/mediation/effects.csv")
    assert "phq9" in set(effects["outcome"])


def test_the_engines_user_fits_the_readmes_model(repository):
    code = "\n".join(blocks(ENGINE, "python")[:1])
    if "data" in code and "read_csv" not in code:
        code = (
            "import numpy as np, pandas as pd\nrng = np.random.default_rng(1)\n"
            "g = np.repeat(np.arange(40), 8); u = rng.normal(size=(40, 3))[g]\n"
            "x = rng.normal(size=320) + u[:, 0]; m = .5 * x + rng.normal(size=320) + u[:, 1]\n"
            "y = .4 * m + rng.normal(size=320) + u[:, 2]\n"
            "data = frame = pd.DataFrame({'x': x, 'm': m, 'y': y, 'cluster': g, 'therapist': g, 'school': g})\n"
        ) + code
    done = repository.run("python", "-c", code)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_lecturer_has_two_runs_side_by_side(repository):
    """config/class.yaml, smaller, with two seeds on the command line as README sets them; then the comparison."""
    repository.write("smaller.yaml", yaml.safe_dump(SMALL))
    for run, seed in (("seven", 7), ("eight", 8)):
        done = repository.snakemake(
            "--configfile",
            "config/class.yaml",
            "smaller.yaml",
            "--config",
            f"seed={seed}",
            f"run={run}",
            "design=null",
        )
        assert done.returncode == 0, done.stdout[-3000:]
        assert f"results/{run}/manuscript/manuscript.html" in last_line(done.stdout)
    done = repository.run("python", "-m", "fortems.archive.comparison", "seven", "eight")
    assert done.returncode == 0, done.stdout
    page = (repository.root / "results/compare-seven-eight.html").read_text(encoding="utf-8")
    assert "<td>seed</td><td>7</td><td>8</td>" in page and page.count("<img ") > 10
