"""Factor structure of the measure whose aspects are compared: one, two, three factors, and a general factor beside three.

Maximum likelihood on the items' covariances (items taken as continuous), for all clients and within therapists.
The test for all clients is also given robust to clustering: the statistic divided by c = tr(U Γ)/df (Satorra &
Bentler, 1994), where Γ, the sampling covariance of the covariances s, sums each therapist's contributions:

    Γ = n⁻¹ Σ_j g_j g_j',   g_j = Σ_{i in j} [vech((y_i − ȳ)(y_i − ȳ)') − s],
    U = W − W Δ (Δ'W Δ)⁻¹ Δ'W,   W = ½ D'(Σ⁻¹ ⊗ Σ⁻¹) D,   Δ = ∂vech(Σ)/∂θ'.

Robust CFI, TLI and RMSEA come from the scaled statistics of model and baseline, as in Mplus's MLM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from fortems.mediation.engines.mixedlm import cluster_means
from fortems.mediation.engines.semopy import fitted
from fortems.mediation.pathfit import indices, loglik, srmr
from fortems.mediation.system import CannotFit
from fortems.stats.arrays import Array, Ints
from fortems.study.instruments import Instrument
from fortems.study.scoring import reverse

CFA_COLUMNS = (
    "instrument",
    "model",
    "level",
    "test",
    "chi2",
    "df",
    "p",
    "scaling",
    "cfi",
    "tli",
    "rmsea",
    "srmr",
    "aic",
    "bic",
    "converged",
    "admissible",
    "n_clients",
    "n_therapists",
    "note",
)


def structures(subscales: Mapping[str, Sequence[int]]) -> dict[str, tuple[dict[str, tuple[int, ...]], bool]]:
    """Return the models: name → (factor → item numbers, whether the factors are uncorrelated).

    With three subscales: one factor; two (the first against the rest, which in an alliance measure often merge); three;
    and a general factor beside the three. An instrument of another number of subscales has one factor, and as many as
    subscales.
    """
    parts = {name: tuple(numbers) for name, numbers in subscales.items()}
    everything = tuple(number for numbers in parts.values() for number in numbers)
    one: dict[str, tuple[dict[str, tuple[int, ...]], bool]] = {"one factor": ({"general": everything}, False)}
    if len(parts) != 3:
        return one | ({f"{len(parts)} factors": (parts, False)} if len(parts) > 1 else {})
    first, *rest = parts
    merged = tuple(number for name in rest for number in parts[name])
    return one | {
        "two factors": ({first: parts[first], "_".join(rest): merged}, False),
        "three factors": (parts, False),
        "general and three": ({"general": everything, **parts}, True),
    }


def factor_table(
    items: pd.DataFrame, instrument: Instrument | None, therapists: Sequence[object]
) -> pd.DataFrame:
    """Fit the factor models of an instrument.

    Parameters
    ----------
    items : DataFrame
        Raw answers in canonical columns.
    instrument : Instrument or None
        None, where the run has none of the study's, gives an empty table.
    therapists : sequence (N,)
        Each client's therapist.

    Returns
    -------
    DataFrame
        ``CFA_COLUMNS``: per model the rows ``single`` (tests ``ml`` and ``cluster-robust``) and ``within`` (``ml``);
        indices of a model that did not converge or is not admissible are withheld.
    """
    if instrument is None or instrument.columns()[0] not in items:
        return pd.DataFrame(columns=list(CFA_COLUMNS))
    columns = list(instrument.columns())
    answers = reverse(items[columns].to_numpy(float, na_value=np.nan), instrument)
    known = ~np.isnan(answers).any(axis=1)
    values = answers[known]
    cluster = np.unique(np.asarray(therapists, dtype=str)[known], return_inverse=True)[1].astype(np.int64)
    rows: list[dict[str, Any]] = []
    for name, (factors, uncorrelated) in structures(instrument.subscales).items():
        for level in ("single", "within"):
            rows += _fit(name, factors, uncorrelated, level, values, cluster, instrument.name)
    return pd.DataFrame(rows, columns=list(CFA_COLUMNS))


def description(factors: Mapping[str, Sequence[int]], uncorrelated: bool) -> str:
    """Return the factor model in semopy's language; items are i1, i2, …"""
    lines = [
        f"f_{name} =~ {' + '.join(f'i{number}' for number in numbers)}" for name, numbers in factors.items()
    ]
    names = [f"f_{name}" for name in factors]
    if uncorrelated:
        lines += [f"{a} ~~ 0*{b}" for k, a in enumerate(names) for b in names[k + 1 :]]
    return "\n".join(lines)


