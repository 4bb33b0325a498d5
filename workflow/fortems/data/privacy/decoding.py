"""Bytes to texts, and what is encoded or packed inside them: compressed streams, PDF, PNG, base64, digits of base 16."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Iterator

LARGEST = 50_000_000  # bytes of one file and all that is packed in it; those of a run come to a tenth of it
ENCODED = re.compile(r"[A-Za-z0-9+/_-]{8,}(?:[\r\n]+[A-Za-z0-9+/_-]+)*={0,2}")
LONG = 24  # characters from which what is encoded may be a file; a shorter one is a word or two
END_OF_PNG = b"IEND\xaeB`\x82"
# Longer marks first: that of UTF-16 begins that of UTF-32.
MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


class UnreadableError(Exception):
    """A file that cannot be looked into; the message says why."""


class TooLargeError(UnreadableError):
    """A file that stands for more bytes than are looked into."""

    def __init__(self) -> None:
        super().__init__(f"is too large (more than {LARGEST // 1_000_000} MB with what is packed in it)")


class Allowance:
    """How many bytes may still be read, shared by all that is packed in one file, one in the other or side by side."""

    def __init__(self, left: int = LARGEST) -> None:
        self.left = left

    def spend(self, size: int) -> None:
        """Take some of it.

        Raises
        ------
        TooLargeError
            When there is not so much left.
        """
        if size > self.left:
            raise TooLargeError
        self.left -= size


def decoded(content: bytes) -> str:
    """Return bytes as text.

    Raises
    ------
    UnreadableError
        When they are none.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if b"\0" not in content:
        for encoding in ("utf-8", "cp1252"):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                continue
            if _is_text(text):
                return text
    raise UnreadableError("is of a kind that cannot be looked into")


def _is_text(text: str) -> bool:
    odd = sum(count for c, count in Counter(text).items() if not (c.isprintable() or c.isspace()))
    return odd <= len(text) // 100


def decompressed(content: bytes, allowance: Allowance) -> bytes:
    """Return what gzip, bzip2 or xz packed, empty for anything else.

    Raises
    ------
    UnreadableError
        Damaged or too large.
    """
    for mark, opened in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open)):
        if content.startswith(mark):
            try:
                with opened(io.BytesIO(content)) as file:  # type: ignore[operator]
                    found = bytes(file.read(allowance.left + 1))
            except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
                raise UnreadableError("is packed and damaged") from error
            allowance.spend(len(found))
            return found
    return b""


def without_encoded(text: str) -> str:
    """Return a text without embedded files, whose letters would be taken for words and numbers."""
    return re.sub(r"data:[\w/+.\-]+;base64,[A-Za-z0-9+/=\s]+", " ", text)


def encoded(text: str) -> Iterator[bytes]:
    """Yield what base64 and digits of base 16 in a text stand for: anything long, and short ones that are words."""
    for found in dict.fromkeys(ENCODED.findall(text)):
        plain = "".join(found.split()).replace("-", "+").replace("_", "/")
        for meant in _meanings(plain):
            if len(plain) >= LONG or _is_words(meant):
                yield meant


def _meanings(plain: str) -> Iterator[bytes]:
    if len(plain) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]+", plain):
        yield binascii.unhexlify(plain)
    bare = plain.rstrip("=")
    try:
        yield base64.b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        return


def _is_words(content: bytes) -> bool:
    try:
        return content.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def pdf_parts(content: bytes, allowance: Allowance) -> tuple[str, list[bytes]]:
    """Return the texts of a PDF, and the files attached to it.

    Text set with embedded fonts is glyph numbers and stays unread.

    Raises
    ------
    TooLargeError
        When its streams stand for too much.
    """
    rest, streams = _streams(content)
    texts = [rest.decode("latin-1")]
    attached = []
    for about, packed in streams:
        plain = _of_filters(about, packed, allowance)
        if b"/EmbeddedFile" in about:
            attached.append(plain)
        else:
            text = plain.decode("latin-1")
            texts.append(text if _is_text(text[:10_000]) else " ".join(re.findall(r"[\x20-\x7e]{6,}", text)))
            texts += _shown(text)
    return "\n".join(texts), attached


def _streams(content: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return a PDF without the bytes of its streams, and each stream: what is said about it, its bytes.

    A walk from stream to stream: one pattern for all of it would begin anew at every dictionary.
    """
    rest, found, at, kept = [], [], 0, 0
    for head in re.finditer(rb">>\s*+stream\r?\n", content):
        if head.start() < at:
            continue  # within the stream before
        begin = max(at, content.rfind(b"endobj", at, head.start()))
        begin = content.find(b"<<", begin, head.start())
        if begin < 0:
            at = head.start()
            continue
        end = content.find(b"endstream", head.end())
        if end < 0:
            break
        found.append(
            (
                content[begin : head.start() + 2],
                content[head.end() : end].removesuffix(b"\n").removesuffix(b"\r"),
            )
        )
        rest.append(content[kept : head.start() + 2])
        at = kept = end + len(b"endstream")
    return b"".join([*rest, content[kept:]]), found


def _of_filters(about: bytes, packed: bytes, allowance: Allowance) -> bytes:
    """A stream without what its filters packed it in, as far as that is known."""
    for name in [
        *re.findall(rb"/(ASCII85|ASCIIHex|Flate)Decode", about),
        b"Flate",
    ]:  # also where it is not said
        try:
            if name == b"ASCII85":
                packed = base64.a85decode(packed.strip().removesuffix(b"~>"))
            elif name == b"ASCIIHex":
                digits = b"".join(packed.split()).rstrip(b">")
                packed = binascii.unhexlify(digits + b"0" * (len(digits) % 2))
            else:
                packed = zlib.decompressobj().decompress(packed, allowance.left + 1)
                allowance.spend(len(packed))
        except (ValueError, zlib.error):
            return packed
    return packed


def _shown(text: str) -> Iterator[str]:
    """Strings that a page shows; letters set one by one to be nearer each other are one word."""
    string = r"\(((?:[^()\\]|\\.)*)\)"
    # Nothing is given back: a number could be cut in two at each of its digits, and a long one that no bracket closes, such as a
    # picture's bytes hold, would be tried in every way.
    for group in re.findall(r"\[((?:\s*+(?:\((?:[^()\\]|\\.)*+\)|[-0-9.]++))++\s*+)\]", text):
        yield "".join(re.findall(string, group))
    yield " ".join(re.findall(string, text))


def png_parts(content: bytes, allowance: Allowance) -> tuple[str, bytes]:
    """Return the texts of a PNG picture, and what stands behind its end.

    Raises
    ------
    TooLargeError
        When its packed texts stand for too much.
    """
    picture, _, behind = content.partition(END_OF_PNG)
    texts = re.findall(rb"(?:tEXt|iTXt)([^\x89]{0,4000})", picture)
    for packed in re.findall(
        rb"(?:zTXt[^\0]{1,79}\0\0|iTXt[^\0]{1,79}\0\x01\0[^\0]*\0[^\0]*\0)(.{0,200000})", picture, re.DOTALL
    ):
        try:
            texts.append(zlib.decompressobj().decompress(packed, allowance.left + 1))
        except zlib.error:
            continue
        allowance.spend(len(texts[-1]))
    return "\n".join(text.decode("utf-8", errors="replace") for text in texts), behind
