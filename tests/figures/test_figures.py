"""Figures: data as written, text alternatives, nothing cut off or overlapping, simulated marked, private kept."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pypdfium2 as pdfium
import pytest
from fortems import tidy
from fortems.data.privacy.flow import shown_flow
from fortems.figures import catalog, style
from fortems.figures.article.strip import VERDICTS
from fortems.figures.base import Context, Withheld
from fortems.figures.build import build, draw, shortened, spec
from fortems.presentation.results import Results
from made_up_run import AS_MODELS, write_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image
from wording import says

NAMES = [*catalog.NEEDS, "path_bond", "path_aspects", "path_bond_by_age"]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("figures") / "run", "simulated")


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("figures") / "run", "items")


def _context(folder):
    return Context(Results(folder), AS_MODELS)


@pytest.fixture(scope="module")
def drawings(simulated, tmp_path_factory):
    """Name → what was written and the matplotlib figure, drawn from the data as read back."""
    style.settings()
    folder, found = tmp_path_factory.mktemp("drawn"), {}
    context = _context(simulated)
    for name in NAMES:
        figure = spec(name)
        tidy.write_csv(figure.data(context), folder / f"{name}.csv")
        back = tidy.read_csv(folder / f"{name}.csv")
        made = figure.draw(back, context)
        style.save(made, folder / name, context.mark_of(name))
        found[name] = (figure, back, made)
    return folder, context, found


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_inside_and_do_not_overlap(drawings, name):
    made = drawings[2][name][2]
    canvas = FigureCanvasAgg(made)
    canvas.draw()
    renderer, width, height = canvas.get_renderer(), made.bbox.width, made.bbox.height
    boxes = [(text, text.get_window_extent(renderer)) for text in _texts(made)]
    assert boxes
    for text, box in boxes:
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, text.get_text()
    for (one, a), (two, b) in itertools.combinations(boxes, 2):
        if one.get_rotation() % 90 or two.get_rotation() % 90:
            continue  # the box around slanted words is larger than the words
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        along = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1 or along <= 1.5, (one.get_text(), two.get_text())


def _texts(made):
    """Every text that is seen: titles, labels, tick labels inside the axes' limits, texts, legends."""
    found = [*made.texts, *(text for legend in made.legends for text in legend.get_texts())]
    for axes in made.axes:
        found += [*axes.texts, axes.title, axes._left_title, axes._right_title]
        if axes.axison:
            found += [axes.xaxis.label, axes.yaxis.label]
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                for tick in axis.get_major_ticks():
                    if low <= tick.get_loc() <= high:
                        found += [label for label in (tick.label1, tick.label2) if label.get_visible()]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("name", NAMES)
def test_letters_are_legible_at_the_width_of_a_page(drawings, name):
    made = drawings[2][name][2]
    assert made.get_figwidth() == pytest.approx(style.WIDTH) and made.get_figheight() < 9.2
    sizes = [text.get_fontsize() for text in made.findobj(Text) if text.get_text().strip()]
    assert min(sizes) >= 7


@pytest.mark.parametrize("name", NAMES)
def test_words_come_from_the_data(drawings, name):
    figure, back, _ = drawings[2][name]
    context = drawings[1]
    title, alt, reading = (part(back, context) for part in (figure.caption, figure.alt, figure.reading))
    assert title and len(alt) > 40 and reading.endswith(".")
    for text in (title, alt, reading):
        assert "nan" not in text.split() and "None" not in text and "  " not in text and "\n" not in text


def test_effects_are_counted_at_an_estimand_in_words(drawings):
    figure, back, _ = drawings[2]["indirect"]
    text = str(figure.reading(back, drawings[1]))
    assert re.fullmatch(
        r"The primary interval leaves out zero for \w+ of \d+ effects within therapists and \w+ of \d+ at the single level\.",
        text,
    )


