"""Strings of a PDF's pages: found as by a reader that goes letter by letter, and within a moment whatever the bytes are."""

from __future__ import annotations

import random
import re
import time

import pytest
from fortems.data.privacy import decoding
from fortems.data.privacy.decoding import Allowance, pdf_parts
from fortems.data.privacy.reading import ATTRIBUTE


def arrays(text):
    """The arrays of strings and numbers, read without patterns: ``[ (a) -20 (b) ]``."""
    found, at = [], 0
    while (at := text.find("[", at)) >= 0:
        place, strings, parts = at + 1, [], 0
        while place < len(text):
            if text[place].isspace():
                place += 1
            elif text[place] in "-.0123456789":
                place, parts = place + 1, parts + 1
            elif text[place] == "(":
                end = place + 1
                while end < len(text) and text[end] not in "()":
                    end += 2 if text[end] == "\\" else 1
                if end >= len(text) or text[end] == "(":
                    break
                strings.append(text[place + 1 : end])
                place, parts = end + 1, parts + 1
            else:
                break
        if place < len(text) and text[place] == "]" and parts:
            found.append("".join(strings))
            at = place
        else:
            at += 1
    return found


def page(text):
    return b"<< /Length 9 >>\nstream\n" + text.encode("latin-1") + b"\nendstream"


def test_strings_set_letter_by_letter_are_read_as_words():
    texts, attached = pdf_parts(page("BT [ (Pee) -20 (ters) 3.5 (\\)x) ] TJ (one) Tj ET"), Allowance())
    assert "Peeters\\)x" in texts and attached == []


def test_every_array_is_found():
    chance = random.Random(4)
    seen = 0
    pieces = ["[", "]", "(a)", "(b\\(c)", " ", "-1.5", "7", "(", ")", "x"]
    for _ in range(3000):
        text = "[" + "".join(chance.choices(pieces, [1, 2, 3, 2, 3, 2, 2, 0.2, 0.2, 0.3], k=10))
        *found, _ = decoding._shown(text)
        assert found == arrays(text), text
        seen += bool(found)
    assert seen > 300


@pytest.mark.parametrize(
    "text", ["[" + "0" * 5000, "[" + "1 2" * 3000 + "x", "[" * 5000, "[(" + "a[" * 5000, "[(a" * 5000]
)
def test_what_no_bracket_closes_takes_a_moment(text):
    begun = time.process_time()
    pdf_parts(page(text), Allowance())
    assert time.process_time() - begun < 2


def test_streams_are_those_of_one_pattern_for_all_of_it():
    """The pattern that says what a stream is; too slow for hostile bytes, right for short ones."""
    pattern = re.compile(rb"(<<(?:(?!endobj).)*?>>)\s*stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
    chance = random.Random(7)
    pieces = [
        b"<<",
        b">>",
        b"stream\n",
        b"stream\r\n",
        b"endstream",
        b"\nendstream",
        b"\r\nendstream",
        b"endobj",
        b" ",
        b"x",
        b"\r",
    ]
    seen = 0
    for _ in range(20_000):
        content = b"".join(chance.choices(pieces, [3, 3, 3, 1, 2, 2, 1, 1, 1, 1, 1], k=14))
        rest, streams = decoding._streams(content)
        assert streams == pattern.findall(content), content
        assert rest == pattern.sub(rb"\1", content), content
        seen += bool(streams)
    assert seen > 1000


@pytest.mark.parametrize(
    "content",
    [
        b"<< a >> " * 50_000,
        b"<<" * 200_000 + b">>",
        b">> stream\n" * 50_000,
        b"<< >>" + b" " * 300_000,
        b"<< >> stream\n" * 40_000,
    ],
)
def test_hostile_streams_take_a_moment(content):
    begun = time.process_time()
    pdf_parts(content, Allowance())
    assert time.process_time() - begun < 2


def test_attributes_are_found_in_long_words_within_a_moment():
    text = "<g x=\"1\" data-y = '-2.5e-3' z='a' w='7'/>" + "A" * 300_000
    begun = time.process_time()
    assert ATTRIBUTE.findall(text) == [("x", "1"), ("data-y", "-2.5e-3"), ("w", "7")]
    assert time.process_time() - begun < 2
