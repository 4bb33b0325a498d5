"""Copies of the repository that tests may change, with the commands that a user types."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import loaded_snakemake

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("workflow", "packages/twolevel/src")  # folders that hold the study's library and the engine
LONGEST = 1200  # seconds
LEFT_OUT = (
    ".git",
    ".venv",
    ".snakemake",
    "logs",
    "tests",
    "benchmarks",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "*.egg-info",
    "results",
)


class Repository:
    """A copy of the repository that a test may change, with the commands that a user types."""

    def __init__(self, root: Path):
        self.root = root

    @classmethod
    def copy(cls, target: Path, source: Path = ROOT) -> Repository:
        """Copy what a clone holds (tests apart) and link the test data."""
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        (target / "tests").mkdir(exist_ok=True)
        if (ROOT / "tests" / "data").is_dir():
            (target / "tests" / "data").symlink_to(ROOT / "tests" / "data")
        return cls(target)

    def environment(self, **extra: str) -> dict[str, str]:
        """Environment in which this copy's libraries are found before the installed ones."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE", "PYTEST"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {
            **inherited,
            "PATH": path,
            "PYTHONPATH": os.pathsep.join(str(self.root / folder) for folder in LIBRARIES),
            **extra,
        }

    def run(self, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the copy as a user does; output and errors come together, in order.

        Snakemake as a module: its command starts isolated and would take the libraries that are installed.
        """
        own = [sys.executable, "-m"] if command[0] == "snakemake" else []
        return subprocess.run(
            [*own, *command],
            cwd=self.root,
            env=self.environment(**extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=LONGEST,
        )

    def snakemake(
        self, *arguments: str, cores: int | None = 2, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy, its libraries loaded beforehand; a target goes before ``--configfile``."""
        whole = [*(["--cores", str(cores)] if cores else []), *arguments]
        return loaded_snakemake.snakemake(whole, self.root, self.environment(**extra), LONGEST)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the copy."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file of the copy; it must be there."""
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new, 1))

    def bytes_of(self, run: str) -> dict[str, bytes]:
        """All result files of a run, by name."""
        base = self.root / "results" / run
        return {
            p.relative_to(base).as_posix(): p.read_bytes() for p in sorted(base.rglob("*")) if p.is_file()
        }
