"""Bounds on the rounding of cells, their derivatives and the objective, compared with exact fractions."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

import lowland as ll
from lowland.tensors import cell_rounding
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective
from oracles.tensors import fractions, tensor_of

SHAPE = (3, 2, 4)
KINDS = list(product(["tucker", "cp"], ["all", "some"]))


def exact_cells(objective, theta):
    """Known cells of a point of fractions."""
    parts = objective.model.unpack(theta)
    whole = tensor_of(None, parts) if isinstance(parts, tuple) else tensor_of(parts.core, parts.factors)
    return whole[tuple(objective.data.all_positions().T)]


def make(kind, known, rng, shape=SHAPE, weighted=False, strength=0.0):
    tensor = rng.standard_normal(shape)
    if known == "some":
        tensor[rng.random(shape) < 0.3] = np.nan
    weights = rng.uniform(0.5, 2, shape) if weighted else None
    data = ll.TensorObservations.from_array(tensor, weights=weights, empty_slices=True)
    if kind == "cp":
        return CPObjective(data, CP(shape, 3))
    return TuckerObjective(data, Tucker(shape, (2,) * len(shape)), strength)


def check(values, errors, exact, least):
    for number, bound, right in zip(values, errors, exact, strict=True):
        exactly = number if isinstance(number, Fraction) else Fraction(float(number))
        assert abs(exactly - right) <= Fraction(float(bound))
    assert errors.max() <= least


@pytest.mark.parametrize(("kind", "known"), KINDS)
def test_terms_along_a_line_are_within_their_bounds(kind, known, rng, monkeypatch):
    monkeypatch.setattr(cell_rounding, "PIECE", 9)  # one slice at a time
    objective = make(kind, known, rng)
    theta, d = rng.standard_normal((2, objective.size))
    found = objective.expand(theta, d)
    x, y = fractions(theta), fractions(d)
    # a polynomial of the fourth degree at most, known from five values
    ahead, here, behind = (exact_cells(objective, x + t * y) for t in (1, 0, -1))
    far, back = (exact_cells(objective, x + t * y) for t in (2, -2))
    check(found.values, found.value_errors, here, 1e-12)
    check(found.slopes, found.slope_errors, (8 * (ahead - behind) - (far - back)) / 12, 1e-12)
    bends = (16 * (ahead + behind) - (far + back) - 30 * here) / 12
    check(found.bends, found.bend_errors, bends, 1e-12)
    monkeypatch.setattr(cell_rounding, "MOST_CELLS", 9)  # more would take too much memory
    assert objective.expand(theta, d) is None


@pytest.mark.parametrize("scale", [1.0, 1e-55, 1e-110])
@pytest.mark.parametrize(("kind", "known"), KINDS)
def test_cells_are_within_their_bounds_also_where_products_underflow(kind, known, scale, rng):
    objective = make(kind, known, rng)
    theta = scale * rng.standard_normal(objective.size)
    error = objective.prediction_error(theta)
    check(objective.predict(theta), error, exact_cells(objective, fractions(theta)), 1e-13)


@pytest.mark.parametrize(("kind", "known"), KINDS)
def test_cells_with_twice_the_digits(kind, known, rng):
    objective = make(kind, known, rng)
    theta = rng.standard_normal(objective.size)
    theta[1::2] = -theta[:-1:2] * (1 + 1e-15 * rng.standard_normal(theta[1::2].size))  # terms that cancel
    found = objective.predict_closely(theta)
    assert found.high.shape == objective.y.shape
    right = exact_cells(objective, fractions(theta))
    check(fractions(found.high) + fractions(found.low), found.error, right, 1e-19)


def test_no_digits_are_claimed_of_numbers_out_of_range(rng):
    objective = make("cp", "all", rng)
    assert np.isinf(objective.predict_closely(1e-90 * rng.standard_normal(objective.size)).error).all()


@pytest.mark.parametrize(("kind", "known"), KINDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_objectives_are_within_their_bounds(kind, known, dtype, rng):
    objective = make(kind, known, rng, weighted=dtype == "float64", strength=0.3)
    for noise in (1.0, 1e-2):  # far from the data, and close
        theta = rng.standard_normal(objective.size).astype(dtype)
        exact = exact_cells(objective, fractions(theta))
        y = (exact.astype(float) + noise * rng.standard_normal(exact.size)).astype(dtype)
        here = replace(objective, data=replace(objective.data, values=y))
        weights = fractions(np.ones(y.size) if here.weights is None else here.weights)
        value = (weights * (exact - fractions(y)) ** 2).sum() / 2
        for penalty in here.penalties:
            value += Fraction(penalty.value(theta.astype(np.float64)))
        low, high = (Fraction(bound) for bound in here.value_bounds(theta))
        slack = sum(Fraction(penalty.value_error(theta)) for penalty in here.penalties)
        assert low - slack <= value <= high + slack
        assert high - low <= (1e-9 if dtype == "float64" else 0.1) * high
