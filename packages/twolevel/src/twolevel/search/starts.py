"""Starting values: moment estimates of both levels, then level-wise least squares for the model's parameters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..data.moments import CompleteMoments, MissingMoments
from ..likelihood.layout import Layout, Level
from ..likelihood.objective import total_sd
from ..likelihood.ram import MATRIX_A, MATRIX_S
from ..model.model import Model

# Smallest eigenvalue of a starting covariance matrix, in units of the variables' total variances:
# a start on the boundary would be a saddle point of the factored problem.
FLOOR = 0.02


def moment_estimates(moments: CompleteMoments | MissingMoments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Analysis-of-variance estimates (S_W, V_B, mu), both matrices pulled into the definite cone."""
    if isinstance(moments, MissingMoments):
        sw, vb, mu = _missing_estimates(moments)
    else:
        sw, vb, mu = _complete_estimates(moments)
    unit = total_sd(moments)
    return _definite(sw, unit[: moments.p]), _definite(vb, unit), mu


def _complete_estimates(data: CompleteMoments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p, t = data.p, data.means.shape[1]
    n, j = data.n_clients, data.n_clusters
    sw = data.within / data.within_df
    # Between-only variables count each cluster once; means of clients count by size.
    client = data.counts * data.sizes
    mu = np.concatenate([client @ data.means[:, :p] / n, data.counts @ data.means[:, p:] / j])
    d = data.means - mu
    msb = np.einsum("s,sij->ij", data.sizes, data.cross) + np.einsum("s,si,sj->ij", client, d, d)
    n0 = (n - (data.counts @ data.sizes**2) / n) / max(j - 1, 1.0)
    plain = data.cross.sum(axis=0) + np.einsum("s,si,sj->ij", data.counts, d, d)
    vb = plain / j
    vb[:p, :p] = (msb[:p, :p] / max(j - 1, 1.0) - sw) / n0
    assert vb.shape == (t, t)
    return sw, vb, mu


def _missing_estimates(data: MissingMoments) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairwise: clusters' means and deviations of whatever is seen, missing ones put at the mean."""
    p, q = data.p, data.q
    clusters = np.repeat(np.arange(len(data.first) - 1), np.diff(data.first))
    seen = data.patterns[data.cell_pattern]
    n = seen * data.cell_n[:, None]
    j = len(data.first) - 1
    n_cluster = np.stack([np.bincount(clusters, n[:, k], j) for k in range(p)], axis=1)
    total = np.stack([np.bincount(clusters, n[:, k] * data.cell_mean[:, k], j) for k in range(p)], axis=1)
    mu_y = total.sum(axis=0) / n_cluster.sum(axis=0)
    mean = np.where(n_cluster > 0, total / np.maximum(n_cluster, 1), mu_y)
    deviation = np.where(seen, data.cell_mean - mean[clusters], 0.0)
    within = data.pattern_ssp.sum(axis=0) + (deviation * data.cell_n[:, None]).T @ deviation
    df = np.maximum((n_cluster - 1).clip(min=0).sum(axis=0), 1.0)
    sw = within / np.sqrt(np.outer(df, df))
    mu_z = data.z.sum(axis=0) / np.maximum(data.z_seen.sum(axis=0), 1)
    b = np.hstack([mean - mu_y, np.where(data.z_seen, data.z - mu_z, 0.0)])
    vb = b.T @ b / data.n_clusters
    vb[:p, :p] -= sw / max(float(np.mean(n_cluster[n_cluster > 0])), 1.0)
    assert vb.shape == (p + q, p + q)
    return sw, vb, np.concatenate([mu_y, mu_z])


def _definite(matrix: np.ndarray, unit: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    """Raise the eigenvalues (in `unit`s) to at least `floor`."""
    if len(matrix) == 0:
        return matrix
    scaled = matrix / np.outer(unit, unit)
    values, vectors = np.linalg.eigh(0.5 * (scaled + scaled.T))
    return (vectors * np.maximum(values, floor)) @ vectors.T * np.outer(unit, unit)


def starting_values(
    model: Model,
    moments: CompleteMoments | MissingMoments,
    *,
    simple: bool = False,
    estimates: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    given: bool = True,
    ridge: float = 1e-3,
) -> np.ndarray:
    """A start, (k,): inside the domain but where fixed values or the user's starts leave it.

    Parameters
    ----------
    simple : bool
        Loadings at their marker's size, paths 0, residual variances half the variables': the second start of
        models whose least-squares start leads nowhere.
    estimates : tuple of ndarray, optional
        (S_W, V_B, mu) to start from instead of the moment estimates, e.g. those of the saturated model.
    given : bool
        Take the user's starting values.
    ridge : float
        Share of the predictors' variances added to them in the regressions of a level; residual covariance matrices are
        kept as far from singular as goes with it.
    """
    sw, vb, mu = moment_estimates(moments) if estimates is None else estimates
    layout = model.layout
    theta = np.zeros(layout.n_parameters)
    for number, level in enumerate(layout.levels):
        there = level.link[:, 1]
        cov = (vb if number else sw)[np.ix_(there, there)]
        _level_start(layout, number, level, cov, mu[there], theta, simple, ridge)
    user = {
        k: row.start
        for row, k in zip(model.rows, model.index, strict=True)
        if given and k >= 0 and row.start is not None
    }
    for k, value in user.items():
        theta[k] = value
    return theta


def fallbacks(
    model: Model,
    moments: CompleteMoments | MissingMoments,
    estimates: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Iterator[np.ndarray]:
    """Further starts from the most to the least likely to succeed, made when asked for."""
    sw, vb, mu = estimates
    yield starting_values(model, moments, simple=True, estimates=estimates)
    for share in (0.1, 0.5):
        # Between part a share of the within part: inside the domain whatever the data say.
        flat = vb.copy()
        p = moments.p
        flat[:p, :p] = share * sw
        flat[:p, p:] = 0.0
        flat[p:, :p] = 0.0
        yield starting_values(model, moments, estimates=(sw, flat, mu))
    yield starting_values(model, moments, estimates=(sw, vb + np.diag(np.diag(vb)), mu))


def beside(
    model: Model,
    moments: CompleteMoments | MissingMoments,
    estimates: tuple[np.ndarray, np.ndarray, np.ndarray],
    usual: np.ndarray,
) -> Iterator[np.ndarray]:
    """What to look for a start beside: the user's starting values, then without them."""
    yield usual
    yield from fallbacks(model, moments, estimates)
    yield starting_values(model, moments, estimates=estimates, given=False)
    yield starting_values(model, moments, estimates=estimates, given=False, simple=True)


def _level_start(
    layout: Layout,
    number: int,
    level: Level,
    cov: np.ndarray,
    mean: np.ndarray,
    theta: np.ndarray,
    simple: bool,
    ridge: float,
) -> None:
    m, o = len(level.names), level.n_observed
    places = layout.places[layout.places[:, 1] == number]
    a, s = level.a.copy(), level.s.copy()
    free_a = np.zeros((m, m), dtype=bool)
    for _, _, matrix, i, j in places:
        if matrix == MATRIX_A:
            free_a[i, j] = True
    joint = _joint_covariance(level, cov, a, free_a, simple)
    unit = np.sqrt(np.diag(joint))
    for i in range(m):
        loadings = [
            j for j in range(o, m) if (free_a[i, j] or level.a[i, j]) and _is_loading(level, free_a, i, j)
        ]
        parents = [j for j in range(m) if free_a[i, j] and j not in loadings]
        if parents and not simple:
            rest = joint[parents, i] - joint[np.ix_(parents, range(m))] @ level.a[i]
            block = joint[np.ix_(parents, parents)]
            a[i, parents] = np.linalg.solve(block + ridge * np.diag(np.diag(block)), rest)
    residual = (np.eye(m) - a) @ joint @ (np.eye(m) - a).T
    for _, _, matrix, i, j in places:
        if matrix == MATRIX_S:
            if i == j:
                s[i, i] = (
                    0.5 * unit[i] ** 2
                    if simple
                    else max(residual[i, i], min(0.1, 100 * ridge) * unit[i] ** 2)
                )
            elif not simple:
                s[i, j] = s[j, i] = residual[i, j]
    scale = np.sqrt(np.maximum(np.diag(s), 1e-300))
    covariances = [(i, j) for _, _, matrix, i, j in places if matrix == MATRIX_S and i != j]
    if covariances:
        # Shrink all free covariances together until the matrix is definite.
        for factor in (1.0, 0.9, 0.7, 0.5, 0.3, 0.1, 0.0):
            trial = s.copy()
            for i, j in covariances:
                trial[i, j] = trial[j, i] = factor * s[i, j]
            keep = np.diag(trial) > 0
            scaled = (trial / np.outer(scale, scale))[np.ix_(keep, keep)]
            if np.linalg.eigvalsh(scaled)[0] > min(0.02, 20 * ridge) or factor == 0.0:
                s = trial
                break
    nu = np.concatenate([mean, np.zeros(m - o)])
    intercept = nu - a @ nu
    for k, _, matrix, i, j in places:  # parameters held equal start at their average
        value = (a[i, j], s[i, j], intercept[i])[matrix]
        theta[k] += value / (layout.first[k + 1] - layout.first[k])


def _is_loading(level: Level, free_a: np.ndarray, i: int, j: int) -> bool:
    """Whether j -> i is read as a loading: a latent j whose marker or any indicator set holds i."""
    return j >= level.n_observed and i in _indicators(level, free_a, j)


def _indicators(level: Level, free_a: np.ndarray, j: int) -> list[int]:
    """Variables that measure latent j: all children if it has a marker, else observed children."""
    children = [i for i in range(len(level.names)) if free_a[i, j] or level.a[i, j] != 0]
    observed = [i for i in children if i < level.n_observed]
    return observed or children


def _joint_covariance(
    level: Level, cov: np.ndarray, a: np.ndarray, free_a: np.ndarray, simple: bool
) -> np.ndarray:
    """Covariance of observed and latent variables; fills starting loadings into `a`.

    A latent variable is represented by its marker: loadings from the first eigenvector of its indicators'
    covariance, variance from their mean covariance with the marker, other covariances the marker's over its loading.
    """
    m, o = len(level.names), level.n_observed
    joint = np.zeros((m, m))
    joint[:o, :o] = cov
    done = list(range(o))
    for j in [*range(o, m), *range(o, m)]:
        items = [i for i in _indicators(level, free_a, j) if i in done]
        if j in done or not items:
            continue
        block = joint[np.ix_(items, items)]
        sd = np.sqrt(np.diag(block))
        values, vectors = np.linalg.eigh(block / np.outer(sd, sd))
        loading = vectors[:, -1] * np.sqrt(max(0.7 * values[-1], 0.3)) * sd
        if loading.sum() < 0:
            loading = -loading
        fixed = [k for k, i in enumerate(items) if not free_a[i, j]]
        if fixed:
            marker = fixed[0]
            value = level.a[items[marker], j]
            if simple or abs(loading[marker]) < 0.2 * sd[marker]:
                loading = sd / sd[marker] * value
                variance = 0.5 * (sd[marker] / value) ** 2
            else:
                variance = (loading[marker] / value) ** 2
                loading = np.clip(
                    loading / loading[marker] * value, -4 * sd / sd[marker], 4 * sd / sd[marker]
                )
        else:
            marker = int(np.argmax(np.abs(loading) / sd))
            variance = level.s[j, j] if level.s[j, j] > 0 else 1.0
            loading = (0.7 * sd if simple else loading) / np.sqrt(variance)
        for k, i in enumerate(items):
            if free_a[i, j]:
                a[i, j] = loading[k]
        joint[j, j] = variance
        for other in done:
            value = joint[items[marker], other] / loading[marker]
            bound = 0.9 * np.sqrt(variance * joint[other, other])
            joint[j, other] = joint[other, j] = np.clip(value, -bound, bound)
        for k, i in enumerate(items):
            joint[i, j] = joint[j, i] = loading[k] * variance
        done.append(j)
    for j in range(m):
        if joint[j, j] <= 0:
            joint[j, j] = 1.0
    return joint
