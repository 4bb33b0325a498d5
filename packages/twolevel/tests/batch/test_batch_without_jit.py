"""The compiled functions as plain Python: derivatives against numerical ones, with coverage able to see inside."""

import os
import subprocess
import sys
from pathlib import Path


def test_cases_without_compilation():
    cases = Path(__file__).with_name("without_jit_cases.py")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(cases)],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert "9 passed" in run.stdout
