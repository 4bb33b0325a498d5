"""Times and memory of a run's steps, and the tracked table of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fortems.run import usage
from fortems.run.usage import WHOLE, Usage, by_rule, of_run, recorded, renew, write

ROOT = Path(__file__).resolve().parents[2]


def test_a_process_leaves_the_time_and_memory_that_it_took(tmp_path):
    """At least 80 MB held and at least .3 s of processor time spent, by construction."""
    code = (
        "import time; from pathlib import Path; from fortems.run import usage\n"
        "held = bytearray(b'x') * 80_000_000\nstart = time.process_time()\n"
        "while time.process_time() - start < .3: pass\n"
        f"usage.leave(Path({str(tmp_path / 'x' / 'step.log')!r}), 'rule_a')\n"
    )
    (tmp_path / "x").mkdir()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    write(Usage("x", WHOLE, 1, 2.5, cores=4, machine="m"), tmp_path / "x" / "all.usage")
    found = of_run(tmp_path / "x")["rule_a"]
    assert 80 < found.memory < 1000
    assert 0.3 <= found.processor < 10 and 0.3 <= found.seconds < 60


def test_jobs_of_a_rule_add_up():
    jobs = [Usage("x", "a", 1, 3.0, 2.0, 100.0), Usage("x", "a", 1, 5.0, 4.0, 90.0)]
    assert by_rule(jobs)["a"] == Usage("x", "a", 2, 5.0, 6.0, 100.0)


def test_renewing_a_run_leaves_the_others(tmp_path):
    table = tmp_path / "times.csv"
    for run, seconds in (("one", 1.0), ("two", 2.0)):
        (tmp_path / run).mkdir()
        write(Usage(run, "a", 1, seconds), tmp_path / run / "a.usage")
        write(Usage(run, WHOLE, 1, seconds, cores=2, machine="m"), tmp_path / run / "all.usage")
        renew([run], tmp_path, table)
    write(Usage("one", "a", 1, 7.0), tmp_path / "one" / "a.usage")
    renew(["one"], tmp_path, table)
    assert {(u.run, u.rule): u.seconds for u in recorded(table)} == {
        ("one", "a"): 7.0, ("one", WHOLE): 1.0, ("two", "a"): 2.0, ("two", WHOLE): 2.0,
    }  # fmt: skip
    assert {u.cores for u in recorded(table)} == {2}


def test_a_run_that_was_not_made_in_one_go_has_no_times(tmp_path, monkeypatch, capsys):
    (tmp_path / "logs/part").mkdir(parents=True)
    write(Usage("part", "a"), tmp_path / "logs/part/a.usage")
    with pytest.raises(FileNotFoundError):
        of_run(tmp_path / "logs/part")
    monkeypatch.chdir(tmp_path)
    assert usage.main(["part"]) == 2
    assert "logs/part" in capsys.readouterr().err
