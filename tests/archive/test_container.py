"""The Containerfile's steps and the conda environment: what they copy is there, what they run is what `make` runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from fortems.archive import conda

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """Instruction and its words, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(line for line in TEXT.splitlines() if not line.startswith("#")))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def copied(folder: Path) -> Path:
    """Do the file's COPY steps into a folder, as a builder does."""
    for word, rest in instructions():
        if word != "COPY":
            continue
        *sources, target = rest.split()
        for source in sources:
            to = folder / target / ("" if target != "./" else source)
            if (ROOT / source).is_dir():
                # What is compiled comes along: an image compiles it once, a test need not.
                ignored = shutil.ignore_patterns("*.egg-info")
                shutil.copytree(ROOT / source, folder / target, dirs_exist_ok=True, ignore=ignored)
            else:
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, folder / source)
    return folder


def test_the_steps_come_in_order():
    words = [word for word, _ in instructions()]
    assert words[0] == "FROM" and words[-1] == "CMD"
    assert json.loads(instructions()[-1][1])[0] == "snakemake"
    runs = [rest for word, rest in instructions() if word == "RUN"]
    assert any(run.startswith("make env ") for run in runs)


def test_the_python_is_one_that_the_locks_are_for():
    version = re.search(r"python:(3\.\d+)-slim", TEXT)[1]
    assert f"Python :: {version}" in (ROOT / "pyproject.toml").read_text()
    assert version == conda.PYTHON


def test_what_is_copied_plans_the_run(tmp_path):
    """The image's files alone are enough to plan every step, and `make env` finds what it needs."""
    from clones import Repository

    image = Repository(copied(tmp_path))
    done = image.snakemake("--dry-run", "--configfile", "config/tiny.yaml")
    assert done.returncode == 0, done.stdout[-2000:]
    planned = subprocess.run(["make", "-n", "env"], cwd=tmp_path, capture_output=True, text=True)
    assert planned.returncode == 0, planned.stderr
    for name in re.findall(r"-r (requirements[\w-]*\.lock)", planned.stdout):
        assert (tmp_path / name).is_file()


@pytest.mark.slow
def test_the_steps_build_an_environment_in_which_a_result_is_made(tmp_path):
    """COPY and `make env` as the file has them, then its command for one result."""
    copied(tmp_path)
    built = subprocess.run(["make", "env"], cwd=tmp_path, capture_output=True, text=True, timeout=1800)
    assert built.returncode == 0, built.stderr[-3000:]
    command = [tmp_path / ".venv/bin/snakemake", "--cores", "2", "results/tiny/data/scores.csv"]
    done = subprocess.run(
        [*command, "--configfile", "config/tiny.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_the_linter_has_no_complaint():
    done = subprocess.run(["hadolint", ROOT / "Containerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_conda_has_the_versions_of_the_lock():
    """Counted in the lock in another way: by its lines that are no hashes and no comments."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    names = {
        line.split("==")[0] for line in lock.splitlines() if "==" in line and not line.startswith((" ", "#"))
    }
    told = yaml.safe_load(conda.TARGET.read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    assert {entry.split("==")[0] for entry in told} == names and len(names) > 80
    for entry in told:
        assert re.match(rf"^{re.escape(entry.split(' ;')[0])}[ \\]", lock[lock.index(entry.split(" ;")[0]) :])
