"""The finished page: scripts and styles from their files, data as text, drawings in line, and a policy that names just these."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fortems.report.page.web import drawings
from fortems.report.page.web.extras import Web

STYLES = ("base.css", "tools.css")
SCRIPTS = ("base.js", "numbers.js", "tables.js", "contents.js", "explorers.js")
_NUMBER = re.compile(r'data-n="(\d+)"')
#: Displayed mathematics scrolls where it is wider than the window.
_DISPLAY = '<math display="block"'
_IMAGE = re.compile(
    r'<p>\s*<img\b[^>]*?\bsrc="(drawing-[^"]+)"[^>]*?/?>\s*</p>|<img\b[^>]*?\bsrc="(drawing-[^"]+)"[^>]*?/?>'
)


def finished(page: str, style: Path, web: Web, pictures: Mapping[str, Path], titles: Mapping[str, str], references: Mapping[str, str]) -> str:  # fmt: skip
    """Fill pandoc's page with all that is not text.

    Parameters
    ----------
    page : str
        As pandoc wrote it, with the template's marks.
    style : path
        Holds ``page/``: the scripts and styles.
    web : Web
    pictures : mapping of str to path
        A drawing's word in the page → its SVG.
    titles : mapping of str to str
        The same word → the figure's number and caption.
    references : mapping of str to str
        Key of a work in the list of references → its entry.
    """
    folder = style / "page"
    css = "\n".join([web.letters, *((folder / name).read_text(encoding="utf-8") for name in STYLES)])
    script = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    page = page.replace(_DISPLAY, f'{_DISPLAY} tabindex="0"')
    body = _IMAGE.sub(lambda match: _picture(match, pictures, titles), page)
    shown = {int(number) for number in _NUMBER.findall(page)}
    drawn = [f"figures/{path.stem}.csv" for path in pictures.values()]
    data = _data(web, shown, drawn, references)
    parts = {"@@policy@@": _policy(css, script), "@@style@@": css, "@@downloads@@": _downloads(web)}
    for mark, part in parts.items():
        body = body.replace(mark, part, 1)
    start, _, rest = body.rpartition("@@data@@")
    return f"{start}{data}\n<script>{script}</script>{rest}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _policy(css: str, script: str) -> str:
    """Nothing but this page's own script and style; pictures and letters only from within; nothing from outside."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(css)}; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(identifier: str, value: Any) -> str:
    """A block of data; no text in it can end the block."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/json" id="{identifier}">{text}</script>'


def _data(web: Web, shown: set[int], drawn: list[str], references: Mapping[str, str]) -> str:
    """Ledger and tables: only what this page's numbers, figures and explorers need."""
    entries = {number: web.entries[number] for number in sorted(shown) if number in web.entries}
    names = list(dict.fromkeys(entry[0] for entry in entries.values()))
    wanted = dict.fromkeys([*names, *drawn, *web.wanted])
    carried = {
        name: web.files[name].read_text(encoding="utf-8")
        for name in wanted
        if name in web.files and web.files[name].is_file()
    }
    place = {name: position for position, name in enumerate(names)}
    cited = {entry[6] for entry in entries.values()}
    ledger = {
        "files": names,
        "numbers": {number: [place[entry[0]], *entry[1:]] for number, entry in entries.items()},
        "made": {name: web.made[name] for name in names if name in web.made},
        "references": {key: text for key, text in references.items() if key in cited},
        "printed": web.printed,
        "explorers": {name: value for name, value in web.explorers.items() if value.get("file") in carried},
    }
    return "\n".join([_json("page-files", carried), _json("page-ledger", ledger)])


def _picture(match: re.Match[str], pictures: Mapping[str, Path], titles: Mapping[str, str]) -> str:
    """A drawing in line with what can be done with it: without scripts its PDF can be saved."""
    word = match[1] or match[2]
    path = pictures[word]
    alt = html.unescape(found[1]) if (found := re.search(r'\balt="([^"]*)"', match[0])) else ""
    drawing = drawings.inline(path, word.replace("drawing-", "d-", 1), alt or titles.get(word, path.stem))
    title = html.escape(titles.get(word, path.stem), quote=True)
    saved = ""
    if (pdf := path.with_suffix(".pdf")).is_file():
        data = base64.b64encode(pdf.read_bytes()).decode()
        saved = f'<a download="{path.stem}.pdf" href="data:application/pdf;base64,{data}" aria-label="PDF of {title}">PDF</a>'
    return (
        f'<div class="drawing-frame" tabindex="0" role="group" aria-label="{title}">{drawing}</div>\n'
        f'<div class="tools figure-tools" data-name="{path.stem}" data-title="{title}">{saved}</div>'
    )


def _downloads(web: Web) -> str:
    """Links to the other formats and parts, which lie beside the page."""
    if not web.downloads:
        return ""
    links = ", ".join(
        f'<a href="{html.escape(address, quote=True)}">{html.escape(words)}</a>'
        for words, address in web.downloads
    )
    return f'<p class="downloads no-print">Beside this page: {links}</p>'
