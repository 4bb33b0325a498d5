"""The page in a real browser: every number opens its own cell, explorers follow the tables, nothing sticks out, axe is content.

Of a made-up run, or of a finished one: ``make test-page RUN=ci``.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_stand_ins import stand_ins
from fortems import tidy
from fortems.figures.base import Context
from fortems.figures.build import build as draw
from fortems.presentation.results import Results
from fortems.report.build import build
from fortems.report.page import nodes
from made_up_run import AS_MODELS, ROOT, write_run

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
NASTY = "</script><img src=x onerror=\"document.title='taken'\">"
WIDTHS = (360, 768, 1440)
FINISHED = os.environ.get("FINISHED_RUN", "")  # its folder


def specifications() -> pd.DataFrame:
    """A made-up multiverse, one of its options named as an attacker would."""
    random, rows = np.random.default_rng(5), []
    for model in ("alliance", "bond"):
        for covariates in ("none", NASTY):
            for missing in ("manual", "listwise", "full"):
                estimate = float(random.normal(-0.4, 0.4))
                row = {"model": model, "specification": len(rows) + 1, "default": not rows, "covariates": covariates,
                       "missing": missing, "estimate": estimate, "ci_low": estimate - 0.5, "ci_high": estimate + 0.5,
                       "p": 0.04, "n_clients": 96}  # fmt: skip
                rows.append(row)
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def run(made_once) -> Path:
    """A made-up simulated run with real figures and a multiverse, typeset; or the finished one that is asked for."""
    if FINISHED:
        return Path(FINISHED).resolve()

    def make(folder: Path) -> None:
        write_run(folder / "run")
        where = folder / "run"
        tidy.write_csv(specifications(), where / "robustness/specifications.csv")
        results = Results(where)
        stand_ins(where)
        index = tidy.read_csv(where / "figures/index.csv").set_index("name")
        names = ["strip", "paths", "posterior", "surface", "correlations", "power"]
        drawn = draw(names, Context(results, AS_MODELS), where / "figures").set_index("name")
        index = pd.concat([drawn, index.drop(names)]).reset_index()
        tidy.write_csv(index, where / "figures/index.csv")
        made = {"claims.csv": {"rule": "claims", "inputs": ["tables/correlations.csv"]}}
        build(Results(where), where / "models.yaml", ROOT / "manuscript", where / "manuscript", made=made)

    return made_once("page", make) / "run"


@pytest.fixture(scope="module")
def browser():
    if BROWSER is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


def _address(folder: Path, part: str = "manuscript") -> str:
    return (folder / f"manuscript/{part}.html").resolve().as_uri()


class Watched:
    """A page, with what it complained of and what it asked for."""

    def __init__(self, browser, address, **settings):
        self.page = browser.new_page(**settings)
        self.complaints, self.asked = [], []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)


@pytest.fixture(scope="module")
def opened(browser, run):
    """The page at a desk; each test leaves nothing open."""
    watched = Watched(browser, _address(run), viewport={"width": 1440, "height": 900})
    yield watched
    assert watched.complaints == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in watched.asked)
    watched.page.close()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


_OPEN_ALL = """() => [...document.querySelectorAll('[data-n]')].map((node) => {
    node.focus();
    const box = document.getElementById('cell');
    const terms = [...box.querySelectorAll('dt')].map((term) => [term.textContent, term.nextElementSibling.textContent]);
    const found = {n: node.dataset.n, open: box.matches(':popover-open'), shown: box.querySelector('.shown').textContent,
                   text: node.textContent, ...Object.fromEntries(terms)};
    node.blur();
    return found;
})"""


@pytest.mark.parametrize("part", ["manuscript", "supplement"])
def test_every_number_opens_its_own_cell(browser, run, part):
    """File, row, column and value as the ledger and the results have them, read here by another reader of CSV."""
    watched = Watched(browser, _address(run, part))
    found = watched.page.evaluate(_OPEN_ALL)
    watched.page.close()
    ledger = {entry["number"]: entry for entry in _rows(run / "manuscript/numbers.csv")}
    tables: dict[str, list[dict[str, str]]] = {}
    cells = 0
    assert len(found) > 100 and all(each["open"] for each in found)
    for each in found:
        entry = ledger[each["n"]]
        assert each["shown"] == each["text"]
        assert each["text"].replace("\u2212", "-").replace("\xa0", " ").removeprefix("= ") == nodes.curly(
            entry["text"]
        )
        assert (each["File"], each["Column"]) == (entry["file"], entry["column"])
        if entry["rule"] == "cell" and int(entry["line"]) >= 0:
            table = tables.setdefault(entry["file"], _rows(run / entry["file"]))
            assert each["Row"].split(" ")[0] == str(int(entry["line"]) + 1)
            assert each["Value"] == table[int(entry["line"])][entry["column"]]
            cells += 1
        elif entry["rule"] == "fact":
            assert each["Source"] and entry["source"]
    assert cells > 50
    assert watched.complaints == []


def test_numbers_open_by_pointer_and_keyboard_and_lead_to_their_row(opened, run):
    page = opened.page
    row, entry = next(
        (page.locator(f'table [data-n="{entry["number"]}"]'), entry)
        for entry in _rows(run / "manuscript/numbers.csv")
        if entry["file"] == "claims.csv" and entry["rule"] == "cell"
        and page.locator(f'#tbl-claims [data-n="{entry["number"]}"]').count()
    )  # fmt: skip
    box = page.locator("#cell")
    row.first.hover()
    box.wait_for(state="visible", timeout=2000)
    assert "rule claims" in box.inner_text() and "tables/correlations.csv" in box.inner_text()
    page.mouse.move(0, 0)
    box.wait_for(state="hidden", timeout=2000)
    row.first.focus()
    page.keyboard.press("ArrowRight")
    other = page.evaluate("document.activeElement.dataset.n")
    assert other and other != entry["number"]
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.n") == entry["number"]
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the button has the focus
    cell = page.locator("dialog[open] td.cell")
    assert cell.inner_text() == _rows(run / "claims.csv")[int(entry["line"])][entry["column"]]
    assert page.locator("dialog[open] tr.row").get_attribute("data-line") == entry["line"]
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0 and not box.is_visible()


def test_tables_sort_and_are_saved(opened, tmp_path):
    page = opened.page
    column = "[...document.querySelectorAll('#tbl-claims tbody tr')].map((r) => r.cells.length > 1 ? r.cells[1].textContent : '')"
    before = page.evaluate(column)
    button = page.locator("#tbl-claims thead th button.sort").nth(1)
    button.click()
    once = page.evaluate(column)
    button.click()
    twice = page.evaluate(column)

    def parts(values):
        found, sections = [], "|".join(values).split("||")
        for section in sections:
            said = [text.replace("\u2212", "-") for text in section.split("|") if text]
            found.append([float(text) for text in said if re.search(r"\d", text)])
        return found

    assert [sorted(part) for part in parts(before)] == parts(once)
    assert [sorted(part, reverse=True) for part in parts(before)] == parts(twice)
    assert sorted(before) == sorted(once)
    with page.expect_download() as saved:
        page.locator("#tbl-claims").locator("xpath=ancestor::*[contains(@class, 'table ') or @class='table'][1]").locator("button.csv").click()  # fmt: skip
    saved.value.save_as(tmp_path / "t.csv")
    lines = list(csv.reader((tmp_path / "t.csv").open(encoding="utf-8")))
    assert lines[0][0] == "Finding" and len(lines) == len(before) + 1
    assert [line[1] for line in lines[1:] if len(line) > 1] == [
        text.replace("\u2212", "-") for text in twice if text
    ]


def test_figures_are_text_enlarge_and_are_saved(opened, run, tmp_path):
    page = opened.page
    figure = page.locator("#fig-paths")
    words = {text.strip() for text in figure.locator("svg text").all_text_contents()}
    assert len(words) > 5 and any("istress" in text for text in words)
    saved = {}
    for kind in ("svg", "csv"):
        with page.expect_download() as download:
            figure.locator(f"button.{kind}").click()
        saved[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[kind])
    with page.expect_download() as download:
        figure.locator("a[download]").click()
    download.value.save_as(tmp_path / "c.pdf")
    assert (tmp_path / "c.pdf").read_bytes() == (run / "figures/paths.pdf").read_bytes()
    assert saved["csv"].read_text(encoding="utf-8") == (run / "figures/paths.csv").read_text(encoding="utf-8")
    assert saved["svg"].read_text(encoding="utf-8").count("<text") == (run / "figures/paths.svg").read_text(
        encoding="utf-8"
    ).count("<text")
    figure.locator("button.enlarge").click()
    assert page.locator("dialog[open] svg.drawing").count() == 1
    names = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(names) == len(set(names))
    page.keyboard.press("Escape")


def write_p(p: float) -> str:
    return "< .001" if p < 0.001 else "> .999" if p > 0.999 else f"= {p:.3f}".replace("0.", ".")


def test_the_curve_follows_its_filters(opened, run):
    """Counts and the chosen point against the table, computed here."""
    home = opened.page.locator('[data-explorer="curve"]')
    table = tidy.read_csv(run / "robustness/specifications.csv")
    kinds = [choice.get_attribute("data-column") for choice in home.locator("select").all()]
    assert {"model", "missing"} <= set(kinds)
    for model in table["model"].unique():
        home.locator("select[data-column=model]").select_option(model)
        home.locator("select[data-column=missing]").select_option("listwise")
        rows = table[(table["model"] == model) & (table["missing"] == "listwise")].sort_values("estimate")
        clear = int(((rows["ci_low"] > 0) | (rows["ci_high"] < 0)).sum())
        told = home.locator(".result").inner_text()
        assert re.match(rf"{len(rows)} analys[ei]s", told)
        assert re.search(rf"\b{clear} gives? an interval without zero", told)
        assert home.locator("svg .dot").count() == len(rows)
        home.locator("input.point").fill(str(len(rows) - 1))
        chosen = home.locator(".chosen-text").inner_text()
        last = rows["estimate"].iloc[-1]
        assert f"{last:.2f}".replace("-", "\u2212") in chosen
        assert re.search(r", p ([=<>] \.\d{3})(?:,|\. )", chosen)[1] == write_p(rows["p"].iloc[-1])
        home.locator("select[data-column=missing]").select_option("")
        assert home.locator("svg .dot").count() == int((table["model"] == model).sum())


@pytest.mark.skipif(bool(FINISHED), reason="no run has such a name of a choice")
def test_names_of_choices_are_text(opened):
    page, home = opened.page, opened.page.locator('[data-explorer="curve"]')
    home.locator("select[data-column=missing]").select_option("listwise")
    assert "complete alone" in home.locator(".chosen-text").inner_text().lower()
    home.locator("select[data-column=covariates]").select_option(NASTY)
    assert NASTY in home.locator(".chosen-text").inner_text()
    assert page.title() != "taken" and home.locator("img").count() == 0


def test_what_must_be_true_follows_its_sliders(opened, run):
    home = opened.page.locator('[data-explorer="surface"]')
    table = tidy.read_csv(run / "design/surface.csv")
    sliders = [node.get_attribute("data-column") for node in home.locator("input[type=range]").all()]
    selects = [node.get_attribute("data-column") for node in home.locator("select").all()]
    chosen = {name: home.locator(f"select[data-column={name}]").input_value() for name in selects}
    assert sliders
    said = set()
    for name in sliders:
        values = sorted(table[name].dropna().unique())
        for place in range(len(values)):
            home.locator(f"input[data-column={name}]").fill(str(place))
            at = {
                other: sorted(table[other].dropna().unique())[
                    int(home.locator(f"input[data-column={other}]").input_value())
                ]
                for other in sliders
            }
            here = table[np.logical_and.reduce([table[key] == value for key, value in at.items()])]
            mine = here[
                np.logical_and.reduce(
                    [here[key].astype(str) == value for key, value in chosen.items()] or [here.index >= 0]
                )
            ]
            row = (mine if len(mine) else here[here["probability"].isna()]).head(1)
            text = home.locator(".result").inner_text()
            said.add(text)
            if row.empty:
                assert "not simulated" in text
            elif row["probability"].isna().all():
                assert text.startswith("No such population")
            else:
                share = 100 * float(row["probability"].iloc[0])
                assert f"{'< 0.1' if 0 < share < 0.1 else f'{share:.1f}'}%" in text
    assert len(said) > 1


def test_contents_follow_and_fold(opened):
    page = opened.page
    page.evaluate("document.getElementById('references').scrollIntoView()")
    page.locator('.contents a[aria-current][href="#references"]').wait_for(timeout=2000)
    fold = page.locator(".contents .fold").first
    state = fold.get_attribute("aria-expanded")
    fold.click()
    assert fold.get_attribute("aria-expanded") != state
    page.evaluate("window.scrollTo(0, 0)")


def _beyond(page) -> list[str]:
    """What sticks out of the window to the right, outside regions that scroll."""
    return page.evaluate("""() => [...document.body.querySelectorAll('*')].filter((node) => {
        if (node.closest('svg, math, pre, dialog, .table-scroll, .drawing-frame, .skip, thead')) return false;
        const box = node.getBoundingClientRect();
        return box.width > 0 && box.right > innerWidth + 1;
    }).map((node) => node.tagName + '.' + node.className)""")


@pytest.mark.parametrize("part", ["manuscript", "supplement"])
def test_pages_fit_and_are_accessible_at_every_width_by_day_and_night(browser, run, part):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    watched = Watched(browser, _address(run, part), viewport={"width": WIDTHS[-1], "height": 900})
    page = watched.page
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, width
        assert _beyond(page) == [], width
        scheme = "dark" if width == 768 else "light"
        page.emulate_media(color_scheme=scheme)
        if width in ((360, 768) if part == "manuscript" else (1440,)):
            found = axe.Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
    if page.locator("table").count():
        page.set_viewport_size({"width": 360, "height": 800})
        cell = page.locator(".table tbody tr td[data-label]").nth(1)
        label = cell.evaluate("(node) => getComputedStyle(node, '::before').content")
        assert json.loads(label) == cell.get_attribute("data-label")
        assert cell.evaluate("(node) => getComputedStyle(node.parentElement).display") == "block"
    assert watched.complaints == []
    page.close()


@pytest.mark.parametrize("kind", ["items", "matrix"])
def test_other_kinds_of_data_fit_and_tell_no_client(browser, runs, kind):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    watched = Watched(browser, _address(runs[kind]), viewport={"width": 360, "height": 900})
    page = watched.page
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    widths = page.evaluate(
        "[...document.querySelectorAll('.drawing-frame .drawing')].map((node) => node.getBoundingClientRect().width)"
    )
    assert widths and min(widths) >= 34 * 16 - 1, (
        widths
    )  # the strip as well: it scrolls, its letters stay legible
    assert axe.Axe().run(page).violations_count == 0
    carried = json.loads(page.locator("#page-files").text_content())
    assert "claims.csv" in carried
    if kind == "items":
        assert not [name for name in carried if name.startswith("data/")]
        told = page.evaluate(_OPEN_ALL)
        assert all("Value" not in each for each in told)
        assert any("Value as printed" in each for each in told)
    assert watched.complaints == []
    page.close()


def test_without_scripts_all_is_there_to_be_read(browser, run):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(_address(run))
    assert page.locator("nav.contents a").first.is_visible()
    assert page.locator("#fig-paths svg").is_visible() and page.locator("#tbl-claims").is_visible()
    assert page.locator(".card").first.is_visible()
    assert (
        page.locator('[data-explorer="surface"]').is_visible()
        and page.locator(".without-scripts").first.is_visible()
    )
    assert page.locator("button:visible").count() == 0
    assert (
        page.locator("#fig-paths a[download]")
        .get_attribute("href")
        .startswith("data:application/pdf;base64,")
    )
    context.close()


def test_print_shows_all_and_nothing_to_click(browser, run):
    watched = Watched(browser, _address(run), viewport={"width": 1000, "height": 900}, color_scheme="dark")
    page = watched.page
    page.emulate_media(media="print")
    assert not page.locator("nav.contents").is_visible() and not page.locator(".tools").first.is_visible()
    assert page.locator("#tbl-claims").is_visible() and page.locator(".card").first.is_visible()
    ground, ink = (
        page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color")
    )
    assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    import pypdfium2

    printed = pypdfium2.PdfDocument(page.pdf())
    assert len(printed) > 5
    page.close()


def test_a_tap_opens_a_number(browser, run):
    context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(_address(run))
    number = page.locator("main p [data-n]").first
    number.tap()
    box = page.locator("#cell")
    assert box.is_visible() and "File" in box.inner_text()
    place = box.bounding_box()
    assert place["x"] >= 0 and place["x"] + place["width"] <= 360
    page.locator("h1").tap()
    assert not box.is_visible()
    context.close()


@pytest.mark.parametrize("part", ["manuscript", "supplement"])
def test_the_policy_names_just_this_script_and_this_style(run, part):
    page = (run / f"manuscript/{part}.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
    styles, scripts = (
        re.findall(r"<style>(.*?)</style>", page, re.DOTALL),
        re.findall(r"<script>(.*?)</script>", page, re.DOTALL),
    )
    assert len(styles) == len(scripts) == 1
    for text in (*styles, *scripts):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r'\s(style|on\w+)="', markup)
    assert NASTY not in page


def test_foreign_scripts_are_not_run(browser, run):
    watched = Watched(browser, _address(run))
    watched.page.evaluate("""() => {
        const script = document.createElement('script'); script.textContent = 'window.taken = 1'; document.body.append(script);
        const image = document.createElement('img'); image.setAttribute('onerror', 'window.taken = 2'); image.src = 'data:,'; document.body.append(image);
    }""")
    watched.page.wait_for_timeout(100)
    assert watched.page.evaluate("window.taken") is None and watched.complaints
    watched.page.close()
