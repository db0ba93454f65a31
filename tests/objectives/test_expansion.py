"""Predictions along a line, compared with exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

import lowland as ll
from lowland.models import General, Psd
from lowland.objectives import make_objective

SHAPE, RANK = (4, 4), 2


def objective_of(kind, rng):
    model = (
        Psd(SHAPE, RANK)
        if kind == "psd"
        else General(SHAPE, RANK, ("row", "global") if kind == "cells" else ())
    )
    A = ll.Entries([0, 1, 1, 3], [2, 1, 3, 0], SHAPE) if kind == "cells" else ll.gaussian(9, SHAPE, 0)
    return make_objective(A, rng.standard_normal(A.size), model)


def exact_predictions(objective, theta):
    """Predictions of a point of fractions."""
    if objective.model.is_psd:
        u = theta.reshape(4, 2)
        x = u @ u.T
    else:
        u, v, rest = theta[:8].reshape(4, 2), theta[8:16].reshape(4, 2), theta[16:]
        x = u @ v.T
        if rest.size:
            x = x + rest[:4, None] + rest[4]
    if isinstance(objective.measurement, ll.Entries):
        return x[objective.measurement.rows, objective.measurement.columns]
    matrices = objective.measurement.arrays.reshape(-1, 16)
    return np.array(
        [sum(Fraction(float(a)) * b for a, b in zip(row, x.ravel(), strict=True)) for row in matrices]
    )


@pytest.mark.parametrize("kind", ["cells", "dense", "psd"])
def test_terms_are_within_their_bounds(kind):
    rng = np.random.default_rng(3)
    objective = objective_of(kind, rng)
    theta, d = rng.standard_normal((2, objective.size))
    found = objective.expand(theta, d)
    x, y = (np.array([Fraction(float(t)) for t in vector], dtype=object) for vector in (theta, d))
    ahead, here, behind = (exact_predictions(objective, x + t * y) for t in (1, 0, -1))
    terms = (
        (here, found.values, found.value_errors),
        ((ahead - behind) / 2, found.slopes, found.slope_errors),
        (ahead + behind - 2 * here, found.bends, found.bend_errors),
    )
    for exact, values, errors in terms:
        for right, number, bound in zip(exact, values, errors, strict=True):
            assert abs(Fraction(float(number)) - right) <= Fraction(float(bound))
        assert errors.max() < 1e-12


def test_unit_trace_is_charged_for_its_length():
    rng = np.random.default_rng(4)
    words = ["XX", "YZ", "ZI", "IX"]
    objective = make_objective(ll.Pauli(words), rng.standard_normal(4), Psd((4, 4), 1, True, unit_trace=True))
    theta, d = rng.standard_normal((2, objective.size))
    found, step = objective.expand(theta, d), 1e-3
    ahead, here, behind = (objective.predict(theta + t * d) for t in (step, 0, -step))
    np.testing.assert_allclose(found.slopes, (ahead - behind) / (2 * step), atol=1e-5)
    along = theta @ d / (theta @ theta)
    # the projected direction is followed; along the point itself nothing changes
    second = (ahead + behind - 2 * here) / step**2 + 2 * along * found.slopes
    np.testing.assert_allclose(found.bends, second, atol=1e-4)
    assert found.slope_errors.max() < 1e-11


def test_a_measurement_without_bounds_has_none():
    products = LinearOperator(
        (4, 16), matvec=lambda x: np.ravel(x)[:4], rmatvec=lambda w: np.r_[np.ravel(w), np.zeros(12)]
    )
    objective = make_objective(ll.Linear(products, SHAPE), np.ones(4), General(SHAPE, 1))
    assert objective.expand(np.ones(8), np.ones(8)) is None
