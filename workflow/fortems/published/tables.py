"""Everything that a run on a published matrix makes before the shared stages take over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fortems.mediation.slopes import Settings
from fortems.published.checks import check_matrix
from fortems.published.findings import findings_frame, refuse_impossible
from fortems.published.lacks import Lack
from fortems.published.marks import p_of_r
from fortems.published.matrix import PublishedMatrix, Scale, load_matrix
from fortems.published.reanalysis import Reanalysis, reanalyse
from fortems.published.sensitivity import between, clustering, rounding
from fortems.run.catalogue import SOURCE_FILE
from fortems.study.definition import study
from fortems.study.instruments import Instrument
from fortems.study.models import MediationModel
from fortems.study.variables import label
from fortems.tables import correlations, descriptives

NO_ROWS = "an article gives no client rows"


@dataclass(frozen=True)
class MatrixRun:
    """The frames of a matrix run, by the file that each becomes.

    Attributes
    ----------
    matrix : PublishedMatrix
    frames : dict of str to DataFrame
        Path below ``results/<run>/`` → table.
    analysis : Reanalysis
    """

    matrix: PublishedMatrix
    frames: dict[str, pd.DataFrame]
    analysis: Reanalysis


def scales_of(instruments: Mapping[str, Instrument]) -> dict[str, Scale]:
    """Return the possible scores of every scale of the study's instruments."""
    return {
        name: Scale(low, high, len(instrument.scales[name]))
        for instrument in instruments.values()
        for name, (low, high) in instrument.ranges().items()
    }


def run_matrix(
    path: str,
    models: Mapping[str, MediationModel],
    instruments: Mapping[str, Instrument],
    engines: Sequence[str],
    settings: Settings,
) -> MatrixRun:
    """Check a published matrix and re-estimate what it gives.

    Parameters
    ----------
    path : str
        The YAML file.
    models : mapping of str to MediationModel
    instruments : mapping of str to Instrument
        Possible scores.
    engines : sequence of str
        Those of the configuration.
    settings : Settings

    Returns
    -------
    MatrixRun

    Raises
    ------
    ConfigError
        When the file has a mistake of form, or cells that cannot be right and are not accepted.
    """
    matrix = load_matrix(path, scales_of(instruments))
    findings = check_matrix(matrix)
    refuse_impossible(findings, matrix.accept, path)
    analysis = reanalyse(models, matrix, tuple(engines), settings)
    triples = {
        name: (model.predictors[0], model.mediators[0], model.outcome)
        for name, model in models.items()
        if name not in analysis.withheld
        and len(model.predictors) == len(model.mediators) == 1
        and not model.covariates
    }
    frames = {
        SOURCE_FILE: source_rows(matrix),
        "tables/matrix_checks.csv": findings_frame(findings, matrix.accept),
        "tables/correlations.csv": correlation_rows(matrix, settings.confidence),
        "tables/descriptives.csv": descriptive_rows(matrix),
        "tables/withheld.csv": withheld_rows(analysis.withheld),
        "robustness/between.csv": between(matrix, triples),
        "robustness/rounding.csv": rounding(matrix, triples),
        "robustness/clustering.csv": clustering(
            matrix, triples, matrix.n / matrix.clusters if matrix.clusters else 1.0, settings.confidence
        ),
    }
    return MatrixRun(matrix, frames, analysis)


def source_rows(matrix: PublishedMatrix) -> pd.DataFrame:
    """Return where the matrix was printed, for how many clients and therapists, and whether it is invented."""
    row = {
        "source": matrix.source,
        "made_up": matrix.made_up,
        "clients": matrix.n,
        "therapists": matrix.clusters,
    }
    return pd.DataFrame([row], dtype=object)


def correlation_rows(matrix: PublishedMatrix, confidence: float) -> pd.DataFrame:
    """Return the published correlations in the columns of ``tables/correlations.csv``, level total."""
    from scipy.special import ndtri

    n = matrix.n
    half = ndtri(0.5 + confidence / 2) / np.sqrt(n - 3)
    rows = []
    for pair, cell in matrix.cells.items():
        x, y = correlations.in_theory(pair)
        r = cell.value
        rows.append(
            {
                "x": x,
                "y": y,
                "level": "total",
                "kind": "pearson",
                "r": r,
                "n": n,
                "n_therapists": matrix.clusters,
                "df": n - 2,
                "t": r * np.sqrt((n - 2) / (1 - r**2)) if abs(r) < 1 else np.copysign(np.inf, r),
                "p": float(p_of_r(r, n)),
                "ci_low": np.tanh(np.arctanh(r) - half),
                "ci_high": np.tanh(np.arctanh(r) + half),
                "reason": "",
            }
        )
    frame = pd.DataFrame(rows, columns=correlations.COLUMNS)
    family = [(x, y) in study().family for x, y in zip(frame["x"], frame["y"], strict=True)]
    frame.loc[family, "p_holm"] = correlations.holm(frame.loc[family, "p"].to_numpy(float))
    return frame


def descriptive_rows(matrix: PublishedMatrix) -> pd.DataFrame:
    """Return means and SDs in the columns of ``tables/descriptives.csv``."""
    rows = []
    for name in matrix.names:
        row: dict[str, object] = {"variable": name, "label": label(name), "n": matrix.n, "reason": NO_ROWS}
        if name in matrix.means:
            row["mean"] = matrix.means[name].value
        if name in matrix.sds:
            row["sd"] = matrix.sds[name].value
        if name in matrix.scales:
            row |= {"possible_min": matrix.scales[name].low, "possible_max": matrix.scales[name].high}
        rows.append(row)
    return pd.DataFrame(rows, columns=descriptives.COLUMNS)


def withheld_rows(withheld: Mapping[str, Lack]) -> pd.DataFrame:
    """Return the models that a matrix cannot give, each with the reason and its kind."""
    rows = {
        "model": list(withheld),
        "lacks": [lack.kind for lack in withheld.values()],
        "reason": [lack.reason for lack in withheld.values()],
    }
    return pd.DataFrame(rows, dtype=object)
