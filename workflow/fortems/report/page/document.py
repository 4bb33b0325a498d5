"""The document: Markdown through pandoc into a tree, tables and figures put in place, numbered, referred to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fortems.errors import FortemsError
from fortems.report.page import nodes
from fortems.report.page.table import Cell, Table
from fortems.report.page.web.extras import Web
from fortems.schema import plain_yaml

#: Markdown as templates may use it: nothing raw can come through from a value of the data.
READER = (
    "markdown-raw_html-raw_attribute-raw_tex-native_divs-native_spans-latex_macros-auto_identifiers"
    "-implicit_figures-example_lists-tex_math_single_backslash-yaml_metadata_block"
)
KINDS = {"tbl": "Table", "fig": "Figure"}
#: Class of a reference to another part of the manuscript.
ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Picture:
    """A figure of the manuscript.

    Attributes
    ----------
    name : str
        Identifier, ``fig-`` first.
    title, alt, reading : str
        Caption, text alternative, and the sentence that says what is to be seen.
    path : path
        The drawing without its suffix.
    number : int or None
        Position of the whole reading in the ledger of bound numbers.
    parts : tuple of Cell
        The reading in pieces, each of its numbers bound by itself; empty where it is not in pieces.
    bare : bool
        Whether it stands without number and caption, as the strip of the first page does.
    studies : bool
        Whether it shows simulated studies and nothing of the run's own data.
    """

    name: str
    title: str
    alt: str
    reading: str
    path: Path
    number: int | None = None
    bare: bool = False
    parts: tuple[Cell, ...] = ()
    studies: bool = False

    def blocks(self, simulated: str = "") -> list[nodes.Node]:
        """The figure with its note as one division."""
        image = {
            "t": "Image",
            "c": [nodes.attr("", (), width="100%"), nodes.words(self.alt), [str(self.path), ""]],
        }
        if self.bare:
            return [nodes.div([nodes.para([image])], self.name, classes=["strip"])]
        caption = [None, [nodes.plain(nodes.words(self.title))]]
        figure = {"t": "Figure", "c": [nodes.attr(self.name), caption, [nodes.plain([image])]]}
        reading = Cell.of(*self.parts).inlines() if self.parts else nodes.words(self.reading)
        if self.number is not None:
            reading = [nodes.span(reading, "n", **{"data-n": str(self.number)})]
        note = [nodes.emph(nodes.words("Note.")), {"t": "Space"}, *reading]
        if simulated:
            note += [{"t": "Space"}, *nodes.words(simulated)]
        return [nodes.div([figure, nodes.div([nodes.para(note)], classes=["note"])], classes=["figure"])]


@dataclass
class Document:
    """A manuscript as pandoc's tree, before it is made fit for one format.

    Attributes
    ----------
    tree : dict
        Pandoc's JSON.
    numbers : dict
        Identifier of a table or figure to the words that name it (``Table 3``, in a supplement ``Table S3``).
    sections : dict
        Identifier of a heading to its text, in order.
    name : str
        The file's name without suffix, by which another part of the manuscript refers to it.
    mark : str
        What stands before the number of a table or figure: ``S`` in a supplement.
    formulas : dict
        A formula's source to how it is read aloud.
    web : Web
        What the page has beyond text.
    """

    tree: dict[str, Any]
    numbers: dict[str, str] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)
    name: str = "manuscript"
    mark: str = ""
    formulas: Mapping[str, str] = field(default_factory=dict)
    web: Web = field(default_factory=Web)


def pandoc(arguments: list[str], text: str) -> str:
    """Run pandoc on a text and return what it writes.

    Raises
    ------
    FortemsError
        With pandoc's own words.
    """
    import pypandoc

    done = subprocess.run(
        [pypandoc.get_pandoc_path(), *arguments], input=text.encode(), capture_output=True, check=False
    )
    complaint = done.stderr.decode(errors="replace").strip()
    if done.returncode or "not found" in complaint:
        raise FortemsError(f"pandoc could not make the manuscript: {complaint}")
    return done.stdout.decode("utf-8")


def read(markdown: str, folder: Path) -> Document:
    """Parse the text and resolve its citations by the bibliography and the citation style in a folder."""
    arguments = ["-f", READER, "-t", "json", "--citeproc", "--csl", str(folder / "style/apa.csl")]
    tree = json.loads(pandoc([*arguments, "--bibliography", str(folder / "references.bib")], markdown))
    tree["blocks"] = [block for block in tree["blocks"] if block["t"] != "Null"]
    sections = {
        block["c"][1][0]: nodes.text_of(block["c"][2])
        for block in nodes.walk(tree["blocks"])
        if block["t"] == "Header" and block["c"][1][0]
    }
    spoken = {" ".join(tex.split()): text for tex, text in plain_yaml(folder / "formulas.yaml").items()}
    return Document(tree, sections=sections, formulas=spoken)


def place(
    document: Document, items: Mapping[str, Table | Picture], simulated: str = "", studies: str = ""
) -> None:
    """Put tables and figures where the text has their places, and number them.

    Parameters
    ----------
    document : Document
    items : mapping
        Identifier → table or figure.
    simulated, studies : str
        A further note under each: of the run's data, and of simulated studies.

    Raises
    ------
    FortemsError
        When the text places what does not exist, or something twice.
    """
    counters = dict.fromkeys(KINDS, 0)

    def put(block: nodes.Node) -> list[nodes.Node] | None:
        if block["t"] != "Div" or "place" not in block["c"][0][1]:
            return None
        name = dict(block["c"][0][2])["what"]
        if name not in items:
            raise FortemsError(f"the manuscript places {name}, which this run does not make")
        if name in document.numbers:
            raise FortemsError(f"the manuscript places {name} twice")
        kind = name.split("-")[0]
        if getattr(items[name], "bare", False):
            document.numbers[name] = str(items[name].title)
        else:
            counters[kind] += 1
            document.numbers[name] = f"{KINDS[kind]} {document.mark}{counters[kind]}"
        return items[name].blocks(studies if items[name].studies else simulated)

    document.tree["blocks"] = nodes.replace_blocks(document.tree["blocks"], put)


def resolve(document: Document, others: Iterable[Document] = ()) -> None:
    """Write the words of every reference to a table, a figure or a section, in this part or in another.

    A reference to another part names that part's file; formats that cannot follow it keep the words alone.

    Raises
    ------
    FortemsError
        When the text refers or points to what no part has.
    """
    for node in nodes.walk(document.tree["blocks"]):
        if node["t"] != "Link" or not node["c"][2][0].startswith("#"):
            continue
        target, is_item = node["c"][2][0][1:], "ref" in node["c"][0][1]
        home = next((part for part in (document, *others) if target in _named(part, is_item)), None)
        if home is None:
            if is_item:
                raise FortemsError(f"the manuscript refers to {target}, which it does not place")
            if not target.startswith("ref-"):
                raise FortemsError(f"the manuscript points to the section {target}, which it does not have")
            continue
        if is_item:
            node["c"][1] = nodes.words(home.numbers[target].replace(" ", "\N{NO-BREAK SPACE}"))
        elif not node["c"][1]:
            node["c"][1] = nodes.words(home.sections[target])
        if home is not document:
            node["c"][0][1] = [*node["c"][0][1], ELSEWHERE]
            node["c"][2][0] = f"{home.name}.html#{target}"


def _named(part: Document, is_item: bool) -> Mapping[str, str]:
    return part.numbers if is_item else part.sections


def copied(tree: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(tree))


def divisions(blocks: list[nodes.Node], name: str) -> list[nodes.Node]:
    """The divisions of a class, at any depth."""
    found = []
    for block in blocks:
        if block["t"] == "Div":
            if name in block["c"][0][1]:
                found.append(block)
            found += divisions(block["c"][1], name)
    return found


def for_html(document: Document) -> tuple[dict[str, Any], dict[str, Path]]:
    """Fit the tree for HTML: numbers in captions, wide tables in scrolling regions.

    Returns
    -------
    dict
        The tree, in which each drawing is named by a word.
    dict of str to Path
        The drawings' words and files; pandoc would take long to read and write the drawings themselves.
    """
    tree, drawings = copied(document.tree), {}
    for node in nodes.walk(tree["blocks"]):
        if node["t"] in ("Table", "Figure"):
            inlines = node["c"][1][1][0]["c"]
            label = document.numbers[node["c"][0][0]]
            node["c"][1][1][0]["c"] = [
                nodes.span(nodes.words(label), "label"),
                {"t": "Space"},
                nodes.span(inlines, "caption-title"),
            ]
        elif node["t"] == "Image":
            drawing = Path(f"{node['c'][2][0]}.svg")
            node["c"][2][0] = word = f"drawing-{drawing.stem}"
            drawings[word] = drawing
            node["c"][0][2] = []
        elif node["t"] == "Header":
            node["c"][0] += 1
    for region in divisions(tree["blocks"], "table-scroll"):
        label = document.numbers[region["c"][1][0]["c"][0][0]]
        region["c"][0][2] += [["tabindex", "0"], ["role", "region"], ["aria-label", label]]
    return tree, drawings
