"""What the page knows beyond its text: cells behind numbers, tables to carry, sections of its own, other files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fortems.report.page import nodes


@dataclass(frozen=True)
class Insert:
    """Blocks that only the page has.

    Attributes
    ----------
    blocks : list
        Of pandoc's tree.
    anchors : tuple of str
        Identifiers of tables, figures and headings; they stand behind the first that the page has, without any at its end.
    at_end_of_section : bool
        Whether the section is finished first.
    otherwise : list
        Further blocks before them where the page lacks the first of the anchors.
    """

    blocks: list[nodes.Node]
    anchors: tuple[str, ...] = ()
    at_end_of_section: bool = False
    otherwise: list[nodes.Node] = field(default_factory=list)


@dataclass(frozen=True)
class Web:
    """What the page knows beyond its text.

    Attributes
    ----------
    entries : mapping of int to list
        Number → file, key, rows, column, rule, value, source.
    made : mapping of str to list
        Results file → the rule that made it, and what that read.
    files : mapping of str to path
        Results files that the page may carry → where they lie.
    wanted : tuple of str
        Those that it carries even where no number of its own is taken from them.
    explorers : mapping
        Explorer → its settings.
    inserts : tuple of Insert
        Sections of its own.
    downloads : tuple of (str, str)
        Words and relative address of the other formats and parts.
    printed : bool
        Whether values are told only as printed, as of own data.
    letters : str
        CSS with the drawings' typeface.
    """

    entries: Mapping[int, list[Any]] = field(default_factory=dict)
    made: Mapping[str, list[Any]] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    explorers: Mapping[str, Any] = field(default_factory=dict)
    inserts: tuple[Insert, ...] = ()
    downloads: tuple[tuple[str, str], ...] = ()
    printed: bool = False
    letters: str = ""


def with_inserts(blocks: list[nodes.Node], inserts: tuple[Insert, ...]) -> list[nodes.Node]:
    """Put the page's own sections into a list of blocks; those without any of their places stand before the references."""
    for insert in inserts:
        found = [(name, at) for name in insert.anchors if (at := _position(blocks, name)) is not None]
        if found:
            at = found[0][1]
            if insert.at_end_of_section:
                ends = (i for i in range(at + 1, len(blocks)) if _ends_section(blocks[i]))
                at = next(ends, len(blocks)) - 1
        elif insert.anchors:
            at = (_position(blocks, "references") or len(blocks)) - 1
        else:
            at = len(blocks) - 1
        own = bool(found) and found[0][0] == insert.anchors[0]
        new = insert.blocks if own else [*insert.otherwise, *insert.blocks]
        blocks = [*blocks[: at + 1], *new, *blocks[at + 1 :]]
    return blocks


def _ends_section(block: nodes.Node) -> bool:
    return block["t"] == "Header" and block["c"][0] <= 2


def _position(blocks: list[nodes.Node], identifier: str) -> int | None:
    """Where the block with a table, a figure or a heading of this name stands."""
    return next((i for i, block in enumerate(blocks) if _holds(block, identifier)), None)


def _holds(block: nodes.Node, identifier: str) -> bool:
    if block["t"] == "Header":
        return block["c"][1][0] == identifier
    return any(
        node["c"][0][0] == identifier for node in nodes.walk(block) if node["t"] in ("Table", "Figure")
    )
