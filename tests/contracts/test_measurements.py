import numpy as np
import pytest

from cases import MEASUREMENTS, parametrise
from lowland.core.records import Factors
from lowland.testing import check_adjoint, check_measure
from lowland.testing.operators import random_numbers


@parametrise(MEASUREMENTS)
def test_adjoint(case, rng):
    check_adjoint(case.make(), rng)


@parametrise(MEASUREMENTS)
def test_measure_is_linear_and_has_a_twin(case, rng):
    check_measure(case.make(), rng)


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
        check_adjoint(part, rng, trials=2)


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


@pytest.mark.parametrize("part", sorted({case.part for case in MEASUREMENTS}, key=lambda p: p.__name__))
def test_every_measurement_has_an_awkward_case(part):
    assert sum(case.part is part for case in MEASUREMENTS) >= 2