@pytest.mark.parametrize("name", NAMES)
def test_simulated_figures_say_so(drawings, name):
    folder, _, found = drawings
    texts = [text.get_text() for text in found[name][2].findobj(Text)]
    whose = "Simulated studies:" if name in catalog.OF_STUDIES else "Simulated data (scenario as_reported):"
    assert any(text.startswith(whose) for text in texts)
    for suffix in ("svg", "pdf", "png"):
        assert (folder / f"{name}.{suffix}").stat().st_size > 500


def test_drawn_numbers_are_those_of_the_csv(drawings):
    _, back, made = drawings[2]["equivalence"]
    points = [
        line for line in made.axes[0].lines if len(line.get_xdata()) == 1 and line.get_marker() in ("o", "s")
    ]
    assert np.allclose([line.get_xdata()[0] for line in points], back["direct"])
    _, back, made = drawings[2]["indirect"]
    drawn = sorted(
        float(line.get_xdata()[0])
        for axes in made.axes
        for line in axes.lines
        if line.get_marker() in ("o", "s", "^", "D")
    )
    assert np.allclose(drawn, sorted(back["estimate"]))
    _, back, made = drawings[2]["path_bond"]
    text = " ".join(item.get_text() for item in made.findobj(Text))
    for estimate in back["estimate"]:
        assert style.sign(estimate) in text


def test_a_changed_estimate_changes_data_picture_and_words(simulated, tmp_path):
    results = Results(simulated)
    context = Context(results, AS_MODELS)
    figure = spec("path_bond")
    before = draw(figure, context, tmp_path / "one")
    effects = results.table("mediation/effects.csv")
    row = (
        (effects["model"] == "bond")
        & (effects["effect"] == "indirect")
        & (effects["interval"] == "montecarlo")
    )
    effects.loc[row & (effects["engine"] == "twolevel"), ["estimate", "ci_high"]] = [-0.123, 0.456]
    after = draw(figure, context, tmp_path / "two")
    assert "−0.12 [−1.74, 0.46]" in after["alt"] and after["alt"] != before["alt"]
    assert (
        "within therapists: includes zero" in after["reading"]
        and "within therapists: leaves out zero" in before["reading"]
    )
    for suffix in ("csv", "svg", "png"):
        assert (tmp_path / f"one/path_bond.{suffix}").read_bytes() != (
            tmp_path / f"two/path_bond.{suffix}"
        ).read_bytes()


def test_last_digits_of_the_layout_change_no_byte(tmp_path, monkeypatch):
    """The layout's solver gives other last digits from run to run; clipping paths are named by them."""
    style.settings()
    found = []
    for number, noise in enumerate((0.0, 3e-14, -2e-13)):
        made, axes = style.figure(2.0, 1, 2)
        for each in axes:
            each.plot([0, 1, 5], [0, 2, 1])
            each.set_xlim(0.5, 2)
        engine = made.get_layout_engine()
        solve = engine.execute

        def execute(figure, solve=solve, noise=noise):
            solve(figure)
            for each in figure.axes:
                each.set_position([value + noise for value in each.get_position().bounds])

        monkeypatch.setattr(engine, "execute", execute)
        style.save(made, tmp_path / str(number), "")
        found.append((tmp_path / f"{number}.svg").read_bytes())
    assert found[0] == found[1] == found[2] and b"clip-path" in found[0]


def test_same_data_same_bytes(simulated, tmp_path):
    for name in ("one", "two"):
        build(["path_bond", "strip"], _context(simulated), tmp_path / name)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", ["correlations", "path_bond"])
def test_all_formats_show_the_same_drawing(drawings, name):
    """What a viewer makes of the PDF is what the PNG shows, at the size of the drawing."""
    folder, made = drawings[0], drawings[2][name][2]
    page = pdfium.PdfDocument(folder / f"{name}.pdf")[0]
    assert page.get_size() == pytest.approx([72 * length for length in made.get_size_inches()], abs=0.1)
    picture = Image.open(folder / f"{name}.png").convert("L")
    assert picture.size == pytest.approx(
        [style.RESOLUTION * length for length in made.get_size_inches()], abs=1.5
    )
    seen = page.render(scale=style.RESOLUTION / 72).to_pil().convert("L").resize(picture.size)
    small = [
        np.asarray(one.reduce(8), float) for one in (picture, seen)
    ]  # edges of letters differ by renderer
    assert small[0].min() < 200 and np.abs(small[0] - small[1]).max() < 40


