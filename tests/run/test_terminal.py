"""The terminal of a run: a line a stage, warnings with their values, and last where the report is."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from fortems.run import terminal
from fortems.run.catalogue import FILES
from fortems.run.terminal import Hush, Step, Terminal, duration, expected, warnings_of
from fortems.run.usage import Usage
from wording import says

LINE = re.compile(r"^ *(\d+)%  (\w+) +[\d.]+ (?:s|min|h) +(?:about [\d.]+ (?:s|min|h) left|done)$")


def record(event: str | None, message: str = "", level: int = logging.INFO, **fields) -> logging.LogRecord:
    made = logging.LogRecord("snakemake", level, "x", 1, message, None, None)
    made.__dict__.update(fields, **({"event": event} if event else {}))
    return made


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""

    class Clock:
        now = 0.0

    monkeypatch.setattr(terminal.time, "monotonic", lambda: Clock.now)
    return Clock


def test_a_stage_has_one_line_when_its_last_step_ends(clock):
    lines: list[str] = []
    steps = {1: Step("data", 10.0), 2: Step("data", 10.0), 3: Step("design", 20.0)}
    listener = Terminal(steps, 1, lines.append)
    for job, begins, ends in ((1, 0, 20), (2, 20, 40), (3, 40, 80)):
        clock.now = begins
        listener.emit(record("job_info", jobid=job, log=[]))
        clock.now = ends
        listener.emit(record("job_finished", job_id=job))
        listener.emit(record("job_finished", job_id=job))
    assert [line.split()[:2] for line in lines] == [["50%", "data"], ["100%", "design"]]
    assert "about 40 s left" in lines[0]  # 20 s of work done took 40 s; 20 s of work are left
    assert all(LINE.match(line) for line in lines)


def test_what_is_left_is_no_less_than_the_longest_step(clock):
    listener = Terminal({1: Step("a", 10.0), 2: Step("a", 1.0), 3: Step("b", 30.0)}, 8, lambda line: None)
    clock.now = 10.0
    assert listener.done(10.0) == (0.0, 30.0)


def test_a_step_that_tells_its_share_is_believed(clock, tmp_path):
    log = tmp_path / "design.log"
    log.write_text(
        "design, chunk 1 of 2:  25% done, 30 s left (p c)\ndesign, chunk 1 of 2:  40% done, 9 s left (p c)\n"
    )
    listener = Terminal({1: Step("design", 100.0)}, 1, lambda line: None)
    listener.emit(record("job_info", jobid=1, log=[str(log)]))
    clock.now = 80.0
    share, left = listener.done(80.0)
    assert share == pytest.approx(0.4) and left == pytest.approx(120.0)


def test_a_long_stage_is_told_of_now_and_then_and_less_often_with_time(clock):
    lines: list[str] = []
    listener = Terminal({1: Step("design", 4000.0)}, 1, lines.append)
    listener.emit(record("job_info", jobid=1, log=[]))
    for second in range(0, 3600, 10):
        clock.now = float(second)
        listener.wait()
        listener.timer.cancel()
    assert 4 <= len(lines) <= 6
    assert all("under way" in line for line in lines)


def test_a_failed_step_is_named_with_its_log_and_without_what_it_read(clock):
    lines: list[str] = []
    shown = record(
        "job_error", "Error", logging.ERROR, rule_name="gate", log=["logs/x/gate.log"], input=["a.py"] * 90
    )
    assert not Hush().filter(shown)
    Terminal({}, 1, lines.append).emit(shown)
    assert lines == ["       gate failed; its log: logs/x/gate.log"]
    gone = "Removing output files of failed job gate since they might be corrupted:\nresults/x/gate.json"
    assert not Hush().filter(record(None, gone, logging.WARNING))


def test_warnings_and_errors_of_snakemakes_own_are_shown():
    hush = Hush()
    assert hush.filter(record(None, "Nothing to be done (all requested files are present and up to date)."))
    assert hush.filter(record(None, "Rate limit", logging.WARNING))
    assert hush.filter(record("error", "broken", logging.ERROR))
    assert not hush.filter(record("job_info", "Rule: x"))
    assert hush.filter(record(None, "RuleException:\nTypeError in file x", logging.ERROR))  # a slip of ours
    assert not hush.filter(record(None, "RuleException:\nCalledProcessError in file x", logging.ERROR))
    assert not hush.filter(record(None, "Select jobs to execute..."))


def test_times_of_the_same_run_come_first_and_then_those_of_the_full_run():
    table = [Usage("main", "x", seconds=5.0), Usage("tiny", "x", seconds=1.0)]
    assert expected(table, "tiny") == {"x": 1.0}
    assert expected(table, "clinic") == {"x": 5.0}
    assert expected([], "main") == {}


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "0 s"), (89, "89 s"), (90, "2 min"), (7200, "2.0 h")])
def test_durations_are_as_rough_as_one_reads_them(seconds, words):
    assert duration(seconds) == words


def test_warnings_are_counted_and_have_their_values(tmp_path):
    table = tmp_path / "warnings.csv"
    table.write_text(
        "kind,column,instrument,row,client,value,what,remedy\n"
        + "".join(f"spelling,sex,,{n},c{n},{v},odd,Declare data.values.sex\n" for n, v in enumerate("vvwvx"))
        + "coding,,oq,,,,no zeros,Check\n"
    )
    told = warnings_of(str(table)).splitlines()
    assert told[0].startswith("2 warnings on the data")
    says(told[1], "sex: odd", "5 times", "[v (3), w, x]. Declare data.values.sex")
    assert told[2] == "  - oq: no zeros. Check"
    assert warnings_of(str(tmp_path / "absent.csv")) == ""


def test_a_built_run_has_a_line_for_each_stage_and_the_report_last(repository):
    """A few steps of the tiny run, as a terminal shows them."""
    done = repository.snakemake("results/tiny/tables/reliability.csv", "--configfile", "config/tiny.yaml")
    assert done.returncode == 0, done.stdout[-2000:]
    lines = done.stdout.rstrip().splitlines()
    assert [m[2] for line in lines if (m := LINE.match(line))] == ["data", "tables"]
    assert lines[-1] == "Done: what was asked for is in results/tiny/"
    assert len(lines) < 12
    assert not any("jobid" in line or "rule" in line for line in lines)
    assert "Finished jobid" in next((repository.root / ".snakemake/log").glob("*.log")).read_text()


def test_the_last_line_of_a_whole_run_is_the_report_and_how_to_open_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = Path("results/x/manuscript/manuscript.html")
    assert str(report.relative_to("results/x")) in FILES
    assert terminal.closing("results/x", whole=True) == "Done: what was asked for is in results/x/"
    report.parent.mkdir(parents=True)
    report.touch()
    assert terminal.closing("results/x", whole=True).endswith(f"open {report}")
    assert "manuscript" not in terminal.closing("results/x", whole=False)
