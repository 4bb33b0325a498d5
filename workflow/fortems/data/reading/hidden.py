"""Rows that a workbook does not show: a filter, or a hand, hides them, and yet they hold cells like all others.

python-calamine does not say which they are, and openpyxl only where it holds the whole workbook in memory; so the sheet's
own XML is read, a row at a time. Sources: ECMA-376 part 1, 18.3.1.73 (``row``, attribute ``hidden``); OpenDocument 1.3
part 3, 19.749 (``table:visibility``).
"""

from __future__ import annotations

import io
import os
import posixpath
import zipfile
from collections.abc import Iterator
from typing import IO, Any

_BOOK, _LINKS, _OPENDOCUMENT = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "content.xml"


def hidden_rows(path: str | os.PathLike[str], sheet: str) -> set[int]:
    """Return the rows of a sheet that are not shown.

    Parameters
    ----------
    path : path
        A workbook of Excel's since 2007 or of OpenDocument's; of others nothing is known.
    sheet : str

    Returns
    -------
    set of int
        Counted from 1, as the spreadsheet numbers them.
    """
    from lxml import etree

    if not zipfile.is_zipfile(path):
        return set()
    try:
        with zipfile.ZipFile(path) as archive:
            return set(_hidden(archive, sheet))
    except (etree.XMLSyntaxError, ValueError):  # what could be read is not refused for want of this
        return set()


def _hidden(archive: zipfile.ZipFile, sheet: str) -> Iterator[int]:
    """The sheet's part is gone through where it speaks of hiding at all, which few do: that costs as much as reading it."""
    names = set(archive.namelist())
    if {_BOOK, _LINKS} <= names and (member := _member(archive, sheet)) in names:
        if b"hidden=" in (xml := archive.read(member)):
            yield from _excel(io.BytesIO(xml))
    elif _OPENDOCUMENT in names and b"visibility=" in (xml := archive.read(_OPENDOCUMENT)):
        yield from _opendocument(io.BytesIO(xml), sheet)


def _member(archive: zipfile.ZipFile, sheet: str) -> str:
    """Name of the part that holds a sheet of Excel's: the workbook names a link, and the links name parts."""
    from lxml import etree

    links = {link.get("Id"): link.get("Target", "") for link in etree.fromstring(archive.read(_LINKS))}
    for entry in etree.fromstring(archive.read(_BOOK)).iterfind("{*}sheets/{*}sheet"):
        if entry.get("name") == sheet:
            target = links.get(_local(entry).get("id"), "")
            return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return ""


def _excel(stream: IO[bytes]) -> Iterator[int]:
    number = 0
    for _, row in _rows(stream, ("end",), "{*}row"):
        number = int(row.get("r", number + 1))
        if row.get("hidden") in ("1", "true"):
            yield number


def _opendocument(stream: IO[bytes], sheet: str) -> Iterator[int]:
    """Rows of a table follow one another, and one element may stand for several that are alike."""
    here, number = False, 0
    for event, element in _rows(stream, ("start", "end"), "{*}table", "{*}table-row"):
        said = _local(element)
        row = element.tag.endswith("}table-row")
        if event == "start" and not row:
            here, number = said.get("name") == sheet, 0
        elif event == "end" and row and here:
            many = int(said.get("number-rows-repeated", 1))
            if said.get("visibility", "visible") != "visible":
                yield from range(number + 1, number + many + 1)
            number += many


def _rows(stream: IO[bytes], events: tuple[str, ...], *tags: str) -> Iterator[tuple[str, Any]]:
    """Go through elements of a part and empty each behind it, so that no sheet is held whole."""
    from lxml import etree

    for event, element in etree.iterparse(stream, events=events, tag=tags, resolve_entities=False):
        yield event, element
        if event == "end":
            element.clear()


def _local(element: Any) -> dict[str, str]:
    """Attributes by their names without the namespace."""
    return {name.rpartition("}")[2]: value for name, value in element.items()}
