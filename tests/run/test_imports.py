"""What a script depends on, by its imports."""

from __future__ import annotations

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
from fortems.run import imports

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library beside a script, in place of the package's own."""
    files = {
        "fortems/__init__.py": "",
        "fortems/a.py": "from typing import TYPE_CHECKING\nfrom fortems import b\nif TYPE_CHECKING:\n    import fortems.typed\n",
        "fortems/b.py": "def f():\n    import fortems.lazy\n",
        "fortems/lazy.py": "from .pack.deep import thing\n",
        "fortems/typed.py": "",
        "fortems/pack/__init__.py": "from fortems.pack import sibling\n",
        "fortems/pack/sibling.py": "import numpy\n",
        "fortems/pack/deep.py": "from . import sibling\nfrom .. import c\nthing = 1\n",
        "fortems/c.py": "import fortems.a\n",
        "fortems/unused.py": "",
        "twolevel/__init__.py": "",
    }
    for name, text in files.items():
        path = tmp_path / imports.LIBRARIES[name.partition("/")[0]] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    monkeypatch.setattr(imports, "_module_file", imports._module_file.__wrapped__)  # its answers are kept
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "workflow/scripts/s.py"
    script.parent.mkdir()
    return script


def names(script: Path, text: str) -> set[str]:
    script.write_text(text)
    return {Path(p).relative_to("workflow/fortems").as_posix() for p in imports.closure(str(script))}


def test_closure_follows_imports_within_functions_packages_and_relative_ones(library):
    found = names(library, "from fortems.a import thing\n")
    assert found == {
        "__init__.py",
        "a.py",
        "b.py",
        "lazy.py",
        "c.py",
        "pack/__init__.py",
        "pack/sibling.py",
        "pack/deep.py",
    }


def test_closure_of_a_script_without_library_is_empty(library):
    assert names(library, "import json\n") == set()


def test_lock_entries_of_what_is_imported_and_what_that_requires():
    lock = ROOT / "requirements.lock"
    found = imports.locked(str(ROOT / "workflow/scripts/manifest.py"), str(lock))
    assert {"numpy", "pandas"} <= set(found)
    assert "statsmodels" not in found
    entry = r"{}==\S+ sha256:[0-9a-f]{{16}}"
    assert re.fullmatch(entry.format("pandas"), found["pandas"])
    versions = re.findall(r"^numpy==(\S+)", lock.read_text(), flags=re.MULTILINE)
    assert len(versions) == 2  # for older and newer Pythons: each counts
    assert re.fullmatch(", ".join([entry.format("numpy")] * 2), found["numpy"])
    assert all(version in found["numpy"] for version in versions)


def syntax_tree_imports(path: Path) -> set[str]:
    """What a file imports, by its syntax tree: the oracle."""
    found, queue = set(), [ast.parse(path.read_text(encoding="utf-8"))]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = imports._absolute("." * node.level + (node.module or ""), path)
            found.update([base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")])
        typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        queue += node.orelse if typing else ast.iter_child_nodes(node)
    return found


def test_no_import_is_overlooked_in_any_style_of_writing():
    """In the library, its scripts and a large package of others'; more than there are is no harm."""
    other = Path(pytest.__file__).parents[1]
    files = [
        *(ROOT / "workflow").rglob("*.py"),
        *(ROOT / "packages").rglob("*.py"),
        *(other / "_pytest").rglob("*.py"),
        *(other / "yaml").rglob("*.py"),
    ]
    files += (other / "snakemake").rglob("*.py")
    assert len(files) > 300
    overlooked = {}
    for path in files:
        try:
            found = imports._imported.__wrapped__(path)
            overlooked[path] = syntax_tree_imports(path) - found
        except ValueError:  # relative imports are of the library's own files only
            continue
    assert len(overlooked) > 250
    assert not {path: names for path, names in overlooked.items() if names}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a.b as c, d  # why\n", {"a", "a.b", "d"}),
        ("from a import (\n    b,  # import x, y\n    c as d,\n)\n", {"a", "a.b", "a.c"}),
        (
            "from a import (  # all (or most)\n    b,\n)\nfrom c import d, \\\n    e\n",
            {"a", "a.b", "c", "c.d", "c.e"},
        ),
        ("from a import *\n", {"a"}),
        ("try: import a\nexcept ImportError: b = 1; import c\n", {"a", "c"}),
        (
            "if typing.TYPE_CHECKING:\n    import a\n\n    import b\nelse:\n    import c\nimport d\n",
            {"c", "d"},
        ),
        ("def f():\n    if TYPE_CHECKING:\n        import a\n    import b", {"b"}),
        ("import numpy is what the text says\nx = 'import a'\n", set()),
    ],
)
def test_imports_are_found_by_their_look(tmp_path, text, found):
    path = tmp_path / "m.py"
    path.write_text(text)
    assert imports._imported(path) == found


@pytest.mark.parametrize("what", ["version", "hash"])
def test_another_version_or_hash_in_the_lock_is_noticed(tmp_path, what):
    script, text = str(ROOT / "workflow/scripts/manifest.py"), (ROOT / "requirements.lock").read_text()
    before = imports.locked(script, str(ROOT / "requirements.lock"))
    entry = re.search(r"^numpy==\S+ .*?sha256:(\w)", text, flags=re.MULTILINE | re.DOTALL)
    place = entry.start(1) if what == "hash" else entry.start() + len("numpy==")
    changed = tmp_path / "changed.lock"
    changed.write_text(text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :])
    after = imports.locked(script, str(changed))
    assert {name for name in before if before[name] != after[name]} == {"numpy"}


def test_every_import_is_traced_to_the_packages_that_provide_it():
    """As importlib's own, slower list has it."""
    lock = str(ROOT / "requirements.lock")
    entries, found = imports._lock_entries(lock), imports._providers(lock)
    listed = {
        name: set(map(imports._normal, them)) for name, them in metadata.packages_distributions().items()
    }
    wanted = {name: them & set(entries) for name, them in listed.items() if them & set(entries)}
    assert len(wanted) > 100
    assert {name: set(found.get(name, ())) for name in wanted} == wanted


@pytest.mark.parametrize("script", sorted(p.stem for p in (ROOT / "workflow/scripts").glob("*.py")))
def test_scripts_are_thin(script):
    """A script imports library code and holds none: no functions, no classes, few statements."""
    tree = ast.parse((ROOT / f"workflow/scripts/{script}.py").read_text())
    kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
    assert len(tree.body) <= 12


def test_the_closure_holds_what_python_really_loads(tmp_path):
    """Modules that an import loads are a subset of what the import graph says."""
    import subprocess

    script = tmp_path / "s.py"
    script.write_text("import fortems.tidy, fortems.study.models, fortems.published.matrix\n")
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]);"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'fortems'])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code, str(script)], capture_output=True, text=True, check=True
    )
    graph = {str((Path.cwd() / p).resolve()) for p in imports.closure(str(script))}
    assert set(loaded.stdout.split()) - graph == set()


def test_twolevel_imports_nothing_of_the_study():
    for path in (ROOT / "packages/twolevel/src/twolevel").rglob("*.py"):
        assert not [name for name in imports._imported(path) if name.startswith("fortems")], path
