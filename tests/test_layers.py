"""The rooms of the house: no import circles, one way from the ground to the report, few modules at a package's door.

Imports inside functions and for type checkers count like all others.
"""

from __future__ import annotations

import ast
import graphlib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BASES = {"fortems": ROOT / "workflow", "twolevel": ROOT / "packages/twolevel/src"}
MOST_FLAT = 16

#: From the ground up: a module may import of its own layer and of those before it. Where a room stands in two, the longer
#: name decides. `twolevel` is a library of its own, below all.
LAYERS = (
    ("errors", "yamlfile", "package", "seeds", "tidy", "schema"),
    ("study", "stats"),
    ("run", "presentation.numbers"),  # what a run is, and how a number is written
    ("data", "simulate", "tables", "mediation", "claims", "robustness"),
    ("published",),
    ("design",),
    ("presentation",),
    ("gate", "figures"),
    ("report",),
    ("archive",),  # what archives and readers are told
    ("run.preflight", "run.contact_sheet", "run.verify", "twin"),  # what looks at all of it
)


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package, base in BASES.items():
        for path in (base / package).rglob("*.py"):
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name: str, source: str, is_package: bool = False) -> set[str]:
    """Modules of ours that a module imports; of a package of its own, the package itself does not count."""
    taken = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            taken |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = name.split(".") if is_package else name.split(".")[:-1]
            start = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*start, *([node.module] if node.module else [])])
            taken |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return {m for m in taken & set(modules()) if m != name and not name.startswith(f"{m}.")}


@cache
def graph() -> dict[str, set[str]]:
    return {
        name: imported(name, path.read_text(encoding="utf-8"), path.name == "__init__.py")
        for name, path in modules().items()
    }


def layer(module: str) -> int:
    """The place of a module of the study, by the longest name in LAYERS that it begins with."""
    places = {f"fortems.{room}": place for place, rooms in enumerate(LAYERS) for room in rooms}
    fitting = [room for room in places if module == room or module.startswith(f"{room}.")]
    return places[max(fitting, key=len)] if fitting else len(LAYERS)


def upward(edges: dict[str, set[str]]) -> list[str]:
    """Imports of the study that run from a lower layer to a higher one."""
    return [
        f"{name} imports {other}"
        for name, others in edges.items()
        for other in sorted(others)
        if name.startswith("fortems.") and other.startswith("fortems.") and layer(other) > layer(name)
    ]


def test_there_are_no_import_circles():
    try:
        graphlib.TopologicalSorter(graph()).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"import circle: {' -> '.join(reversed(error.args[1]))}")


def test_imports_run_one_way_from_the_ground_to_the_report():
    assert upward(graph()) == []


def test_every_room_has_its_layer():
    assert {name for name in modules() if name.startswith("fortems.") and layer(name) == len(LAYERS)} == set()


def test_the_engine_knows_nothing_of_the_study():
    assert not {
        (name, other)
        for name, others in graph().items()
        for other in others
        if name.startswith("twolevel") and other.startswith("fortems")
    }


@pytest.mark.parametrize("package", BASES)
def test_few_modules_stand_flat_in_a_package(package):
    flat = [name for name, path in modules().items()
            if name.startswith(f"{package}.") and name.count(".") == 1 and path.name != "__init__.py"]  # fmt: skip
    assert len(flat) <= MOST_FLAT, flat


def test_the_checks_find_what_they_look_for():
    """A lazy import and one for type checkers are seen; an import upward is named."""
    lazy = "def f():\n    from fortems.report.build import build\n"
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fortems.figures import base\n"
    assert imported("fortems.errors", lazy) == {"fortems.report.build"}
    assert "fortems.figures.base" in imported("fortems.tidy", typed)
    assert upward(
        {"fortems.errors": {"fortems.study.models"}, "fortems.report.bind": {"fortems.errors"}}
    ) == ["fortems.errors imports fortems.study.models"]
    assert imported("twolevel.model.rows", "from . import syntax\nfrom ..errors import nearest\n") == {
        "twolevel.model.syntax",
        "twolevel.errors",
    }
