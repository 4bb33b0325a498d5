"""What a scenario states: the moments of each scale, and all that is known of the population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scale:
    """Stated moments of one subscale, in units of its sum score.

    Attributes
    ----------
    low, high : float
        Possible range that mean and SD refer to.
    mean, sd : float
        Of all clients.
    reliability : float
        Cronbach's alpha, in (0, 1].
    icc : float
        Share of the variance between therapists, in [0, 1).
    loadings : tuple of float
        Relative loadings of the items in item order; empty where all load alike.
    """

    low: float
    high: float
    mean: float
    sd: float
    reliability: float
    icc: float
    loadings: tuple[float, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A population: the moments of the subscales and of what is known about the clients.

    Attributes
    ----------
    name : str
        File name without suffix, with ``@parameter=value`` where a parameter was set.
    title, story : str
        For tables and text.
    order : tuple of str
        The subscales in the causal order of the story.
    scales : dict of str to Scale
        In canonical order.
    correlations : ndarray, shape (V, V)
        Of the observed scores, all clients, in the order of ``scales``.
    between_correlations : ndarray, shape (V, V)
        Of the therapists' parts.
    cluster_sizes : tuple of int
        Clients of each therapist.
    sessions, age : dict of str to float
        ``min``, ``mean``, ``sd``; age also ``max``.
    gender : dict of str to float
        Category to share.
    missing : float
        Share of answers missing completely at random.
    parameters : dict of str to float
        As used.
    provenance : tuple of dict
        One per stated number: ``quantity, value, source, grade``.
    """

    name: str
    title: str
    story: str
    order: tuple[str, ...]
    scales: dict[str, Scale]
    correlations: np.ndarray
    between_correlations: np.ndarray
    cluster_sizes: tuple[int, ...]
    sessions: dict[str, float]
    age: dict[str, float]
    gender: dict[str, float]
    missing: float
    parameters: dict[str, float]
    provenance: tuple[dict[str, Any], ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """The subscales, in the order of the matrices."""
        return tuple(self.scales)
