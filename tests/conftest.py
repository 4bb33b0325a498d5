"""What tests of several areas share: copies of the repository, and one built tiny run."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import loaded_snakemake
import pytest

# As in the workflow's jobs: one thread, so that processes side by side do not take each other's core.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workflow's tests first: they take longest, and ``pytest -n`` hands out whole files in this order."""
    items.sort(key=lambda item: "tests/run/" not in item.nodeid)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Have a folder made by the first of the processes of ``pytest -n`` that needs it; the others wait for it.

    Called with the folder's name and what fills it. Who wants to change the folder copies it first.
    """
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder = base / name
        with open(base / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / ".made").exists():
                folder.mkdir()
                make(folder)
                (folder / ".made").touch()
        return folder

    return made


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
        """Run a command in the copy as a user does; output and errors come together, in order."""
        return subprocess.run(
            command,
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


@pytest.fixture(scope="session")
def copied() -> Callable[[Path], Repository]:
    """Copy the repository without results to a folder: for what several tests share."""
    return Repository.copy


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A copy of the repository without results."""
    return Repository.copy(tmp_path / "repository")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, made_once: Callable[..., Path]) -> Repository:
    """A copy with the tiny run built; tests that change it copy it first (``clone``), or put back what they change."""

    def make(folder: Path) -> None:
        copy = Repository.copy(folder / "repository")
        done = copy.run("snakemake", "--cores", "2", "--configfile", "config/tiny.yaml")
        assert done.returncode == 0, done.stdout[-4000:]

    own = tmp_path_factory.mktemp("own") / "repository"
    shutil.copytree(made_once("built", make) / "repository", own, symlinks=True)
    return Repository(own)


@pytest.fixture
def clone(built: Repository, tmp_path: Path) -> Repository:
    """A copy of the built repository, with its results, times and Snakemake's records."""
    target = tmp_path / "clone"
    shutil.copytree(built.root, target, symlinks=True)
    return Repository(target)
