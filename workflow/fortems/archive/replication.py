"""What data editors ask for: which rule, script and file give each figure, table and number, and what a run takes.

The text stands in README.md between markers. Rules come from the manifest of the shipped reference run and, for what is
newer, from the rule files; times and memory from ``docs/times.csv``, as measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from fortems.figures.catalog import NEEDS
from fortems.package import ROOT
from fortems.run import catalogue
from fortems.run.terminal import duration
from fortems.run.usage import WHOLE, Usage
from fortems.schema import plain_yaml

RULES = ROOT / "workflow/rules"
MANIFEST = ROOT / "results/reference/main/manifest.json"
#: Sections of a rule in which Snakemake takes no outputs.
SECTIONS = (
    r"^ +(?:input|log|benchmark|conda|params|message|script|resources|priority|wildcard_constraints|threads):"
)
#: Runs that the README tells of, in this order, with the command that makes them.
RUNS = {"main": "make", "ci": "make ci", "class": "snakemake --configfile config/class.yaml",
        "tiny": "snakemake --configfile config/tiny.yaml"}  # fmt: skip


@cache
def rule_texts() -> dict[str, str]:
    """Return rule → its text, of all rule files."""
    found: dict[str, str] = {}
    for path in sorted(RULES.glob("*.smk")):
        parts = re.split(r"^ *rule (\w+):\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        found |= dict(zip(parts[1::2], parts[2::2], strict=True))
    return found


def script_of(rule: str) -> str:
    """Return the script of a rule, as a path from the package's folder; empty where there is no such rule."""
    told = re.search(r'script:\s+"\.\./scripts/(\w+\.py)"', rule_texts().get(rule, ""))
    return f"workflow/scripts/{told[1]}" if told else ""


def rule_of(name: str, manifest: Path = MANIFEST) -> str:
    """Return the rule that makes a result file; empty where neither manifest nor rule files tell."""
    files = json.loads(manifest.read_text(encoding="utf-8"))["files"] if manifest.is_file() else {}
    if name in files:
        return str(files[name]["rule"])
    for rule, text in rule_texts().items():
        outputs = re.search(rf"^ +output:\n(.*?)(?:{SECTIONS}|\Z)", text, flags=re.DOTALL | re.MULTILINE)
        if outputs and f'{name}"' in outputs[1].replace("{RESULTS}/", ""):
            return rule
    beside = {
        entry["rule"]
        for other, entry in files.items()
        if "/" in name and other.startswith(name.split("/")[0] + "/")
    }
    return (
        str(beside.pop()) if len(beside) == 1 else ""
    )  # a rule that makes all of a stage lists no single names


def sources() -> list[tuple[str, str, str, str]]:
    """Return what, file, rule and script of every figure and every table that the report draws on."""
    drawn = [
        (f"figure `{figure}`, drawn from {', '.join(f'`{need}`' for need in needs)}", f"figures/{figure}.svg")
        for figure, needs in NEEDS.items()
    ]
    drawn.append(("path diagram of each model, drawn from `mediation/effects.csv`", "figures/path_*.svg"))
    rows = [(what, file, "figures", script_of("figures")) for what, file in drawn]
    for name, file in catalogue.FILES.items():
        if file.label or file.reported:
            rule = rule_of(name)
            what = file.label or file.absent or file.stem.replace("_", " ")
            rows.append(
                (f"{what}{'; numbers of the text' if file.reported else ''}", name, rule, script_of(rule))
            )
    return rows


def map_block() -> list[str]:
    """Return the table of figures, tables and numbers."""
    lines = [
        "| what | file in `results/main/` | rule | script |",
        "|---|---|---|---|",
        *(f"| {what} | `{file}` | `{rule}` | `{script}` |" for what, file, rule, script in sources()),
        "",
        "Every number in the text, one by one: `manuscript/numbers.csv` (number, place, file, row, column); the report's HTML",
        "opens the cell that a number comes from, and `make trace N=-0.31` lists where one stands and what made it.",
    ]
    return lines


def seed_line() -> str:
    """Return what is said of random numbers."""
    seed = plain_yaml(str(ROOT / "config/config.yaml"))["seed"]
    return (
        f"Random numbers: one seed, `seed: {seed}` in `config/config.yaml`; every random step derives its own stream from it\n"
        "and from the step's name (`workflow/fortems/seeds.py`), so that neither order nor cores matter."
    )


def times_block(table: Sequence[Usage]) -> list[str]:
    """Return what each run took: a row a run that was measured."""
    lines = [
        "| run | command | time | cores | most memory of a step | results | measured on |",
        "|---|---|---|---|---|---|---|",
    ]
    for run, command in RUNS.items():
        rows = {one.rule: one for one in table if one.run == run}
        if WHOLE in rows:
            whole = rows[WHOLE]
            memory = max((one.memory for one in rows.values()), default=0.0)
            lines.append(
                f"| `{run}` | `{command}` | {duration(whole.seconds)} | {whole.cores} | {memory:.0f} MB | {whole.size:.0f} MB "
                f"| {whole.machine} |"
            )
        else:
            lines.append(f"| `{run}` | `{command}` | not measured yet | | | | |")
    return lines


def steps_block(table: Sequence[Usage]) -> list[str]:
    """Return the steps of a run that took longest; of the largest run that was measured."""
    measured = [name for name in RUNS if any(one.run == name for one in table)]
    if not measured:
        return []
    rows = [one for one in table if one.run == measured[0] and one.rule != WHOLE]
    lines = [
        f"The steps of `{measured[0]}` that take longest, the longest job of each:",
        "",
        "| rule | jobs | time | processor time of all | most memory |",
        "|---|---|---|---|---|",
    ]
    for one in sorted(rows, key=lambda one: -one.seconds)[:8]:
        lines.append(
            f"| `{one.rule}` | {one.jobs} | {duration(one.seconds)} | {duration(one.processor)} | {one.memory:.0f} MB |"
        )
    return [
        *lines,
        "",
        "All steps: [docs/times.csv](docs/times.csv), renewed by `make times` after a whole run.",
    ]


def blocks(table: Sequence[Usage]) -> dict[str, str]:
    """Return marker → text, of all that README.md has between markers."""
    return {
        "times": "\n".join(times_block(table)),
        "replication": "\n".join([seed_line(), "", *steps_block(table), "", *map_block()]),
    }


def filled(text: str, made: Mapping[str, str]) -> str:
    """Return a text with the generated blocks between their markers.

    Raises
    ------
    ValueError
        When a marker is not there exactly once.
    """
    for marker, block in made.items():
        pattern = rf"(<!-- generated: {marker} -->\n).*?(<!-- end: {marker} -->)"
        text, count = re.subn(pattern, lambda m, b=block: f"{m[1]}{b}\n{m[2]}", text, flags=re.DOTALL)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"<!-- generated: {marker} --> stands {count} times")
    return text
