"""Proofs that measurements determine every matrix, low-rank or not, beside the rank of their plain table."""

import itertools

import numpy as np
import pytest

import lowland as ll
from lowland.core.status import Verdict


def whole_rank(measurement, structure):
    """Return the real rank on all matrices of the structure, and their dimension, from a basis."""
    m, n = measurement.shape
    is_complex = np.dtype(measurement.dtype).kind == "c"
    units = [np.outer(np.eye(m)[i], np.eye(n)[j]) for i in range(m) for j in range(n)]
    units += [1j * unit for unit in units] if is_complex else []
    if structure != "general":
        units = [unit + unit.conj().T for unit in units]
    basis = np.array([np.r_[unit.real.ravel(), unit.imag.ravel()] for unit in units])
    columns = [np.asarray(measurement.measure_matrix(unit)) for unit in units]
    table = np.array([np.r_[column.real, column.imag] for column in columns])
    if structure == "density":  # the trace is known
        table = np.c_[table, [np.trace(unit).real for unit in units]]
    return np.linalg.matrix_rank(table, tol=1e-9), np.linalg.matrix_rank(basis)


def pauli(words):
    return ll.Pauli([word for word in map("".join, itertools.product("IXYZ", repeat=2)) if word in words])


WORDS = ["".join(word) for word in itertools.product("IXYZ", repeat=2)]
G = np.random.default_rng(0)
VECTORS, OTHERS = (
    G.integers(-4, 5, (10, 4)).astype(float),
    G.integers(-4, 5, (16, 4)) + 1j * G.integers(-4, 5, (16, 4)),
)
SKEW = np.array([np.eye(3, k=1) - np.eye(3, k=-1)] * 2 + [np.diag(row) for row in np.eye(3)])
CASES = {
    "all words": (pauli(WORDS), "psd"),
    "one word short": (pauli(WORDS[:7] + WORDS[8:]), "psd"),
    "the trace is known": (pauli(WORDS[1:]), "density"),
    "the trace is not": (pauli(WORDS[1:]), "psd"),
    "real vectors": (ll.RankOne(VECTORS), "psd"),
    "too few vectors": (ll.RankOne(VECTORS[:9]), "psd"),
    "complex vectors": (ll.RankOne(OTHERS), "psd"),
    "too few complex vectors": (ll.RankOne(OTHERS[:15]), "psd"),
    "real matrices": (ll.Dense(G.integers(-3, 4, (12, 3, 4)).astype(float)), "general"),
    "a repeated matrix": (
        ll.Dense(np.repeat(G.integers(-3, 4, (6, 3, 4)).astype(float), 2, axis=0)),
        "general",
    ),
    "skew parts count for nothing": (ll.Dense(SKEW), "psd"),
    "complex matrices": (
        ll.Dense(G.integers(-3, 4, (6, 2, 3)) + 1j * G.integers(-3, 4, (6, 2, 3))),
        "general",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_proved_exactly_where_the_rank_is_full(name):
    measurement, structure = CASES[name]
    rank, dimension = whole_rank(measurement, structure)
    found = ll.diagnose(measurement, rank=1, structure=structure, rng=0).unique
    full = found.verdict is Verdict.PROVED and "every matrix" in found.method
    assert full == (rank == dimension), (rank, dimension, found.method)


def test_last_digits_prove_nothing():
    """The third matrix is a combination of the others but for rounding, so the rank is full by accident."""
    arrays = G.standard_normal((4, 2, 2))
    arrays[3] = 0.1 * arrays[0] + 0.7 * arrays[1] - 0.3 * arrays[2]
    found = ll.diagnose(ll.Dense(arrays), rank=2, rng=0).unique
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "last digits" in found.method
    arrays[3] += [[0, 0], [0, 1e-3]]
    scaled = arrays * np.array([1, 1e-12, 1e9, 1])[:, None, None]
    assert ll.diagnose(ll.Dense(scaled), rank=2, rng=0).unique.verdict is Verdict.PROVED