def test_a_missing_cell_of_a_heatmap_stays_blank():
    style.settings()
    _, axes = style.figure(2)
    mesh = style.heatmap(axes, np.array([[0.5, np.nan], [-0.5, 0.0]]), 0, (-1, 1), "RdBu_r")
    assert mesh.get_array().mask.tolist() == [[False, True], [False, False]]
    assert axes.get_ylim() == (1.5, -0.5)  # the first row on top


def test_patterns_that_never_show_have_no_panel_of_ratios(simulated, tmp_path):
    results = Results(simulated)
    ratios = results.table("design/likelihood_ratios.csv")
    ratios["relation"] = "none"
    ratios[["ratio", "ci_low", "ci_high"]] = np.nan
    context = Context(results, AS_MODELS)
    draw(spec("diagnosticity"), context, tmp_path)
    assert set(tidy.read_csv(tmp_path / "diagnosticity.csv")["panel"]) == {"gap"}
    results.table("design/diagnosticity.csv")["claim"] = "another"
    with pytest.raises(Withheld, match="could test no pattern"):
        spec("diagnosticity").data(context)


def test_measurement_error_is_not_drawn_where_every_model_ignores_it(tmp_path):
    folder = write_run(tmp_path / "run")
    file = folder / "mediation/measurement.csv"
    table = tidy.read_csv(file)
    tidy.write_csv(table[table["measurement"] == "observed"], file)
    with pytest.raises(Withheld, match="takes measurement error into account"):
        spec("measurement").data(_context(folder))


def test_the_note_on_measurement_error_counts_every_interval_drawn(simulated):
    made = spec("measurement")
    frame = pd.DataFrame(
        {"measurement": kind, "interval": "robust", "estimate": -0.3, "ci_low": low, "ci_high": -0.1 if low < -0.4 else 0.1}
        for kind, low in (("observed", -0.3), ("same clients", -0.5), ("latent", -0.9), ("latent", -0.3))
    )  # fmt: skip
    told = made.reading(frame, _context(simulated))
    says(told, "none of 1 with observed scores, 1 of 1 with observed scores of the clients of the latent variables",
         "and 1 of 2 with latent variables")  # fmt: skip


def test_an_interval_that_has_zero_in_it_already_reaches_it_at_no_correlation(simulated):
    made = spec("confounding")
    context = _context(simulated)
    frame = made.data(context)
    frame.loc[frame["kind"] == "interval", "rho"] = 0.0
    assert "interval with zero already, sign" in made.reading(frame, context)


def test_influence_needs_a_therapist_that_can_be_left_out(simulated):
    results = Results(simulated)
    table = results.table("robustness/leave_one_out.csv")
    table[["lowest", "quarter", "median", "three_quarters", "highest"]] = np.nan
    with pytest.raises(Withheld, match="without each therapist"):
        spec("leave_one_out").data(Context(results))


def test_what_cannot_be_drawn_says_why(simulated, tmp_path):
    results = Results(simulated, files=["mediation/effects.csv"])
    index = build(["power", "path_nobody"], Context(results, AS_MODELS), tmp_path)
    empty, unknown = index["withheld"]
    says(empty, "Not drawn", "design/power.csv", "no", "rows")
    says(unknown, "Not drawn", "no", "paths of the model nobody")
    assert (tmp_path / "power.png").exists() and tidy.read_csv(tmp_path / "power.csv").shape == (1, 1)


