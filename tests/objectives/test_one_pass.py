"""Large stored matrices are read once per normal product: the same numbers as with two reads."""

import numpy as np
import pytest

from lowland.kernels import dense_rows
from lowland.measure import gaussian
from lowland.models import General, Psd
from lowland.objectives import linearisation, make_objective

SIDE, SIZE, RANK = 20, 530, 2


def _problem(kind, weighted):
    rng = np.random.default_rng(0)
    psd = kind == "psd"
    measurement = gaussian(SIZE, (SIDE, SIDE), rng, symmetric=psd)
    model = (Psd if psd else General)((SIDE, SIDE), RANK)
    weights = rng.random(SIZE) if weighted else None
    return make_objective(measurement, rng.standard_normal(SIZE), model, weights=weights, penalty=0.3)


def _numbers(objective):
    """Return value, gradients, and products with the Hessian before and after the Jacobian is formed."""
    rng = np.random.default_rng(1)
    theta, direction = rng.standard_normal((2, objective.size))
    value, gradient = objective.value_and_gradient(theta)
    batch = objective.batch_gradient(theta, np.sort(rng.permutation(SIZE)[:131]))
    at = objective.linearise(theta)
    products = [at.hessian_product(direction) for _ in range(linearisation.FEW + 2)]
    return [np.array(value), gradient, batch, products[0], products[-1], np.array(at.value), at.gradient]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["psd", "general"])
def test_one_read_gives_the_numbers_of_two(kind, weighted, monkeypatch):
    found = {}
    for name, large in (("once", 0), ("twice", np.inf)):
        monkeypatch.setattr(dense_rows, "LARGE", large)
        found[name] = _numbers(_problem(kind, weighted))
    for once, twice in zip(found["once"], found["twice"], strict=True):
        np.testing.assert_allclose(once, twice, rtol=1e-10, atol=1e-10 * np.abs(twice).max())


def test_single_matrices_at_points_in_double_precision():
    """The gradient at the truth is zero to double precision, so that single fits can be polished."""
    rng = np.random.default_rng(1)
    measurement = gaussian(130, (60, 60), 0, symmetric=True, dtype="float32")
    factor = rng.standard_normal((60, 2))
    y = (measurement.arrays.astype(float) * (factor @ factor.T)).sum((1, 2))
    value, gradient = make_objective(measurement, y, Psd((60, 60), 2)).value_and_gradient(factor.ravel())
    assert value < 1e-20
    assert np.linalg.norm(gradient) < 1e-8


def test_many_products_at_a_point_form_the_jacobian(monkeypatch):
    objective = _problem("psd", weighted=False)
    at = objective.linearise(np.ones(objective.size))
    for _ in range(linearisation.FEW):
        at.gauss_newton_product(np.ones(objective.size))
    assert "_formed" not in vars(at)
    at.gauss_newton_product(np.ones(objective.size))
    assert vars(at)["_formed"].shape == (SIZE, objective.size)
