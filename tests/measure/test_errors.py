"""Measurements refuse what they cannot measure, in words."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from lowland.core.errors import InvalidInputError
from lowland.datasets import data_path, false_minimum, planted_completion
from lowland.measure import (
    Dense,
    Entries,
    Fourier,
    Linear,
    Pauli,
    RankOne,
    Stacked,
    blind_deconvolution,
    coded_diffraction,
    gaussian,
)


def test_a_wrong_adjoint_is_found_by_the_dot_test():
    matrix = np.random.default_rng(0).standard_normal((5, 6))
    wrong = LinearOperator(
        (5, 6), matvec=lambda x: matrix @ x, rmatvec=lambda w: -(matrix.T @ w), dtype=float
    )
    with pytest.raises(InvalidInputError, match="does not match its forward map"):
        Linear(wrong, (2, 3))
    forgotten = matrix * (1 + 1j)
    unconjugated = LinearOperator(
        (5, 6), matvec=lambda x: forgotten @ x, rmatvec=lambda w: forgotten.T @ w, dtype=complex
    )
    with pytest.raises(InvalidInputError, match="does not match its forward map"):
        Linear(unconjugated, (2, 3))
    with pytest.raises(InvalidInputError, match="adjoint of left does not match"):
        RankOne(unconjugated)
    slightly = LinearOperator(
        (5, 6), matvec=lambda x: matrix @ x, rmatvec=lambda w: (1 + 1e-6) * (matrix.T @ w), dtype=float
    )
    with pytest.raises(InvalidInputError, match="does not match its forward map"):
        Linear(slightly, (2, 3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Linear(np.ones((5, 6)), (2, 2)), "does not fit the shape"),
        (lambda: Dense(np.ones((3, 2))), "3 dimensions"),
        (lambda: Dense(np.full((1, 2, 2), np.nan)), "finite"),
        (lambda: Dense(np.arange(4.0).reshape(1, 2, 2), symmetric=True), "not symmetric"),
        (lambda: Entries([0, 5], [0, 0], (2, 2)), "between 0 and 1"),
        (lambda: Entries([0], [0, 1], (2, 2)), "equally long"),
        (lambda: Entries([0.5], [0], (2, 2)), "integer"),
        (lambda: gaussian(0, (2, 2)), "positive"),
        (lambda: gaussian(3, (2, 2), symmetric=True, dtype="complex128"), "real"),
        (lambda: Linear("words", (2, 3)), "not a linear operator"),
        (lambda: RankOne(np.ones((3, 2)), np.ones((4, 2))), "same number of vectors"),
        (lambda: RankOne([[1.0, np.inf]]), "finite"),
        (lambda: RankOne([[1.0, 1j * np.nan]]), "finite"),
        (lambda: coded_diffraction(np.ones(4)), "stack of images"),
        (lambda: blind_deconvolution(np.eye(3), np.eye(4)), "equally long"),
        (lambda: Pauli([]), "list of strings"),
        (lambda: Pauli("XX"), "list of strings"),
        (lambda: Pauli(["XX", "XYZ"]), "'XYZ' at position 1 has 3 letters"),
        (lambda: Pauli(["XX", "XA"]), "'XA' at position 1, letter 1"),
        (lambda: Pauli(["X" * 40]), "1 to 30 letters"),
        (lambda: Fourier(np.ones((2, 2))), "boolean"),
        (lambda: Fourier(np.zeros((2, 2), bool)), "selects something"),
        (lambda: Stacked([]), "empty list"),
        (lambda: Stacked([Entries([0], [0], (2, 2)), Entries([0], [0], (2, 3))]), "one shape"),
        (lambda: Stacked([np.eye(2)]), "must be a measurement"),
        (lambda: gaussian(3, 3), "pair of whole numbers"),
        (lambda: data_path("ratings"), "unknown"),
        (lambda: false_minimum(1.5), "between 0 and 1"),
        (lambda: planted_completion((4, 4), 2, 9.0, 0), "does not fit"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


def test_symmetric_measurements_are_packed():
    full = gaussian(7, (5, 5), 0)
    half = full.symmetrised()
    assert half.symmetric
    assert half.symmetrised() is half
    assert half._table.shape == (7, 15)
    np.testing.assert_allclose(half.arrays, (full.arrays + full.arrays.transpose(0, 2, 1)) / 2)
    matrix = np.random.default_rng(1).standard_normal((5, 5))
    symmetric = matrix + matrix.T
    np.testing.assert_allclose(half.measure_matrix(symmetric), full.measure_matrix(symmetric))


def test_matrices_in_another_precision():
    full = gaussian(7, (5, 5), 0, symmetric=True)
    single = full.astype(np.float32)
    assert single.dtype == np.float32
    assert single.symmetric
    np.testing.assert_array_equal(single.arrays, full.arrays.astype(np.float32))
    assert full.dtype == np.float64
    for wrong in (complex, int, "float16", ">f8"):
        with pytest.raises(InvalidInputError, match="precision of the field"):
            full.astype(wrong)


@pytest.mark.parametrize("rows", [[], [1], [0, 1, 1, 2, 1]])
def test_repeats_are_counted(rows):
    measurement = Entries(rows, np.zeros(len(rows), int), (3, 2))
    assert measurement.repeats == max([1, *(rows.count(k) for k in rows)])
