"""All figures and all pages of the report of a run on one sheet, to be looked at.

``python -m fortems.run.contact_sheet results/main [sheet.png]``; needs the packages of ``make dev``.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

COLUMNS = 5
CELL = (620, 700)
LABEL = 34
MARGIN = 12
PAGE_SCALE = 1.1  # 1 is 72 dots per inch


def pictures(results: Path) -> list[tuple[str, Image.Image]]:
    """Return every figure and every PDF page of a run with its name."""
    found = [(path.name, Image.open(path).convert("RGB")) for path in sorted(results.glob("figures/*.png"))]
    for path in sorted(results.glob("manuscript/*.pdf")):
        found += [(f"{path.name}, page {n}", page) for n, page in enumerate(pages(path), start=1)]
    return found


def pages(path: Path) -> list[Image.Image]:
    """Return the pages of a PDF as pictures."""
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    try:
        return [page.render(scale=PAGE_SCALE).to_pil().convert("RGB") for page in document]
    finally:
        document.close()


def sheet(named: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Return one picture with all of them, in rows, each with its name above."""
    rows = math.ceil(len(named) / COLUMNS)
    width, height = CELL
    whole = Image.new(
        "RGB", (COLUMNS * (width + MARGIN) + MARGIN, rows * (height + LABEL + MARGIN) + MARGIN), "gray"
    )
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(size=20)
    for index, (name, picture) in enumerate(named):
        x = MARGIN + (index % COLUMNS) * (width + MARGIN)
        y = MARGIN + (index // COLUMNS) * (height + LABEL + MARGIN)
        draw.text((x, y + 4), name, fill="white", font=font)
        small = picture.copy()
        small.thumbnail(CELL)
        whole.paste(small, (x, y + LABEL))
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the sheet from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fortems.run.contact_sheet", description=__doc__.split("\n")[0]
    )
    parser.add_argument("results", type=Path, help="a run's folder, such as results/main")
    parser.add_argument("sheet", type=Path, nargs="?", help="where to (logs/RUN/contact-sheet.png)")
    options = parser.parse_args(arguments)
    named = pictures(options.results)
    if not named:
        print(f"{options.results} holds no figures and no report.", file=sys.stderr)
        return 2
    target = options.sheet or Path("logs") / options.results.name / "contact-sheet.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet(named).save(target)
    print(f"{target}: {len(named)} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
