"""What a published matrix leaves open: therapists' share, and the digits beyond the printed ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from fortems.published.matrix import PublishedMatrix
from fortems.published.paths import indirect, regress

SHARES = (0.0, 0.05, 0.10, 0.20)
BETWEEN_CORRELATIONS = (-0.5, 0.0, 0.5)


def _shares(matrix: PublishedMatrix, name: str, supposed: Sequence[float]) -> list[float]:
    """Return the ICCs to suppose of a variable: what rounds to the printed one, and otherwise the supposed ones."""
    icc = matrix.iccs.get(name)
    if icc is None:
        return list(supposed)
    # An analysis of variance can print less than 0; as a share of the variance that is none.
    ends = (icc.value - icc.half_width, icc.value, icc.value + icc.half_width)
    return list(dict.fromkeys(min(max(end, 0.0), 1.0) for end in ends))


def clustering(
    matrix: PublishedMatrix, triples: dict[str, tuple[str, str, str]], mean_size: float, confidence: float
) -> pd.DataFrame:
    """Widen each path's standard error by what clustering may add.

    The factor is √(1 + (ñ − 1) ρ_x ρ_e), with ñ the mean number of clients per therapist, ρ_x the ICC of the
    predictor, the printed one where there is one, and ρ_e that of the residual (Scott & Holt, 1982; Moulton, 1986).

    Parameters
    ----------
    matrix : PublishedMatrix
    triples : dict of str to (predictor, mediator, outcome)
        The models.
    mean_size : float
        ñ.
    confidence : float

    Returns
    -------
    DataFrame
        One row per model, path and pair of ICCs: estimate, se, factor, ci_low, ci_high, p.
    """
    from scipy.stats import t

    covariance = matrix.covariance()
    rows = []
    for model, (x, m, y) in triples.items():
        first = regress(covariance, matrix.names, m, [x], matrix.n)
        second = regress(covariance, matrix.names, y, [m, x], matrix.n)
        for effect, equation, name in (("a", first, x), ("b", second, m), ("direct", second, x)):
            estimate, se = equation.slope(name)
            width = t.ppf(0.5 + confidence / 2, equation.df)
            for icc_x, icc_e in product(_shares(matrix, name, SHARES), SHARES):
                factor = np.sqrt(1 + (mean_size - 1) * icc_x * icc_e)
                rows.append(
                    {
                        "model": model,
                        "effect": effect,
                        "icc_predictor": icc_x,
                        "icc_residual": icc_e,
                        "mean_cluster_size": mean_size,
                        "factor": factor,
                        "estimate": estimate,
                        "se": se * factor,
                        "ci_low": estimate - width * se * factor,
                        "ci_high": estimate + width * se * factor,
                        "p": 2 * t.sf(abs(estimate / (se * factor)), equation.df),
                    }
                )
    return pd.DataFrame(rows)


def between(matrix: PublishedMatrix, triples: dict[str, tuple[str, str, str]]) -> pd.DataFrame:
    """Range of the within-therapist indirect effect over supposed between-therapist covariances.

    Σ_W = Σ_T − Σ_B with Σ_B = D R_B D, D holding √(ICC) of each variable's total SD. ICCs are the printed ones;
    those that are not printed and between correlations run over the file's ``between`` lists; supposed ones that
    make Σ_W or R_B indefinite are counted and left out.

    Returns
    -------
    DataFrame
        One row per model: the single-level indirect effect in total SDs, lowest and highest within one, how
        many suppositions were possible, and those at which the ends lie; ends are missing where none was.
    """
    shares = matrix.between.get("icc") or list(SHARES[:3])
    correlations = matrix.between.get("correlation") or list(BETWEEN_CORRELATIONS)
    rows = []
    for model, (x, m, y) in triples.items():
        index = [matrix.names.index(name) for name in (x, m, y)]
        total = matrix.correlations()[np.ix_(index, index)]
        iccs = [_shares(matrix, name, shares) for name in (x, m, y)]
        grid = np.array(list(product(*iccs, *[correlations] * 3)))
        roots = np.sqrt(grid[:, :3])
        r_between = np.tile(np.eye(3), (len(grid), 1, 1))
        for k, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
            r_between[:, i, j] = r_between[:, j, i] = grid[:, 3 + k]
        within = total - r_between * roots[:, :, None] * roots[:, None, :]
        possible = (np.linalg.eigvalsh(r_between)[:, 0] >= -1e-12) & (np.linalg.eigvalsh(within)[:, 0] > 1e-8)
        effects = indirect(within[possible], 0, 1, 2)
        grid = grid[possible]
        row = {
            "model": model,
            "single_level": float(indirect(total, 0, 1, 2)),
            "within_low": np.nan,
            "within_high": np.nan,
            "suppositions": len(possible),
            "possible": int(possible.sum()),
            "at_low": "",
            "at_high": "",
        }
        if len(effects):
            for end, place in (("low", int(np.argmin(effects))), ("high", int(np.argmax(effects)))):
                row |= {f"within_{end}": effects[place], f"at_{end}": _supposition(grid[place])}
        rows.append(row)
    return pd.DataFrame(rows)


def _supposition(row: np.ndarray) -> str:
    names = ("ICC x", "ICC m", "ICC y", "r_B xm", "r_B xy", "r_B my")
    return ", ".join(f"{name} {value:g}" for name, value in zip(names, row, strict=True))


def rounding(matrix: PublishedMatrix, triples: dict[str, tuple[str, str, str]]) -> pd.DataFrame:
    """Range of each path and indirect effect over all matrices that round to the printed one.

    Given r_xm, b and the direct path are linear in the other two correlations, so their ends lie at corners in
    these; r_xm itself is searched on a fine grid that contains its ends. Raw units multiply by the ratio of two
    printed SDs, each with its own rounding.

    Returns
    -------
    DataFrame
        model, effect (t statistics among them), printed (from the matrix as it stands), low and high in SD units;
        estimate_low and estimate_high in raw units where both SDs are printed.
    """
    rows = []
    for model, (x, m, y) in triples.items():
        centre, half = _cells(matrix, x, m, y)
        r_xm = np.clip(centre[0] + np.linspace(-1, 1, 201) * half[0], -1, 1)
        grid = np.array(
            [
                (r, centre[1] + s1 * half[1], centre[2] + s2 * half[2])
                for r, s1, s2 in product(r_xm, (-1, 0, 1), (-1, 0, 1))
            ]
        )
        grid = grid[_definite(grid)]
        over_grid = _paths(grid, matrix.n)
        for effect, value in _paths(centre[None, :], matrix.n).items():
            low, high = over_grid[effect].min(), over_grid[effect].max()
            row = {"model": model, "effect": effect, "printed": value[0], "low": low, "high": high}
            ratio = _ratio(matrix, *{"a": (x, m), "b": (m, y)}.get(effect, (x, y)))
            if ratio and not effect.startswith("t_"):
                ends = [end * factor for end in (low, high) for factor in ratio]
                row |= {"estimate_low": min(ends), "estimate_high": max(ends)}
            rows.append(row)
    return pd.DataFrame(rows)


def _ratio(matrix: PublishedMatrix, start: str, end: str) -> tuple[float, float] | None:
    """Smallest and largest ratio of two SDs that round to the printed ones."""
    if start not in matrix.sds or end not in matrix.sds:
        return None
    below, above = matrix.sds[start], matrix.sds[end]
    return (
        (above.value - above.half_width) / (below.value + below.half_width),
        (above.value + above.half_width) / (below.value - below.half_width),
    )


def _cells(matrix: PublishedMatrix, *names: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(names[0], names[1]), (names[0], names[2]), (names[1], names[2])]
    cells = [matrix.cells[pair] if pair in matrix.cells else matrix.cells[pair[::-1]] for pair in pairs]
    return np.array([c.value for c in cells]), np.array([c.half_width for c in cells])


def _definite(r: np.ndarray) -> np.ndarray:
    xm, xy, my = r.T
    return (np.abs(r) < 1).all(axis=1) & (1 + 2 * xm * xy * my - xm**2 - xy**2 - my**2 > 1e-10)


def _paths(r: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """Standardized paths and t statistics of x → m → y from (r_xm, r_xy, r_my)."""
    xm, xy, my = r.T
    b = (my - xm * xy) / (1 - xm**2)
    direct = (xy - xm * my) / (1 - xm**2)
    residual = 1 - b * my - direct * xy
    se = np.sqrt(residual / ((n - 3) * (1 - xm**2)))
    return {
        "a": xm,
        "b": b,
        "direct": direct,
        "indirect": xm * b,
        "t_a": xm * np.sqrt((n - 2) / (1 - xm**2)),
        "t_b": b / se,
        "t_direct": direct / se,
    }
