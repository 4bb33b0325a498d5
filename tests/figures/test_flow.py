"""The flow of participants: each text stands inside its box, however many reasons there are."""

import matplotlib
import pandas as pd
import pytest
from fortems.figures import flow, style
from matplotlib.patches import Rectangle

matplotlib.use("Agg")


@pytest.mark.parametrize("reasons", [1, 2, 5, 12])
def test_every_text_is_inside_its_box(reasons):
    suppressed = "suppressed (counts below 5 are not shown)"
    frame = pd.DataFrame(
        [
            {"step": "received", "detail": "rows of the file", "clients": 107, "therapists": 24, "shown": "107"},
            *[
                {"step": "excluded", "detail": f"a value that the models need is missing, {i}", "clients": None,
                 "therapists": None, "shown": suppressed}
                for i in range(reasons)
            ],
            {"step": "analysed", "detail": "every value that the models need", "clients": 53, "therapists": 23, "shown": "53"},
        ]
    )  # fmt: skip
    style.settings()
    made = flow.draw(frame, None)
    made.get_layout_engine().execute(made)  # as it is saved

    (axes,) = made.axes
    boxes = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, Rectangle)]
    texts = [text.get_window_extent() for text in axes.texts if text.get_text()]
    assert len(boxes) == len(texts) == 3
    for box, text in zip(boxes, texts, strict=True):
        assert box.x0 <= text.x0 and text.x1 <= box.x1 and box.y0 <= text.y0 and text.y1 <= box.y1
    frame_of = made.get_window_extent()
    assert all(frame_of.y0 <= box.y0 and box.y1 <= frame_of.y1 for box in boxes)
