import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from cases import MEASUREMENTS, parametrise
from lowland.core.dense_operator import DenseMap
from lowland.core.promises.protocols import bounds_rounding, in_double
from lowland.core.results.records import Factors
from lowland.core.work import touch
from lowland.measure import Dense, Entries, Linear, RankOne, RealParts, Stacked
from lowland.testing import check_adjoint, check_measure, check_offers, check_work
from lowland.testing.operators import random_numbers


@parametrise(MEASUREMENTS)
def test_adjoint(case, rng):
    check_adjoint(case.make(), rng)


@parametrise(MEASUREMENTS)
def test_measure_is_linear_and_has_a_twin(case, rng):
    check_measure(case.make(), rng)


@parametrise(MEASUREMENTS)
def test_work_is_counted_and_offers_are_whole(case, rng):
    measurement = case.make()
    check_work(measurement, rng)
    check_offers(measurement)
    check_offers(measurement.adjoint(np.ones(measurement.size)))


class _Idle:
    """A measurement of one entry that counts no work and offers half of the bounds on rounding."""

    shape, size, dtype = (2, 2), 1, np.dtype("float64")

    def measure(self, factors):
        return factors.left[:1] @ factors.right[0]

    def adjoint(self, weights):
        return DenseMap(np.array([[weights[0], 0.0], [0.0, 0.0]]))

    def measure_error(self, factors):
        return np.zeros(1)


class _HalfIdle(_Idle):
    def measure(self, factors):
        touch(10.0)
        return super().measure(factors)

    def adjoint(self, weights):
        return _Uncounted(super().adjoint(weights).toarray())


class _Uncounted:
    """A matrix whose products count no work."""

    def __init__(self, dense):
        self.dense = dense

    def matmat(self, block):
        return self.dense @ block


def test_uncounted_work_and_half_an_offer_are_found(rng):
    with pytest.raises(AssertionError, match="measure counts no work"):
        check_work(_Idle(), rng)
    with pytest.raises(AssertionError, match="adjoint counts no work"):
        check_work(_HalfIdle(), rng)
    with pytest.raises(AssertionError, match="HasRoundingBounds is offered in part: adjoint_error missing"):
        check_offers(_Idle())


@parametrise(MEASUREMENTS)
def test_naive_oracle(case, rng):
    measurement = case.make()
    matrix = random_numbers(measurement.shape, measurement.dtype, rng)
    tolerance = 1e-5 if measurement.dtype in (np.float32, np.complex64) else 1e-12
    np.testing.assert_allclose(
        measurement.measure_matrix(matrix),
        case.extra["naive"](measurement, matrix),
        rtol=tolerance,
        atol=tolerance,
    )


@parametrise([c for c in MEASUREMENTS if hasattr(c.part, "subset") and not c.extra.get("whole")])
def test_subset(case, rng):
    measurement = case.make()
    if measurement.size < 2:
        return
    matrix = random_numbers(measurement.shape, measurement.dtype, rng)
    for keep in (np.array([1, 0]), np.arange(1, measurement.size)):
        part = measurement.subset(keep)
        np.testing.assert_allclose(
            part.measure_matrix(matrix), measurement.measure_matrix(matrix)[keep], rtol=1e-5, atol=1e-12
        )
        check_adjoint(part, rng, n_trials=2)


@parametrise([c for c in MEASUREMENTS if hasattr(c.part, "measure_error")])
def test_rounding_bounds_hold(case, rng):
    """The bounds are compared with the error of float32 arithmetic against float64."""
    measurement = case.make()
    if measurement.dtype != np.float32:
        return
    m, n = measurement.shape
    for _ in range(20):
        left, right = (rng.standard_normal((k, 3)).astype(np.float32) for k in (m, n))
        exact = measurement.measure_matrix(left.astype(float) @ right.T.astype(float))
        computed = measurement.measure(Factors(left, right))
        assert (np.abs(exact - computed) <= measurement.measure_error(Factors(left, right))).all()
        weights = rng.standard_normal(measurement.size).astype(np.float32)
        difference = (
            measurement.adjoint(weights.astype(float)).toarray() - measurement.adjoint(weights).toarray()
        )
        assert np.linalg.norm(difference) <= measurement.adjoint_error(weights)


