import numpy as np
import pytest

from cases import OBJECTIVES, PROBLEMS, parametrise
from lowland.certificates.curvatures.hessian import hessian_matrix
from lowland.certificates.curvatures.jacobian import jacobian_matrix
from lowland.core.errors import InvalidInputError
from lowland.measure import Entries, gaussian
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.testing import check_gradient, check_hessian


@parametrise(OBJECTIVES)
def test_gradient(case, rng):
    objective = case.make()
    check_gradient(objective, rng.standard_normal(objective.size), rng)


@parametrise(OBJECTIVES)
def test_hessian(case, rng):
    objective = case.make()
    check_hessian(objective, rng.standard_normal(objective.size), rng)


@parametrise(OBJECTIVES)
def test_value_by_definition(case, rng):
    objective = case.make()
    theta = rng.standard_normal(objective.size)
    z = objective.measurement.measure_matrix(objective.model.lift(theta).matrix())
    weights = np.ones_like(z) if objective.weights is None else objective.weights
    losses = objective.loss.value(z, objective.y)
    expected = np.sum(weights * losses) + sum(p.value(theta) for p in objective.penalties)
    assert objective.value(theta) == pytest.approx(expected, rel=1e-12)


@parametrise(OBJECTIVES)
def test_constant_along_the_gauge(case, rng):
    objective = case.make()
    theta = rng.standard_normal(objective.size)
    gauge = objective.gauge(theta)
    gradient = objective.gradient(theta)
    assert np.abs(gauge.T @ gradient).max(initial=0) <= 1e-10 * np.linalg.norm(gradient) * np.linalg.norm(
        theta
    )


@parametrise(OBJECTIVES)
def test_linearisation_agrees(case, rng):
    objective = case.make()
    theta, d = rng.standard_normal((2, objective.size))
    at = objective.linearise(theta)
    w = rng.standard_normal(objective.measurement.size)
    assert w @ at.jacobian_product(d) == pytest.approx(at.jacobian_transpose(w) @ d, rel=1e-9)
    np.testing.assert_array_equal(at.hessian_product(d), objective.hessian_product(theta, d))
    # where the residual vanishes, Gauss-Newton is exact
    exact = make_objective(objective.measurement, at.predictions, objective.model)
    at = exact.linearise(theta)
    np.testing.assert_allclose(at.hessian_product(d), at.gauss_newton_product(d), rtol=1e-9, atol=1e-9)


@parametrise([case for case in OBJECTIVES if case.make().batch_gradient is not None])
def test_batches_are_unbiased(case, rng):
    objective = case.make()
    theta = rng.standard_normal(objective.size)
    order = rng.permutation(objective.batch_gradient.size)
    parts = np.array_split(order, 4)
    batches = [objective.batch_gradient(theta, part) for part in parts]
    mean = np.average(batches, axis=0, weights=[part.size for part in parts])
    np.testing.assert_allclose(mean, objective.gradient(theta), rtol=1e-9, atol=1e-9)


def slope_of_block(objective, solved, theta):
    """Return the largest slope among the numbers that changed, beside the largest of all."""
    gradient = np.abs(objective.gradient(solved))
    return gradient[solved != theta].max() / gradient.max()


@parametrise([case for case in OBJECTIVES if case.make().block_solver is not None])
def test_blocks_reach_their_minimum(case, rng):
    objective = case.make()
    theta = rng.standard_normal(objective.size)
    squares = objective.loss.name == "squared"
    for name in objective.block_solver.names:
        solved = objective.block_solver.solve(theta, name)
        assert objective.value(solved) < objective.value(theta)
        for k in range(0 if squares else 2000):  # the problem is convex: steps that never rise find it
            before, solved = solved, objective.block_solver.solve(solved, name)
            assert objective.value(solved) <= objective.value(before) * (1 + 1e-14)
            # well below what is asked for
            if k % 20 == 19 and slope_of_block(objective, solved, theta) <= 1e-7:
                break
        assert slope_of_block(objective, solved, theta) <= (1e-9 if squares else 1e-6)
        theta = solved


def test_some_objectives_have_no_blocks():
    assert sum(case.make().block_solver is None for case in OBJECTIVES) >= 3


