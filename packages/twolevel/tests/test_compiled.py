"""The cache of compiled code follows every source file that went in."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import twolevel
from twolevel import compiled
from twolevel.batch import newton
from twolevel.likelihood import complete as likelihood
from twolevel.likelihood import fiml
from twolevel.search.trustregion import _step

# Three files, each compiled into the next.
MODULES = {
    "base.py": """
from numba import njit

@njit
def innermost(x):
    return x + {number}
""",
    "helper.py": """
from base import innermost
from twolevel.compiled import compiled

@compiled("f8(f8)")
def inner(x):
    return innermost(x)
""",
    "caller.py": """
from helper import inner
from twolevel.compiled import compiled

@compiled("f8(f8)")
def outer(x):
    return inner(x)
""",
}


def python(*arguments, folder):
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_editing_a_helper_in_another_file_renews_what_it_is_compiled_into(tmp_path):
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text)

    def run(number):
        (tmp_path / "base.py").write_text(MODULES["base.py"].format(number=number))
        code = "from caller import outer; print(outer(1.0), sum(outer.stats.cache_hits.values()))"
        value, hits = python("-c", code, folder=tmp_path)
        return float(value), int(hits)

    assert run("10.0") == (11.0, 0)
    assert run("200.0") == (201.0, 0)
    assert run("200.0") == (201.0, 1)


@pytest.mark.parametrize(
    ("function", "helper"),
    [
        (likelihood.complete_gradient, "linalg.py"),
        (likelihood.complete_tangents, "linalg.py"),
        (fiml.missing_gradient, "linalg.py"),
        (newton.fit_replicates, "face.py"),
        (newton.fit_replicates, "kernel.py"),
        (newton.fit_replicates, "linalg.py"),
    ],
)
def test_the_likelihoods_carry_the_hash_of_their_helpers(function, helper, monkeypatch):
    source = function.py_func
    stored = compiled.fingerprint(source)
    assert [cell.cell_contents.startswith(stored) for cell in source.__closure__] == [True]
    before = compiled._digest
    monkeypatch.setattr(compiled, "_digest", lambda file: before(file) + "edited" * file.endswith(helper))
    assert compiled.fingerprint(source) != stored


def test_a_division_by_zero_in_compiled_code_is_no_error():
    """Eigenvalues and radii beyond what numbers can hold: numba's own default would raise ZeroDivisionError."""
    for size in (1e-200, 1e-120, 1.0, 1e120, 1e200):
        for along in ([0.0, 0.0, 0.0], [0.0, 0.0, size], [1e-320, size, size]):
            for values in ([-1.0, 1.0, 2.0], [-size, -size, 1.0], [0.0, 0.0, 0.0], [-1.0, size, size]):
                for radius in (1.0, 1e-9, 1e-200):
                    top = max(*map(abs, values), 1e-300)
                    with np.errstate(all="ignore"):
                        step = _step(np.array(along), np.array(values), radius, top)
                        assert step.shape == (3,) and not np.linalg.norm(step) > 1.01 * radius


def test_nothing_is_cached_past_the_hash():
    package = Path(twolevel.__file__).parent
    assert [f.name for f in package.rglob("*.py") if "cache=True" in f.read_text()] == ["compiled.py"]
