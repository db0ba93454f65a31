"""Exact fits of data that are mostly zero: zeros have the size of what is around them, and no more."""

import numpy as np
import pytest

from lowland import Dense, Entries, certify_matrix
from lowland.core.results.status import Verdict

ROWS, COLUMNS = (a.ravel() for a in np.indices((5, 5)))
ALL = Entries(ROWS, COLUMNS, (5, 5))


def optimal(measurement, y, left, right):
    proof = certify_matrix(measurement, y, left, right, claims=["globally_optimal"])
    return proof["globally_optimal"].verdict


def sparse(left, right):
    """Return factors with two entries that are not zero on each side, and their data."""
    u, v = np.zeros((5, 1)), np.zeros((5, 1))
    u[:2, 0], v[:2, 0] = left, right
    return u, v


@pytest.mark.parametrize("kind", ["cells", "matrices"])
def test_rounding_in_zeros_is_no_misfit(kind, rng):
    measurement = ALL if kind == "cells" else Dense(np.eye(25).reshape(25, 5, 5))
    for size in (1e-25, 1e-20, 1e-18):
        u, v = sparse(rng.integers(1, 9, 2), rng.integers(1, 9, 2))
        y = (u @ v.T).ravel()
        for factor in (u, v):
            factor[2:, 0] = size * rng.standard_normal(3)
        assert optimal(measurement, y, u, v) is Verdict.PROVED


@pytest.mark.parametrize("kind", ["cells", "matrices"])
def test_what_is_more_than_rounding_in_zeros_is_a_misfit(kind, rng):
    measurement = ALL if kind == "cells" else Dense(np.eye(25).reshape(25, 5, 5))
    for size in (1e-11, 1e-9, 1e-6):
        u, v = sparse(rng.integers(1, 9, 2), rng.integers(1, 9, 2))
        y = (u @ v.T).ravel()
        v[3, 0] = size
        assert optimal(measurement, y, u, v) not in (Verdict.PROVED, Verdict.SUPPORTED)


def test_zeros_among_small_data_are_small():
    """A row of 1e-15 whose zero is missed by a hundredth: the sum of squares does not show it."""
    u, v = np.zeros((5, 2)), np.zeros((5, 2))
    u[:3, 0], v[:2, 0] = [1, 1, 1e-15], 1
    y = (u @ v.T).ravel()
    assert optimal(ALL, y, u, v) is Verdict.PROVED
    u[2, 1], v[3, 1] = 1e-17, 1
    assert optimal(ALL, y, u, v) not in (Verdict.PROVED, Verdict.SUPPORTED)


def test_zeros_of_a_small_measurement_are_small():
    """One measurement is 1e-17 times the others, its datum zero, which is missed by its size."""
    arrays = np.eye(25).reshape(25, 5, 5).copy()
    arrays[24] *= 1e-17
    u, v = np.zeros((5, 2)), np.zeros((5, 2))
    u[:2, 0], v[:2, 0] = 1, 1
    measurement = Dense(arrays)
    y = measurement.measure_matrix(u @ v.T)
    assert optimal(measurement, y, u, v) is Verdict.PROVED
    u[4, 1] = v[4, 1] = 1
    assert optimal(measurement, y, u, v) not in (Verdict.PROVED, Verdict.SUPPORTED)


def test_zeros_alone_have_no_size():
    zero = np.zeros((5, 1))
    assert optimal(ALL, np.zeros(25), zero, zero) is Verdict.PROVED
    tiny = np.full((5, 1), 1e-20)
    assert optimal(ALL, np.zeros(25), tiny, tiny) not in (Verdict.PROVED, Verdict.SUPPORTED)
