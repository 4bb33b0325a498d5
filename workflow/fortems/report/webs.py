"""What each part's page gets beyond its text: cards, explorers, the cells behind numbers, tables, other formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fortems.package import ROOT
from fortems.report.about import about
from fortems.report.bind import CONFIG, lines_of
from fortems.report.cards import cards
from fortems.report.explorers import Explorer, explorers
from fortems.report.ledger import Made, source_key, told_value
from fortems.report.page import nodes
from fortems.report.page.document import Document, Picture
from fortems.report.page.web import drawings
from fortems.report.page.web.extras import Insert, Web, with_inserts
from fortems.report.places import Place, places
from fortems.report.template import Report

CLAIMS_TABLE = "tbl-claims"
#: Part of the manuscript → how the other parts' pages call it.
WORDS = {"manuscript": "article", "supplement": "supplement"}


def equip(report: Report, parts: Mapping[str, Document], made: Mapping[str, Made]) -> dict[int, Place]:
    """Give every part what its page has beyond its text; return the place of every number.

    The claim cards and the explorers stand in the first part.
    """
    own = [Insert(cards(report), (CLAIMS_TABLE, "r-claims"), at_end_of_section=True)]
    found = explorers(report)
    own += [_explorer(report, each) for each in found]
    last = about(str(report.results.setting("run")), report.results.root, ROOT, report.variant.own)
    first = next(iter(parts))
    letters = drawings.font_faces(drawings.letters(_drawn(report)))
    placed: dict[int, Place] = {}
    for name, document in parts.items():
        document.web = Web(inserts=(*(own if name == first else ()), Insert(last)))
        whole = replace(
            document, tree={"blocks": with_inserts(document.tree["blocks"], document.web.inserts)}
        )
        placed = {**places(whole), **placed}
        document.web = replace(
            document.web,
            files=_files(report),
            wanted=(CONFIG, *(each.file for each in found if name == first)),
            explorers={each.name: {**each.settings, "file": each.file} for each in found if name == first},
            downloads=_downloads(name, list(parts)),
            printed=report.results.private,
            letters=letters,
        )
    entries = {number: _entry(report, number) for number in placed}
    behind = {name: [each.rule, list(each.inputs)] for name, each in made.items()}
    for document in parts.values():
        document.web = replace(document.web, entries=entries, made=behind)
    return placed


def _explorer(report: Report, explorer: Explorer) -> Insert:
    """An explorer behind its figure; where that stands elsewhere, behind a picture of its own."""
    picture = report.items.get(f"fig-{explorer.figure}")
    alone = (
        [nodes.div(_picture(picture), classes=["explorer-picture"])] if isinstance(picture, Picture) else []
    )
    anchors = (f"fig-{explorer.figure}", *explorer.near)
    return Insert(explorer.blocks(), anchors, at_end_of_section=True, otherwise=alone)


def _picture(picture: Picture) -> list[nodes.Node]:
    image = {"t": "Image", "c": [nodes.attr(), nodes.words(picture.alt), [str(picture.path), ""]]}
    return [nodes.plain([image])]


def _entry(report: Report, number: int) -> list[Any]:
    """A number as the page's script reads it: file, key, rows, column, rule, value, source."""
    bound = report.bind.ledger[number]
    lines = lines_of(bound)
    key = bound.key if int(bound.line) >= 0 or not lines else ""
    return [
        bound.file, key, lines, bound.column, bound.rule, told_value(bound, report.results), source_key(bound),
    ]  # fmt: skip


def _files(report: Report) -> dict[str, Path]:
    """Files that the page may carry: tables and what figures draw; of own data nothing that stays in ``data/``."""
    root = report.results.root
    names = [CONFIG, *report.results]
    names += [f"figures/{name.removeprefix('fig-')}.csv" for name in report.items if name.startswith("fig-")]
    return {
        name: root / name
        for name in dict.fromkeys(names)
        if name.endswith((".csv", ".yaml")) and not (report.results.private and name.startswith("data/"))
    }


def _drawn(report: Report) -> list[Path]:
    pictures = (item.path.with_suffix(".svg") for item in report.items.values() if isinstance(item, Picture))
    return [path for path in pictures if path.is_file()]


def _downloads(name: str, parts: list[str]) -> tuple[tuple[str, str], ...]:
    """The part's own further formats, the other parts, the ledger."""
    links = [("PDF", f"{name}.pdf"), ("Word", f"{name}.docx")]
    for other in parts:
        if other != name:
            words = WORDS.get(other, other)
            links += [
                (words, f"{other}.html"), (f"{words} as PDF", f"{other}.pdf"), (f"{words} as Word", f"{other}.docx"),
            ]  # fmt: skip
    return (*links, ("every number with its origin (CSV)", "numbers.csv"))
