"""Where a bound number stands: the section, the table or figure, and the words it is found by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fortems.report.page import nodes
from fortems.report.page.document import Document

#: How many words of a sentence it takes to find it.
WORDS = 8
_SENTENCE_ENDS = (". ", "? ", "! ", "; ")


@dataclass(frozen=True)
class Place:
    """A place in the report.

    Attributes
    ----------
    part : str
        ``manuscript`` or ``supplement``.
    section : str
        Headings above it, the outermost first, joined by `` > ``.
    item : str
        ``Table 3``, ``Figure S2``, or empty.
    words : str
        The first words of its sentence; of a cell, its row's and its column's heads.
    """

    part: str
    section: str
    item: str
    words: str

    def __str__(self) -> str:
        return " | ".join(part for part in (self.part, self.section, self.item, self.words) if part)


def places(document: Document) -> dict[int, Place]:
    """Return the place of every bound number of a part, the first where it stands in several."""
    found: dict[int, Place] = {}
    headings: list[str] = []
    for kind, item, content in _pieces(document.tree["blocks"], document.numbers, ""):
        if kind == "Header":
            level, text = content
            headings = [*headings[: level - 1], text]
            continue
        section = " > ".join(heading for heading in headings if heading)
        for number, words in content:
            found.setdefault(number, Place(document.name, section, item, words))
    return found


def _pieces(blocks: list[nodes.Node], names: Mapping[str, str], item: str) -> Iterator[tuple[str, str, Any]]:
    """Headings, and the numbers of each paragraph and table with the words beside them."""
    for block in blocks:
        kind = block["t"]
        content: Any = block.get("c")
        if kind == "Header":
            yield kind, "", (content[0], nodes.text_of(content[2]))
        elif kind in ("Para", "Plain"):
            yield kind, item, list(_in_text(content))
        elif kind == "Table":
            yield kind, names.get(content[0][0], item), list(_in_table(content))
        elif kind == "Figure":
            yield from _pieces(content[2], names, names.get(content[0][0], item))
        elif kind == "Div":
            inside = _first_item(content[1], names) if {"table", "figure"} & set(content[0][1]) else item
            yield from _pieces(content[1], names, inside)
        elif kind in ("BulletList", "OrderedList"):
            for entry in content if kind == "BulletList" else content[1]:
                yield from _pieces(entry, names, item)
        elif kind == "DefinitionList":
            for term, entries in content:
                yield kind, item, list(_in_text(term))
                for entry in entries:
                    yield from _pieces(entry, names, item)
        elif kind == "BlockQuote":
            yield from _pieces(content, names, item)


def _first_item(blocks: list[nodes.Node], names: Mapping[str, str]) -> str:
    """The table or figure that a division is about."""
    found = (
        node["c"][0][0] for node in nodes.walk(blocks) if node["t"] in ("Table", "Figure") and node["c"][0][0]
    )
    return names.get(next(found, ""), "")


def _numbers(value: Any) -> list[int]:
    spans = (dict(node["c"][0][2]) for node in nodes.walk(value) if node["t"] == "Span")
    return [int(pairs["data-n"]) for pairs in spans if "data-n" in pairs]


def _in_text(inlines: list[nodes.Node]) -> Iterator[tuple[int, str]]:
    """Numbers of a paragraph, each with the first words of its sentence."""
    text = ""
    for node in _flat(inlines):
        for number in _numbers(node):
            start = max((text.rfind(end) + len(end) for end in _SENTENCE_ENDS if end in text), default=0)
            sentence = f"{text[start:]}{nodes.text_of(node)}"
            yield number, _first(sentence if len(sentence.split()) > 2 else text + nodes.text_of(node))
        text += nodes.text_of(node)


def _flat(inlines: list[nodes.Node]) -> Iterator[nodes.Node]:
    """Inlines one by one, emphasis and links opened, numbers whole."""
    for node in inlines:
        content: Any = node.get("c")
        if node["t"] in ("Emph", "Strong", "Quoted", "Link") or (
            node["t"] == "Span" and "data-n" not in dict(content[0][2])
        ):
            inner = content if node["t"] in ("Emph", "Strong") else content[1]
            yield from _flat(inner)
        else:
            yield node


def _first(text: str) -> str:
    found = text.split()
    return " ".join(found[:WORDS]) + (" …" if len(found) > WORDS else "")


def _in_table(content: list[Any]) -> Iterator[tuple[int, str]]:
    """Numbers of a table, each with the heads of its row and column."""
    _, caption, _, (_, head_rows), bodies, _ = content
    for number in _numbers(caption):
        yield number, _first(nodes.text_of(caption))
    heads = column_heads(head_rows)
    for number in _numbers(head_rows):
        yield number, "head of the table"
    for _, _, _, rows in bodies:
        section = ""
        for _, cells in rows:
            if len(cells) == 1 and cells[0][3] > 1:
                section = nodes.text_of(cells[0][4])
                continue
            first = nodes.text_of(cells[0][4])
            row = ": ".join(part for part in (section, first) if part)
            for column, cell in enumerate(cells):
                for number in _numbers(cell[4]):
                    head = heads[column] if column < len(heads) else ""
                    yield number, f"{row}, {head}" if head else row


def column_heads(rows: list[Any]) -> list[str]:
    """The words over each column of a table's head, those of several rows joined."""
    grid: dict[tuple[int, int], str] = {}
    for y, (_, cells) in enumerate(rows):
        x = 0
        for _, _, high, wide, blocks in cells:
            while (y, x) in grid:
                x += 1
            for down in range(high):
                for right in range(wide):
                    grid[y + down, x + right] = nodes.text_of(blocks)
            x += wide
    columns = 1 + max((x for _, x in grid), default=-1)
    return [
        ", ".join(dict.fromkeys(text for y in range(len(rows)) if (text := grid.get((y, x), ""))))
        for x in range(columns)
    ]
