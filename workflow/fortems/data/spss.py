"""SPSS and Stata files, read in a process of their own: a damaged one can crash the library that reads it.

Run as ``python -m fortems.data.spss FILE OUT`` this module is that process.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from fortems.data.table import Table, as_text, build, encode
from fortems.errors import DataError, Problem


def read_spss(path: str | os.PathLike[str], kind: str = "SPSS") -> Table:
    """Read a ``.sav`` or ``.dta`` file: codes, not labels; what the file declares as user-missing is missing.

    Parameters
    ----------
    path : path
    kind : str
        ``SPSS`` or ``Stata``.

    Raises
    ------
    DataError
        When the file is damaged.
    """
    file = Path(path).name
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "columns")
        command = [sys.executable, "-m", "fortems.data.spss", os.fspath(path), str(out), kind]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode or not out.exists():
            allowed = f"a file that {kind} opens"
            raise DataError(
                Problem(file, f"is a corrupt or unreadable {kind} file", allowed, "Export it again")
            )
        with open(out, "rb") as stream:
            names, columns, labels = pickle.load(stream)
    rows = np.arange(1, (len(columns[0]) if columns else 0) + 1)
    return build(file, kind, names, columns, rows, labels)


def columns_of(path: str, kind: str = "SPSS") -> tuple[list[str], list[Any], dict[str, dict[str, str]]]:
    """Return names, encoded columns and value labels; raises whatever the reading library does."""
    import pyreadstat

    read: Any = pyreadstat.read_dta if kind == "Stata" else pyreadstat.read_sav
    try:
        frame, meta = read(path, apply_value_formats=False, user_missing=False)
    except Exception:  # the wrong encoding and a damaged file fail alike
        frame, meta = read(path, apply_value_formats=False, user_missing=False, encoding="LATIN1")
    labels = {
        name: {as_text(code): as_text(label) for code, label in codes.items()}
        for name, codes in meta.variable_value_labels.items()
    }
    columns = [encode(frame.iloc[:, place].to_numpy(dtype=object)) for place in range(frame.shape[1])]
    return list(frame.columns), columns, labels


if __name__ == "__main__":
    with open(sys.argv[2], "wb") as target:
        pickle.dump(columns_of(sys.argv[1], sys.argv[3]), target)
