"""Word: the reference document that carries the styles, and what pandoc's Word files lack.

The styles lie as text in ``manuscript/style`` and are packed into pandoc's own reference document, so that no
binary template is tracked. After pandoc, captions get their APA form (number, line break, title), figures their
caption above, header rows of spanners a line, and references become fields that Word can renumber.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

#: What every part of a Word file is stamped with: the earliest time that a ZIP archive can carry.
STAMP = (1980, 1, 1, 0, 0, 0)

_HEADER_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml"
_HEADER_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/header"


def _pack(parts: dict[str, bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, STAMP), content, zipfile.ZIP_DEFLATED)


def _unpack(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def reference(default: Path, style: Path, head: str, banner: str, path: Path) -> None:
    """Build the reference document.

    Parameters
    ----------
    default : path
        Pandoc's own ``reference.docx``.
    style : path
        Folder with ``styles.xml``, ``header.xml`` and ``document.xml``.
    head, banner : str
        Running head, and what every page of a simulated run says (else empty).
    path : path
        Where to write.
    """
    parts = _unpack(default)
    parts["word/styles.xml"] = (style / "styles.xml").read_bytes()
    parts["word/document.xml"] = (style / "document.xml").read_bytes()
    text = (style / "header.xml").read_text(encoding="utf-8")
    text = text.replace("{head}", escape(head)).replace("{banner}", escape(f"   {banner}" if banner else ""))
    parts["word/header1.xml"] = text.encode("utf-8")
    parts["[Content_Types].xml"] = _with_child(
        parts["[Content_Types].xml"], "Override", PartName="/word/header1.xml", ContentType=_HEADER_TYPE
    )
    name = "word/_rels/document.xml.rels"
    parts[name] = _with_child(
        parts[name], "Relationship", Id="rIdHeader", Type=_HEADER_RELATION, Target="header1.xml"
    )
    _pack(parts, path)


def _with_child(part: bytes, name: str, **values: str) -> bytes:
    """A part with one more element of its own namespace at the end."""
    from lxml import etree

    root = etree.fromstring(part)
    etree.SubElement(root, f"{{{etree.QName(root).namespace}}}{name}", values)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


#: What stands before the name of a table or figure in the bookmark around its number.
REFERENCE = "ref_"
#: A table of up to so many rows stays on one page; a longer one breaks neither near its ends nor below a section's name.
WHOLE_ROWS = 15
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SPACES = {"w": _W, "pic": "http://schemas.openxmlformats.org/drawingml/2006/picture"}
_FIGURES = ("CaptionedFigure", "Figure")


def finish(path: Path, small: frozenset[str] = frozenset(), mark: str = "") -> None:
    """Give a Word file of pandoc's its APA captions, header lines and rows that stay whole.

    Parameters
    ----------
    path : path
        The file, rewritten in place.
    small : frozenset of str
        Captions of the tables to set in smaller type.
    mark : str
        What stands before the numbers of tables and figures: ``S`` in a supplement.
    """
    from lxml import etree

    parts = _unpack(path)
    root = etree.fromstring(parts["word/document.xml"])
    for caption in _styled(root, "TableCaption", "ImageCaption"):
        _caption(caption, mark)
    for figure in _styled(root, *_FIGURES):
        _caption_above(figure)
    for table in root.iter(_tag("tbl")):
        _table(table, small)
    notes = list(_styled(root, "TableNote"))
    for note in notes:
        if (below := note.getnext()) is not None and below in notes:
            _keep_with_next(note)
    for drawing in root.iterfind(".//pic:cNvPr", _SPACES):
        drawing.set(
            "descr", ""
        )  # pandoc writes the file's path there; the drawing's own description stands above it
    parts["word/document.xml"] = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    _pack(parts, path)


def _tag(name: str) -> str:
    return f"{{{_W}}}{name}"


def _new(name: str, **values: str) -> Any:
    from lxml import etree

    return etree.Element(_tag(name), {_tag(key): value for key, value in values.items()})


def _style(paragraph: Any) -> str:
    found = paragraph.find("w:pPr/w:pStyle", _SPACES)
    return "" if found is None else found.get(_tag("val"))


def _styled(root: Any, *styles: str) -> list[Any]:
    """The paragraphs of a style."""
    return [paragraph for paragraph in root.iter(_tag("p")) if _style(paragraph) in styles]


def _caption(paragraph: Any, mark: str) -> None:
    """Number, line break, title; the number by a field that Word counts, and a bookmark around the number alone."""
    runs = paragraph.findall("w:r", _SPACES)
    for run in runs:
        text = run.find("w:t", _SPACES)
        if text is None:
            continue
        if text.text == ": ":
            run.replace(text, _new("br"))
        elif not text.text:
            paragraph.remove(run)
    counter = paragraph.find("w:fldSimple", _SPACES)
    if counter is not None and mark:
        run = _new("r")
        letter = _new("t")
        letter.text = mark
        run.append(letter)
        counter.addprevious(run)
    for start in paragraph.iterfind("w:bookmarkStart", _SPACES):
        # pandoc gives the table and the number in its caption one name; a reference shall show the number alone
        start.set(_tag("name"), f"{REFERENCE}{start.get(_tag('name')).removeprefix(REFERENCE)}")


def _caption_above(figure: Any) -> None:
    """Put a figure's caption, which pandoc writes below it, above."""
    below = figure.getnext()
    if below is not None and _style(below) == "ImageCaption":
        tail, below.tail = below.tail, None
        figure.addprevious(below)
        below.tail, figure.tail = figure.tail, tail


