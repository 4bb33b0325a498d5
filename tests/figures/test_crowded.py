"""Figures of runs that fill them: all verdicts in one legend, long labels, many clients in a corner, failures side by side."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fortems.figures import style
from fortems.figures.article.strip import VERDICTS
from fortems.figures.base import Context, Withheld
from fortems.figures.build import spec
from fortems.presentation.results import Results
from made_up_run import AS_MODELS, write_run
from matplotlib.backends.backend_agg import FigureCanvasAgg


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    style.settings()
    folder = tmp_path_factory.mktemp("crowded")
    return {kind: write_run(folder / kind, kind) for kind in ("simulated", "items", "matrix")}


@pytest.fixture
def drawn(folders):
    """Draw a figure of a run after a change of its data: the figure, its canvas."""

    def draw(name, kind="simulated", change=lambda frame: frame):
        context, figure = Context(Results(folders[kind]), AS_MODELS), spec(name)
        made = figure.draw(change(figure.data(context).reset_index(drop=True)), context)
        canvas = FigureCanvasAgg(made)
        canvas.draw()
        return made, canvas.get_renderer()

    return draw


def test_a_legend_of_all_verdicts_fits(drawn):
    def all_verdicts(frame):
        keys = list(dict.fromkeys(zip(frame["claim"], frame["estimand"], strict=True)))
        verdicts = dict(zip(keys, itertools.cycle(VERDICTS), strict=False))
        return frame.assign(
            verdict=[verdicts[key] for key in zip(frame["claim"], frame["estimand"], strict=True)]
        )

    made, renderer = drawn("overview", change=all_verdicts)
    (legend,) = made.legends
    assert {text.get_text() for text in legend.get_texts()} == set(VERDICTS)
    assert all(text.get_window_extent(renderer).x1 <= made.bbox.width for text in legend.get_texts())


@pytest.mark.parametrize("most", [22, 60])
def test_circles_of_many_clients_stay_in_their_panel(drawn, most):
    def full(frame):
        return frame.assign(clients=float(most), withheld=False)

    made, _ = drawn("scatter", "items", full)
    for axes in made.axes:
        (circles,) = axes.collections
        radius = np.sqrt(circles.get_sizes().max()) / 2 * made.dpi / 72
        pixels = axes.transData.transform(circles.get_offsets())
        box = axes.get_window_extent()
        for k, (low, high) in enumerate(((box.x0, box.x1), (box.y0, box.y1))):
            assert pixels[:, k].min() - radius >= low and pixels[:, k].max() + radius <= high


def test_the_legend_of_the_curve_lies_above_its_panels(drawn):
    made, renderer = drawn("specification")
    (legend,) = made.legends
    assert all(axes.get_legend() is None for axes in made.axes)
    assert legend.get_window_extent(renderer).y0 >= max(axes.get_window_extent().y1 for axes in made.axes)


def test_a_row_of_effects_has_room_for_the_lines_of_its_label(drawn):
    made, renderer = drawn("indirect", "matrix", lambda f: f.assign(effect_label=f["effect_label"] + "\n(x)"))
    boxes = [label.get_window_extent(renderer) for label in made.axes[0].get_yticklabels()]
    assert len(boxes) > 2
    assert all(above.y0 >= below.y1 - 1 for above, below in itertools.pairwise(boxes))


def test_a_bold_tile_ends_before_the_next_mark(drawn):
    def failed(frame):
        return frame.assign(
            text=frame["text"].where(frame["part"] == "path", "Goal – meaning, not significant"),
            verdict=frame["verdict"].where(frame["part"] == "path", "not reproduced"),
        )

    made, renderer = drawn("strip", change=failed)
    tiles = made.axes[-1]
    marks = [tiles.transData.transform((line.get_xdata()[0], 0))[0] for line in tiles.lines]
    reach = (3.5 + 2) * made.dpi / 72  # half a mark, and some air
    for text in tiles.texts:
        box = text.get_window_extent(renderer)
        assert all(box.x1 < mark - reach for mark in marks if mark > box.x0)


@pytest.mark.parametrize(("difference", "drawn_"), [(0.004, False), (-0.006, True)])
def test_engines_that_give_the_same_are_not_drawn(folders, difference, drawn_):
    results = Results(folders["simulated"])
    results.table("mediation/agreement.csv")["difference"] = difference
    figure, context = spec("agreement"), Context(results, AS_MODELS)
    if drawn_:
        assert len(figure.data(context))
    else:
        with pytest.raises(Withheld, match="Not drawn: the engines give the same"):
            figure.data(context)
