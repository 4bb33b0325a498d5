"""An edit re-runs exactly what depends on it; a mere touch re-runs nothing."""

from __future__ import annotations

import os
import re

import pytest

TINY = ("--configfile", "config/tiny.yaml")
EARLY = {"simulate", "prepare", "reliability", "tables", "mediation_engines", "measurement"}

# What is edited: file, old text (empty: a line is added at the end), new text → the first steps that this re-runs (what
# lies downstream of them follows), and steps that it must leave alone.
EDITS = {
    "a library module": (
        ("workflow/fortems/tables/icc.py", "", "\n# edited\n"),
        {"tables", "design_chunk"},
        {"simulate", "prepare", "reliability", "mediation_engines"},
    ),
    "the engine's compiled part": (
        ("packages/twolevel/src/twolevel/batch/kernel.py", "", "\n# edited\n"),
        {"mediation_engines", "measurement", "design_chunk"},
        {"simulate", "prepare", "tables", "reliability"},
    ),
    "a script": (
        ("workflow/scripts/reliability.py", "", "\n# edited\n"),
        {"reliability"},
        {"simulate", "prepare", "tables", "mediation_engines", "design"},
    ),
    "an instrument": (
        ("config/instruments/mlq.yaml", "", "\n# edited\n"),
        {"simulate", "design_chunk"},
        set(),
    ),
    "the claims": (
        ("config/claims.yaml", "", "\n# edited\n"),
        {"claims", "design_chunk"},
        EARLY,
    ),
    "the models": (
        ("config/tiny_models.yaml", "", "\n# edited\n"),
        {"prepare", "design_chunk"},
        {"simulate", "reliability"},
    ),
    "the published values": (
        ("config/published.yaml", "", "\n# edited\n"),
        {"published", "design_chunk"},  # the posterior is given them too
        {*EARLY, "claims"},
    ),
    "the confidence": (
        ("config/tiny.yaml", "run: tiny\n", "run: tiny\nconfidence: 0.9\n"),
        {"tables", "reliability", "mediation_engines", "configuration", "design_chunk"},
        {"simulate", "prepare"},
    ),
    "the seed": (
        ("config/tiny.yaml", "run: tiny\n", "run: tiny\nseed: 7\n"),
        {"simulate", "design_chunk"},
        set(),
    ),
    "the bootstrap": (
        ("config/tiny.yaml", "bootstrap: {replicates: 20", "bootstrap: {replicates: 21"),
        {"mediation_engines", "measurement", "configuration"},
        {"simulate", "prepare", "tables", "reliability", "design"},
    ),
    "an inclusion rule": (
        ("config/tiny.yaml", "run: tiny\n", "run: tiny\ninclusion: {sessions: {min: 6}}\n"),
        {"prepare"},
        {"simulate", "reliability", "design"},
    ),
    "a lock entry": (
        ("requirements.lock", "semopy==", "semopy==99."),
        {"mediation_engines", "measurement"},
        {"simulate", "prepare", "tables", "reliability"},
    ),
    "a text of the report": (
        ("workflow/fortems/report/text/discussion.py", "", "\n# edited\n"),
        {"manuscript"},
        {*EARLY, "claims", "design", "gate", "figures"},
    ),
    "the manuscript": (
        ("manuscript/sections/discussion.md", "", "\n"),
        {"manuscript"},
        {*EARLY, "claims", "design", "gate", "figures"},
    ),
    "a comment in the configuration": (("config/tiny.yaml", "", "\n# edited\n"), set(), EARLY),
}


def planned(repository, *arguments: str) -> tuple[set[str], set[str]]:
    """Steps that a dry run would start, and those of them that start for a reason of their own."""
    done = repository.snakemake("-n", *(arguments or TINY))
    assert done.returncode == 0, done.stdout[-3000:]
    if "Nothing to be done" in done.stdout:
        return set(), set()
    listed = done.stdout.rpartition("\nReasons:\n")[2]
    reasons = dict(re.findall(r"^    (\S.*):\n        (.*)$", listed, flags=re.MULTILINE))
    steps = {reason: set(names.split(", ")) for reason, names in reasons.items()}
    started = set().union(*steps.values())
    following = ("input files updated by another job", "output files have to be generated")
    return started, set().union(*[names for reason, names in steps.items() if reason not in following])


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_reruns_what_depends_on_it(built, what):
    (name, old, new), direct, untouched = EDITS[what]
    path = built.root / name
    before, times = path.read_text(), path.stat()
    try:
        path.write_text(before.replace(old, new, 1) if old else before + new)
        assert path.read_text() != before
        started, own = planned(built)
    finally:
        path.write_text(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert direct <= own, own
    assert untouched & started == set()
    if not direct:
        assert started == set()


def test_a_touch_reruns_nothing(built):
    names = (
        "workflow/fortems/tables/correlations.py",
        "config/tiny_models.yaml",
        "config/instruments/mlq.yaml",
    )
    times = {name: (built.root / name).stat() for name in names}
    try:
        for name in names:
            (built.root / name).touch()
        assert planned(built)[0] == set()
    finally:
        for name, time in times.items():
            os.utime(built.root / name, ns=(time.st_atime_ns, time.st_mtime_ns))


def test_every_step_names_its_own_code_and_software(built):
    """A rule that forgets `code` or `software` would stay stale after an edit."""
    for path in sorted((built.root / "workflow/rules").glob("*.smk")):
        for name, block in re.findall(
            r"^ *rule (\w+):\n(.*?)(?=^ *rule |\Z)", path.read_text(), re.DOTALL | re.MULTILINE
        ):
            if "script:" in block:
                script = re.search(r'"\.\./scripts/(\w+)\.py"', block)[1]
                assert f'code=code("{script}")' in block, f"{path.name}: {name}"
                assert f'software=software("{script}")' in block, f"{path.name}: {name}"