@parametrise([case for case in OBJECTIVES if case.make().model.biases and case.make().loss.name == "squared"])
def test_refitted_biases_are_optimal(case, rng):
    objective = case.make()
    refitted = objective.biases.refit(rng.standard_normal(objective.size))
    gradient = objective.gradient(refitted)
    at = objective.model.factor_size
    assert np.abs(gradient[at:]).max() <= 1e-12 * np.abs(gradient[:at]).max()


@pytest.mark.parametrize("name", PROBLEMS)
def test_float32_stays_float32(name, rng):
    objective = PROBLEMS[name]()
    single = make_objective(
        objective.measurement,
        objective.y.astype(np.float32),
        objective.model,
        loss=objective.loss,
        penalty=0.3,
    )
    theta = rng.standard_normal(objective.size).astype(np.float32)
    if isinstance(objective.measurement, Entries):
        assert single.gradient(theta).dtype == np.float32
        assert single.hessian_product(theta, theta).dtype == np.float32
    assert single.in_double().dtype == np.float64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": np.ones(3)}, "one value per measurement"),
        ({"y": np.full(9, np.nan)}, "finite"),
        ({"y": np.ones(9) * 1j}, "complex but the measurement is real"),
        ({"model": General((3, 3), 1, is_complex=True)}, "the model is complex"),
        ({"measurement": gaussian(9, (3, 3), 0, dtype="complex128")}, "the model is real"),
        ({"model": General((4, 4), 1)}, "the same shape"),
        ({"penalty": -1.0}, "at least 0"),
        ({"penalty": np.nan}, "at least 0"),
        ({"weights": np.zeros(9)}, "positive"),
        ({"weights": np.ones(4)}, "one per measurement"),
        ({"model": Psd((3, 3), 1), "balancing": 1.0}, "two factors"),
    ],
)
def test_bad_input(change, words):
    arguments = {
        "measurement": gaussian(9, (3, 3), 0),
        "y": np.ones(9),
        "model": General((3, 3), 1),
        **change,
    }
    measurement, y, model = (arguments.pop(name) for name in ("measurement", "y", "model"))
    with pytest.raises(InvalidInputError, match=words):
        make_objective(measurement, y, model, **arguments)


@parametrise(OBJECTIVES)
def test_matrices_are_those_of_the_products(case, rng):
    objective = case.make()
    theta = rng.standard_normal(objective.size)
    at, units = objective.linearise(theta), np.eye(objective.size)
    hessian = np.stack([at.hessian_product(unit) for unit in units], axis=1)
    np.testing.assert_allclose(hessian_matrix(objective, theta), hessian, rtol=1e-9, atol=1e-9)
    jacobian = np.stack([at.jacobian_product(unit) for unit in units], axis=1)
    found = jacobian_matrix(objective, theta)
    dense = found if isinstance(found, np.ndarray) else found.toarray()
    np.testing.assert_allclose(dense, jacobian, rtol=1e-9, atol=1e-10)
    weights = objective.weighted(np.ones(objective.y.size))
    normal = jacobian.T @ (weights[:, None] * jacobian)
    np.testing.assert_allclose(objective.normal_matrix(theta), normal, rtol=1e-9, atol=1e-9)


def test_a_jacobian_of_the_wrong_side_is_noticed(rng, monkeypatch):
    """The mutant whose Jacobian takes one factor for the other."""
    objective = OBJECTIVES[0].make()
    theta = rng.standard_normal(objective.size)
    u, v, *_ = objective.model.unpack(theta)
    turned = objective.model.pack(u, -v)
    wrong = jacobian_matrix(objective, turned).toarray()
    unit = np.eye(objective.size)[0]
    right = objective.linearise(theta).jacobian_product(unit)
    assert np.abs(wrong[:, 0] - right).max() > 0.1 * np.abs(right).max()


@parametrise(OBJECTIVES)
def test_the_gauge_is_no_larger_than_foretold(case, rng):
    objective = case.make()
    found = np.linalg.matrix_rank(objective.gauge(rng.standard_normal(objective.size)))
    assert found <= objective.gauge_size
    assert objective.gauge_size <= found + 2