def _fit(
    name: str,
    factors: Mapping[str, Sequence[int]],
    uncorrelated: bool,
    level: str,
    values: Array,
    cluster: Ints,
    instrument: str,
) -> list[dict[str, Any]]:
    n_clusters = int(cluster.max(initial=-1)) + 1
    used = sorted({number for numbers in factors.values() for number in numbers})
    chosen = values[:, [number - 1 for number in used]]
    n = len(chosen) - n_clusters if level == "within" else len(chosen)
    base: dict[str, Any] = dict.fromkeys(CFA_COLUMNS, np.nan)
    base |= {
        "instrument": instrument,
        "model": name,
        "level": level,
        "test": "ml",
        "converged": False,
        "admissible": False,
        "n_clients": len(chosen),
        "n_therapists": n_clusters,
        "note": "",
    }
    withheld = [{**base, "note": "withheld: too few clients, or an item without variance"}]
    if n <= len(used):
        return withheld
    means = cluster_means(chosen, cluster, n_clusters)[cluster] if level == "within" else chosen.mean(axis=0)
    centred = chosen - means
    if not centred.std(axis=0).min() > 0:
        return withheld
    # Scaled so that the crossproducts over the level's degrees of freedom have unit variances.
    sd = np.sqrt((centred**2).sum(axis=0) / n)
    scaled = centred / sd
    table = pd.DataFrame(scaled * np.sqrt(len(chosen) / n), columns=[f"i{number}" for number in used])
    try:
        model, converged = fitted(description(factors, uncorrelated), table)
    except CannotFit as reason:
        return [{**base, "note": f"withheld: {reason}"}]
    except (np.linalg.LinAlgError, ValueError):
        return [{**base, "note": "withheld: the search failed"}]
    order = [model.vars["observed"].index(column) for column in table.columns]
    sigma = model.calc_sigma()[0][np.ix_(order, order)]
    sample = scaled.T @ scaled / n
    admissible = _is_admissible(model)
    base |= {"converged": converged, "admissible": admissible}
    if not (converged and admissible):
        why = "a variance is negative" if converged else "no maximum"
        return [{**base, "note": f"withheld: {why}"}]
    p = len(sample)
    parameters = len(model.param_vals)
    df, base_df = p * (p + 1) // 2 - parameters, p * (p - 1) // 2
    chi2 = n * _discrepancy(sample, sigma)
    base_chi2 = n * _discrepancy(sample, np.eye(p))
    # Of the items as answered: each scaled item's density is divided by its SD.
    value = loglik(sample, sigma, n) - n * float(np.log(sd).sum())
    row = {
        **base,
        **_tested(chi2, df, base_chi2, base_df, n),
        "srmr": srmr(sample, sigma),
        "aic": 2 * parameters - 2 * value,
        "bic": np.log(n) * parameters - 2 * value,
    }
    if level == "within" or n_clusters < 2:
        return [row]
    gamma = clustered_gamma(scaled, cluster)
    gradient = model.calc_sigma_grad(*model.calc_sigma()[1])
    delta = np.column_stack([vech(np.asarray(g)[np.ix_(order, order)]) for g in gradient])
    identity = np.eye(p)
    variances = np.column_stack([vech(np.diag(identity[i])) for i in range(p)])
    c = scaling(sigma, delta, gamma, df)
    c_base = scaling(identity, variances, gamma, base_df)
    robust = {
        **row,
        **_tested(chi2 / c, df, base_chi2 / c_base, base_df, n),
        "test": "cluster-robust",
        "scaling": c,
        "aic": np.nan,
        "bic": np.nan,
    }
    return [row, robust]


def _tested(chi2: float, df: int, base_chi2: float, base_df: int, n: int) -> dict[str, float]:
    return {"chi2": chi2, "df": df, "p": float(chdtrc(df, chi2)), **indices(chi2, df, base_chi2, base_df, n)}


def _is_admissible(model: Any) -> bool:
    """Whether residual variances are not negative and the latent covariances are definite."""
    psi, theta = model.matrices[2], model.matrices[3]
    return bool(np.diag(theta).min() >= 0 and np.linalg.eigvalsh(psi)[0] > 0)


def _discrepancy(sample: Array, sigma: Array) -> float:
    return float(
        np.linalg.slogdet(sigma)[1]
        - np.linalg.slogdet(sample)[1]
        + np.trace(np.linalg.solve(sigma, sample))
        - len(sample)
    )


def vech(matrix: Array) -> Array:
    """Return the lower triangle, row by row."""
    return matrix[np.tril_indices(len(matrix))]


def duplication(p: int) -> Array:
    """Return D (p², p(p + 1)/2) with vec(A) = D vech(A) for symmetric A."""
    rows, columns = np.tril_indices(p)
    found = np.zeros((p * p, len(rows)))
    for k, (i, j) in enumerate(zip(rows, columns, strict=True)):
        found[i * p + j, k] = found[j * p + i, k] = 1.0
    return found


def clustered_gamma(centred: Array, cluster: Ints) -> Array:
    """Return Γ from each cluster's summed contributions to the covariances.

    Parameters
    ----------
    centred : ndarray (n, p)
    cluster : ndarray (n,)
        Codes 0 … J − 1.
    """
    rows, columns = np.tril_indices(centred.shape[1])
    parts = centred[:, rows] * centred[:, columns]
    parts = parts - parts.mean(axis=0)
    sums = np.zeros((int(cluster.max()) + 1, parts.shape[1]))
    np.add.at(sums, cluster, parts)
    return sums.T @ sums / len(centred)


def scaling(sigma: Array, delta: Array, gamma: Array, df: int) -> float:
    """Return c = tr(U Γ)/df."""
    inverse = np.linalg.inv(sigma)
    d = duplication(len(sigma))
    weight = 0.5 * d.T @ np.kron(inverse, inverse) @ d
    half = weight @ delta
    u = weight - half @ np.linalg.solve(delta.T @ half, half.T)
    return float(np.sum(u * gamma) / df)
