"""Quotation marks of tables and captions against those that pandoc makes of the prose."""

from __future__ import annotations

import json

import pytest
from fortems.report.page import nodes
from fortems.report.page.document import READER, pandoc


@pytest.mark.parametrize(
    "text",
    [
        "the report's own interval",
        "therapists' means, clients' answers",
        "the words \"not stated\" and 'no'",
        'a reason that begins with "two words"',
        "unknown column 'age', nearest 'page'",
        "no mark at all",
    ],
)
def test_tables_have_the_marks_of_the_prose(text):
    document = json.loads(pandoc(["-f", READER, "-t", "json"], text))
    prose = "".join(_plain(node) for node in document["blocks"][0]["c"])
    assert nodes.text_of(nodes.words(text)) == prose


@pytest.mark.parametrize("text", ["5' 3\"", 'a lone " mark', "'"])
def test_lone_marks_stay(text):
    assert nodes.curly(text) == text


def _plain(node):
    """The text of an inline, quotations with the marks that every format prints."""
    if node["t"] == "Quoted":
        left, right = ("“", "”") if node["c"][0]["t"] == "DoubleQuote" else ("‘", "’")
        return left + "".join(_plain(part) for part in node["c"][1]) + right
    return {"Str": lambda: node["c"], "Space": lambda: " "}[node["t"]]()
