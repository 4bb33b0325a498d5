"""The three formats: same content, references that resolve, nothing raw from data, same bytes."""

from __future__ import annotations

import re
import shutil
import zipfile

import pytest
import yaml
from fortems.errors import FortemsError
from fortems.presentation.results import Results
from fortems.report.build import PARTS, build, compose, prepare
from fortems.report.page.document import Document, place, read, resolve
from fortems.report.page.paged import _flushed, for_typst
from fortems.report.page.table import Cell, Section, Table
from fortems.study.models import load_models
from made_up_run import KINDS, ROOT
from wording import facts

OUTPUTS = (*(f"{part}.{suffix}" for part in PARTS for suffix in ("html", "pdf", "docx")), "numbers.csv")


def _page(folder, part="manuscript"):
    return (folder / f"manuscript/{part}.html").read_text(encoding="utf-8")


def _word(folder, part="manuscript"):
    with zipfile.ZipFile(folder / f"manuscript/{part}.docx") as archive:
        return archive.read("word/document.xml").decode(), archive.read("word/header1.xml").decode()


def _pdf(folder, part="manuscript"):
    import pypdfium2

    document = pypdfium2.PdfDocument(folder / f"manuscript/{part}.pdf")
    return [page.get_textpage().get_text_range() for page in document]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_html_is_one_file_whose_links_resolve(runs, kind, part):
    page, other = _page(runs[kind], part), next(name for name in PARTS if name != part)
    elsewhere = set(re.findall(rf'href="{other}\.html#([^"]+)"', page))
    assert elsewhere and elsewhere <= set(re.findall(r'\bid="([^"]+)"', _page(runs[kind], other)))
    page = page.replace(f'href="{other}.html#', 'href="https://doi.org/')
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert {link for link in re.findall(r'href="#([^"]+)"', page)} <= set(identifiers)
    outside = re.findall(
        r'(?:src|href)="((?!#|data:)[^"]+)"', page.replace("https://www.", "https://doi.org/")
    )
    beside = {link for link in outside if not link.startswith("https://doi.org/")}
    assert {f"{part}.pdf", f"{part}.docx", f"{other}.html", f"{other}.pdf", "numbers.csv"} <= beside
    assert all((runs[kind] / "manuscript" / link).is_file() for link in beside)
    assert 'class="ref"></a>' not in page and "??" not in page


@pytest.mark.parametrize("kind", KINDS)
def test_the_article_is_what_a_journal_takes(runs, kind):
    """At most twelve pages, four tables, five figures, and an abstract of at most 250 words."""
    page = _page(runs[kind])
    assert len(_pdf(runs[kind])) <= 12
    assert len(re.findall(r"<table id=", page)) <= 4 and len(re.findall(r"<figure id=", page)) <= 5
    abstract = page.split('id="abstract">')[1].split('class="plain-words"')[0]
    words_ = re.sub(r"<[^>]+>", "", abstract.split("</h2>")[1]).split()
    assert 80 < len(words_) <= 250


@pytest.mark.parametrize("kind", KINDS)
def test_every_head_of_a_table_says_its_scope(runs, kind):
    heads = re.findall(r"<th\b[^>]*>", _page(runs[kind]))
    spanning = [head for head in heads if "colspan" in head]
    assert spanning and all('scope="colgroup"' in head for head in spanning)
    assert all('scope="col"' in head for head in heads if head not in spanning) and len(heads) > len(spanning)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
def test_tables_and_figures_have_the_same_numbers_in_all_formats(runs, kind, part):
    folder, mark = runs[kind], PARTS[part]
    labels = re.findall(r'<span class="label">((?:Table|Figure) S?\d+)</span>', _page(folder, part))
    for word in ("Table", "Figure"):
        own = [label for label in labels if label.startswith(word)]
        assert own == [f"{word} {mark}{i + 1}" for i in range(len(own))] and (own or word == "Figure")
        sequence = re.findall(rf'w:instr="SEQ {word} [^"]*">.*?<w:t>(\d+)</w:t>', _word(folder, part)[0])
        assert sequence == [str(i + 1) for i in range(len(own))]
        text = "\n".join(_pdf(folder, part))
        assert all(f"{label}" in text for label in own)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
