"""The likelihood that a model needs: that of random slopes is loaded when it is first asked for."""

from __future__ import annotations

from importlib import import_module

from ..data.clusters import ClusterData
from ..data.moments import CompleteMoments, MissingMoments
from ..data.published import SummaryData
from ..likelihood.layout import Layout
from ..likelihood.objective import Objective


def objective_for(layout: Layout, moments: CompleteMoments | MissingMoments) -> Objective:
    """-log L of a layout on moments."""
    if layout.random:
        found: Objective = import_module("twolevel.slopes.objective").SlopeObjective(layout, moments)
        return found
    return Objective(layout, moments)


def moments_for(
    data: ClusterData | SummaryData, layout: Layout, missing: str
) -> CompleteMoments | MissingMoments:
    """The statistics of the rows that count, as the layout's likelihood wants them."""
    if layout.random:
        found: MissingMoments = import_module("twolevel.slopes.moments").slope_moments(data, layout, missing)
        return found
    return data.missing(layout.y, layout.z) if missing == "ml" else data.complete(layout.y, layout.z)
