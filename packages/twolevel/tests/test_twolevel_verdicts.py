"""Verdicts, messages and standard errors where a maximum lies at the boundary, is flat or does not exist."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import twolevel
from twolevel.errors import BetweenUnderdeterminedWarning, NoMaximumWarning
from twolevel.likelihood.objective import Objective
from twolevel_samples import TEXTS, draw, paper_size, punch

MODELS = {name: twolevel.Model(text) for name, text in TEXTS.items()}


def test_unbounded_likelihood_without_maximum_warns_and_gives_no_standard_errors():
    for seed in range(40):
        frame = paper_size(seed, 0.0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit = twolevel.fit(MODELS["partial"], frame, "cluster", bounds="none")
        if not fit.converged:
            assert any(issubclass(w.category, NoMaximumWarning) for w in caught)
            assert fit.parameters["se"].isna().all()
            assert np.isnan(fit.fit_indices.chi2)
            assert np.isnan(fit.profile("a").p)
            assert np.isnan(fit.monte_carlo("a*b").low)
            assert "NO" in fit.summary()
            return
    raise AssertionError("no study of the paper's size without a regular maximum: the test tests nothing")


def test_unidentified_model_is_not_converged():
    frame = draw(3, clusters=60, icc=0.5)
    text = """
        level: 1
          f =~ NA*x + m
          y ~ f
        level: 2
          x ~~ m + y
          m ~~ y
    """
    with pytest.warns(NoMaximumWarning):
        fit = twolevel.fit(text, frame, "cluster", bounds="none")
    assert not fit.converged
    assert fit.vcov.isna().all().all()


def test_flat_directions_at_the_boundary_cost_only_their_own_standard_errors():
    """A between predictor without variance: its slope is not identified, all else is."""
    for seed in range(30):
        fit = twolevel.fit(MODELS["full"], paper_size(seed, 0.0), "cluster")
        if "not identified at the boundary" in fit.message:
            frame = fit.parameters.set_index("name")
            assert fit.converged and fit.boundary
            assert frame.loc[["a", "b"], "se"].notna().all()
            named = fit.message.split(":")[1].split(";")[0].split(",")
            assert frame.loc[[n.strip() for n in named], "se"].isna().all()
            assert np.isfinite(fit.delta("a*b")[1])
            return
    raise AssertionError("no such study: the test tests nothing")


def test_constrained_covariance_block_goes_by_barrier():
    """Two fixed zeros beside free covariances: no factor L fits, a barrier does."""
    text = """
        level: 1
          m ~ a*x
          y ~ b*m + x
        level: 2
          x ~~ m + 0*y
          m ~~ y
    """
    free = twolevel.Model(text.replace("0*y", "y"))
    found = False
    for seed in range(8):
        frame = paper_size(seed, 0.0)
        fit = twolevel.fit(text, frame, "cluster")
        wide = twolevel.fit(free, frame, "cluster")
        assert fit.converged and fit.admissible
        assert fit.loglik <= wide.loglik + 1e-6
        narrow = twolevel.fit(text.replace("m ~~ y", "m ~~ 0*y"), frame, "cluster")
        assert fit.loglik >= narrow.loglik - 1e-6
        found |= "barrier" in fit.message
    assert found


ZEROS = "level: 1\n m ~ x\n y ~ m + x\nlevel: 2\n x ~~ m + 0*y\n m ~~ y"
SLOPE = "level: 1\n m ~ x\n y ~ rv('s')*m + x\nlevel: 2\n m ~~ y"


@pytest.mark.parametrize("missing", ["listwise", "ml"])
@pytest.mark.parametrize("bounds", ["psd", "none"])
@pytest.mark.parametrize("text", [*(TEXTS[n] for n in ("partial", "full")), ZEROS, SLOPE])
def test_verdicts_are_plain_truth_values_however_the_fit_was_found(text, bounds, missing):
    data = twolevel.ClusterData(punch(paper_size(2, 0.0), 2) if missing == "ml" else draw(2), "cluster")
    slopes = "observed" if text == SLOPE and missing == "listwise" else "within"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = twolevel.fit(text.replace("'", '"'), data, bounds=bounds, missing=missing, slopes=slopes)
    for verdict in (fit.converged, fit.admissible, fit.boundary, fit.solution.definite):
        assert type(verdict) is bool, type(verdict)


def test_more_between_parameters_than_clusters_is_a_named_warning():
    with pytest.warns(BetweenUnderdeterminedWarning, match="hardly"):
        twolevel.fit(TEXTS["partial"], draw(1, clusters=6), "cluster")


def test_bounds_do_not_move_an_inside_maximum():
    frame = draw(4, clusters=80, largest=8, icc=0.4)
    for name in ("partial", "covariates", "between_covariate"):
        inside, free = (twolevel.fit(MODELS[name], frame, "cluster", bounds=b) for b in ("psd", "none"))
        assert free.admissible and not inside.boundary
        np.testing.assert_allclose(inside.solution.theta, free.solution.theta, atol=1e-7)
        np.testing.assert_allclose(inside.covariance.matrix, free.covariance.matrix, rtol=1e-6, atol=1e-10)


def factor_covariance(fit, objective):
    """Covariance of the estimates from the Hessian of -log L over S_B = l l', l of length 3, by differences."""
    names = ["x", "m", "y"]
    cells = [(i, j) for i in range(3) for j in range(i + 1)]
    at = [fit.model.position(f"{names[i]}~~{names[j]}.l2") for i, j in cells]
    theta = fit.solution.theta
    s = np.zeros((3, 3))
    for (i, j), k in zip(cells, at, strict=True):
        s[i, j] = s[j, i] = theta[k]
    values, vectors = np.linalg.eigh(s)
    loading = vectors[:, -1] * np.sqrt(values[-1])
    others = [k for k in range(len(theta)) if k not in at]

    def unpack(phi):
        out = theta.copy()
        out[others] = phi[3:]
        for (i, j), k in zip(cells, at, strict=True):
            out[k] = phi[i] * phi[j]
        return out

    phi = np.concatenate([loading, theta[others]])
    k, h = len(phi), 1e-4
    hessian = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            ei, ej = h * np.eye(k)[i], h * np.eye(k)[j]
            f = [objective(unpack(phi + a * ei + b * ej))[0] for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            hessian[i, j] = hessian[j, i] = (f[0] - f[1] - f[2] + f[3]) / (4 * h * h)
    jacobian = np.array([(unpack(phi + h * e) - unpack(phi - h * e)) / (2 * h) for e in np.eye(k)]).T
    return jacobian @ np.linalg.inv(hessian) @ jacobian.T


@pytest.fixture(scope="module")
def rank_one():
    return next(
        f
        for f in (twolevel.fit(MODELS["partial"], paper_size(s, 0.05), "cluster") for s in range(50))
        if f.boundary and f.solution.face.ranks[0][1] == 1 and len(f.solution.face.ranks) == 1
    )


def test_active_face_standard_errors_are_those_of_the_factor(rank_one):
    """At rank r the covariance matrix equals the one of the parameterization S_B = L L', L triangular p x r."""
    expected = factor_covariance(rank_one, rank_one.objective)
    np.testing.assert_allclose(rank_one.covariance.matrix, expected, atol=1e-4 * np.abs(expected).max())
    assert rank_one.se_method == "observed information, active face"


def test_expected_standard_errors_on_the_face_are_those_of_the_factor(rank_one):
    """The expected -log L has the data's moments replaced by the model's; its Hessian in L is the information."""
    data, implied = rank_one.moments, rank_one.implied
    mean = np.array([c * (implied.vb + implied.sw / n) for n, c in zip(data.sizes, data.counts, strict=True)])
    moments = replace(
        data,
        means=np.tile(implied.mu, (len(data.sizes), 1)),
        cross=mean,
        within=data.within_df * implied.sw,
    )
    wanted = factor_covariance(rank_one, Objective(rank_one.model.layout, moments))
    fit = twolevel.fit(rank_one.model, rank_one.data, se="expected")
    np.testing.assert_allclose(fit.covariance.matrix, wanted, atol=1e-4 * np.abs(wanted).max())
    assert fit.se_method == "expected information, active face"


@pytest.mark.parametrize("name", ["full", "latent"])
def test_missing_values_at_the_boundary(name):
    """Searches pass beside singular matrices, where differences of the gradient leave the domain."""
    frame = punch(paper_size(3, 0.0), 3, 0.15)
    fit = twolevel.fit(MODELS[name], frame, "cluster", missing="ml")
    assert fit.converged and fit.admissible and fit.boundary
    near = fit.objective(fit.solution.theta, 1)[1]
    tangent = fit.solution.face.tangent
    assert np.abs(tangent.T @ near).max() < 1e-3
    assert fit.solution.face.multiplier > -1e-4
