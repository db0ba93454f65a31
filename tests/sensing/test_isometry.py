"""Constants of restricted isometry: exact where they are known, and never outside their bracket."""

from itertools import product

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.sensing import isometry


@pytest.mark.covering
@pytest.mark.parametrize("delta", [0.05, 0.2, 0.45, 0.5, 0.6, 0.9])
@pytest.mark.parametrize("rank", [1, 2])
def test_the_family_of_false_minima(delta, rank):
    """Its constant is delta at every rank; matrices of rank one have ratios from 1 to 1 + delta."""
    instance, _ = ll.datasets.false_minimum(delta)
    found = ll.restricted_isometry(instance.measurement, rank, structure="psd", rng=0)
    for bound in (found.lower, found.upper, found.scaled_upper):
        assert bound == pytest.approx(delta, abs=1e-6)
    assert found.scaled_lower == pytest.approx(delta if rank == 2 else delta / (2 + delta), abs=1e-6)
    assert found.lower <= found.upper * (1 + 1e-12)


def isometries():
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0].reshape(12, 4, 3)
    rows, columns = np.indices((4, 3)).reshape(2, -1)
    return {
        "orthonormal basis": ll.Dense(basis),
        "all cells": ll.Entries(rows, columns, (4, 3)),
        "all cells twice": ll.Entries(np.tile(rows, 2), np.tile(columns, 2), (4, 3)),
        "all Pauli words": ll.Pauli(["".join(word) for word in product("IXYZ", repeat=2)]),
        "all frequencies": ll.Fourier(np.ones((4, 4), bool)),
    }


@pytest.mark.parametrize("name", isometries())
@pytest.mark.parametrize("structure", ["general", "psd"])
def test_isometries(name, structure):
    measurement = isometries()[name]
    if structure == "psd" and measurement.shape[0] != measurement.shape[1]:
        with pytest.raises(InvalidInputError, match="square"):
            ll.restricted_isometry(measurement, 1, structure=structure)
        return
    found = ll.restricted_isometry(measurement, 2, structure=structure, n_starts=3, rng=0)
    assert 0 <= found.scaled_lower <= 1e-9
    assert found.scaled_upper <= 1e-9


def small_operators():
    rng = np.random.default_rng(1)
    rows, columns = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 1])
    return [
        *(ll.gaussian(p, (2, 2), seed) for seed, p in enumerate((3, 4, 6, 20, 100))),
        ll.RankOne(rng.standard_normal((6, 2))),
        ll.Entries(rows, columns, (2, 2)),
        ll.Entries(rows[:3], columns[:3], (2, 2)),
        ll.Linear(rng.standard_normal((7, 4)), (2, 2)),
        ll.datasets.false_minimum(0.3)[0].measurement,
    ]


@pytest.mark.covering
@pytest.mark.parametrize(
    ("rank", "structure", "which"),
    [
        # every day each operator with one structure at rank one and with the other at rank two
        pytest.param(rank, structure, k, marks=[pytest.mark.slow] if (rank + is_psd + k) % 2 else [])
        for rank in (1, 2)
        for is_psd, structure in enumerate(("general", "psd"))
        for k in range(10)
    ],
)
def test_no_bracket_is_violated(which, rank, structure):
    """Matrices of rank one on a fine grid of angles; those of full rank by singular values."""
    measurement = small_operators()[which]
    basis = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [1, 0]], [[0, 1], [-1, 0]]], float)
    basis[2:] *= np.sqrt(0.5)
    images = np.stack(
        [measurement.measure_matrix(one) for one in basis[: 3 if structure == "psd" else 4]], axis=1
    )
    if rank == 2:
        ratios = np.linalg.eigvalsh(images.T @ images)
    else:
        a = np.linspace(0, np.pi, 501)
        left, right = np.meshgrid(a, a if structure == "general" else a[:1], indexing="ij")
        right = left if structure == "psd" else right
        u, v = (np.stack([np.cos(x), np.sin(x)], axis=-1) for x in (left, right))
        cube = (u[..., :, None] * v[..., None, :]).reshape(-1, 4)
        coordinates = cube @ basis[: images.shape[1]].reshape(-1, 4).T
        # the triangle has the squares of all images
        ratios = np.sum((coordinates @ np.linalg.qr(images, mode="r").T) ** 2, axis=-1)
    low, high = max(float(ratios.min()), 0.0), float(ratios.max())
    found = ll.restricted_isometry(measurement, rank, structure=structure, n_starts=6, rng=0)
    assert found.smallest <= low + 1e-4 * high  # a grid misses the end by a little
    assert found.largest >= high * (1 - 1e-4)
    assert found.least is None or found.least <= found.smallest + 1e-9 * high
    assert found.most is None or found.most >= found.largest * (1 - 1e-9)
    exact = (high - low) / (high + low)
    assert found.scaled_lower <= exact + 1e-4
    assert found.scaled_upper is None or found.scaled_upper >= exact - 1e-9
    for factors, ratio in ((found.flattest, found.smallest), (found.steepest, found.largest)):
        x = factors.matrix()
        assert np.linalg.matrix_rank(x, tol=1e-9) <= rank
        assert np.linalg.norm(x) == pytest.approx(1)
        assert np.linalg.norm(measurement.measure_matrix(x)) ** 2 == pytest.approx(ratio, abs=1e-12 * high)
        if structure == "psd":
            np.testing.assert_allclose(x, x.T, atol=1e-12)


