"""The wrapper of every script: log, problems, exit code, no traceback for what a user can mend."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading

import pytest
from fortems.run.job import cancel_timers

SCRIPT = """
import sys
from types import SimpleNamespace
from fortems.errors import ConfigError, DataError, FortemsError, Problem
from fortems.run.job import job

class Log(list):
    problems = "logs/problems.csv"
    def keys(self):
        return ["problems"]

snakemake = SimpleNamespace(log=Log(["logs/step.log"]), rule="step", input=[], output=[])
print("before")
with job(snakemake):
    print("inside")
    print("warned", file=sys.stderr)
    BODY
"""


@pytest.fixture
def run(tmp_path):
    def runner(body: str):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.replace("BODY", body)], cwd=tmp_path, capture_output=True, text=True
        )
        return done, tmp_path / "logs"

    return runner


def test_output_goes_to_the_log(run):
    done, logs = run("pass")
    assert (done.returncode, done.stdout, done.stderr) == (0, "before\n", "")
    assert (logs / "step.log").read_text() == "inside\nwarned\n"
    assert not list(logs.glob("*.failed"))


def test_an_error_that_a_user_can_mend_has_no_traceback(run):
    done, logs = run("raise ConfigError(Problem('models: bond', 'no variable', 'a, b'))")
    assert done.returncode == 1
    assert "Traceback" not in (logs / "step.log").read_text()
    told = (logs / "step.failed").read_text()
    assert "The configuration cannot be used: 1 problem." in told
    assert "models: bond: no variable. Allowed: a, b." in told


def test_problems_of_data_are_written_as_a_table(run):
    done, logs = run(
        "raise DataError([Problem('f.csv', 'x', row='3', client='c', column='oq_1', value='9')] * 2)"
    )
    assert done.returncode == 1
    lines = (logs / "problems.csv").read_text().splitlines()
    assert lines[0] == "where,row,client,column,value,what,allowed,hint,note"
    assert lines[1].startswith("f.csv,3,c,oq_1,9,x,,,")
    assert "local" in lines[1]  # marked: it names rows and clients
    assert len(lines) == 3


def test_a_long_list_of_problems_is_cut_on_the_terminal_only(run):
    _, logs = run("raise DataError([Problem(f'row {i}', 'x') for i in range(100)])")
    told = (logs / "step.failed").read_text()
    assert "100 problems" in told
    assert "... and 60 more." in told
    assert len((logs / "problems.csv").read_text().splitlines()) == 101


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "permission"),
    ],
)
def test_a_disk_that_refuses_is_told_in_words(run, code, words):
    done, logs = run(f"raise OSError({code}, 'x', 'results/main/claims.csv')")
    assert done.returncode == 1
    told = (logs / "step.failed").read_text()
    assert told.startswith("results/main/claims.csv could not be written")
    assert words in told
    assert "Traceback" not in (logs / "step.log").read_text()


def test_an_unforeseen_error_keeps_its_traceback_in_the_log(run):
    done, logs = run("1 / 0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in (logs / "step.log").read_text()
    assert "Traceback" in (logs / "step.log").read_text()
    assert "The step step stopped with ZeroDivisionError" in (logs / "step.failed").read_text()


def test_a_success_clears_an_earlier_failure(run):
    run("1 / 0")
    _, logs = run("pass")
    assert not (logs / "step.failed").exists()


def test_the_end_of_a_run_waits_for_no_timer():
    timer = threading.Timer(60, print)
    timer.start()
    cancel_timers()
    timer.join(timeout=10)
    assert not timer.is_alive()