def test_word_references_point_to_bookmarks(runs, kind, part):
    body, _ = _word(runs[kind], part)
    fields = set(re.findall(r" REF ([\w-]+) ", body))
    bookmarks = set(re.findall(r'w:bookmarkStart [^>]*w:name="([^"]+)"', body))
    assert fields and fields <= bookmarks
    assert set(re.findall(r'w:anchor="([^"]+)"', body)) <= bookmarks
    assert body.count("<w:tbl>") == len(re.findall("SEQ Table", body))
    assert 'descr="Alt of' in body


@pytest.mark.parametrize("kind", KINDS)
def test_every_table_and_figure_is_called_out_in_the_text(runs, kind):
    page = "".join(_page(runs[kind], part) for part in PARTS)
    placed = set(re.findall(r'<(?:table|figure) id="([\w-]+)"', page))
    called = set(re.findall(r'<a href="(?:\w+\.html)?#([\w-]+)"\s+class="ref(?: elsewhere)?"', page))
    assert placed == called


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_reference_shows_the_number_alone(runs, kind):
    """Word puts what a bookmark encloses in the place of a reference: it must be ``Table 3``, not the table."""
    body, _ = _word(runs[kind])
    names = re.findall(r'<w:bookmarkStart [^>]*w:name="([^"]+)"', body)
    assert len(names) == len(set(names))
    for name in set(re.findall(r" REF ([\w-]+) ", body)):
        number = re.search(rf'<w:bookmarkStart w:id="(\d+)" w:name="{name}"', body)[1]
        start = body.index(f'w:name="{name}"')
        inside = body[start : body.index(f'<w:bookmarkEnd w:id="{number}"', start)]
        text = "".join(re.findall(r"<w:t[^>]*>([^<]*)</w:t>", inside)).replace("\N{NO-BREAK SPACE}", " ")
        assert re.fullmatch(r"(Table|Figure) S?\d+", text), text


def test_a_word_table_stays_whole_or_breaks_in_its_middle(runs):
    body, _ = _word(runs["simulated"])
    for table in re.findall(r"<w:tbl>.*?</w:tbl>", body, flags=re.DOTALL):
        rows = re.findall(r"<w:tr>.*?</w:tr>", table, flags=re.DOTALL)
        kept = ["<w:keepNext/>" in row for row in rows]
        assert all(kept[:3]) and all(kept[-3:])
        assert all(kept) == (len(rows) <= 15)
        assert all(k for k, row in zip(kept, rows, strict=True) if row.count("<w:tc>") == 1)


@pytest.mark.parametrize("kind", KINDS)
def test_simulation_is_said_everywhere_and_only_there(runs, kind):
    folder = runs[kind]
    page, (body, header), pages = _page(folder), _word(folder), _pdf(folder)
    simulated = kind == "simulated"
    notes = len(re.findall(r"<table id=|<figure id=", page))
    assert page.count("neither the paper") == (notes if simulated else 0)
    assert body.count("neither the paper") == (notes if simulated else 0)
    assert ("Simulated studies; neither the paper" in page) == simulated
    for text in (*pages, header):
        assert ("Simulated data: no evidence about people" in text) == simulated
    assert ("simulated" in page.lower().split('id="introduction">')[0].split("</nav>")[1]) == simulated


@pytest.mark.parametrize("kind", KINDS)
def test_no_heading_is_empty(runs, kind):
    page = re.sub(r"<nav.*?</nav>", "", _page(runs[kind]), flags=re.DOTALL)
    parts = re.split(r"<h([234]) [^>]*>(.*?)</h\1>", page, flags=re.DOTALL)
    levels, titles, bodies = parts[1::3], parts[2::3], parts[3::3]
    for number, (level, title, body) in enumerate(zip(levels, titles, bodies, strict=True)):
        below = number + 1 < len(levels) and levels[number + 1] > level
        assert re.sub(r"<[^>]+>|\s", "", body) or below, title