def test_fewer_measurements_than_unknowns():
    found = ll.restricted_isometry(ll.gaussian(20, (6, 6), 0), 1, rng=0)
    assert found.scaled_upper is None
    assert 0 < found.scaled_lower < 1
    assert "at most unknown" in str(found)


@pytest.mark.parametrize("structure", ["general", "psd"])
def test_an_unobserved_cell(structure):
    found = ll.restricted_isometry(ll.Entries([0, 1, 0], [0, 1, 1], (3, 3)), 1, structure=structure, rng=0)
    assert found.scaled_lower == pytest.approx(1)
    if structure == "general":
        assert (found.scaled_lower, found.scaled_upper) == (1, 1)


def test_complex_matrices():
    """The search over rank-one and Hermitian matrices agrees with the singular values over all."""
    rng = np.random.default_rng(2)
    measurement = ll.Dense(rng.standard_normal((30, 3, 3)) + 1j * rng.standard_normal((30, 3, 3)))
    for structure in ("general", "psd"):
        found = ll.restricted_isometry(measurement, 3, structure=structure, n_starts=8, rng=0)
        assert found.smallest == pytest.approx(found.least, rel=1e-5)
        assert found.largest == pytest.approx(found.most, rel=1e-5)


def test_larger_operators_by_search_alone():
    measurement = ll.gaussian(140, (28, 28), 0)
    found = ll.restricted_isometry(measurement, 1, n_starts=2, rng=0)
    assert found.least is None or found.scaled_upper is None
    assert found.largest > 140 / 28  # far from flat: fewer measurements than a rank-one matrix needs


def test_bad_input():
    measurement = ll.gaussian(9, (3, 3), 0)
    for arguments in ({"rank": 4}, {"rank": 1, "structure": "round"}, {"rank": 1, "n_starts": 0}):
        with pytest.raises(InvalidInputError):
            ll.restricted_isometry(measurement, **arguments)


def test_a_proof_without_its_charge_is_violated(monkeypatch):
    """The bound must hold for computed Gram matrices: without charges some true constant escapes it."""
    exact = np.full((9, 3, 3), 0.1)
    exact += np.eye(9).reshape(9, 3, 3)
    measurement = ll.Dense(exact)
    values = np.linalg.eigvalsh(np.eye(9) + 0.2 * np.ones((9, 9)) + 0.09 * np.ones((9, 9)))
    found = ll.restricted_isometry(measurement, 3, rng=0)
    assert found.least <= values[0]
    assert found.most >= values[-1]
    bound = isometry.eigenvalue_bound

    def too_small(matrix):
        given = bound(matrix)
        return type(given)(given.value * (1 - 1e-3), given.rigour, given.reason)

    monkeypatch.setattr(isometry, "eigenvalue_bound", too_small)
    assert ll.restricted_isometry(measurement, 3, rng=0).most < values[-1]