def test_private_figures_hold_no_client_and_no_small_count(private, tmp_path):
    context = _context(private)
    index = build(["scatter", "therapists", "leave_one_out", "flow"], context, tmp_path).set_index("name")
    assert index["withheld"].notna().to_dict() == {
        "scatter": False,
        "therapists": True,
        "leave_one_out": True,
        "flow": False,
    }
    cells = tidy.read_csv(tmp_path / "scatter.csv")
    shown = cells["clients"].dropna()
    assert set(cells["kind"]) == {"cell"} and len(shown) and (shown >= 5).all() and cells["withheld"].any()
    # The grid spans what is possible: its edges are no clients.
    bond = cells.loc[cells["x"] == "bond", "x_value"]
    assert bond.min() == pytest.approx(5.6) and bond.max() == pytest.approx(18.4)
    for path in tmp_path.iterdir():
        assert b"SECRET" not in path.read_bytes() and b"Simulated" not in path.read_bytes()
    assert "single clients must not be seen" in index["reading"].loc["scatter"]


def test_cells_without_a_possible_range_are_not_drawn(private):
    results = Results(private)
    results.table("tables/descriptives.csv")["possible_min"] = np.nan
    with pytest.raises(Withheld, match="lowest and the highest"):
        spec("scatter").data(Context(results))


@pytest.mark.parametrize(("excluded", "scored", "hidden"), [
    ([11], 96, set()), ([2], 96, {"received", "excluded"}), ([11], 94, {"scored"}), ([9, 1], 96, {"received", "excluded"}), ([], 96, set()),
])  # fmt: skip
def test_small_counts_of_the_flow(excluded, scored, hidden):
    steps = ["received", *["excluded"] * len(excluded), "scored", "analysed"]
    flow = pd.DataFrame(
        {
            "step": steps,
            "detail": "x",
            "clients": [96 + sum(excluded), *excluded, scored, 96],
            "therapists": 5,
        }
    )
    shown = shown_flow(flow, 5)
    assert set(shown.loc[shown["clients"].isna(), "step"]) == hidden
    assert shown_flow(flow, 0)["clients"].notna().all()


def test_catalog_follows_the_configuration(simulated, tmp_path):
    config = Results(simulated).config
    names = catalog.names(config)
    assert {"scatter", "power", "path_bond", "path_bond_by_age"} <= set(names)
    assert set(catalog.names({**config, "design": None})) == set(names) - {
        "power",
        "coverage",
        "overview",
        "diagnosticity",
        "surface",
        "posterior",
    }
    # What is drawn of the design stage is of simulated studies, whose counts are of nobody; what else is drawn is not.
    assert catalog.of_simulated() == [
        f"figures/{name}.csv"
        for name in ("overview", "diagnosticity", "surface", "posterior", "power", "coverage")
    ]
    matrix = Results(write_run(tmp_path / "m", "matrix")).config
    drawn = catalog.names(matrix)
    assert "path_bond" in drawn and "path_bond_age_gender" not in drawn and "scatter" not in drawn
    assert catalog.files(matrix)[-1] == catalog.INDEX and len(catalog.files(matrix)) == 4 * len(drawn) + 1
    for name in names:
        assert spec(name).name == name


def test_alternatives_are_short_and_lead_to_the_values(simulated, tmp_path):
    index = build(["indirect", "correlations", "strip", "causal", "paths"], _context(simulated), tmp_path)
    assert (index["alt"].str.len() <= 300).all() and (index["alt"].str.len() > 80).all()
    long = "Chart of parts. " + " ".join(f"Part {i} is {i};" for i in range(99))
    text = shortened(long, "x")
    assert len(text) <= 300 and text.startswith("Chart of parts. Part 0 is 0; Part 1")
    assert text.endswith("; all values are in x.csv.")
    assert len(shortened("y" * 999, "x")) == 300 and shortened("short.", "x") == "short."


def test_a_flow_that_nobody_leaves_is_not_drawn(simulated):
    results = Results(simulated)
    results.table("data/flow.csv")["clients"] = 96
    with pytest.raises(Withheld, match="nobody was left out"):
        spec("flow").data(Context(results))


