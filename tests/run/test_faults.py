"""Faults that cost nothing: killed runs, full and read-only disks, other machines' settings."""

from __future__ import annotations

import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml
from fortems.run import verify
from fortems.tidy import read_csv

TINY = ("--configfile", "config/tiny.yaml")
ROOT = Path(__file__).resolve().parents[2]
ENGINES = yaml.safe_load((ROOT / "config/config.yaml").read_text())["engines"]
WIDE = (*TINY, "--config", f"engines={ENGINES}")

slow = pytest.mark.slow


@pytest.fixture
def repository(built, tmp_path):
    """A copy of what the built run was made from, without its results."""
    return type(built).copy(tmp_path / "repository", source=built.root)


def start(repository, cores: int = 2) -> subprocess.Popen:
    """Start a run in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", str(cores), *TINY],
        cwd=repository.root,
        env=repository.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def run_to_the_end(
    repository, arguments=TINY, cores: int = 2, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run to the end in a process of its own: settings of the interpreter hold from its start."""
    return repository.run("snakemake", "--cores", str(cores), *arguments, **settings)


def finish(repository) -> None:
    """What the documentation says after a kill: unlock, run again."""
    unlocked = repository.run("snakemake", "--unlock", *TINY)
    assert unlocked.returncode == 0, unlocked.stdout
    done = run_to_the_end(repository)
    assert done.returncode == 0, done.stdout[-3000:]


def same(ours: dict[str, bytes], theirs: dict[str, bytes]) -> None:
    assert sorted(ours) == sorted(theirs)
    differing = [name for name in ours if ours[name] != theirs[name]]
    assert not differing, differing


@contextmanager
def small_disk(place, size: str):
    """A disk of a given size at a folder; skips where it cannot be mounted."""
    place.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk needs root and mount")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture(scope="module")
def wide(built, tmp_path_factory):
    """The tiny run with all engines: what each computes must not depend on where."""
    copy = type(built).copy(tmp_path_factory.mktemp("wide") / "repository", source=built.root)
    done = run_to_the_end(copy, WIDE)
    assert done.returncode == 0, done.stdout[-3000:]
    assert set(read_csv(copy.root / "results/tiny/mediation/fit.csv")["engine"]) == set(ENGINES)
    return copy


@slow
@pytest.mark.parametrize(
    ("cores", "settings"),
    [
        (1, {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}),
        (4, {"TZ": "Asia/Tokyo", "LC_ALL": "nl_BE.UTF-8", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "7"}),
    ],
    ids=["one core, two threads", "four cores, another zone and language"],
)
def test_the_same_bytes_elsewhere(repository, wide, cores, settings):
    """Another folder, other cores, other settings: every file of the run has the same bytes."""
    done = run_to_the_end(repository, WIDE, cores, **settings)
    assert done.returncode == 0, done.stdout[-3000:]
    same(repository.bytes_of("tiny"), wide.bytes_of("tiny"))


@slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the settings name processors of this family")
def test_another_processor_changes_last_digits_only(repository, wide, tmp_path):
    """Kernels for an old processor, and code compiled for none in particular: `make verify` says reproduced."""
    old = {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        "NUMBA_CPU_NAME": "generic",
    }
    done = run_to_the_end(repository, WIDE, **old)
    assert done.returncode == 0, done.stdout[-3000:]
    reference = tmp_path / "reference"
    verify.renew(wide.root / "results/tiny", reference)
    compared = verify.verify(repository.root / "results/tiny", reference)
    beyond = [c for c in compared if c.verdict not in (verify.IDENTICAL, verify.WITHIN)]
    assert not beyond, beyond
    digits = {c.name: c.verdict for c in compared if not c.name.startswith(verify.DRAWN)}
    for name in ("data/items.csv", "data/scores.csv", "claims.csv", "published.csv", "gate.json"):
        assert digits[name] == verify.IDENTICAL, name


@slow
@pytest.mark.parametrize("moment", range(3))
def test_a_killed_run_is_resumed(repository, built, moment):
    """SIGKILL of the whole process group at random moments, then on: the bytes of an undisturbed run."""
    chance = random.Random(moment)
    for _ in range(2):
        run = start(repository)
        try:
            run.wait(timeout=chance.uniform(2, 14))
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
        repository.run("snakemake", "--unlock", *TINY)
    finish(repository)
    same(repository.bytes_of("tiny"), built.bytes_of("tiny"))


@slow
def test_a_run_whose_parent_alone_was_killed_is_resumed(repository, built):
    """The steps that go on without their parent neither spoil the next run nor leave anything behind."""
    run = start(repository)
    time.sleep(7)
    run.kill()
    run.wait()
    try:
        finish(repository)
        same(repository.bytes_of("tiny"), built.bytes_of("tiny"))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


@slow
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(repository, built):
    place = repository.root / "results"
    with small_disk(place, "300k"):
        done = run_to_the_end(repository)
        assert done.returncode != 0
        assert "the disk is full" in done.stdout.rstrip().splitlines()[-1], done.stdout[-1500:]
        assert "Traceback" not in done.stdout
        undisturbed = built.bytes_of("tiny")
        for name, content in repository.bytes_of("tiny").items():
            assert content == undisturbed.get(name, content), f"{name} is half-written"
        subprocess.run(["mount", "-o", "remount,size=200m", str(place)], check=True)
        done = run_to_the_end(repository)
        assert done.returncode == 0, done.stdout[-3000:]
        same(repository.bytes_of("tiny"), undisturbed)


def test_a_read_only_results_folder_is_named(repository):
    place = repository.root / "results"
    with small_disk(place, "1m"):
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        done = run_to_the_end(repository)
        assert done.returncode != 0
        assert "Traceback" not in done.stdout
        last = done.stdout.rstrip().splitlines()[-1]
        assert "results" in last and "read-only" in last, done.stdout[-1500:]