def _table(table: Any, small: frozenset[str]) -> None:
    caption = table.find("w:tblPr/w:tblCaption", _SPACES)
    if caption is not None and caption.get(_tag("val")) in small:
        for style in table.iterfind(".//w:pPr/w:pStyle", _SPACES):
            if style.get(_tag("val")) == "Compact":
                style.set(_tag("val"), "TableSmall")
    rows = table.findall("w:tr", _SPACES)
    heads = [row for row in rows if row.find("w:trPr/w:tblHeader", _SPACES) is not None]
    for index, head in enumerate(heads if len(heads) > 1 else []):
        _underline(head, everywhere=index == len(heads) - 1)
    for index, row in enumerate(rows):
        cells = row.findall("w:tc", _SPACES)
        if row.find("w:trPr", _SPACES) is None:
            properties = _new("trPr")
            properties.append(_new("cantSplit"))
            row.insert(0, properties)
        near_end = index < len(heads) + 2 or index >= len(rows) - 3
        if len(rows) <= WHOLE_ROWS or len(cells) == 1 or near_end:
            for paragraph in row.iter(_tag("p")):
                _keep_with_next(paragraph)


def _keep_with_next(paragraph: Any) -> None:
    style = paragraph.find("w:pPr/w:pStyle", _SPACES)
    if style is not None and paragraph.find("w:pPr/w:keepNext", _SPACES) is None:
        style.addnext(_new("keepNext"))


def _underline(head: Any, everywhere: bool) -> None:
    """Draw the line below a header row: below all cells of the last one, below the spanners of the others."""
    for cell in head.findall("w:tc", _SPACES):
        properties = cell.find("w:tcPr", _SPACES)
        spanning = properties is not None and properties.find("w:gridSpan", _SPACES) is not None
        if not (everywhere or (spanning and cell.find(".//w:t", _SPACES) is not None)):
            continue
        if properties is None:
            properties = _new("tcPr")
            cell.insert(0, properties)
        borders = _new("tcBorders")
        borders.append(_new("bottom", val="single", sz="4", space="0", color="000000"))
        properties.append(borders)


def field(identifier: str, text: str) -> str:
    """A reference field to a table's or figure's number, showing ``text`` until Word updates it, as raw OpenXML."""
    shown = escape(text)
    return (
        '<w:r><w:fldChar w:fldCharType="begin" /></w:r>'
        f'<w:r><w:instrText xml:space="preserve"> REF {REFERENCE}{identifier} \\h \\* MERGEFORMAT </w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate" /></w:r>'
        f'<w:r><w:t xml:space="preserve">{shown}</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end" /></w:r>'
    )