@parametrise([c for c in MEASUREMENTS if hasattr(c.part, "measure_error")])
def test_rounding_bounds_hold_in_double(case, rng):
    """The error of float64 arithmetic against that of long double, where the measurement is a table."""
    measurement = case.make()
    if measurement.dtype not in (np.float64, np.complex128) or not bounds_rounding(measurement):
        return
    (m, n), kind = measurement.shape, measurement.dtype
    if isinstance(measurement, RealParts):  # that of the base, once or twice
        left = random_numbers((m, 3), kind, rng)
        error = measurement.base.measure_error(Factors(left, left))
        expected = np.repeat(error, 2) if measurement.both else error
        np.testing.assert_array_equal(measurement.measure_error(Factors(left, left)), expected)
        return
    wide = np.clongdouble if kind.kind == "c" else np.longdouble
    units = [np.eye(1, m * n, k).reshape(m, n) for k in range(m * n)]
    # the table itself is exact where its numbers are products of at most two floats
    table = np.stack([measurement.measure_matrix(unit) for unit in units], axis=1).astype(wide)
    left, right = (random_numbers((k, 3), kind, rng) for k in (m, n))
    exact = table @ (left.astype(wide) @ right.conj().T.astype(wide)).reshape(-1)
    error = measurement.measure_error(Factors(left, right))
    assert error.shape == (measurement.size,)
    assert (np.abs(exact - measurement.measure(Factors(left, right))) <= error + 1e-18).all()
    assert (error <= 1e-11 * (1 + np.abs(exact).max(initial=0))).all(), "the bound is of use"
    weights = random_numbers((measurement.size,), kind, rng)
    difference = (weights.astype(wide) @ table.conj()).reshape(m, n) - measurement.adjoint(weights).toarray()
    assert np.sqrt(np.sum(np.abs(difference) ** 2)) <= measurement.adjoint_error(weights) + 1e-18


def _single(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    "single",
    [
        Dense(_single(6, 3, 4)),
        Dense(_single(6, 3, 3) + 1j * _single(6, 3, 3)),
        Entries([0, 2, 2], [1, 0, 0], (3, 4), dtype="float32"),
        RankOne(_single(6, 3), _single(6, 4)),
        RankOne(_single(6, 3) + 1j * _single(6, 3)),
        RankOne(_single(6, 3), _single(6, 4).astype(float)),
        Stacked([Dense(_single(6, 3, 4)), Entries([0], [0], (3, 4), dtype="float32")]),
        Stacked([Dense(_single(6, 3, 4)), Entries([0], [0], (3, 4))]),
        RealParts(Dense(_single(6, 3, 3) + 1j * _single(6, 3, 3)), both=True),
    ],
)
def test_forms_in_double_measure_what_was_given(single, rng):
    double = in_double(single)
    assert np.finfo(double.dtype).eps == np.finfo(float).eps
    assert double is not single
    assert in_double(double) is double
    assert (double.shape, double.size) == (single.shape, single.size)
    m, n = single.shape
    for k in range(m * n):  # a single entry is measured without rounding
        unit = np.eye(1, m * n, k).reshape(m, n)
        np.testing.assert_array_equal(double.measure_matrix(unit), single.measure_matrix(unit))
    left, right = (random_numbers((k, 2), double.dtype, rng) for k in (m, n))
    error = double.measure_error(Factors(left, right))
    assert (error < 1e-6 * np.abs(double.measure(Factors(np.abs(left), np.abs(right)))).max()).all()
    check_adjoint(double, rng)


def test_symmetric_parts_in_double_are_those_of_the_matrices_given():
    given = _single(6, 4, 4)
    parts = in_double(Dense(given).symmetrised())
    wide = given.astype(float)
    np.testing.assert_array_equal(parts.arrays, (wide + wide.transpose(0, 2, 1)) / 2)
    assert parts.symmetric
    assert parts.source.dtype == np.float64


def test_only_an_operator_given_as_an_array_has_a_form_in_double():
    given = _single(6, 12)
    double = in_double(Linear(given, (3, 4)))
    assert double.dtype == np.float64
    np.testing.assert_array_equal(double.matrix, given.astype(float))
    hidden = LinearOperator((6, 12), lambda x: given @ x, lambda y: given.T @ y, dtype=np.float32)
    operator = Linear(hidden, (3, 4))
    assert in_double(operator) is operator


@parametrise([c for c in MEASUREMENTS if hasattr(c.part, "squared_norm_bound")])
def test_norm_bounds_hold_and_are_of_use(case, rng):
    measurement = case.make()
    bound = measurement.squared_norm_bound()
    m, n = measurement.shape
    units = [np.eye(1, m * n, k).reshape(m, n) for k in range(m * n)]
    table = np.stack([measurement.measure_matrix(unit) for unit in units], axis=1)
    square = np.linalg.norm(table, 2) ** 2 if table.size else 0.0
    assert bound >= square * (1 - 1e-6)
    known = bounds_rounding(measurement) and case.part is not Stacked
    assert bound <= 40 * square + 1 if known else bound > 0


@pytest.mark.parametrize("part", sorted({case.part for case in MEASUREMENTS}, key=lambda p: p.__name__))
def test_every_measurement_has_an_awkward_case(part):
    assert sum(case.part is part for case in MEASUREMENTS) >= 2
