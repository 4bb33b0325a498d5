"""Build article and supplement: tables and figures gathered, text filled, three formats and the ledger written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fortems import tidy
from fortems.errors import FortemsError
from fortems.figures import readings
from fortems.figures.catalog import OF_STUDIES
from fortems.presentation.results import Results, Row
from fortems.report import sections
from fortems.report.bind import Binder, require_agreement
from fortems.report.ledger import Made, frame
from fortems.report.page import formats
from fortems.report.page.document import Document, Picture, place, read, resolve
from fortems.report.page.table import Cell, Table
from fortems.report.tables import tables
from fortems.report.tables.appendix import checklist
from fortems.report.template import Report, render
from fortems.report.text import SENTENCES
from fortems.report.text.article.statements import NOT_STATED, plain
from fortems.report.variant import variant
from fortems.report.webs import equip
from fortems.run.catalogue import FILES, REPORTED, SOURCE_FILE
from fortems.schema import plain_yaml
from fortems.study.definition import study
from fortems.study.models import MediationModel, load_models

FIGURES = "figures/index.csv"
#: The parts of the manuscript by their files' names, and what stands before the numbers of their tables and figures.
PARTS = {"manuscript": "", "supplement": "S"}
#: The drawing of the first page, which has no number.
STRIP = "fig-strip"
#: The heading of what a user's own sections leave without a place.
FURTHER = "Further Tables and Figures"
CHECKLISTS = {"tbl-agrema": "agrema.yaml", "tbl-jars": "jars.yaml"}


def pictures(report: Report) -> dict[str, Picture]:
    """The figures that the run drew, with their readings bound to the figures' index."""
    found = {}
    for row in report.results.rows(FIGURES):
        if row.has("withheld"):
            continue
        name = f"fig-{row['name']}"
        cited = readings.CITED in row.values
        reading = Cell(str(row["reading"])) if cited else report.bind.cell(row, "reading", "text")
        found[name] = Picture(
            name,
            str(row["title"]),
            str(row["alt"]),
            reading.text,
            report.results.root / "figures" / str(row["name"]),
            reading.number,
            bare=name == STRIP,
            parts=_pieces(report, row) if cited else (),
            studies=row["name"] in OF_STUDIES,
        )
    return found


def _pieces(report: Report, row: Row) -> tuple[Cell, ...]:
    """A figure's reading in pieces, each number bound to the figure's own data."""
    text, file = str(row["reading"]), f"figures/{row['name']}.csv"
    pieces, end = [], 0
    for number in readings.read(row.get(readings.CITED)):
        bound = report.bind.drawn(file, number.lines, number.column, number.rule, number.style, number.text)
        pieces += [Cell(text[end : number.start]), bound]
        end = number.start + len(number.text)
    return tuple(piece for piece in (*pieces, Cell(text[end:])) if piece.text)


def prepare(
    results: Results,
    models: Mapping[str, MediationModel],
    folder: Path,
    scenarios: Sequence[tuple[str, str]] = (),
) -> Report:
    """Gather what sentences and templates draw on.

    Parameters
    ----------
    results : Results
    models : mapping
    folder : path
        ``manuscript/``.
    scenarios : sequence of (str, str)
        Title and story of each scenario that studies were simulated from.
    """
    report = Report(
        results,
        Binder(results),
        variant(results.config, results.first(SOURCE_FILE)),
        {},
        plain_yaml(folder / "facts.yaml"),
        models,
        scenarios,
    )
    report.items = {**tables(report), **pictures(report), **dict.fromkeys(CHECKLISTS)}
    return report


