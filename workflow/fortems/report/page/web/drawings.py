"""Drawings in the page itself, as text that can be read, searched and styled, and the letters that they need."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from fortems.presentation import fonts

SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_POINTER = re.compile(r"url\(#([^)]+)\)")
#: Weight and slope of the letters → file of the typeface.
_FACES = {
    ("normal", "normal"): "DejaVuSans.ttf",
    ("bold", "normal"): "DejaVuSans-Bold.ttf",
    ("normal", "italic"): "DejaVuSans-Oblique.ttf",
    ("bold", "italic"): "DejaVuSans-BoldOblique.ttf",
}
#: What fonts themselves say of when they were made.
_TABLES = ["DSIG", "FFTM", "GDEF", "GPOS", "GSUB", "kern"]

Letters = dict[tuple[str, str], set[str]]


def inline(path: Path, name: str, alt: str) -> str:
    """Return a drawing as an element of a page.

    Its styles become attributes, which a policy without inline styles allows, and its identifiers get the figure's
    name, so that several drawings can stand on one page.

    Parameters
    ----------
    path : path
        The SVG file.
    name : str
        The figure's name, as the identifiers' first part.
    alt : str
        The text alternative.
    """
    root = _read(path)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        for key, value in _declared(element.attrib.pop("style", "")):
            element.set(key, value)
        if _XLINK in element.attrib:
            element.set("href", element.attrib.pop(_XLINK))
        for key, value in list(element.attrib.items()):
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif key == "href" and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, _POINTER.sub(rf"url(#{name}-\1)", value))
    width, height = (_points(root.attrib.get(side, "")) for side in ("width", "height"))
    root.attrib.setdefault("viewBox", f"0 0 {width:g} {height:g}")
    for key, value in {
        "stroke-linejoin": "round", "stroke-linecap": "butt", "role": "img", "aria-label": alt, "class": "drawing",
    }.items():  # fmt: skip
        root.set(key, value)
    for group in root.findall(
        f".//{{{SVG}}}g[@id='{name}-figure_1']/{{{SVG}}}g[@id='{name}-patch_1']/{{{SVG}}}path"
    ):
        group.set("fill", "none")  # the sheet: the page's own ground shows
    ElementTree.register_namespace("", SVG)
    text = ElementTree.tostring(root, encoding="unicode")
    return re.sub(r">\s*\n\s*<", "><", text)


def letters(paths: Iterable[Path]) -> Letters:
    """Return the characters that drawings hold as text, by weight and slope."""
    found: Letters = {}
    for path in paths:
        for element in _read(path).iter(f"{{{SVG}}}text"):
            style = dict(_declared(element.attrib.get("style", "")))
            bold = style.get("font-weight", "400") in ("bold", "600", "700", "800", "900")
            slanted = style.get("font-style", "normal") != "normal"
            face = ("bold" if bold else "normal", "italic" if slanted else "normal")
            found.setdefault(face, set()).update("".join(element.itertext()))
    return found


def font_faces(found: Letters) -> str:
    """Return CSS that carries just these characters of the drawings' typeface."""
    rules = []
    for (weight, slope), characters in sorted(found.items()):
        data = base64.b64encode(_subset(fonts.folder() / _FACES[weight, slope], characters)).decode()
        rules.append(
            f'@font-face {{ font-family: "{fonts.FAMILY}"; font-weight: {weight}; font-style: {slope}; '
            f"src: url(data:font/woff;base64,{data}); }}"
        )
    return "\n".join(rules)


def _subset(path: Path, characters: set[str]) -> bytes:
    from fontTools import subset

    options = subset.Options(flavor="woff", drop_tables=_TABLES, hinting=False, notdef_outline=True)
    font = subset.load_font(str(path), options)
    font.recalcTimestamp = False
    chosen = subset.Subsetter(options)
    chosen.populate(text="".join(sorted(characters)))
    chosen.subset(font)
    written = io.BytesIO()
    font.flavor = "woff"
    font.save(written)
    return written.getvalue()


def _read(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_bytes())


def _declared(style: str) -> list[tuple[str, str]]:
    """The declarations of a style attribute; none of a drawing's values holds a semicolon."""
    pairs = (part.partition(":") for part in style.split(";") if part.strip())
    return [(key.strip(), value.strip()) for key, _, value in pairs]


def _points(length: str) -> float:
    found = re.match(r"[\d.]+", length)
    return float(found[0]) if found else 100.0
