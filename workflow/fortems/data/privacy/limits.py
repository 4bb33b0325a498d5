"""Of how many clients and therapists something must be before it may be told: the one rule that all else asks.

Limits as statistical agencies set them for tables of persons (Hundepool et al., 2012): a least number of clients, of
therapists, and no therapist whose clients are nearly all of them, since that therapist could subtract the own ones.

References
----------
Hundepool, A., Domingo-Ferrer, J., Franconi, L., Giessing, S., Schulte Nordholt, E., Spicer, K., & de Wolf, P.-P.
(2012). Statistical disclosure control. Wiley. (Threshold, dominance and secondary suppression: chapter 4.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

FEWEST_THERAPISTS = 3
LARGEST_SHARE = 0.8  # of the clients with one therapist


@dataclass(frozen=True)
class Limits:
    """How many clients and therapists a statistic needs.

    Attributes
    ----------
    min_cell : int
        Least number of clients, ``privacy.min_cell``; with 0 all may be told.
    """

    min_cell: int

    def enough(self, therapist: np.ndarray) -> bool:
        """Return whether a statistic of these clients may be told.

        Parameters
        ----------
        therapist : ndarray of int, shape (n,)
            Each client's therapist as a code from 0.
        """
        if not len(therapist) or not self.min_cell:
            return bool(len(therapist))
        if len(therapist) < self.min_cell:
            return False
        counts = np.bincount(therapist)
        return int((counts > 0).sum()) >= FEWEST_THERAPISTS and counts.max() <= LARGEST_SHARE * len(therapist)

    def small(self, count: float) -> bool:
        """Return whether a count is of some clients and too few to be told."""
        return 0 < count < self.min_cell

    def apart(self, first: np.ndarray, second: np.ndarray, therapist: np.ndarray) -> bool:
        """Return whether statistics of two sets of clients may stand side by side.

        Subtraction gives those who are in one and not in the other: there must be none, or enough. Their numbers
        must not differ by few either, which would say that someone is left out.

        Parameters
        ----------
        first, second : ndarray of bool, shape (n,)
        therapist : ndarray of int, shape (n,)
        """
        differences = (first & ~second, second & ~first)
        return not self.small(abs(int(first.sum()) - int(second.sum()))) and all(
            not one.any() or self.enough(therapist[one]) for one in differences
        )

    def words(self) -> str:
        """Return the rule for a reader."""
        return (
            f"fewer than {self.min_cell} clients or {FEWEST_THERAPISTS} therapists, or more than "
            f"{LARGEST_SHARE:.0%} of the clients with one therapist"
        )


def codes(values: Iterable[object]) -> np.ndarray:
    """Return labels as codes from 0."""
    return np.unique(np.asarray(list(values), dtype=str), return_inverse=True)[1]
