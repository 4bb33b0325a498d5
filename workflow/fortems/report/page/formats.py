"""The three formats: one self-contained HTML page, a PDF through Typst, a Word file; same input, same bytes."""

from __future__ import annotations

import html
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fortems import tidy
from fortems.presentation import fonts
from fortems.report.page import docx, nodes
from fortems.report.page.document import Document, for_html, pandoc
from fortems.report.page.paged import for_typst, for_word
from fortems.report.page.web import assemble
from fortems.report.page.web.extras import with_inserts
from fortems.report.page.web.tables import fit

#: PDF/UA-1: tagged, every drawing and formula with a text alternative.
PDF_STANDARD: Literal["ua-1"] = "ua-1"


@dataclass(frozen=True)
class Front:
    """What stands outside the running text.

    Attributes
    ----------
    title, subtitle, head : str
        Title, subtitle and running head.
    authors : tuple of str
        Lines below the title.
    banner : str
        What every page of a simulated run says, else empty.
    """

    title: str
    subtitle: str
    head: str
    authors: tuple[str, ...]
    banner: str = ""

    def meta(self) -> dict[str, object]:
        """The same as pandoc's metadata; values are text, never markup."""

        def inlines(text: str) -> dict[str, object]:
            return {"t": "MetaInlines", "c": nodes.words(text)}

        values: dict[str, object] = {"title": inlines(self.title), "subtitle": inlines(self.subtitle)}
        values["author"] = {"t": "MetaList", "c": [inlines(author) for author in self.authors]}
        values["running-head"] = inlines(self.head)
        values["lang"] = {"t": "MetaString", "c": "en-US"}
        if self.banner:
            values["banner"] = inlines(self.banner)
        return values


def _written(tree: dict[str, object], front: Front, form: str, *options: str) -> str:
    """Have pandoc write a tree with its front as a whole document of a format."""
    whole = json.dumps({**tree, "meta": front.meta()})
    return pandoc(["-f", "json", "-t", form, "--wrap=none", "--standalone", *options], whole)


def write_html(document: Document, front: Front, style: Path, path: Path) -> str:
    """Write the page with all that it needs inside it (``page.web``); return its text."""
    options = ["--mathml", "--toc", "--toc-depth=3", "--template", str(style / "template.html")]
    options += ["--variable", f"pagetitle:{html.escape(front.title)}"]
    web = document.web
    whole = replace(
        document, tree={**document.tree, "blocks": with_inserts(document.tree["blocks"], web.inserts)}
    )
    tree, drawings = for_html(whole)
    fit(tree["blocks"])
    page = _written(tree, front, "html5", *options)
    titles = {
        f"drawing-{path.stem}": title for path in drawings.values() if (title := _title(tree, path.stem))
    }
    finished = assemble.finished(page, style, web, drawings, titles, _references(tree))
    tidy.write_text(finished, path)
    return finished


def _title(tree: dict[str, Any], name: str) -> str:
    """Number and caption of the figure with a drawing."""
    for node in nodes.walk(tree["blocks"]):
        if node["t"] == "Figure" and node["c"][0][0] == f"fig-{name}":
            return nodes.text_of(node["c"][1])
    return ""


def _references(tree: dict[str, Any]) -> dict[str, str]:
    """Key of a work in the list of references → the beginning of its entry."""
    found = {}
    for node in nodes.walk(tree["blocks"]):
        if node["t"] == "Div" and node["c"][0][0].startswith("ref-"):
            text = nodes.text_of(node["c"][1])
            found[node["c"][0][0].removeprefix("ref-")] = text if len(text) < 90 else f"{text[:88]} …"
    return found


def write_pdf(document: Document, front: Front, style: Path, root: Path, path: Path) -> None:
    """Write the PDF; ``root`` is the folder below which all drawings lie."""
    import typst

    root = root.resolve()
    template = str(style / "template.typ")
    source = _written(for_typst(document, root), front, "typst-citations", "--template", template)
    with tidy.atomic(path) as partial:
        compiled = typst.compile(  # type: ignore[misc]
            source.encode(),
            root=str(root),
            ignore_system_fonts=True,
            font_paths=[str(fonts.folder())],  # of the drawings
            pdf_standards=PDF_STANDARD,
        )
        partial.write_bytes(compiled)


def write_word(document: Document, front: Front, style: Path, path: Path) -> None:
    """Write the Word file."""
    import pypandoc

    tree, small = for_word(document)
    with tempfile.TemporaryDirectory() as folder, tidy.atomic(path) as partial:
        default = Path(folder) / "default.docx"
        data = [pypandoc.get_pandoc_path(), "--print-default-data-file", "reference.docx"]
        default.write_bytes(subprocess.run(data, capture_output=True, check=True).stdout)
        styled = Path(folder) / "reference.docx"
        docx.reference(default, style, front.head, front.banner, styled)
        os.environ.setdefault("SOURCE_DATE_EPOCH", "0")
        options = ("--reference-doc", str(styled), "-o", str(partial))
        _written(tree, front, "docx+native_numbering", *options)
        docx.finish(partial, small, document.mark)
