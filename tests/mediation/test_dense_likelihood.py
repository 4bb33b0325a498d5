"""Moderated within models, parallel mediators and auxiliary variables against a dense likelihood, incomplete rows too.

The likelihood is written out here from nothing but its definition. A therapist's n clients of p columns, stacked, are
normal with mean 1 ⊗ μ and covariance V = I_n ⊗ Σ_W + 11' ⊗ Σ_B; what is missing drops out of both. With the paths Β of a
recursive system and the residual covariances Ψ = QQ', Σ_W = (I − Β)⁻¹ Ψ (I − Β)⁻ᵀ; Σ_B = LL' of the columns that have a part
between, so that it is positive semi-definite and may be singular. scipy looks for the maximum from several starts by
the gradient, G = ½ (V⁻¹rr'V⁻¹ − V⁻¹): ∂l/∂Σ_W is the sum of its diagonal blocks, ∂l/∂Σ_B that of all blocks,
∂l/∂Β = 2 (I − Β)⁻ᵀ (∂l/∂Σ_W) Σ_W. No line of the package's engine takes part.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from fortems.mediation.columns import build
from fortems.mediation.engines import regression as regression_engine
from fortems.mediation.engines import twolevel as twolevel_engine
from fortems.mediation.slopes import Settings
from fortems.study.models import MediationModel
from mediation_data import study
from scipy.optimize import check_grad, minimize
from scipy.stats import chi2

SETTINGS = Settings(seed=3, draws=50, intervals=())
STARTS = 3
X, M, N, Y, W = "alliance", "meaning", "search", "distress", "age"


def centred(column, codes):
    """Deviations from the therapists' means of what is known."""
    found = column.copy()
    for j in np.unique(codes):
        found[codes == j] -= np.nanmean(column[codes == j])
    return found


