"""Large exports: a million rows pass the door in less than 1.5 GB; a smaller file in the quick suite."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

MEASURED = """
import resource, sys
from pathlib import Path
from fortems.data.preparation import prepare, write_prepared
from fortems.data.settings import DataSettings
from fortems.study.instruments import load_instruments

prepared = prepare(sys.argv[1], DataSettings(), load_instruments(), {}, {"sessions": {"min": 5}})
write_prepared(prepared, {"scores": sys.argv[2], "answers": sys.argv[3]})
# A child's ru_maxrss starts at what its parent held when it forked; Linux counts afresh in VmHWM.
status = Path("/proc/self/status")
words = status.read_text().split() if status.exists() else []
own = int(words[words.index("VmHWM:") + 1]) if "VmHWM:" in words else None
print(len(prepared.scores), (own or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // 1024)
"""
PIECE = 10_000


def write_export(path, instruments, n):
    """Write n clients in pieces; every tenth has too few sessions."""
    rng = np.random.default_rng(3)
    for start in range(0, n, PIECE):
        numbers = np.arange(start, min(start + PIECE, n))
        columns = {
            "client": [f"c{number:07d}" for number in numbers],
            "therapist": [f"t{number % (n // 50):05d}" for number in numbers],
            "age": rng.integers(18, 70, len(numbers)),
            "gender": rng.choice(["female", "male"], len(numbers)),
            "sessions": np.where(numbers % 10 == 0, 2, 9),
        }
        for instrument in instruments.values():
            for column in instrument.columns():
                columns[column] = rng.integers(instrument.low, instrument.high + 1, len(numbers))
        pd.DataFrame(columns).to_csv(path, mode="a", index=False, header=start == 0)


@pytest.mark.parametrize(
    ("n", "megabytes"), [(30_000, 450), pytest.param(1_000_000, 1400, marks=pytest.mark.slow)]
)
def test_a_large_export_passes_within_memory(tmp_path, instruments, n, megabytes):
    write_export(tmp_path / "large.csv", instruments, n)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            MEASURED,
            *(str(tmp_path / name) for name in ("large.csv", "scores.csv", "items.csv")),
        ],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    kept, peak = map(int, done.stdout.split())
    assert kept == n * 9 // 10
    assert peak < megabytes
    with open(tmp_path / "items.csv") as file:
        assert sum(1 for _ in file) == kept + 1
