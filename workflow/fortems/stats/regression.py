"""Least squares with cluster-robust inference (CR2, Satterthwaite df), over many studies at once.

Notation
--------
One study has N clients in J clusters (therapists), a design X (N x k), an outcome y (N). Cluster j has rows
X_j, y_j, residuals e_j = y_j - X_j b. M = (X'X)^-1.

CR2 under the working model "errors independent, equal variance" (Bell & McCaffrey, 2002; Pustejovsky &
Tipton, 2018, with their W = Phi = I)::

    V = M [ sum_j X_j' A_j e_j e_j' A_j X_j ] M,      A_j = (I - H_jj)^(-1/2),     H_jj = X_j M X_j'

Everything reduces to k x k matrices. Take any R with R R' = M, put Q_j = R' X_j'X_j R, so that sum_j Q_j = I.
The columns of Z_j = X_j R give H_jj = Z_j Z_j', Q_j = Z_j'Z_j, and for every function f of a symmetric matrix
f(Z_j Z_j') Z_j = Z_j f(Z_j'Z_j). Therefore

    A_j X_j M c = Z_j B_j R'c,                          B_j = (I - Q_j)^(-1/2)   (k x k),
    V           = R [ sum_j B_j s_j s_j' B_j ] R',      s_j = R'(X_j'y_j - X_j'X_j b).

Satterthwaite df of a contrast c (the same authors): with g_j = A_j X_j M c and
P_ij = g_i' (I - H)_ij g_j, df = (sum_i P_ii)^2 / sum_ij P_ij^2. As (I - H)_ij = [i = j] I - Z_i Z_j',

    P_ij = [i = j] d_i - h_i'h_j,                       h_i = Q_i B_i R'c,   d_i = (B_i R'c)' Q_i (B_i R'c).

So a study needs only X_j'X_j and X_j'y_j, whatever the cluster sizes. An eigenvalue of I - Q_j that is 0 is left out
of B_j: the Moore-Penrose root of the authors. It belongs to a direction that cluster j alone identifies: without the
cluster X'X = R^-T (I - Q_j) R^-1, so that c'b is defined only if R'c has no part in the null space of I - Q_j. Where it
has one, the cluster fits itself, its residuals say nothing of the error, and V would be far too small; such a
contrast has no standard error here.

References
----------
Bell, R. M., & McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression with
multi-stage samples. Survey Methodology, 28(2), 169-181.
Pustejovsky, J. E., & Tipton, E. (2018). Small-sample methods for cluster-robust variance estimation and
hypothesis testing in fixed effects models. Journal of Business & Economic Statistics, 36(4), 672-683.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fortems.stats.arrays import Array, Bools, Ints
from fortems.stats.student import t_quantile, two_sided_p

#: Eigenvalues of I - Q_j below this count as 0; so do those of the scaled X'X (no unique solution).
SINGULAR = 1e-10
#: A determinant above this cannot hide an eigenvalue below ``SINGULAR``: the others are at most 1.
MAYBE_SINGULAR = 1e-6
#: Share of a direction's squared length that counts as more than rounding.
ALONE = 1e-8
#: What tables say of it.
ONCE = "known from one therapist only, so that its standard error is not known"


@dataclass(frozen=True)
class CR2Fit:
    """Coefficients of S studies with their cluster-robust covariance.

    Attributes
    ----------
    coef : ndarray (S, k)
        Least-squares coefficients, NaN where the design has no unique solution.
    vcov : ndarray (S, k, k)
        CR2 covariance of the coefficients.
    df : ndarray (S, k)
        Satterthwaite degrees of freedom of each coefficient.
    root, adjustment, share : ndarray (S, k, k), (S, J, k, k), (S, J, k, k)
        R, B_j and Q_j of the module's notation: what further contrasts need.
    unshared : ndarray (S, J, k, k) or None
        Projectors on the null spaces of I - Q_j; None where all are empty.
    """

    coef: Array
    vcov: Array
    df: Array
    root: Array
    adjustment: Array
    share: Array
    unshared: Array | None = None

    @property
    def se(self) -> Array:
        """Standard errors (S, k); NaN for a coefficient that one cluster alone identifies."""
        errors = np.sqrt(np.maximum(np.diagonal(self.vcov, axis1=-2, axis2=-1), 0.0))
        return np.where(self.known_once, np.nan, errors)

    @property
    def known_once(self) -> Bools:
        """Whether one cluster alone identifies a coefficient (S, k): without it there would be none."""
        return np.stack([self._once(row) for row in np.eye(self.coef.shape[1])], axis=-1)

    def _once(self, weights: Array) -> Bools:
        """Whether one cluster alone identifies a contrast (S,): the part of R'c in a null space is not 0."""
        if self.unshared is None:
            return np.zeros(len(self.coef), dtype=bool)
        direction = np.einsum("slk,sl->sk", self.root, np.broadcast_to(weights, self.coef.shape))
        inside = np.einsum("sjkl,sl->sjk", self.unshared, direction)
        size = np.einsum("sk,sk->s", direction, direction)
        return np.asarray((np.einsum("sjk,sjk->sj", inside, inside) > ALONE * size[:, None]).any(axis=1))

    @property
    def t(self) -> Array:
        """Ratios of coefficient to standard error (S, k)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.coef / self.se

    @property
    def p(self) -> Array:
        """Two-sided p of each coefficient against 0 (S, k), t with the Satterthwaite df."""
        return two_sided_p(self.t, self.df)

    def interval(self, confidence: float) -> tuple[Array, Array]:
        """Lower and upper ends (S, k) of the t interval of each coefficient."""
        half = t_quantile(0.5 + confidence / 2, self.df) * self.se
        return self.coef - half, self.coef + half

    def contrast(self, weights: Array) -> tuple[Array, Array, Array]:
        """Estimate, standard error and Satterthwaite df, each (S,), of a linear contrast (k,) or (S, k)."""
        weights = np.broadcast_to(np.asarray(weights, float), self.coef.shape)
        estimate = np.einsum("sk,sk->s", weights, self.coef)
        variance = np.einsum("sk,skl,sl->s", weights, self.vcov, weights)
        error, once = np.sqrt(np.maximum(variance, 0.0)), self._once(weights)
        return estimate, np.where(once, np.nan, error), np.where(once, np.nan, self._satterthwaite(weights))

    def _satterthwaite(self, weights: Array) -> Array:
        direction = np.einsum("slk,sl->sk", self.root, weights)
        scaled = np.einsum("sjkl,sl->sjk", self.adjustment, direction)
        h = np.einsum("sjkl,sjl->sjk", self.share, scaled)
        return _satterthwaite_df(np.einsum("sjk,sjk->sj", scaled, h), h)

    def joint_test(self, contrasts: Array) -> tuple[Array, Array, Array]:
        """Approximate Hotelling T-squared test that several contrasts are all 0.

        Parameters
        ----------
        contrasts : ndarray (q, k)
            One contrast a row.

        Returns
        -------
        f, df, p : ndarray (S,)
            F with q and ``df`` degrees of freedom ("HTZ" of Pustejovsky & Tipton, 2018); NaN where one cluster
            alone identifies a contrast.
        """
        contrasts = np.asarray(contrasts, float)
        q = len(contrasts)
        estimate = np.einsum("qk,sk->sq", contrasts, self.coef)
        once = np.any([self._once(row) for row in contrasts], axis=0)
        variance = np.einsum("qk,skl,rl->sqr", contrasts, self.vcov, contrasts)
        variance[once] = np.eye(q)
        direction = np.einsum("slk,ql->sqk", self.root, contrasts)
        scaled = np.einsum("sjkl,sql->sjqk", self.adjustment, direction)
        h = np.einsum("sjkl,sjql->sjqk", self.share, scaled)
        d = np.einsum("sjqk,sjrk->sjqr", scaled, h)
        # P^(qr)_ij = [i = j] d_i^(qr) - h_i^(q)'h_j^(r); its trace is the covariance's expectation.
        expected = np.einsum("sjqr->sqr", d) - np.einsum("sjqk,sjrk->sqr", h, h)
        expected[once] = np.eye(q)
        whiten = np.linalg.inv(np.linalg.cholesky(expected))
        d = np.einsum("sab,sjbc,sdc->sjad", whiten, d, whiten)
        h = np.einsum("sab,sjbk->sjak", whiten, h)
        p_ij = -np.einsum("siqk,sjrk->sqrij", h, h)
        diagonal = np.arange(d.shape[1])
        p_ij[:, :, :, diagonal, diagonal] += np.moveaxis(d, 1, -1)
        spread = np.einsum("sqqij,srrij->s", p_ij, p_ij) + np.einsum("sqrij,srqij->s", p_ij, p_ij)
        eta = q * (q + 1) / spread
        wald = np.einsum("sq,sq->s", estimate, np.linalg.solve(variance, estimate[..., None])[..., 0])
        df = eta - q + 1
        f = df / (eta * q) * wald
        from scipy.special import fdtrc

        p = np.where(df > 0, fdtrc(q, np.maximum(df, 1e-9), f), np.nan)
        return tuple(np.where(once, np.nan, value) for value in (f, df, p))  # type: ignore[return-value]


def ols_cr2(x: Array, y: Array, cluster: Ints) -> CR2Fit:
    """Regress y on x in every study, with CR2 covariance and Satterthwaite df.

    Parameters
    ----------
    x : ndarray (S, N, k) or (N, k)
        Designs, the intercept's column of ones included.
    y : ndarray (S, N) or (N,)
        Outcomes; a single study gives S = 1.
    cluster : ndarray (N,)
        Cluster of each row, integers from 0; the same for all studies.

    Returns
    -------
    CR2Fit

    Notes
    -----
    A coefficient that one cluster alone identifies has no standard error; with fewer than two clusters none has.
    """
    x, y = np.asarray(x, float), np.atleast_2d(np.asarray(y, float))
    if x.ndim == 2:
        x = np.broadcast_to(x, (y.shape[0], *x.shape))
    scale = np.sqrt(np.einsum("snk,snk->sk", x, x) / x.shape[1])
    scale = np.where(scale > 0, scale, 1.0)
    products = cluster_products(np.concatenate([x / scale[:, None, :], y[..., None]], axis=-1), cluster)
    return _rescale(cr2_from_products(products[..., :-1, :-1], products[..., :-1, -1]), scale)


def cluster_products(columns: Array, cluster: Ints) -> Array:
    """Return each cluster's cross-products Z_j'Z_j (S, J, K, K) of columns (S, N, K)."""
    cluster = np.asarray(cluster)
    order = np.argsort(cluster, kind="stable")
    ends = np.cumsum(np.bincount(cluster))
    ordered = columns if np.array_equal(order, np.arange(len(order))) else columns[:, order]
    parts = [ordered[:, end - size : end] for end, size in zip(ends, np.bincount(cluster), strict=True)]
    return np.stack([np.swapaxes(part, 1, 2) @ part for part in parts], axis=1)


def within_products(products: Array) -> Array:
    """Return cross-products within clusters, pooled (S, K, K), from ``cluster_products`` whose first column is 1."""
    sums, size = products[:, :, 0], products[:, :, 0, 0]
    return (products - sums[..., :, None] * sums[..., None, :] / size[..., None, None]).sum(axis=1)


def cr2_from_products(per_cluster: Array, with_y: Array) -> CR2Fit:
    """The same from each cluster's products, the columns of x being of like size.

    Parameters
    ----------
    per_cluster : ndarray (S, J, k, k)
        X_j'X_j.
    with_y : ndarray (S, J, k)
        X_j'y_j.
    """
    studies, clusters, k = with_y.shape
    root = _root_of_inverse(per_cluster.sum(axis=1))
    inverse = root @ np.swapaxes(root, -1, -2)
    coef = np.einsum("skl,sl->sk", inverse, with_y.sum(axis=1))
    share = np.swapaxes(root, -1, -2)[:, None] @ per_cluster @ root[:, None]
    share = (share + np.swapaxes(share, -1, -2)) / 2
    remaining = np.eye(k) - share
    adjustment = inverse_root(remaining)
    residual = with_y - np.einsum("sjkl,sl->sjk", per_cluster, coef)
    score = np.einsum("sjkl,slm,sjm->sjk", adjustment, np.swapaxes(root, -1, -2), residual, optimize=True)
    outer = root @ np.einsum("sjk,sjl->skl", score, score)
    vcov = outer @ np.swapaxes(root, -1, -2)
    if clusters < 2:
        vcov = np.full_like(vcov, np.nan)
    # All k coefficients at once: column c of B_j R' is the scaled direction of coefficient c.
    scaled = adjustment @ np.swapaxes(root, -1, -2)[:, None]
    h = share @ scaled
    df = np.stack(
        [_satterthwaite_df((scaled * h)[..., c].sum(axis=-1), h[..., c]) for c in range(k)], axis=-1
    )
    df = np.asarray(df).reshape(studies, k)
    fit = CR2Fit(coef, vcov, df, root, adjustment, share, _null_projectors(remaining))
    return fit if fit.unshared is None else replace(fit, df=np.where(fit.known_once, np.nan, df))


def inverse_root(matrices: Array) -> Array:
    """Symmetric inverse square roots of (..., k, k) semi-definite matrices, null directions left out."""
    k = matrices.shape[-1]
    if k == 2:
        return _inverse_root_two(matrices)
    usable = np.asarray(np.isfinite(matrices).all(axis=(-2, -1)))
    safe = np.where(usable[..., None, None], matrices, np.eye(k))
    values, vectors = np.linalg.eigh(safe)
    with np.errstate(divide="ignore"):
        powers = np.where(values > SINGULAR, 1 / np.sqrt(np.maximum(values, SINGULAR)), 0.0)
    result = (vectors * powers[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return np.where(usable[..., None, None], result, np.nan)


def _inverse_root_two(matrices: Array) -> Array:
    """The 2 x 2 case by Cayley-Hamilton: root(A) = (A + sqrt(det) I) / sqrt(trace + 2 sqrt(det)).

    No call of LAPACK, which makes regressions on one predictor several times faster over many studies.
    """
    a, b, c = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    det, trace = a * c - b * b, a + c
    regular = det > SINGULAR * np.maximum(trace, SINGULAR)
    delta = np.sqrt(np.where(regular, det, 1.0))
    norm = delta * np.sqrt(np.where(regular, trace, 1.0) + 2 * delta)
    result = np.empty_like(matrices)
    result[..., 0, 0] = (c + delta) / norm
    result[..., 1, 1] = (a + delta) / norm
    result[..., 0, 1] = result[..., 1, 0] = -b / norm
    if not regular.all():
        # Rank one: A = trace * v v', so the pseudo-inverse root is A / trace^(3/2); rank zero gives zeros.
        odd = ~regular
        with np.errstate(divide="ignore", invalid="ignore"):
            single = matrices[odd] / trace[odd][:, None, None] ** 1.5
        result[odd] = np.where((trace[odd] < SINGULAR)[:, None, None], 0.0, single)
    return result


def _null_projectors(matrices: Array) -> Array | None:
    """Projectors on the null spaces of (..., k, k) semi-definite matrices; None where no matrix has one."""
    if matrices.shape[-1] == 2:
        det = matrices[..., 0, 0] * matrices[..., 1, 1] - matrices[..., 0, 1] ** 2
    else:
        with np.errstate(invalid="ignore"):  # studies without a unique solution are NaN
            det = np.linalg.det(matrices)
    odd = det < MAYBE_SINGULAR
    if not odd.any():
        return None
    values, vectors = np.linalg.eigh(matrices[odd])
    result = np.zeros_like(matrices)
    result[odd] = (vectors * (values <= SINGULAR)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return result if result.any() else None


def _root_of_inverse(cross: Array) -> Array:
    """R (S, k, k) with R R' = (X'X)^-1; NaN where X'X is not of full rank."""
    k = cross.shape[-1]
    size = np.maximum(np.trace(cross, axis1=-2, axis2=-1), 1e-300)[:, None, None] / k
    usable = np.asarray(np.isfinite(cross).all(axis=(-2, -1)))
    safe = np.where(usable[:, None, None], cross / np.where(usable[:, None, None], size, 1.0), np.eye(k))
    values, vectors = np.linalg.eigh(safe)
    usable &= values[:, 0] > SINGULAR
    root = vectors / np.sqrt(np.where(usable[:, None], values, 1.0))[:, None, :] / np.sqrt(size)
    return np.where(usable[:, None, None], root, np.nan)


def _satterthwaite_df(d: Array, h: Array) -> Array:
    """Satterthwaite df (S,) from d_i (S, J) and h_i (S, J, k) of the module's notation."""
    norm = np.einsum("sjk,sjk->sj", h, h)
    gram = np.einsum("sjk,sjl->skl", h, h)
    trace = (d - norm).sum(axis=1)
    squares = (d * (d - 2 * norm)).sum(axis=1) + np.einsum("skl,skl->s", gram, gram)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(squares > 0, trace**2 / squares, np.nan)


def _rescale(fit: CR2Fit, scale: Array) -> CR2Fit:
    """Undo the scaling of the design's columns: coefficients of x / s become those of x."""
    vcov = fit.vcov / scale[:, :, None] / scale[:, None, :]
    return replace(fit, coef=fit.coef / scale, vcov=vcov, root=fit.root / scale[:, :, None])
