"""Small constructors of pandoc's document tree (pandoc-types 1.23), as plain JSON values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

Node = dict[str, Any]

_MARK = re.compile(r"\*([^*]+)\*|\^([^^]+)\^|~([^~]+)~")


def attr(identifier: str = "", classes: Iterable[str] = (), **pairs: str) -> list[Any]:
    """An attribute triple."""
    return [identifier, list(classes), [[key, value] for key, value in pairs.items()]]


def words(text: str) -> list[Node]:
    """Plain text as inlines; nothing in it is markup. A no-break space stays one, quotation marks are those of the prose."""
    nodes: list[Node] = []
    for index, part in enumerate(re.split(r"[ \n\t]+", curly(text))):
        if index:
            nodes.append({"t": "Space"})
        if part:
            nodes.append({"t": "Str", "c": part})
    return nodes


def curly(text: str) -> str:
    """Turn quotation marks and apostrophes as pandoc does in Markdown; lone marks, inches and minutes stay."""
    text = re.sub(r'(?<!\w)"(\S|\S[^"]*\S)"', r"“\1”", text)
    text = re.sub(r"(?<!\w)'(\S|\S[^']*\S)'(?!\w)", r"‘\1’", text)
    return re.sub(r"(?<=[^\W\d_])'", "’", text)


def marked(text: str) -> list[Node]:
    """Text of ours as inlines, with ``*italic*``, ``^superscript^`` and ``~subscript~``."""
    nodes: list[Node] = []
    start = 0
    for match in _MARK.finditer(text):
        nodes += words(text[start : match.start()])
        kind = {1: "Emph", 2: "Superscript", 3: "Subscript"}[match.lastindex or 1]
        nodes.append({"t": kind, "c": words(match.group(match.lastindex or 1))})
        start = match.end()
    return nodes + words(text[start:])


def span(inlines: list[Node], *classes: str, **pairs: str) -> Node:
    """A span with classes and attributes."""
    return {"t": "Span", "c": [attr("", classes, **pairs), inlines]}


def emph(inlines: list[Node]) -> Node:
    """Italics."""
    return {"t": "Emph", "c": inlines}


def strong(inlines: list[Node]) -> Node:
    """Bold face."""
    return {"t": "Strong", "c": inlines}


def link(inlines: list[Node], identifier: str) -> Node:
    """A link within the document."""
    return {"t": "Link", "c": [attr(), inlines, [f"#{identifier}", ""]]}


def para(inlines: list[Node]) -> Node:
    """A paragraph."""
    return {"t": "Para", "c": inlines}


def plain(inlines: list[Node]) -> Node:
    """Text of a cell or caption."""
    return {"t": "Plain", "c": inlines}


def div(blocks: list[Node], identifier: str = "", classes: Iterable[str] = (), **pairs: str) -> Node:
    """A division; attribute names with other characters are given as a mapping by ``with_pairs``."""
    return {"t": "Div", "c": [attr(identifier, classes, **pairs), blocks]}


def with_pairs(node: Node, pairs: dict[str, str]) -> Node:
    """Add attributes whose names Python cannot spell, such as ``typst:text:size``."""
    node["c"][0][2] += [[key, value] for key, value in pairs.items()]
    return node


def cell(inlines: list[Node], align: str = "AlignDefault", columns: int = 1) -> list[Any]:
    """A table cell over one or more columns."""
    return [attr(), {"t": align}, 1, columns, [plain(inlines)] if inlines else []]


def head(inlines: list[Node], align: str = "AlignDefault", columns: int = 1) -> list[Any]:
    """A cell of a table's head, which says to a screen reader whether it is of one column or of several."""
    _, *rest = cell(inlines, align, columns)
    return [attr(scope="col" if columns == 1 else "colgroup"), *rest]


def row(cells: list[list[Any]]) -> list[Any]:
    """A table row."""
    return [attr(), cells]


def raw(format_name: str, text: str) -> Node:
    """A raw block for one output format."""
    return {"t": "RawBlock", "c": [format_name, text]}


def raw_inline(format_name: str, text: str) -> Node:
    """A raw inline for one output format."""
    return {"t": "RawInline", "c": [format_name, text]}


def walk(value: Any) -> Iterator[Node]:
    """Every node of a tree, parents first."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "t" in part:
                yield part
            waiting.extend(reversed(part.values()))
        elif isinstance(part, list):
            waiting.extend(reversed(part))


def replace_blocks(blocks: list[Node], change: Any) -> list[Node]:
    """Rebuild a list of blocks: ``change(block)`` returns its replacements, or None to leave it and go in."""
    done: list[Node] = []
    for block in blocks:
        new = change(block)
        if new is not None:
            done += new
            continue
        if block["t"] in ("Div", "Figure"):
            block["c"][-1] = replace_blocks(block["c"][-1], change)
        elif block["t"] == "BlockQuote":
            block["c"] = replace_blocks(block["c"], change)
        done.append(block)
    return done


def text_of(value: Any) -> str:
    """The plain text of a tree."""
    parts = []
    for node in walk(value):
        if node["t"] == "Str":
            parts.append(node["c"])
        elif node["t"] in ("Space", "SoftBreak", "LineBreak"):
            parts.append(" ")
    return "".join(parts)
