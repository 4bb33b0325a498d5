"""No module outside ``study/`` and the simulator names a variable, an instrument, a model, a claim or a scenario of the study."""

import ast
import re
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
HOME = ("fortems/study/", "fortems/simulate/")
#: Names that are words of the language or keys of the configuration too: as a whole text they mean these.
KEYS = {"aspects", "reversed", "search", "base", "vague"}
#: Names that are plain English as well: looked for as a whole text alone.
PLAIN = {"meaning", "goal", "task"}


@cache
def names() -> frozenset[str]:
    def read(file):
        return yaml.safe_load((ROOT / "config" / file).read_text())

    study = read("study.yaml")
    found = set(study["variables"]) - {*study["background"], "sessions"} | set(study["instruments"])
    found |= set(read("models.yaml")) | set(read("claims.yaml")["claims"])
    for folder in ("scenarios", "instruments", "priors"):
        found |= {path.stem for path in (ROOT / "config" / folder).glob("*.yaml")}
    return frozenset(found | {study["citation"]}) - KEYS


def texts(source):
    """Every text of a module that is no docstring, with its line."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def named(source):
    words = "|".join(sorted(names() - PLAIN, key=len, reverse=True))
    within = re.compile(
        rf"(?<![A-Za-z_])(?:{words}|presence of meaning|OQ-45|MLQ|WAI)(?![A-Za-z_])", re.IGNORECASE
    )
    return [(line, text) for line, text in texts(source) if text in names() or within.search(text)]


def test_no_module_names_what_the_study_file_says():
    found = []
    for folder in ("fortems", "scripts"):
        for path in sorted((ROOT / "workflow" / folder).rglob("*.py")):
            place = path.relative_to(ROOT / "workflow").as_posix()
            if not place.startswith(HOME):
                found += [f"{place}:{line}: {text[:60]!r}" for line, text in named(path.read_text())]
    assert found == []


def test_the_scan_finds_what_it_looks_for():
    assert {
        "bond",
        "distress",
        "mlq",
        "as_reported",
        "whole_pattern",
        "alliance_age_gender",
        "fortems2022",
    } <= names()
    assert named('x = "bond"\n') and named('f"the total alliance of {n}"\n') and named('y = "meaning"\n')
    assert named('z = "as_reported@gap=.1"\n') and named('print("scored by the OQ-45")\n')
    assert not named('"""Of bond and distress."""\nx = "the meaning of bonded tasks"\n')
