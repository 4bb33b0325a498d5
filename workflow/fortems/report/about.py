"""The page's last section: how to rebuild the run, its configuration, how to cite it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from fortems.report.page import nodes
from fortems.schema import plain_yaml
from fortems.study.definition import study

SECTION = "about"
#: The runs with which the release ships something to compare.
REFERENCES = "results/reference"


def about(run: str, root: Path, package: Path, own: bool) -> list[nodes.Node]:
    """The section.

    Parameters
    ----------
    run : str
        The run's name.
    root : path
        Its folder, which holds ``config.yaml``.
    package : path
        The package's folder, which holds ``CITATION.cff``.
    own : bool
        Whether the data are a file of the researcher's.
    """
    config = root / "config.yaml"
    told = config.read_text(encoding="utf-8") if config.is_file() else ""
    data = "\n# data.path names your file: put it there, or change the path" if own else ""
    shipped = not own and (package / REFERENCES / run).is_dir()
    rebuild = f"make env\n.venv/bin/snakemake --cores 4 --configfile config-of-{run}.yaml{data}"
    rebuild += f"\nmake verify RUN={run}" if shipped else ""
    lead = (
        "In a copy of the package, with the configuration below saved under the name given, these commands build the run"
        f"{' and compare it with what the release ships' if shipped else ''}."
    )
    blocks: list[nodes.Node] = [
        {"t": "Header", "c": [1, nodes.attr(SECTION), nodes.words("Rebuild, Check and Cite")]},
        nodes.para(nodes.words(lead)),
        nodes.raw("html", _code("rebuild", rebuild)),
    ]
    if told:
        saves = '<button type="button" hidden data-saves="config.yaml">Save as a file</button>'
        blocks.append(_folded("The run's configuration", _code("configuration", told, saves)))
    if study().package and (citation := package / "CITATION.cff").is_file():
        blocks.append(_folded("BibTeX", _code("bibtex", bibtex(plain_yaml(citation)))))
    return blocks


def _folded(summary: str, content: str) -> nodes.Node:
    """What opens by a click on its summary."""
    return nodes.raw("html", f"<details>\n<summary>{summary}</summary>\n{content}</details>")


def _code(identifier: str, text: str, more: str = "") -> str:
    """Text to be copied."""
    copies = f'<button type="button" hidden data-copies="code-{identifier}">Copy</button>'
    return (
        f'<pre tabindex="0"><code id="code-{identifier}">{html.escape(text)}</code></pre>\n'
        f'<div class="tools">{copies}{more}</div>\n'
    )


def bibtex(citation: dict[str, Any]) -> str:
    """Entries of the package and of the works that its CITATION.cff names."""
    works = [
        ("software", citation),
        *((str(work.get("type", "misc")), work) for work in citation.get("references", [])),
    ]
    return "\n\n".join(_entry(kind, work) for kind, work in works)


def _entry(kind: str, work: dict[str, Any]) -> str:
    people = work.get("authors", [])
    names = [
        ", ".join(str(person[key]) for key in ("family-names", "given-names") if key in person)
        or f"{{{person.get('name', '')}}}"
        for person in people
    ]
    year = str(work.get("year") or str(work.get("date-released", ""))[:4])
    first = str(people[0].get("family-names", "")) if people else ""
    key = "".join(
        sign for sign in f"{first or 'meaning-mediation'}{year}".lower() if sign.isalnum() or sign == "-"
    )
    pages = f"{work['start']}--{work['end']}" if "start" in work and "end" in work else ""
    fields = {
        "author": " and ".join(names), "title": " ".join(str(work.get("title", "")).split()), "year": year,
        "journal": work.get("journal"), "volume": work.get("volume"), "number": work.get("issue"), "pages": pages,
        "version": work.get("version"), "doi": work.get("doi"), "url": work.get("url") or work.get("repository-code"),
    }  # fmt: skip
    lines = [f"  {name} = {{{_field(name, str(value))}}}" for name, value in fields.items() if value]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"


def _field(name: str, value: str) -> str:
    """A field's value; braces keep a title's capitals."""
    escaped = value.replace("&", r"\&")
    return f"{{{escaped}}}" if name == "title" else escaped
