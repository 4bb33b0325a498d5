"""The typeface of all figures, which comes with matplotlib: text in a drawing stays text, and looks the same in each format."""

from __future__ import annotations

from pathlib import Path

FAMILY = "DejaVu Sans"
#: What a viewer without it takes: the next wide ones.
FALLBACKS = f"'{FAMILY}', Verdana, sans-serif"


def folder() -> Path:
    """Return the folder that holds its files, one a weight and slope."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts/ttf"
