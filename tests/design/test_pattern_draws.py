"""Studies drawn and judged row by row: what the kernel says of each is what matrices say of it whole."""

import numpy as np
import pytest
from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event
from fortems.design.pattern.setup import Setup, setup, with_test
from fortems.design.tasks import Settings

INSTRUMENTS = {
    "mlq": "config/instruments/mlq.yaml",
    "wai": "config/instruments/wai_sr.yaml",
    "oq": "config/instruments/oq45.yaml",
}

pytestmark = pytest.mark.plain


@pytest.fixture(scope="module")
def known() -> Setup:
    return setup(Settings(1, 0.95, {}, "config/claims.yaml", "config/models.yaml", INSTRUMENTS, None))


@pytest.fixture(scope="module", params=["joint", "product"])
def event(known, request) -> Event:
    return known.event if request.param == "joint" else with_test(known.event, "product")


def drawn(known, event, draws, may_fail):
    matrices = np.repeat(known.account()[None], draws, 0)
    return event.studies(np.random.default_rng(3), matrices, np.full(draws, 0.05), may_fail)


def test_a_finished_study_fails_what_its_covariances_fail(known, event):
    failed, products = drawn(known, event, 300, [event.every])
    assert (failed == event.judge(event.covariances(products))).all()
    assert len(set(failed)) > 10


def test_a_study_is_left_unfinished_only_where_it_fails_what_it_may_not(known, event):
    may_fail = [0b11, 0b100]
    failed, products = drawn(known, event, 2000, may_fail)
    finished = failed != kernel.STOPPED
    assert 0 < finished.sum() < 2000
    judged = event.judge(event.covariances(products[finished]))
    assert (judged == failed[finished]).all()
    assert all(any(bits & ~mask == 0 for mask in may_fail) for bits in judged)
    assert (products[~finished] == 0).all()


def test_what_is_no_correlation_matrix_has_no_study(known, event):
    matrices = np.repeat(known.account()[None], 3, 0)
    matrices[1, 0, 1] = matrices[1, 1, 0] = -0.9
    failed, _ = event.studies(np.random.default_rng(4), matrices, np.full(3, 0.05), [event.every])
    assert (failed == kernel.NOT_DEFINITE).tolist() == [False, True, False]


def test_counted_studies_are_those_in_which_nothing_fails(known, event):
    """L Z L' by matrix products, and every statement of every study."""
    one = event.only(event.names[:2])
    z = np.empty((400, 5, 5))
    kernel.identity_studies(np.random.default_rng(5), 0.05, *one.counts, z)
    root = np.linalg.cholesky(one.basis @ known.account() @ one.basis.T)
    columns = one.combos @ root @ z @ root.T @ one.combos.T
    expected = (one.judge(columns) == 0).sum()
    assert 0 < expected < 400
    assert kernel.count(known.account(), one.basis, z, *one.arguments) == expected
    odd = known.account().copy()
    odd[0, 1] = odd[1, 0] = -0.9
    assert kernel.count(odd, one.basis, z, *one.arguments) == -1


def test_independent_studies_have_their_mean_cross_products(known):
    """E Z = [(1 - icc)(N - 1) + icc (N - sum n^2 / N)] I."""
    icc, n = 0.3, np.array(known.event.sizes)
    z = np.empty((3000, 2, 2))
    kernel.identity_studies(np.random.default_rng(6), icc, *known.event.counts, z)
    expected = (1 - icc) * (n.sum() - 1) + icc * (n.sum() - (n**2).sum() / n.sum())
    error = z.std(axis=0) / np.sqrt(len(z))
    assert (np.abs(z.mean(axis=0) - expected * np.eye(2)) < 4 * error).all()
