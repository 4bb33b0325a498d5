"""Bombs: few bytes that stand for any amount. Each is refused by name, soon and in little memory."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import resource
import signal
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from fortems.data.reading import apart as apart_module
from fortems.data.reading.apart import apart
from fortems.data.reading.readers import read_table
from fortems.errors import DataError

SOON = 5.0  # seconds of the processor, whatever else the machine does
MOST = 1 << 30  # bytes
ZEROS = b"0" * 1_000_000


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def workbook(path: Path, megabytes: int, parts: int = 1) -> None:
    """A workbook whose sheets unpack to any size."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        for part in range(parts):
            with archive.open(f"xl/worksheets/sheet{part}.xml", "w", force_zip64=True) as stream:
                for _ in range(megabytes):
                    stream.write(ZEROS)


def lying_workbook(path: Path) -> None:
    """One that says that its sheet of 600 million bytes has 100."""
    workbook(path, 600)
    content = path.read_bytes()
    size = struct.pack("<I", 600_000_000)
    assert size in content
    path.write_bytes(content.replace(size, struct.pack("<I", 100)))


def sav(path: Path, cases: int, order: str = "<", compression: int = 1) -> None:
    """A header of SPSS and a little of nothing."""
    header = (
        b"$FL2" + b"@(#) SPSS DATA FILE".ljust(60) + struct.pack(f"{order}iiiii", 2, 1, compression, 0, cases)
    )
    path.write_bytes(header + struct.pack(f"{order}d", 100.0) + b" " * 84 + b"\0" * 3000)


def parquet(path: Path, rows: int) -> None:
    """A column of equal values takes a few bytes; written in little memory, which the process that reads it starts with."""
    import duckdb

    with duckdb.connect(config={"threads": 1}) as made:
        made.sql(
            f"copy (select 1 as client from range({rows})) to '{path}' (format parquet, row_group_size 500000)"
        )


def packed(path: Path) -> None:
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(510):
            stream.write(ZEROS)


def spread(path: Path, repeated: int) -> None:
    """An OpenDocument sheet with a cell that stands for as many equal ones as there is room for."""
    cell = f'<table:table-cell table:number-columns-repeated="{repeated}" office:value-type="string"><text:p>x</text:p>'
    row = f'<table:table-row table:number-rows-repeated="{repeated}">{cell}</table:table-cell></table:table-row>'
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f'<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="a">{row}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest:manifest xmlns:manifest='m'/>")


def far_cell(path: Path) -> None:
    """A sheet of two cells that lie as far apart as Excel has room for."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active["A1"] = "client"
    book.active["XFD1048576"] = 1
    book.save(path)


BOMBS = {
    "a pipe": ("export.csv", fifo, "is a pipe"),
    "a device": ("export.csv", device, "is a device"),
    "a workbook of 0.6 GB": ("export.xlsx", lambda p: workbook(p, 600), "unpacks to 600 million bytes"),
    "half a gigabyte packed": ("export.csv.gz", packed, "unpacks to more than 500 million bytes"),
    "a cell repeated": ("export.ods", lambda p: spread(p, 1_000_000), ""),
    "a cell far away": ("export.xlsx", far_cell, ""),
    "many parts": ("export.xlsx", lambda p: workbook(p, 0, 10_001), "10,002 parts"),
    "a workbook that lies": ("export.xlsx", lying_workbook, "corrupt or unreadable"),
    "8 million cases": ("export.sav", lambda p: sav(p, 8_000_000), "cannot hold the 8,000,000 cases"),
    "8 million cases, big-endian": (
        "export.sav",
        lambda p: sav(p, 8_000_000, ">"),
        "cannot hold the 8,000,000 cases",
    ),
    "8 million cases, uncompressed": ("export.sav", lambda p: sav(p, 8_000_000, "<", 0), "cannot hold"),
    "a line of 40 million characters": (
        "export.csv",
        lambda p: p.write_bytes(b"a," * 20_000_000),
        "a line of more than 1,000,000 characters",
    ),
    "a line of 40 million characters below the names": (
        "export.csv",
        lambda p: p.write_bytes(b"client,therapist\n" + b"a," * 20_000_000),
        "a line of more than 1,000,000 characters",
    ),
    "a hundred thousand columns": (
        "export.csv",
        lambda p: p.write_text(",".join(f"a{k}" for k in range(100_000))),
        "has 100,000 columns",
    ),
    "10 million rows": ("export.parquet", lambda p: parquet(p, 10_000_000), "has 10,000,000 rows"),
}


@pytest.fixture(scope="module")
def bombs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bombs")


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_name_soon_and_in_little_memory(bombs, name):
    file, make, message = BOMBS[name]
    folder = bombs / name
    folder.mkdir()
    make(folder / file)
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with pytest.raises(DataError) as caught:
        read_table(folder / file)
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    assert message in str(caught.value) and file in str(caught.value)
    spent = sum(b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after, strict=True))
    assert spent < SOON
    # The highest so far of this process and its children: what an earlier test took is not held against this one.
    higher = [b.ru_maxrss for a, b in zip(before, after, strict=True) if b.ru_maxrss > a.ru_maxrss]
    assert max(higher, default=0) * 1024 < MOST


def hungry(path):
    return len(bytearray(4 << 30))


def endless(path):
    while True:
        time.sleep(0.1)


def crashing(path):
    os.kill(os.getpid(), signal.SIGSEGV)


def failing(path):
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("read", "words"),
    [(hungry, "more memory"), (endless, "longer to read"), (crashing, "corrupt"), (failing, "corrupt")],
)
def test_what_reading_may_do_ends_in_words(tmp_path, monkeypatch, read, words):
    monkeypatch.setattr(apart_module, "SECONDS", 1.0)
    path = tmp_path / "export.sav"
    path.write_bytes(b"x")
    with pytest.raises(DataError, match=words):
        apart(read, path, kind="SPSS file", allowed="a sound one")
    assert multiprocessing.active_children() == []


def test_what_is_read_comes_back(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert apart(Path.read_bytes, tmp_path / "a", kind="file", allowed="any") == b"abc"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_the_reading_process_ends_with_the_one_that_asked(tmp_path):
    path = tmp_path / "export.sav"
    path.write_bytes(b"x")
    program = f"""
import os, time
from fortems.data.reading.apart import apart
def endless(path):
    open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
    while True:
        time.sleep(0.1)
apart(endless, {str(path)!r}, kind="file", allowed="any")
"""
    asking = subprocess.Popen([sys.executable, "-c", program])
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    reading = int((tmp_path / "pid").read_text())
    asking.kill()
    asking.wait()
    for _ in range(100):
        try:
            os.kill(reading, 0)
        except ProcessLookupError:
            return
        if "\nState:\tZ" in Path(f"/proc/{reading}/status").read_text():
            return
        time.sleep(0.05)
    pytest.fail("the reading process goes on")