@dataclass(frozen=True)
class Dense:
    """The likelihood of a model: columns, who explains whom, which columns differ between therapists."""

    values: np.ndarray  # (n, p), columns standardized
    codes: np.ndarray
    paths: tuple[tuple[int, int], ...]  # (dependent, column) within
    residuals: tuple[tuple[int, int], ...]  # free entries of Q, the root of the residual covariances
    between: tuple[int, ...]

    @property
    def starts(self):
        """Where each kind of parameter starts in the vector: means, paths, Q, L, end."""
        p, q = self.values.shape[1], len(self.between)
        return np.cumsum([0, p, len(self.paths), len(self.residuals), q * (q + 1) // 2])

    def moments(self, theta):
        mu, paths, q, root = (theta[i:j] for i, j in zip(self.starts[:-1], self.starts[1:], strict=True))
        p = len(mu)
        beta, residual, between = np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
        for value, place in zip(paths, self.paths, strict=True):
            beta[place] = value
        for value, place in zip(q, self.residuals, strict=True):
            residual[place] = value
        rows, columns = np.tril_indices(len(self.between))
        between[np.array(self.between, int)[rows], np.array(self.between, int)[columns]] = root
        out = np.linalg.inv(np.eye(p) - beta)
        return mu, out, residual, between, out @ residual @ residual.T @ out.T

    def minus_loglik(self, theta):
        mu, out, residual, root, within = self.moments(theta)
        p, value = len(mu), 0.0
        d_mu, d_within, d_between = np.zeros(p), np.zeros((p, p)), np.zeros((p, p))
        for j in np.unique(self.codes):
            y = self.values[self.codes == j]
            n, seen = len(y), ~np.isnan(y).ravel()
            v = np.kron(np.eye(n), within) + np.kron(np.ones((n, n)), root @ root.T)
            v = v[np.ix_(seen, seen)]
            r = (y - mu).ravel()[seen]
            sign, logdet = np.linalg.slogdet(v)
            if sign <= 0:
                return 1e10, np.zeros(len(theta))
            inverse = np.linalg.inv(v)
            u = inverse @ r
            value -= 0.5 * (logdet + r @ u + len(r) * np.log(2 * np.pi))
            g, whole = np.zeros((n * p, n * p)), np.zeros(n * p)
            g[np.ix_(seen, seen)] = 0.5 * (np.outer(u, u) - inverse)
            whole[seen] = u
            blocks = g.reshape(n, p, n, p)
            d_within += np.einsum("iaib->ab", blocks)
            d_between += blocks.sum(axis=(0, 2))
            d_mu += whole.reshape(n, p).sum(axis=0)
        d_beta = 2 * out.T @ d_within @ within
        d_residual = 2 * out.T @ d_within @ out @ residual
        d_root = 2 * d_between @ root
        rows, columns = np.tril_indices(len(self.between))
        kept = np.array(self.between, int)
        gradient = np.concatenate(
            [
                d_mu,
                [d_beta[place] for place in self.paths],
                [d_residual[place] for place in self.residuals],
                d_root[kept[rows], kept[columns]],
            ]
        )
        return -value, -gradient

    def start(self, rng):
        """Every column by itself, half of its variance between therapists, and some noise."""
        mu, paths, q, root = (np.zeros(j - i) for i, j in zip(self.starts[:-1], self.starts[1:], strict=True))
        q[[i == j for i, j in self.residuals]] = 0.9
        rows, columns = np.tril_indices(len(self.between))
        root[rows == columns] = 0.4
        theta = np.concatenate([mu, paths, q, root])
        return theta + 0.1 * rng.standard_normal(len(theta))


def maximum(dense):
    """The highest of several searches: its log-likelihood and parameters."""
    rng = np.random.default_rng(1)
    best = None
    for _ in range(STARTS):
        theta = dense.start(rng)
        for _ in range(3):  # anew from where it stopped: the inverse Hessian is forgotten
            found = minimize(
                dense.minus_loglik, theta, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 4000}
            )
            theta = found.x
        best = found if best is None or found.fun < best.fun else best
    return -best.fun, best.x


def moderated(data):
    """x → m → y, both paths and the direct one moderated by w within therapists."""
    codes = np.unique(data["therapist"], return_inverse=True)[1]
    x, m, y, w = (data[name].to_numpy(float) for name in (X, M, Y, W))
    w = w - np.nanmean(w)
    columns = [x, centred(centred(x, codes) * w, codes), w, m, centred(centred(m, codes) * w, codes), y]
    exogenous, first, last = (0, 1, 2), (3, 4), 5
    return columns, codes, exogenous, first, last, (0, 3, 5)


def moderated_single(data):
    """The same over all clients: products of scores about their means."""
    x, m, y, w = (data[name].to_numpy(float) for name in (X, M, Y, W))
    w = w - np.nanmean(w)
    columns = [x, (x - np.nanmean(x)) * w, w, m, (m - np.nanmean(m)) * w, y]
    return columns, np.arange(len(x)), (0, 1, 2), (3, 4), 5, ()


def parallel(data):
    """x → m1, m2 → y side by side."""
    codes = np.unique(data["therapist"], return_inverse=True)[1]
    return [data[name].to_numpy(float) for name in (X, M, N, Y)], codes, (0,), (1, 2), 3, (0, 1, 2, 3)


def auxiliary(data):
    """x → m → y, and a column that is no part of it and tells of what is missing."""
    codes = np.unique(data["therapist"], return_inverse=True)[1]
    return [data[name].to_numpy(float) for name in (X, M, Y, N)], codes, (0,), (1,), 2, (0, 1, 2, 3)


def dense_of(shape, data, full):
    """The model over standardized columns, its log-likelihood's change by that, SDs and the direct paths' columns."""
    columns, codes, exogenous, first, last, between = shape(data)
    values = np.column_stack(columns)
    own = values[:, : last + 1]  # a client with nothing but auxiliary values is none of the model's
    known = ~np.isnan(own).all(axis=1)
    values, codes = values[known], codes[known]
    sd = np.nanstd(values, axis=0)
    scaled = (values - np.nanmean(values, axis=0)) / sd
    direct = tuple(c for c in exogenous if not (shape in (moderated, moderated_single) and c == 2))
    paths = [(m, x) for m in first for x in exogenous]
    paths += [(last, c) for c in (*exogenous, *first) if not (full and c in direct)]
    blocks = [exogenous, first, (last,)]
    if shape is auxiliary:
        paths += [(3, c) for c in range(3)]
        blocks.append((3,))
    residuals = [(i, j) for block in blocks for i in block for j in block if j <= i]
    shift = -(~np.isnan(values) * np.log(sd)).sum()
    return Dense(scaled, codes, tuple(paths), tuple(residuals), between), shift, sd


MODELS = {
    "moderated": (moderated, MediationModel("moderated", (X,), (M,), Y, moderator=W), (X, f"{X}_x_{W}", W, M, f"{M}_x_{W}", Y)),
    "auxiliary": (auxiliary, MediationModel("auxiliary", (X,), (M,), Y, auxiliary=(N,)), (X, M, Y, N)),
    "parallel": (parallel, MediationModel("parallel", (X,), (M, N), Y), (X, M, N, Y)),
}  # fmt: skip


def equal_slopes(part, theta, dense, columns, sd):
    """The engine's slopes are those at the dense maximum, to a thousandth of their standard errors."""
    slopes = theta[dense.starts[1] : dense.starts[2]]
    of = {(columns[i], columns[j]): b * sd[i] / sd[j] for b, (i, j) in zip(slopes, dense.paths, strict=True)}
    errors = np.sqrt(np.diag(part.vcov))
    for key, estimate, error in zip(part.keys, part.estimate, errors, strict=True):
        assert estimate == pytest.approx(of[key], abs=1e-3 * error), key


@pytest.mark.parametrize("icc", [0.0, 0.4])
@pytest.mark.parametrize("missing", [0.0, 0.06], ids=["complete", "incomplete"])
@pytest.mark.parametrize("name", MODELS)
def test_the_maximum_is_that_of_the_dense_likelihood(name, missing, icc):
    shape, model, columns = MODELS[name]
    if shape is auxiliary and not missing:
        pytest.skip("unused where no row is incomplete")
    data = study(n=70, therapists=18, seed=5, icc=icc, missing=missing)
    found, rows = twolevel_engine.fit(build(model, data), SETTINGS)
    own = {row["variant"]: row for row in rows}
    within = next(part for part in found if part.level == "within")
    for variant in ("partial", "full"):
        dense, shift, sd = dense_of(shape, data, full=variant == "full")
        loglik, theta = maximum(dense)
        assert own[variant]["loglik"] == pytest.approx(loglik + shift, abs=1e-6), variant
        if variant == "full":
            continue
        equal_slopes(within, theta, dense, columns, sd)


def with_covariate(data):
    """x → m → y with a covariate of both that has no part between therapists."""
    codes = np.unique(data["therapist"], return_inverse=True)[1]
    return [data[name].to_numpy(float) for name in (X, W, M, Y)], codes, (0, 1), (2,), 3, (0, 2, 3)


@pytest.mark.parametrize("differ", [0.0, 9.0], ids=["alike", "different"])
@pytest.mark.parametrize("missing", [0.0, 0.06], ids=["complete", "incomplete"])
def test_leaving_out_a_covariates_part_between_is_tested_by_the_dense_likelihoods(missing, differ):
    """Twice the height that the part between of the covariate adds, on its variance and its covariances with the others."""
    data = study(n=70, therapists=18, seed=5, icc=0.3, missing=missing)
    codes = np.unique(data["therapist"], return_inverse=True)[1]
    data[W] = data[W] + differ * np.random.default_rng(4).standard_normal(18)[codes]
    model = MediationModel("within", (X,), (M,), Y, covariates=(W,), covariate_level="within")
    found, rows = twolevel_engine.fit(build(model, data), SETTINGS)
    row = next(row for row in rows if row["variant"] == "partial")
    dense, shift, sd = dense_of(with_covariate, data, full=False)
    (low, theta), (high, _) = maximum(dense), maximum(replace(dense, between=(0, 1, 2, 3)))
    assert row["loglik"] == pytest.approx(low + shift, abs=1e-6)
    assert row["df"] == 4 and row["chi2"] == pytest.approx(2 * (high - low), abs=1e-5)
    assert ("therapists differ in" in row["message"]) == (differ > 0) == (chi2.sf(row["chi2"], 4) < 0.05)
    equal_slopes(next(part for part in found if part.level == "within"), theta, dense, (X, W, M, Y), sd)


def test_the_gradient_is_that_of_the_dense_likelihood():
    dense, _, _ = dense_of(moderated, study(n=30, therapists=8, icc=0.4, missing=0.1), full=False)
    theta = dense.start(np.random.default_rng(2))
    error = check_grad(lambda t: dense.minus_loglik(t)[0], lambda t: dense.minus_loglik(t)[1], theta)
    assert error < 1e-4 * np.abs(dense.minus_loglik(theta)[1]).max()


@pytest.mark.parametrize("name", MODELS)
def test_the_single_level_uses_incomplete_rows_as_the_dense_likelihood_does(name):
    """The same without therapists: clients as clusters of one, no part between."""
    shape, model, columns = MODELS[name]
    data = study(n=70, therapists=18, seed=5, icc=0.2, missing=0.06)
    (part, *_), rows = regression_engine.fit(build(model, data), SETTINGS)
    own = {row["variant"]: row["loglik"] for row in rows}
    for variant in ("partial", "full"):
        dense, shift, sd = dense_of(
            moderated_single if shape is moderated else shape, data, full=variant == "full"
        )
        alone = replace(dense, codes=np.arange(len(dense.values)), between=())
        loglik, theta = maximum(alone)
        if shape is not auxiliary:  # whose likelihood has a column more
            assert own[variant] == pytest.approx(loglik + shift, abs=1e-6), variant
        if variant == "full":
            continue
        equal_slopes(part, theta, alone, columns, sd)
