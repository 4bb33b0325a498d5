"""The tree for formats with pages: Typst, with text alternatives for drawings and formulas, and Word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fortems.errors import FortemsError
from fortems.report.page import docx, nodes
from fortems.report.page.document import ELSEWHERE, Document, copied, divisions

#: A formula that speaks for itself: letters with an accent or a prime, and signs between them.
_SPOKEN = re.compile(r"[A-Za-z]+[′']*(?: *[+=-] *[A-Za-z]+[′']*)*")


def _without_other_parts(tree: dict[str, Any]) -> None:
    """Leave the words of references to another part, which this format cannot follow."""
    for node in nodes.walk(tree["blocks"]):
        if node["t"] == "Link" and ELSEWHERE in node["c"][0][1]:
            node.update({"t": "Span", "c": [nodes.attr(), node["c"][1]]})


def _new_pages(blocks: list[nodes.Node], page: nodes.Node) -> list[nodes.Node]:
    """Begin a new page after the front matter and before every heading of class ``page``."""

    def change(block: nodes.Node) -> list[nodes.Node] | None:
        if block["t"] == "Div" and {"front", "page"} <= set(block["c"][0][1]):
            return [block, page]
        if block["t"] == "Header" and "page" in block["c"][1][1]:
            return [page, block]
        return None

    return nodes.replace_blocks(blocks, change)


def _floating(blocks: list[nodes.Node]) -> list[nodes.Node]:
    """Let tables and figures float to the top or foot of a page of the PDF."""

    def change(block: nodes.Node) -> list[nodes.Node] | None:
        kinds = {"table", "figure"} & set(block["c"][0][1]) if block["t"] == "Div" else set()
        if not kinds:
            return None
        way = "floating-table" if "table" in kinds else "floating"
        return [nodes.raw("typst", f"#{way}["), block, nodes.raw("typst", "]")]

    return nodes.replace_blocks(blocks, change)


def _flushed(blocks: list[nodes.Node]) -> list[nodes.Node]:
    """Have what floats printed before the statements and the references, where the text that it belongs to is over.

    Nowhere else: before every section, a table that does not fit leaves white what the next section would fill. After the
    references there is hardly text beside which a table could wait: there each table stands where it is told of, and breaks.
    """
    done: list[nodes.Node] = []
    for block in blocks:
        if block["t"] == "Header" and block["c"][0] == 1 and block["c"][1][0] in ("statements", "references"):
            done.append(nodes.raw("typst", "#place.flush()"))
            if block["c"][1][0] == "references":
                done.append(nodes.raw("typst", "#let floating-table(body) = body"))
        done.append(block)
    return done


def quoted(text: str) -> str:
    """A text as Typst's string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _formula(node: nodes.Node, formulas: Mapping[str, str]) -> nodes.Node:
    """A formula with how it is read aloud.

    Raises
    ------
    FortemsError
        When nobody has said how.
    """
    tex = " ".join(str(node["c"][1]).split())
    spoken = formulas.get(tex) or (tex if _SPOKEN.fullmatch(tex) else "")
    if not spoken:
        raise FortemsError(f"manuscript/formulas.yaml does not say how the formula {tex} is read aloud")
    opening = nodes.raw_inline("typst", f"#[#set math.equation(alt: {quoted(spoken)});")
    inside = {"t": node["t"], "c": node["c"]}
    return nodes.span([opening, inside, nodes.raw_inline("typst", "]")])


def for_typst(document: Document, start: Path) -> dict[str, Any]:
    """Fit the tree for Typst: what must stay whole, type sizes, vector drawings relative to ``start``."""
    tree = copied(document.tree)
    _without_other_parts(tree)
    for node in list(nodes.walk(tree["blocks"])):  # what takes a formula's place holds it
        if node["t"] in ("Table", "Figure"):
            caption = node["c"][1][1][0]
            label = nodes.strong(nodes.words(document.numbers[node["c"][0][0]]))
            caption["c"] = [label, {"t": "LineBreak"}, nodes.emph(caption["c"])]
        elif node["t"] == "Image":
            drawing = Path(f"{node['c'][2][0]}.svg").resolve().relative_to(start).as_posix()
            # pandoc hands no text alternative on to Typst
            alternative = quoted(nodes.text_of(node["c"][1]))
            node.update(nodes.raw_inline("typst", f'#image("/{drawing}", alt: {alternative}, width: 100%)'))
        elif node["t"] == "Math":
            node.update(_formula(node, document.formulas))
    for name in ("table", "figure"):
        for group in divisions(tree["blocks"], name):
            classes = group["c"][0][1]
            pairs = {"typst:width": "100%", "typst:above": "1.6em", "typst:below": "1.8em"}
            if name == "table":
                pairs["typst:text:size"] = "8pt" if "small" in classes else "9.5pt"
            nodes.with_pairs(group, pairs)
    for note in divisions(tree["blocks"], "note"):
        nodes.with_pairs(
            note,
            {
                "typst:text:size": "9pt",
                "typst:above": "0.6em",
                "typst:below": "0.6em",
                "typst:breakable": "false",
            },
        )
    for box in divisions(tree["blocks"], "plain-words"):
        stroke = '(left: 2.5pt + rgb("#00558c"))'
        nodes.with_pairs(box, {"typst:stroke": stroke, "typst:inset": "(left: 10pt)"})
    for entry in divisions(tree["blocks"], "csl-entry"):
        entry["c"][1].insert(0, nodes.raw("typst", "#set par(hanging-indent: 2em); #set text(size: 10pt)"))
    tree["blocks"] = _new_pages(tree["blocks"], nodes.raw("typst", "#pagebreak(weak: true)"))
    tree["blocks"] = _flushed(_floating(tree["blocks"]))
    return tree


def for_word(document: Document) -> tuple[dict[str, Any], frozenset[str]]:
    """Fit the tree for Word: raster drawings, styles by name, reference fields.

    Returns
    -------
    tree : dict
        For pandoc.
    small : frozenset of str
        Captions of the tables in smaller type, for ``docx.finish``.
    """
    tree = copied(document.tree)
    _without_other_parts(tree)
    small = frozenset(
        nodes.text_of(node["c"][1][1])
        for group in divisions(tree["blocks"], "small")
        for node in nodes.walk(group)
        if node["t"] == "Table"
    )
    for node in nodes.walk(tree["blocks"]):
        if node["t"] in ("Table", "Figure"):
            caption = node["c"][1][1][0]
            caption["c"] = [nodes.span(caption["c"], **{"custom-style": "Caption Title"})]
        elif node["t"] == "Image":
            node["c"][2][0] = f"{node['c'][2][0]}.png"
        elif node["t"] == "Link" and "ref" in node["c"][0][1]:
            target = node["c"][2][0][1:]
            code = docx.field(target, document.numbers[target])
            node.update(nodes.raw_inline("openxml", code))
    for name, style in (("note", "Table Note"), ("plain-words", "Plain Words")):
        for group in divisions(tree["blocks"], name):
            nodes.with_pairs(group, {"custom-style": style})
    page = nodes.raw("openxml", '<w:p><w:r><w:br w:type="page" /></w:r></w:p>')
    tree["blocks"] = _new_pages(tree["blocks"], page)
    return tree, small