@pytest.mark.parametrize("name", ["agrema.yaml", "jars.yaml"])
@pytest.mark.parametrize("kind", KINDS)
def test_checklists_point_to_sections_that_exist(runs, kind, name):
    page = _page(runs[kind], "supplement")
    entries = yaml.safe_load((ROOT / "manuscript/checklists" / name).read_text(encoding="utf-8"))
    table = page.split(f'<table id="tbl-{name.split(".")[0]}"')[1].split("</table>")[0]
    rows = re.findall(r"<tr>\s*<td[^>]*>(.*?)</td>\s*<td[^>]*>(.*?)</td>", table, flags=re.DOTALL)
    assert len(rows) == len(entries["items"])
    for item, answer in rows:
        assert "href" in answer or answer.startswith("Not applicable: "), item


def test_same_input_same_bytes(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1623283200")
    folder = runs["matrix"]
    for name in ("one", "two"):
        build(Results(folder), folder / "models.yaml", ROOT / "manuscript", tmp_path / name)
    for name in OUTPUTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_text_from_data_is_never_markup(runs, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(runs["matrix"], folder)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    nasty = "a*b*_`c`<img src=x onerror=alert(1)>#{$x$}[y](z)@q.yaml"
    config["data"]["path"] = nasty
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    build(Results(folder), folder / "models.yaml", ROOT / "manuscript", folder / "manuscript")
    page = _page(folder)
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "".join(nasty.split()) in "".join("".join(_pdf(folder)).replace("\ufffe", "").split())


def test_a_reference_to_nothing_is_refused(runs):
    report = prepare(
        Results(runs["simulated"]),
        load_models(runs["simulated"] / "models.yaml"),
        ROOT / "manuscript",
    )
    article, supplement = compose(report, ROOT / "manuscript").values()
    assert article.numbers["tbl-claims"] == "Table 1" and "limits" in article.sections
    assert supplement.numbers["tbl-reliability"] == "Table S1" and "s-missing" in supplement.sections

    def blocks(markdown):
        from fortems.report.page.document import read

        return read(markdown, ROOT / "manuscript")

    with pytest.raises(FortemsError, match="refers to tbl-x"):
        resolve(blocks("[](#tbl-x){.ref}"))
    with pytest.raises(FortemsError, match="places tbl-x, which"):
        place(blocks('::: {.place what="tbl-x"}\n:::'), {})
    with pytest.raises(FortemsError, match="points to the section nowhere"):
        resolve(blocks("[](#nowhere)"))
    with pytest.raises(FortemsError, match="pandoc could not"):
        blocks("[@nobody2020]")


def test_a_table_must_fit_its_columns():
    with pytest.raises(ValueError, match="a row of 1 cells"):
        Table("tbl-x", "T", ("a", "b"), "lr", (("only",),))
    with pytest.raises(ValueError, match="cover 2 columns"):
        Table("tbl-x", "T", ("a", "b"), "lr", (), spanners=(("x", 3),))
    with pytest.raises(ValueError, match="align and widths"):
        Table("tbl-x", "T", ("a", "b"), "l", ())
    assert Table("tbl-x", "T", ("a", "b"), "lr", (Section("s"), ("x", Cell("1")))).blocks()
    assert isinstance(Document({"blocks": []}).numbers, dict)


def test_floats_are_printed_before_the_text_they_belong_to_is_over():
    """Before statements and references none waits; elsewhere the text of the next section fills the page."""

    def head(level, name):
        return {"t": "Header", "c": [level, [name, [], []], []]}

    floating = {"t": "RawBlock", "c": ["typst", "#floating["]}
    blocks = [floating, head(2, "r-paths"), floating, head(1, "discussion"), head(1, "references")]
    done = _flushed(blocks)
    assert [block for block in done if block in blocks] == blocks
    flush, standing = (block for block in done if block not in blocks)
    assert flush["c"] == ["typst", "#place.flush()"] and done[done.index(flush) + 2] == blocks[-1]
    assert standing["c"] == [
        "typst",
        "#let floating-table(body) = body",
    ]  # behind the references there is no text to go on


def test_a_table_that_breaks_is_not_broken_by_another():
    """What waits is printed before a table that no page can hold; its parts follow one another."""
    import pypdfium2
    import typst

    style = (ROOT / "manuscript/style/template.typ").read_text()
    functions = re.search(r"^#let fits\(.*?^}$", style, flags=re.MULTILINE | re.DOTALL)[0]
    waits = "#floating(block(height: 15cm)[WAITS])\n"
    tall = "#floating[#block(height: 20cm)[FIRST] #block(height: 20cm)[SECOND]]\n"
    text = f'#set page(paper: "a4", margin: 2cm)\n{functions}\nText. {waits}{waits}{tall}'
    with pypdfium2.PdfDocument(typst.compile(text.encode())) as document:
        read_pages = [page.get_textpage().get_text_range() for page in document]
    told = re.findall("WAITS|FIRST|SECOND", " ".join(read_pages))
    assert told == ["WAITS", "WAITS", "FIRST", "SECOND"]


def _tagged(path):
    """Kind and text alternative of every element of a PDF's tag tree."""
    import ctypes

    import pypdfium2.raw as pdfium

    def text(read, element):
        size = read(element, None, 0)
        buffer = ctypes.create_string_buffer(size)
        read(element, buffer, size)
        return buffer.raw.decode("utf-16-le").rstrip("\0") if size else ""

    def below(element):
        yield (
            text(pdfium.FPDF_StructElement_GetType, element),
            text(pdfium.FPDF_StructElement_GetAltText, element),
        )
        for number in range(pdfium.FPDF_StructElement_CountChildren(element)):
            if child := pdfium.FPDF_StructElement_GetChildAtIndex(element, number):
                yield from below(child)

    document = pdfium.FPDF_LoadDocument(str(path).encode(), None)
    for number in range(pdfium.FPDF_GetPageCount(document)):
        page = pdfium.FPDF_LoadPage(document, number)
        tree = pdfium.FPDF_StructTree_GetForPage(page)
        for index in range(pdfium.FPDF_StructTree_CountChildren(tree)):
            if child := pdfium.FPDF_StructTree_GetChildAtIndex(tree, index):
                yield from below(child)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_pdf_is_tagged_and_every_drawing_and_formula_has_its_alternative(runs, kind, part):
    path, page = runs[kind] / f"manuscript/{part}.pdf", _page(runs[kind], part)
    assert b"<pdfuaid:part>1</pdfuaid:part>" in path.read_bytes()
    found = list(_tagged(path))
    drawings = re.findall(r'(?:alt|aria-label)="(Alt of [^"]+)"|<title[^>]*>(Alt of [^<]+)<', page)
    drawings = [one or other for one, other in drawings]
    told = {alt for kind_, alt in found if alt.startswith("Alt of")}
    placed = len(re.findall(r"<figure id=", page))
    assert told <= set(drawings) and len(told) >= placed and (told or part == "supplement")
    assert all(alt for kind_, alt in found if kind_ == "Formula")
    kinds = {kind_ for kind_, _ in found}
    assert {"H1", "H2", "P", "Table", "TR", "TH", "TD"} <= kinds


def test_a_formula_that_nobody_reads_aloud_is_named(tmp_path):
    document = read("$x$ and $a_{1}$", ROOT / "manuscript")
    with pytest.raises(FortemsError, match=facts("formulas.yaml", "not", "the formula a_{1}")):
        for_typst(document, tmp_path)
