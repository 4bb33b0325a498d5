"""Sections of a user's own in place of the package's: what else of the report pointed to the one that went.

Such a section may have none of the headings, tables and figures that other sentences and the checklists point to. Pointers
to a heading that went lead to the user's section as a whole; tables and figures that are placed nowhere stand at the end of
the supplement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

PARTS = ("sections/", "supplement/")
_HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
_NAME = re.compile(r"\{#([\w-]+)\}")
_PLACED = re.compile(r'\.place what="([^"]+)"')
_PLACES = re.compile(r'\bplace\("([^"]+)"\)')
_REFERRED = re.compile(r"\]\(#((?:tbl|fig)-[^)]+)\)")


def own_section(own: str, folder: Path, name: str) -> str | None:
    """Return the user's text in place of a section; None where there is none.

    Parameters
    ----------
    own : str
        The user's folder, or empty.
    folder : path
        ``manuscript/``.
    name : str
        ``sections/method.md`` is ``method.md`` in the user's folder, ``supplement/method.md`` is ``supplement/method.md``.
    """
    path = Path(own, name.removeprefix("sections/"))
    if not own or not name.startswith(PARTS) or not path.is_file():
        return None
    return _headed(path.read_text(encoding="utf-8"), (folder / name).read_text(encoding="utf-8"))


def _headed(theirs: str, ours: str) -> str:
    """The user's text with a first heading that can be pointed to, by our name where they gave it none."""
    known = _NAME.search(ours)
    first = _HEADING.search(theirs)
    if known is None or _NAME.search(theirs):
        return theirs
    if first is None:
        heading = next(found[0] for found in _HEADING.finditer(ours) if _NAME.search(found[0]))
        return f"{heading}\n\n{theirs}"
    return f"{theirs[: first.end()]} {known[0]}{theirs[first.end() :]}"


def replaced(own: str, folder: Path) -> dict[str, str]:
    """Return the names of sections that are replaced: ``sections/discussion.md`` → the user's text."""
    names = [
        path.relative_to(folder).as_posix() for part in PARTS for path in sorted((folder / part).glob("*.md"))
    ]
    found = {name: own_section(own, folder, name) for name in names}
    return {name: text for name, text in found.items() if text is not None}


def stand_ins(own: str, folder: Path) -> dict[str, str]:
    """Return which heading a heading that went is now pointed to: its name → the name of the user's first one."""
    found: dict[str, str] = {}
    for name, theirs in replaced(own, folder).items():
        there = _NAME.findall(theirs)
        gone = set(_NAME.findall((folder / name).read_text(encoding="utf-8"))) - set(there)
        found |= dict.fromkeys(gone, there[0]) if there else {}
    return found


def pointed_on(text: str, stand_ins: Mapping[str, str]) -> str:
    """A text in which pointers to headings that went lead to those in their place."""
    for gone, here in stand_ins.items():
        text = text.replace(f"](#{gone})", f"](#{here})")
    return text


def nowhere(texts: Iterable[str], items: Iterable[str], own: str, folder: Path) -> list[str]:
    """Return the tables and figures that the texts refer to, or that a replaced section placed, and that none places.

    Parameters
    ----------
    texts : iterable of str
        The filled parts.
    items : iterable of str
        What this run can place, in order.
    own, folder : str, path
        As for ``own_section``.
    """
    whole = "\n".join(texts)
    wanted = set(_REFERRED.findall(whole))
    for name in replaced(own, folder):
        wanted |= set(_PLACES.findall((folder / name).read_text(encoding="utf-8")))
    return [name for name in items if name in wanted - set(_PLACED.findall(whole))]
