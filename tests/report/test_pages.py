"""Pages of the PDF as one sees them: no page is left half empty while text or tables are still to come."""

from __future__ import annotations

import numpy as np
import pytest
from fortems.report.build import PARTS
from made_up_run import KINDS

# cm: above and below the body of a page; more than the last between two lines is white
HEAD, FOOT, GAP = 2.4, 2.0, 1.3


def white(path) -> list[float]:
    """Share of each page's body that bears nothing, spaces between paragraphs aside."""
    import pypdfium2

    shares = []
    for page in pypdfium2.PdfDocument(path):
        dots = np.asarray(page.render(scale=0.4).to_pil().convert("L"))
        cm = dots.shape[0] / 29.7
        body = dots[int(HEAD * cm) : int(-FOOT * cm)]
        printed = np.flatnonzero((body < 200).any(axis=1))
        gaps = np.diff([-1, *printed, len(body)]) - 1
        shares.append(float(gaps[gaps > GAP * cm].sum() / len(body)))
    return shares


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_page_is_half_empty(runs, kind, part):
    """The last page ends with the text; the one before it may end with what no text is left to stand beside."""
    shares = white(runs[kind] / f"manuscript/{part}.pdf")
    assert len(shares) > 5
    assert {number: share for number, share in enumerate(shares[:-2], 1) if share >= 0.5} == {}
