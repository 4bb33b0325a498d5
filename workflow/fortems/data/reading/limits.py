"""What no file of clients has: looked at before anything is read of it."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path

from fortems.errors import Problem
from fortems.yamlfile import kind_words

MOST_UNPACKED = 500_000_000  # bytes of a workbook's parts together
MOST_PARTS = 10_000
#: How many times smaller zlib can make anything.
ZLIB = 1032


def file_problem(path: str | os.PathLike[str], formats: str) -> Problem | None:
    """Say what a path is that is no regular file: reading a pipe or a device need never end."""
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode):
        return None
    return Problem(Path(path).name or os.fspath(path), f"is {kind_words(mode)}", formats)


def archive_problem(path: str | os.PathLike[str]) -> Problem | None:
    """Say what is wrong with a zip archive that unpacks to more than any table of clients; it is not unpacked.

    Raises
    ------
    zipfile.BadZipFile
        When it is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    size = sum(part.file_size for part in parts)
    if size <= MOST_UNPACKED and len(parts) <= MOST_PARTS:
        return None
    what = f"unpacks to {size / 1e6:,.0f} million bytes in {len(parts):,} parts"
    allowed = f"at most {MOST_UNPACKED / 1e6:,.0f} million bytes in {MOST_PARTS:,} parts"
    return Problem(Path(path).name, what, allowed, "Export only what the study needs, or as CSV")


def spss_problem(path: str | os.PathLike[str]) -> Problem | None:
    """Say when an SPSS file announces more cases than it can hold, for which a reader would make room.

    Notes
    -----
    The header (PSPP developers, "System File Format", section File Header Record) has compression and number of cases
    as integers in the order of bytes that makes its layout code 2 or 3. A case takes 8 bytes at least, or 1 where
    it is compressed by bytecode, which zlib may compress once more.
    """
    with open(path, "rb") as stream:
        start = stream.read(84)
    if len(start) < 84:
        return None
    order = "<" if struct.unpack_from("<i", start, 64)[0] in (2, 3) else ">"
    compression, _, cases = struct.unpack_from(f"{order}3i", start, 72)
    size = os.stat(path).st_size
    room = size / 8 if compression == 0 else size * (ZLIB if compression == 2 else 1)
    if cases <= room:
        return None
    what = f"is a corrupt or unreadable SPSS file: {size:,} bytes cannot hold the {cases:,} cases that it announces"
    return Problem(Path(path).name, what, "a file that SPSS opens", "Export it again")
