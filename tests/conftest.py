"""What tests of several areas share: copies of the repository, and one built tiny run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from clones import Repository

# As in the workflow's jobs: one thread, so that processes side by side do not take each other's core.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")


#: Files that take minutes, and then those that run the workflow: begun first, so that no processor waits for one at the end.
FIRST = ("tests/data/test_reconstruction.py", "tests/run/test_one_choice.py", "tests/run/")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first: ``pytest -n`` hands out whole files in this order (with ``--no-loadscope-reorder``)."""
    items.sort(key=lambda item: next((i for i, name in enumerate(FIRST) if name in item.nodeid), len(FIRST)))


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