def compose(report: Report, folder: Path) -> dict[str, Document]:
    """Fill the templates and return the parts, everything placed, numbered and referred to."""
    parts = {}
    stand_ins = sections.stand_ins(report.sections, folder) if report.sections else {}
    texts = {name: sections.pointed_on(render(report, folder, SENTENCES, name), stand_ins) for name in PARTS}
    if report.sections and (lost := sections.nowhere(texts.values(), report.items, report.sections, folder)):
        texts["supplement"] += f"\n# {FURTHER} {{#s-nowhere}}\n" + "".join(map(report.place, lost))
    for name, mark in PARTS.items():
        parts[name] = read(texts[name], folder)
        parts[name].name, parts[name].mark = name, mark
    items: dict[str, Table | Picture] = {
        name: item for name, item in report.items.items() if item is not None
    }
    headed = {key: text for document in parts.values() for key, text in document.sections.items()}
    absent = {FILES[name].stem: name for name in REPORTED if not report.results.has(name)}
    if report.variant.matrix:
        absent["scores"] = ""
    if not report.variant.simulated and not report.has("design/diagnosticity.csv"):
        absent["real"] = ""
    for name, file in CHECKLISTS.items():
        items[name] = checklist(
            folder / "checklists" / file, name, headed, absent, report.variant.kind, stand_ins
        )
    for document in parts.values():
        place(document, items, report.variant.note, report.variant.studies_note)
    if twice := set.intersection(*(set(document.numbers) for document in parts.values())):
        raise FortemsError(f"article and supplement both place {', '.join(sorted(twice))}")
    for name, document in parts.items():
        resolve(document, [other for key, other in parts.items() if key != name])
    return parts


def front(report: Report, part: str = "manuscript") -> formats.Front:
    """Title, subtitle, authors, running head of a part of the manuscript."""
    kind = report.variant
    title = str(report.results.setting("report", "title", default=kind.title))
    title = f"Supplement to {title}" if part == "supplement" else title
    authors = [plain(report.results.setting("report", key)) for key in ("authors", "affiliations")]
    said = tuple(text for text in authors if text) or (f"Authors: {NOT_STATED}",)
    return formats.Front(title, kind.source, study().running_head, said, kind.banner)


def build(
    results: Results,
    models: Path,
    folder: Path,
    out: Path,
    scenarios: Sequence[tuple[str, str]] = (),
    sections: str | None = None,
    made: Mapping[str, Mapping[str, Any]] | None = None,
) -> Report:
    """Write article and supplement in their three formats and the one ledger of their numbers.

    Parameters
    ----------
    results : Results
    models : path
        The models file.
    folder : path
        ``manuscript/``: templates, bibliography, style.
    out : path
        ``results/<run>/manuscript``.
    scenarios : sequence of (str, str)
        As for ``prepare``.
    sections : str, optional
        A folder of the user's whose files take the place of those in ``manuscript/sections/`` and ``supplement/``.
    made : mapping, optional
        Results file → ``rule`` that makes it and its ``inputs``, for the ledger and the page.

    Raises
    ------
    NumberError
        When a number on the page differs from its results file as it stands on disk.
    """
    report = prepare(results, load_models(models), folder, scenarios)
    report.sections = sections or ""
    parts = compose(report, folder)
    behind = {name: Made(str(entry["rule"]), tuple(entry["inputs"])) for name, entry in (made or {}).items()}
    placed = equip(report, parts, behind)
    style = folder / "style"
    with ThreadPoolExecutor() as pool:  # most of the time goes to pandoc and typst, outside Python
        pages, others = {}, []
        for name, document in parts.items():
            cover, path = front(report, name), out / name
            pages[path.with_suffix(".html")] = pool.submit(
                formats.write_html, document, cover, style, path.with_suffix(".html")
            )
            others.append(
                pool.submit(formats.write_pdf, document, cover, style, results.root, path.with_suffix(".pdf"))
            )
            others.append(pool.submit(formats.write_word, document, cover, style, path.with_suffix(".docx")))
        ledger = frame(report.bind, placed, behind)
        tidy.write_csv(ledger, out / "numbers.csv")
        for path, page in pages.items():
            page.result()
            again = Results(
                results.root, results.files, instruments=results.instrument_files, claims=results.claims_file
            )
            require_agreement(path.read_text(encoding="utf-8"), ledger, again)
        for written in others:
            written.result()
    return report