def test_the_strip_has_a_shape_for_each_verdict_and_names_the_failures(drawings):
    figure, back, made = drawings[2]["strip"]
    tiles = back[back["part"] == "finding"]
    assert len(tiles) == 12
    drawn = [line.get_marker() for line in made.axes[1].lines]
    assert drawn == [VERDICTS[verdict].marker for verdict in tiles["verdict"]]
    assert len({(mark.marker, mark.filled) for mark in VERDICTS.values()}) == len(VERDICTS)
    for text in tiles.loc[tiles["verdict"] == "not reproduced", "text"]:
        assert text in figure.reading(back, drawings[1])


def test_colours_are_told_apart_by_more_than_colour():
    marks = [(mark.marker, str(mark.line)) for mark in style.SERIES]
    assert len(set(marks)) == len(marks) == len({mark.colour for mark in style.SERIES})
    one, two = style.ESTIMANDS["within"], style.ESTIMANDS["single"]
    assert one.marker != two.marker and one.line != two.line and one.filled != two.filled


@pytest.mark.skipif(sys.platform != "linux", reason="figures are drawn one by one elsewhere")
def test_processes_that_draw_end_with_their_parent(tmp_path):
    """A killed job leaves nobody waiting for figures to draw."""
    program = tmp_path / "draw.py"
    program.write_text(
        "import sys, time\n"
        "from fortems.figures import build\n"
        "def wait(name, context, folder):\n"
        "    time.sleep(600)\n"
        "build._draw_named = wait\n"
        "print('ready', flush=True)\n"
        "build.build(['a', 'b'], None, None, 2)\n"
    )
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "ready\n"
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    for _ in range(200):
        found = children.read_text().split()
        if len(found) == 2:
            break
        time.sleep(0.05)
    assert len(found) == 2
    time.sleep(0.5)
    assert parent.poll() is None and all(_is_alive(pid) for pid in found)
    parent.kill()
    parent.wait()
    for _ in range(200):
        alive = [pid for pid in found if _is_alive(pid)]
        if not alive:
            break
        time.sleep(0.05)
    assert not alive


def _is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("name", NAMES)
def test_text_in_a_drawing_is_text(drawings, name):
    """Every word that matplotlib set stands in the SVG as such, and the PDF holds it with its letters."""
    folder, _, found = drawings
    svg = ElementTree.parse(folder / f"{name}.svg")
    lines = ["".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")]
    shown = {
        line
        for text in found[name][2].findobj(Text)
        if text.get_visible()
        for line in text.get_text().split("\n")
    }
    assert len(lines) > 3 and {line.strip() for line in lines} <= {line.strip() for line in shown}
    page = pdfium.PdfDocument(folder / f"{name}.pdf")[0].get_textpage().get_text_range()
    letters = "".join(page.split()).replace("\ufffe", "")
    straight = [line for line in lines if line.strip()]
    assert sum("".join(line.split()) in letters for line in straight) > 0.6 * len(straight)


def test_marks_of_a_design_stay_in_its_row_whatever_their_number(simulated):
    """Six intervals at one estimand, five at the other: each mark within its row, none nearer to the next than with five."""
    context = _context(simulated)
    figure = spec("coverage")
    data = figure.data(context)
    assert set(data.loc[data["interval"] == "cr2", "estimand"]) == {"single"}
    data = pd.concat([data, data[data["interval"] == "bca"].assign(interval="percentile")])

    def drawn(frame):
        made = figure.draw(frame, context)
        FigureCanvasAgg(made).draw()
        return [sorted(_marks(axes)) for axes in made.axes]

    fewer = drawn(data[data["interval"] != "cr2"])
    within, single = drawn(data)
    designs = data["design"].nunique()
    assert len(single) == 6 * designs and len(within) == 5 * designs
    assert {round(-y) for y, _ in single} == set(range(designs))
    gaps = [min(np.diff([pixel for _, pixel in marks])) for marks in (fewer[1], single)]
    assert gaps[1] > 0.95 * gaps[0]


def _marks(axes):
    """Heights of the estimates in the data's and the page's units; an interval is a line of two points."""
    for line in axes.lines:
        x, y = np.atleast_1d(line.get_xdata()), np.atleast_1d(line.get_ydata())
        if len(x) == 1:
            yield float(y[0]), axes.transData.transform((x[0], y[0]))[1]
