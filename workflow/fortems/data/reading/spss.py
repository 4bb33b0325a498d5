"""SPSS and Stata files, read in a process of their own: a damaged one can crash the library that reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from fortems.data.reading.apart import apart
from fortems.data.reading.limits import spss_problem
from fortems.data.reading.table import Table, as_text, build, encode
from fortems.errors import DataError


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
    import pyreadstat  # noqa: F401 (loaded once, for all processes that read)

    if kind == "SPSS" and (problem := spss_problem(path)):
        raise DataError(problem)
    allowed = f"a file that {kind} opens"
    names, columns, labels = apart(columns_of, os.fspath(path), kind, kind=f"{kind} file", allowed=allowed)
    rows = np.arange(1, (len(columns[0]) if columns else 0) + 1)
    return build(Path(path).name, kind, names, columns, rows, labels)


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
