"""Packages come from the environment of the lock, whatever PYTHONPATH or the user's own packages have."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import yaml

TINY = ("--configfile", "config/tiny.yaml")


def path_with(repository, folder: Path) -> str:
    return os.pathsep.join([str(folder), repository.environment()["PYTHONPATH"]])


def test_a_package_that_a_step_would_take_from_pythonpath_is_not_taken(repository, tmp_path):
    """The step that simulates needs scipy, which Snakemake itself does not."""
    shadow = tmp_path / "shadow"
    (shadow / "scipy").mkdir(parents=True)
    (shadow / "scipy" / "__init__.py").write_text("raise SystemExit('the shadow')\n")
    done = repository.run(
        "snakemake",
        "--cores",
        "1",
        "results/tiny/data/items.csv",
        *TINY,
        PYTHONPATH=path_with(repository, shadow),
    )
    assert "the shadow" not in done.stdout
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_package_that_has_been_taken_from_there_is_named(repository, tmp_path):
    shutil.copytree(Path(yaml.__file__).parent, tmp_path / "yaml")
    done = repository.run(
        "snakemake", "-n", "--cores", "1", *TINY, PYTHONPATH=path_with(repository, tmp_path)
    )
    assert done.returncode != 0
    assert f"comes from {tmp_path} and not from the environment of the lock" in done.stdout
    assert "Traceback" not in done.stdout
