"""Word: the reference document that carries the styles, and what pandoc's Word files lack.

The styles lie as text in ``manuscript/style`` and are packed into pandoc's own reference document, so that no
binary template is tracked. After pandoc, captions get their APA form (number, line break, title), figures their
caption above, header rows of spanners a line, and references become fields that Word can renumber.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
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
    types = parts["[Content_Types].xml"].decode("utf-8")
    override = f'<Override PartName="/word/header1.xml" ContentType="{_HEADER_TYPE}" /></Types>'
    parts["[Content_Types].xml"] = types.replace("</Types>", override).encode("utf-8")
    name = "word/_rels/document.xml.rels"
    relation = (
        f'<Relationship Id="rIdHeader" Type="{_HEADER_RELATION}" Target="header1.xml" /></Relationships>'
    )
    parts[name] = parts[name].decode("utf-8").replace("</Relationships>", relation).encode("utf-8")
    _pack(parts, path)


_FIGURE = re.compile(
    r'(<w:p><w:pPr><w:pStyle w:val="(?:CaptionedFigure|Figure)" />(?:(?!</w:p>).)*</w:p>)(\s*)'
    r'(<w:p><w:pPr><w:pStyle w:val="ImageCaption" />(?:(?!</w:p>).)*</w:p>)',
    re.DOTALL,
)
_COLON = re.compile(r'(<w:bookmarkEnd w:id="\d+" />)<w:r><w:t xml:space="preserve">: ')
_TABLE = re.compile(r"<w:tbl>.*?</w:tbl>", re.DOTALL)
_HEADER_ROW = re.compile(r'<w:tr><w:trPr><w:tblHeader w:val="on" /></w:trPr>.*?</w:tr>', re.DOTALL)
_ROW = re.compile(r"<w:tr>.*?</w:tr>", re.DOTALL)
_NOTE = re.compile(
    r'(<w:pStyle w:val="TableNote" />)(?=(?:(?!</w:p>).)*</w:p>\s*<w:p><w:pPr><w:pStyle w:val="TableNote" />)',
    re.DOTALL,
)
_NUMBER = re.compile(r'(<w:pStyle w:val="TableCaption" /></w:pPr><w:bookmarkStart w:id="\d+" w:name=")(tbl-)')
_KEPT = r"\1<w:keepNext />"
#: What stands before the name of a table or figure in the bookmark around its number.
REFERENCE = "ref_"
#: A table of up to so many rows stays on one page; a longer one breaks neither near its ends nor below a section's name.
WHOLE_ROWS = 26
_CELL_BORDER = '<w:tcBorders><w:bottom w:val="single" w:sz="4" w:space="0" w:color="000000" /></w:tcBorders>'


def finish(path: Path, small: frozenset[str] = frozenset()) -> None:
    """Give a Word file of pandoc's its APA captions, header lines and rows that stay whole.

    Parameters
    ----------
    path : path
        The file, rewritten in place.
    small : frozenset of str
        Captions of the tables to set in smaller type.
    """
    parts = _unpack(path)
    text = parts["word/document.xml"].decode("utf-8")
    text = _COLON.sub(r'\1<w:r><w:br /></w:r><w:r><w:t xml:space="preserve">', text)
    text = re.sub(r'<w:r><w:t xml:space="preserve"></w:t></w:r>', "", text)
    text = _FIGURE.sub(r"\3\2\1", text)
    text = _TABLE.sub(lambda match: _table(match.group(), small), text)
    text = _NOTE.sub(_KEPT, text)
    # pandoc gives the table and the number in its caption one name; a reference shall show the number alone
    text = _NUMBER.sub(rf"\1{REFERENCE}\2", text)
    parts["word/document.xml"] = text.encode("utf-8")
    _pack(parts, path)


def _table(text: str, small: frozenset[str]) -> str:
    caption = re.search(r'<w:tblCaption w:val="([^"]*)"', text)
    if caption and caption.group(1) in small:
        text = text.replace('<w:pStyle w:val="Compact" />', '<w:pStyle w:val="TableSmall" />')
    headers = _HEADER_ROW.findall(text)
    text = text.replace("<w:tr><w:tc>", "<w:tr><w:trPr><w:cantSplit /></w:trPr><w:tc>")
    if len(headers) > 1:
        for index, header in enumerate(headers):
            text = text.replace(header, _underline(header, everywhere=index == len(headers) - 1))
    rows = _ROW.findall(text)
    for index, row in enumerate(rows):
        section = row.count("<w:tc>") == 1
        near_end = index < len(headers) + 2 or index >= len(rows) - 3
        if len(rows) <= WHOLE_ROWS or section or near_end:
            text = text.replace(row, re.sub(r'(<w:pStyle w:val="[^"]*" />)', _KEPT, row), 1)
    return text


def _underline(header: str, everywhere: bool) -> str:
    """Draw the line below a header row: below all cells of the last one, below the spanners of the others."""

    def cell(match: re.Match[str]) -> str:
        spanning = "<w:gridSpan" in match.group() and "<w:t " in match.group()
        if not (everywhere or spanning):
            return match.group()
        inside = match.group().replace("<w:tcPr />", "<w:tcPr></w:tcPr>")
        return inside.replace("</w:tcPr>", f"{_CELL_BORDER}</w:tcPr>", 1)

    return re.sub(r"<w:tc>.*?</w:tc>", cell, header, flags=re.DOTALL)


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
