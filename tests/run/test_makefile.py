"""The two commands: what they say when Python is missing, and when they have nothing to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = (
    "Makefile",
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-build.lock",
    "pyproject.toml",
    "packages/twolevel/pyproject.toml",
)

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def folder(tmp_path):
    """What the Makefile looks at, without an environment."""
    for name in BUILT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True)


def python(folder: Path, body: str) -> str:
    """A Python in name only."""
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return f"PYTHON={path}"


def test_no_python_is_said(folder):
    done = make(folder, "env", "PYTHON=")
    assert done.returncode != 0
    assert "No Python 3.11, 3.12, 3.13, 3.14 or 3.15 found" in done.stderr


def test_a_python_that_is_too_new_is_said(folder):
    """The only Python of a machine, as such a machine would answer."""
    shim = folder / "python3"
    shim.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] || exit 1\nexec {sys.executable} -c "import sys; sys.version_info = (3, 16, 0); $2"\n'
    )
    shim.chmod(0o755)
    tools = folder / "bin"
    tools.mkdir()
    for name in ("sh", "cat", "cksum", "tr", "head", "pwd", "make"):
        (tools / name).symlink_to(shutil.which(name))
    surroundings = {"PATH": f"{folder}:{tools}"}
    command = ["make", "env", "VERSIONS="]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Python 3.16 is newer than" in done.stderr and "Install one" in done.stderr
    assert not (folder / ".venv").exists()


def test_a_python_that_is_not_there_is_named(folder):
    done = make(folder, "env", "PYTHON=python9.9")
    assert done.returncode != 0
    assert "python9.9 is not there" in done.stderr


def test_the_systems_own_python_comes_first_and_then_the_path(folder):
    """Distributions build theirs for speed; one that is too old or has no venv module is passed over."""
    shim = folder / "python3.15"
    shim.write_text("#!/bin/sh\necho ok\n")
    shim.chmod(0o755)
    surroundings = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    told = subprocess.run(
        ["make", "-n", "env"], cwd=folder, env=surroundings, capture_output=True, text=True
    ).stdout
    own = [
        path
        for path in (f"/usr/bin/python3.{minor}" for minor in (15, 14, 13, 12, 11))
        if os.path.exists(path) and subprocess.run([path, "-c", "import venv, ensurepip"]).returncode == 0
    ]
    assert f"python='{[*own, 'python3.15'][0]}'" in told


def test_another_version_is_named(folder):
    done = make(folder, "env", python(folder, "exit 1"))
    assert done.returncode != 0
    assert "is not Python 3.11 to 3.15" in done.stderr


def test_a_missing_venv_module_is_named(folder):
    done = make(
        folder, "env", python(folder, f'case "$2" in *venv*) exit 1;; *) exec {sys.executable} "$@";; esac')
    )
    assert done.returncode != 0
    assert "has no venv module" in done.stderr
    assert "python3-venv" in done.stderr


def stamped(folder: Path) -> Path:
    """An environment as `make dev` leaves it, by its stamps."""
    told = make(folder, "-n", "dev").stdout
    (folder / ".venv/bin").mkdir(parents=True)
    for name in re.findall(r"\.venv/\.(?:place|run|dev)-[\d-]+", told):
        (folder / name).touch()
    return folder


def test_with_an_environment_nothing_is_to_be_done(folder):
    assert make(stamped(folder), "-q", "dev").returncode == 0


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_another_lock_renews_the_environment(folder, lock):
    stamped(folder)
    with open(folder / lock, "a") as file:
        file.write("# another\n")
    assert make(folder, "-q", "dev").returncode == 1


@pytest.mark.parametrize(("lock", "anew"), [("requirements.lock", True), ("requirements-dev.lock", False)])
def test_what_a_run_no_longer_needs_does_not_stay(folder, lock, anew):
    """pip removes nothing, and libraries such as pandas use what they find."""
    stamped(folder)
    with open(folder / lock, "a") as file:
        file.write("# another\n")
    assert ("rm -rf .venv" in make(folder, "-n", "dev").stdout) is anew


def test_an_environment_that_was_moved_is_built_anew(folder, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "elsewhere"
    shutil.move(stamped(folder), moved)
    told = make(moved, "-n", "env").stdout
    assert "rm -rf .venv" in told
    assert "-m venv .venv" in told


def test_help_names_every_target():
    text = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)[1].split()) - {"help"}
    shown = set(re.findall(r"^make ([a-z-]+)", make(ROOT, "help").stdout, flags=re.MULTILINE))
    assert phony == shown


def test_continuous_integration_runs_what_make_offers():
    text = (ROOT / ".ci/run").read_text()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    called = re.findall(r"^step make ([a-z-]+)", text, flags=re.MULTILINE)
    assert called[:3] == ["check", "test", "ci"]
    assert set(called) <= set(targets)
