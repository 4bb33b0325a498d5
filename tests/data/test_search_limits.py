"""Files of a run that stand for any amount: the search refuses each by name, soon, wherever the bomb is packed."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
import time
import zipfile
import zlib

import pytest
from fortems.data.privacy.decoding import LARGEST, TooLargeError, UnreadableError
from fortems.data.privacy.reading import read

SOON = 20.0  # seconds of the processor; what is allowed is read before
HALF = b" " * (LARGEST * 6 // 10)  # one is allowed and soon read, two are not


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def sparse_tar():
    """An archive of one member that says it has holes of ten times what is allowed."""
    member = tarfile.TarInfo("a.txt")
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[386:398] = header[398:410] = b"%011o\0" % 0  # its one piece of data: none at the start
    header[483:495] = b"%011o\0" % (10 * LARGEST)  # the size with its holes
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"\0" * 1024


def far_cells():
    import openpyxl

    book = openpyxl.Workbook()
    for row in range(1, 1001):
        book.active.cell(row, 1, row)
    book.active["XFD1001"] = 1
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def pdf(streams):
    return b"%PDF-1.7\n" + b"".join(
        b"<< /Filter /FlateDecode >>\nstream\n" + zlib.compress(stream, 1) + b"\nendstream\n"
        for stream in streams
    )


def png(texts):
    packed = b"".join(b"zTXtx\0\0" + zlib.compress(text, 9)[:190_000].ljust(200_000, b"\0") for text in texts)
    return b"\x89PNG\r\n\x1a\n" + packed + b"IEND\xaeB`\x82"


BOMBS = {
    "packed": ("a.csv.gz", lambda: gzip.compress(HALF + HALF, 1)),
    "two in an archive": ("a.zip", lambda: zipped(a=HALF, b=HALF)),
    "archives side by side": ("a.zip", lambda: zipped(a=zipped(a=HALF), b=zipped(a=HALF))),
    "archives one in the other": ("a.zip", lambda: zipped(a=zipped(a=zipped(a=HALF + HALF)))),
    "streams of a PDF": ("a.pdf", lambda: pdf([HALF, HALF])),
    "texts of a picture": ("a.png", lambda: png([HALF, HALF])),
    "encoded in a text": ("a.txt", lambda: base64.b64encode(gzip.compress(HALF + HALF, 1))),
    "a member with holes": ("a.tar", sparse_tar),
    "cells far apart": ("a.xlsx", far_cells),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_soon(tmp_path, name):
    file, make = BOMBS[name]
    (tmp_path / file).write_bytes(make())
    begun = time.process_time()
    with pytest.raises(TooLargeError, match="more than 50 MB"):
        read(tmp_path / file)
    assert time.process_time() - begun < SOON


def test_a_file_of_holes_is_refused(tmp_path):
    with open(tmp_path / "a.txt", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(TooLargeError):
        read(tmp_path / "a.txt")


def test_what_is_allowed_is_read(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped(**{"a.txt": "Peeters", "b.zip": zipped(**{"c.txt": "Janssens"})}))
    parts, how = read(tmp_path / "a.zip")
    assert how == "unpacked" and {"peeters", "janssens"} <= {part.text for part in parts}


def test_a_damaged_archive_is_refused(tmp_path):
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 5000
        archive.addfile(member, io.BytesIO(b"x" * 5000))
    (tmp_path / "a.tar").write_bytes(whole.getvalue()[:3000])
    with pytest.raises(UnreadableError, match="cannot be read"):
        read(tmp_path / "a.tar")
