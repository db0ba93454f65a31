"""Both ends of spectra by Lanczos: inside where they must be, and outside no more often than stated."""

import signal

import numpy as np
import pytest

from lowland.core.errors import LowlandError
from lowland.core.results.status import StopReason
from lowland.networks.curvature.extreme_eigenvalues import spectrum_ends


def ends(matrix, rng, tolerance=0.01, failure_probability=1e-6, max_products=300):
    """Return the ends of the spectrum of a matrix, or of a diagonal one given by its diagonal."""
    return spectrum_ends(
        (lambda x: matrix * x) if matrix.ndim == 1 else lambda x: matrix @ x,
        len(matrix),
        tolerance=tolerance,
        failure_probability=failure_probability,
        max_products=max_products,
        rng=np.random.default_rng(rng),
    )


def turned(values, seed):
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    return (basis * values) @ basis.T


SPECTRA = {
    "one above many": np.r_[np.linspace(-0.1, 1, 199), 10.0],
    "close together": np.linspace(0, 1, 200) ** 0.2,
    "mostly zero": np.r_[np.zeros(180), np.linspace(0.5, 3, 20)],
    "negative": -np.linspace(1, 2, 200),
    "both signs": np.linspace(-5, 4, 200),
    "one number": np.full(200, 3.0),
}


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SPECTRA)
def test_both_ends_hold_and_are_as_narrow_as_asked(name, count):
    values = SPECTRA[name]
    for seed in range(count):
        found = ends(turned(values, seed), seed)
        slack = 1e-12 * np.abs(values).max()
        assert found.largest[0] <= values.max() + slack
        assert values.max() <= found.largest[1] + slack
        assert found.smallest[0] <= values.min() + slack
        assert values.min() <= found.smallest[1] + slack
        assert found.stop_reason is StopReason.CONVERGED
        assert found.largest[1] - found.largest[0] <= 0.0101 * abs(found.largest[1])


def test_the_direction_is_curved_as_stated():
    matrix = turned(SPECTRA["both signs"], 3)
    found = ends(matrix, 0, tolerance=1e-6)
    assert np.linalg.norm(found.vector) == pytest.approx(1)
    assert found.vector @ matrix @ found.vector == pytest.approx(found.largest[0], rel=1e-10)
    assert found.largest[0] == pytest.approx(4, rel=1e-6)


def test_outer_ends_fail_as_seldom_as_stated_and_not_much_seldomer():
    # one product, and one eigenvalue apart from all others: the bound is as tight as it can be, half of the
    # stated chance being that of the other end
    values, failure, trials = np.r_[np.zeros(399), 1.0], 0.2, 600
    missed = sum(ends(values, seed, 1e-12, failure, max_products=1).largest[1] < 1 for seed in range(trials))
    assert 0.05 * trials < missed < 0.14 * trials


def test_eigenvalues_closer_than_rounding_are_within_the_ends():
    for gap in (1e-10, 1e-12):
        values = np.r_[np.ones(99), 1 + gap]
        for seed in range(10):
            found = ends(values, seed)
            assert found.largest[1] >= values.max()


def test_a_largest_eigenvalue_of_zero_is_found():
    found = ends(np.diag(np.r_[0.0, -np.linspace(1, 2, 60)]), 0)
    assert found.stop_reason is StopReason.CONVERGED
    assert abs(found.largest[0]) < 1e-5


def test_an_interrupt_ends_with_what_there_is():
    def product(x):
        if not calls:
            signal.raise_signal(signal.SIGINT)
        calls.append(1)
        return np.linspace(0, 1, 300) * x

    calls = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        found = spectrum_ends(
            product,
            300,
            tolerance=1e-9,
            failure_probability=1e-6,
            max_products=50,
            rng=np.random.default_rng(0),
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert found.stop_reason is StopReason.INTERRUPTED
    assert found.products == 1
    assert found.largest[0] < 1 <= found.largest[1]


def test_outer_ends_follow_the_probability():
    # bounds that ignored it could be too tight: the weaker the statement, the tighter it is
    matrix = np.diag(np.linspace(0, 1, 300))
    outer = [ends(matrix, 0, 1e-12, failure, 8).largest[1] for failure in (0.5, 1e-2, 1e-6, 1e-12)]
    assert np.all(np.diff(outer) > 0)


def test_polynomials_far_above_what_numbers_hold():
    found = ends(np.linspace(0, 1, 400), 0, failure_probability=1e-300, max_products=270)
    assert 1 <= found.largest[1] < 4
    less = ends(np.linspace(0, 1, 400), 0, failure_probability=1e-100, max_products=200)
    assert 1 <= less.largest[1] < found.largest[1]


def test_small_operators_are_exact():
    for size in (1, 2, 3):
        matrix = turned(np.arange(1.0, size + 1), 0)
        found = ends(matrix, 0, tolerance=1e-9)
        assert found.largest[0] == pytest.approx(size, rel=1e-12)
        assert found.largest[1] == pytest.approx(size, rel=1e-12)
        assert found.products <= size


def test_the_limit_of_products_is_kept_and_said():
    found = ends(np.diag(np.linspace(0, 1, 300)), 0, tolerance=1e-9, max_products=5)
    assert found.products == 5
    assert found.stop_reason is StopReason.ITERATION_LIMIT


def test_products_that_are_not_finite_are_refused():
    with pytest.raises(LowlandError, match="not finite"):
        ends(np.diag([1.0, np.nan]), 0)
