"""What is refused or warned of before any work, and data at the edge of what is accepted."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError, UnderdeterminedWarning
from lowland.core.results.status import Verdict
from lowland.losses import Poisson
from lowland.measure import pauli_outcomes
from lowland.models import Psd
from lowland.objectives import make_objective
from lowland.search import make_start


def outer_problem(rng):
    measurement = ll.gaussian(60, (6, 6), rng)
    truth = np.outer(np.arange(1.0, 7), np.arange(1.0, 7))
    return measurement, measurement.measure_matrix(truth), truth


@pytest.mark.parametrize("scale", [1e-57, 1e57])
def test_any_sensible_unit_gives_the_same_answer(scale, rng):
    measurement, y, truth = outer_problem(rng)
    fit = ll.recover(measurement, scale * y, rank=1, rng=0)
    np.testing.assert_allclose(fit.matrix() / scale, truth, rtol=1e-9)
    assert fit.certificate["globally_optimal"].verdict is Verdict.PROVED


@pytest.mark.parametrize("scale", [1e-200, 1e-63, 1e63, 1e300])
def test_units_out_of_range_are_refused(scale, rng):
    measurement, y, _ = outer_problem(rng)
    with pytest.raises(InvalidInputError, match="y is out of scale"):
        ll.recover(measurement, scale * y, rank=1)
    with pytest.raises(InvalidInputError, match="X is out of scale"):
        ll.MatrixCompletion(rank=1).fit(scale * np.arange(1.0, 13).reshape(4, 3))


def test_too_few_measurements_are_warned_of(rng):
    measurement, y, _ = outer_problem(rng)
    few = measurement.subset(np.arange(10))
    with pytest.warns(UnderdeterminedWarning, match="10 real numbers cannot determine .* 11 degrees"):
        ll.recover(few, y[:10], rank=1, rng=0)


def test_no_measurements_at_all():
    nothing = ll.Dense(np.zeros((0, 4, 4)))
    fit = ll.recover(nothing, np.zeros(0), rank=1, penalty=1.0, rng=0)
    np.testing.assert_array_equal(fit.matrix(), 0)


@pytest.mark.parametrize("start", ["random", "small_random", "spectral"])
def test_starts_of_counts_have_a_finite_objective(start, rng):
    """Outcomes that a start gives no chance, but that were seen, would make it infinite."""
    measurement = pauli_outcomes(["Z", "Z", "X", "X"], ["0", "1", "0", "1"])
    objective = make_objective(measurement, np.array([5.0, 0, 3, 2]), Psd((2, 2), 1, True), loss=Poisson())
    assert np.isfinite(objective.value(make_start(objective, start, rng)))
