"""What of private data may be shown: one rule for displays, one for small counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fortems.data.privacy.limits import Limits

SHOWN, AGGREGATED, WITHHELD, ABSENT = "shown", "aggregated", "withheld", "absent"


@dataclass(frozen=True)
class Display:
    """How a kind of display is shown.

    Attributes
    ----------
    form : str
        ``shown``; ``aggregated`` (as cells, bins or ranges of at least ``min_cell`` clients or therapists);
        ``withheld``; ``absent`` (the source has no such data).
    reason : str
        For the report; empty when shown.
    """

    form: str
    reason: str = ""


# What each display would show of a single client or therapist if it were drawn from rows.
_OF_ONE = {
    "scatter": ("each client's scores", AGGREGATED),
    # A quantile of therapists' means is one therapist's mean, and that may be of few clients.
    "caterpillar": ("single therapists' means", WITHHELD),
    "leave_one_out": ("what single therapists' clients do to a result", WITHHELD),
    "cluster_sizes": ("single therapists' numbers of clients", WITHHELD),
    "extremes": ("the lowest and the highest client", WITHHELD),
    "residuals": ("each client's residual", WITHHELD),
}


def displays(source: str) -> dict[str, Display]:
    """Return how each kind of display is shown; the one place that decides it.

    Parameters
    ----------
    source : str
        ``simulated``, ``file`` or ``matrix``.

    Returns
    -------
    dict of str to Display
        ``scatter`` (aggregated: counts in cells, none below ``min_cell``), ``caterpillar``, ``leave_one_out``
        (how often a sign changes is told elsewhere), ``cluster_sizes``, ``extremes``, ``residuals``.
    """
    if source == "simulated":
        return {name: Display(SHOWN) for name in _OF_ONE}
    if source == "matrix":
        reason = "a published matrix has no client rows"
        return {name: Display(ABSENT, reason) for name in _OF_ONE}
    return {
        name: Display(form, f"{what} would be visible; private data are shown in groups only")
        for name, (what, form) in _OF_ONE.items()
    }


def cells(cell: np.ndarray, n_cells: int, therapist: np.ndarray, limits: Limits) -> np.ndarray:
    """Decide which cells of a grid are shown: those of enough clients, while the rest together are enough too.

    Parameters
    ----------
    cell : ndarray of int, shape (n,)
        Each client's cell, from 0.
    n_cells : int
    therapist : ndarray of int, shape (n,)
        Each client's therapist, from 0.
    limits : Limits

    Returns
    -------
    ndarray of bool, shape (n_cells,)
        Empty cells and small ones look alike, so that no margin tells how few are where. What is not shown are
        nobody or enough clients together.
    """
    counts = np.bincount(cell, minlength=n_cells)
    shown = np.array([limits.enough(therapist[cell == place]) for place in range(n_cells)])
    while shown.any():
        rest = therapist[~shown[cell]]
        if not len(rest) or limits.enough(rest):
            break
        shown[np.where(shown, counts, np.inf).argmin()] = False
    return shown


def withheld(counts: np.ndarray, min_cell: int) -> np.ndarray:
    """Decide which counts of a table to withhold so that none below the limit can be seen or worked out.

    Parameters
    ----------
    counts : ndarray of int, shape (n,) or (rows, columns)
        Disjoint cells whose sum (by row and by column, for a table) is known to the reader.
    min_cell : int
        Counts from 1 to ``min_cell`` − 1 are small; 0 or 1 withholds nothing. Zeros are shown: they say
        that nobody is there.

    Returns
    -------
    ndarray of bool, same shape
        Small counts, and in each line as many further cells, the smallest first, as it takes for what is
        withheld to be two cells at least and ``min_cell`` clients together.
    """
    table = np.atleast_2d(np.asarray(counts, dtype=int))
    hidden = (table > 0) & (table < min_cell)
    changed = True
    while changed:
        changed = False
        lines = [(row, slice(None)) for row in range(table.shape[0])]
        if table.shape[0] > 1:
            lines += [(slice(None), column) for column in range(table.shape[1])]  # type: ignore[misc]
        for line in lines:
            while _too_plain(table[line], hidden[line], min_cell):
                candidates = np.flatnonzero(~hidden[line])
                values = table[line][candidates]
                # A person in the cell protects; an empty cell only when there is no other.
                order = np.lexsort((values, values == 0))
                hidden[line][candidates[order[0]]] = True
                changed = True
    return hidden.reshape(np.shape(counts))


def _too_plain(counts: np.ndarray, hidden: np.ndarray, min_cell: int) -> bool:
    """Return whether a line's total gives its hidden cells away, and there is another cell to hide."""
    if not hidden.any() or hidden.all():
        return False
    return int(hidden.sum()) == 1 or int(counts[hidden].sum()) < min_cell
