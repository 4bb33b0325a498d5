"""The one place that writes results: temporary name first, then moved; same values, same bytes."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

PRECISION = "%.10g"
SCHEMA = "scores.schema.json"  # beside scores.csv: a Frictionless table schema
TYPED = (
    "scores.csv",
    "items.csv",
    "common.csv",
    "analysed.csv",
    "answers.csv",
)  # files of clients, as scored and protected
PIECE = 20_000  # rows
# What spreadsheets take for the beginning of a formula, apostrophes before it or not.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and move it into place when the block ends well.

    The temporary name keeps the suffix, so that writers which look at it (matplotlib, pandoc) work.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".partial-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o666 & ~umask)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def write_text(text: str, path: str | os.PathLike[str]) -> None:
    """Write text as UTF-8 with ``\\n`` line ends."""
    with atomic(path) as partial:
        partial.write_bytes(text.encode("utf-8"))


def number(value: float) -> str:
    """Write a number as results do: ten significant digits, no negative zero, integers as integers."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    text = PRECISION % value
    return "0" if text == "-0" else text


def _cell(value: Any) -> str:
    if value is None or value is np.nan:
        return ""
    if isinstance(value, (bool, int, float, np.generic)):
        return number(value.item() if isinstance(value, np.generic) else value)
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")  # one kind of line end, within cells too
    return "" if text in ("nan", "<NA>", "NaT") else harmless(text)


def harmless(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula: an apostrophe leads it, as a typist would.

    A number is left as it is. ``as_it_was`` takes the apostrophe off again, whatever the text was.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def as_it_was(text: str) -> str:
    """Return the text that ``harmless`` made into a cell."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _cells(column: pd.Series) -> np.ndarray:
    """Return a column as text; each distinct number is written once."""
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "iuf":
        return column.astype(object).map(_cell).to_numpy(dtype=object)
    distinct, places = np.unique(column.to_numpy(), return_inverse=True)
    return np.array([number(value) for value in distinct.tolist()], dtype=object)[places]


def write_csv(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a frame as CSV: ``%.10g``, no negative zero, integers as integers, ``\\n``, missing empty.

    Parameters
    ----------
    frame : DataFrame
        Tidy; the index is not written.
    path : path
        Where to; its folder is made.
    """
    import pandas as pd

    with atomic(path) as partial:
        # In pieces: cells as text take many times the frame's memory.
        for start in range(0, max(len(frame), 1), PIECE):
            piece = frame.iloc[start : start + PIECE]
            text = pd.DataFrame({place: _cells(piece.iloc[:, place]) for place in range(piece.shape[1])})
            text.columns = [harmless(name) if isinstance(name, str) else name for name in frame.columns]
            text.to_csv(
                partial, mode="a", header=start == 0, index=False, lineterminator="\n", encoding="utf-8"
            )


def read_csv(path: str | os.PathLike[str], **keywords: Any) -> pd.DataFrame:
    """Read a results table back; client and therapist identifiers stay text, ``true``/``false`` booleans.

    Clients are read through the schema that stands beside them or in the folder above (``SCHEMA``): texts that look
    like numbers or like true and false stay texts.
    """
    import pandas as pd

    dtype = {name: "str" for name in ("client", "therapist", "gender", "message", "at", "note", "reason")}
    if Path(path).name in TYPED:
        dtype |= _types_beside(Path(path))
    # Only what write_csv leaves empty is missing: "None" is an answer that a category may have.
    frame = pd.read_csv(path, dtype=dtype, keep_default_na=False, na_values=[""], **keywords)
    frame.columns = [as_it_was(name) for name in frame.columns]
    for name, column in frame.items():
        if column.dtype.kind not in "iufb" and column.dropna().astype(str).str.startswith("'").any():
            was = column.map(lambda cell: as_it_was(cell) if isinstance(cell, str) else cell)
            frame[name] = was.astype(column.dtype)
    return frame


def having(frame: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Return the rows whose columns have these values: ``having(effects, model="bond", level="within")``."""
    for column, value in values.items():
        frame = frame[frame[column] == value]
    return frame


def _types_beside(path: Path) -> dict[str, str]:
    """Return column → type for pandas from the schema beside a file of clients; empty where there is none."""
    for folder in (path.parent, path.parent.parent):
        schema = folder / SCHEMA
        if schema.is_file():
            fields = json.loads(schema.read_text(encoding="utf-8"))["fields"]
            return {field["name"]: "str" if field["type"] == "string" else "float64" for field in fields}
    return {}


def write_json(value: object, path: str | os.PathLike[str]) -> None:
    """Write JSON with sorted keys; floats as in ``write_csv``, not-a-number as null."""
    write_text(json.dumps(_plain(value), indent=1, sort_keys=True, ensure_ascii=False) + "\n", path)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return float(number(value)) if math.isfinite(value) else None
    return value
