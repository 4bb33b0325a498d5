"""README and config/README: every command and every file that they name is real."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    return [line for block in blocks(README, "sh") for line in block.splitlines() if line.strip()]


def test_there_are_commands():
    assert {"make", "make test", "snakemake --cores 4"} <= set(commands())


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("make")])
def test_make_knows_the_target(command):
    """And the variables that are set on the line."""
    makefile = (ROOT / "Makefile").read_text()
    words = shlex.split(command)[1:]
    targets = re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE)
    assert {word for word in words if "=" not in word} <= set(targets)
    assert {word.split("=")[0] for word in words if "=" in word} <= set(
        re.findall(r"\$\(([A-Z]+)\)", makefile)
    )


#: Commands that continuous integration runs itself (.ci/run); the full run is the release's own.
OF_CI = ("make test", "make ci", "make check", "make verify")
OTHERS = [c for c in commands() if c.startswith("make ") and c not in OF_CI]


def test_continuous_integration_runs_the_readmes_long_commands():
    steps = re.findall(r"^step (make [a-z-]+)", (ROOT / ".ci/run").read_text(), flags=re.MULTILINE)
    assert set(OF_CI) <= set(steps)


@pytest.fixture(scope="module")
def with_environment(built):
    """The built repository with an environment in which ``make`` finds nothing to install; its run is main, and class."""
    for name in ("main", "class"):
        shutil.copytree(built.root / "results/tiny", built.root / "results" / name)
    venv = built.root / ".venv"
    venv.mkdir()
    for part in ("bin", "lib", "lib64", "include", "pyvenv.cfg"):
        if (Path(sys.prefix) / part).exists():
            (venv / part).symlink_to(Path(sys.prefix) / part)
    told = built.run("make", "-n", "dev").stdout
    for name in re.findall(r"\.venv/\.(?:place|run|dev)-[\d-]+", told):
        (built.root / name).touch()
    yield built
    for name in ("main", "class"):
        shutil.rmtree(built.root / "results" / name)
    shutil.rmtree(venv)


@pytest.mark.slow
@pytest.mark.parametrize("command", OTHERS)
def test_the_command_does_what_the_readme_says(with_environment, command):
    ledger = pd.read_csv(with_environment.root / "results/main/manuscript/numbers.csv")
    number = next(text for text in ledger["text"].astype(str) if re.fullmatch(r"-0?\.\d\d", text))
    done = with_environment.run(*shlex.split(command.replace("N=-0.31", f"N={number}")))
    assert done.returncode == 0, done.stdout[-2000:]
    expected = {
        "make contact-sheet": "pictures",
        "make power THERAPISTS=40 CLIENTS=6 INDIRECT=.05": "40 therapists",
        "make trace N=-0.31": "workflow/scripts/",
        "make compare A=main B=class": "results/compare-main-class.html",
    }
    assert expected[command] in done.stdout, done.stdout[-2000:]


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("snakemake")])
def test_snakemake_takes_the_command(built, command):
    """Each Snakemake command of the README plans a run; the example of own data with a file that is there."""
    overlay = yaml.safe_load(blocks(README, "yaml")[0])
    (built.root / "clinic.csv").write_text("client,therapist\n1,1\n")
    (built.root / "clinic.yaml").write_text(yaml.safe_dump(overlay))
    try:
        words = shlex.split(command)
        done = built.snakemake(*words[1:], *([] if "--unlock" in words else ["--dry-run"]), cores=None)
    finally:
        (built.root / "clinic.csv").unlink()
        (built.root / "clinic.yaml").unlink()
    assert done.returncode == 0, done.stdout[-2000:]


def test_own_data_in_six_lines_run_to_the_claims(repository, built):
    """The README's own configuration, with a file of the columns that it names, gives claims."""
    overlay = blocks(README, "yaml")[0]
    assert yaml.safe_load(overlay)["design"] is None
    assert len(overlay.splitlines()) == 6
    repository.write("clinic.yaml", overlay)
    shutil.copyfile(built.root / "results/tiny/data/items.csv", repository.root / "clinic.csv")
    smaller = repository.write(
        "smaller.yaml",
        "models: config/tiny_models.yaml\nbootstrap: {replicates: 20}\nmontecarlo: {draws: 200}\n"
        "robustness:\n  distribution: {studies: 3}\n  bayes: {steps: 500, chains: 2, scales: [0.5]}\n"
        "  multiverse: {choices: config/robustness_reduced.yaml, resamples: 20}\n  aspects: {resamples: 20}\n",
    )
    done = repository.snakemake("results/clinic/claims.csv", "--configfile", "clinic.yaml", smaller.name)
    assert done.returncode == 0, done.stdout[-3000:]
    assert (repository.root / "results/clinic/claims.csv").stat().st_size > 0


def test_files_and_folders_that_are_named_exist(built):
    for name in re.findall(r"\]\(([^)#]+)\)", README):
        if not name.startswith("http"):
            assert (ROOT / name).exists(), name
    for row in re.findall(r"^\| `([^|]*)` \|", README, flags=re.MULTILINE):
        for name in re.findall(r"[\w./-]+", row.replace("`", " ")):
            if "/" in name or name.endswith((".csv", ".json", ".yaml")):
                assert (built.root / "results/tiny" / name).exists(), name


def test_the_version_is_the_packages():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"(Version {version})" in README


def test_verdicts_are_those_that_the_claims_give():

    from fortems.claims import judge

    explained = set(re.findall(r"^\| `([a-z ()]+)` \|", README, flags=re.MULTILINE))
    assert {judge.REPRODUCED, judge.WEAK, judge.NOT_REPRODUCED, judge.NOT_TESTABLE} <= explained


def test_overlays_in_the_documentation_are_accepted():
    """Every YAML block of the documentation with a known top key passes the schema."""
    from fortems.schema import load_schema, schema_problems

    known = load_schema("config")["properties"]
    for path in (ROOT / "README.md", ROOT / "config/README.md"):
        for block in blocks(path.read_text(encoding="utf-8"), "yaml"):
            value = yaml.safe_load(block)
            if isinstance(value, dict) and set(value) & {"run", "data", "design", "engines", "inclusion"}:
                whole = {"run": "x", "seed": 1, "models": "m", "data": {"source": "simulated"}} | value
                assert not schema_problems(
                    {k: v for k, v in whole.items() if k in known}, load_schema("config"), "x"
                )
                assert set(value) <= set(known)
