"""Outcomes of Pauli measurements on qubits, as rank-one projections on product states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, check_floats
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.measure.dense import Dense
from lowland.measure.rank_one import RankOne

# eigenvectors of X, Y, Z for the eigenvalues 1 (outcome 0) and -1 (outcome 1)
EIGENVECTORS: dict[str, Matrix] = {
    "X": np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    "Y": np.array([[1, 1j], [1, -1j]]) / np.sqrt(2),
    "Z": np.eye(2),
}
MOST_QUBITS = 12


@public("lowland")
def pauli_outcomes(
    settings: Sequence[str], outcomes: Sequence[str], readout: ArrayLike | None = None
) -> RankOne | Dense:
    """Return measurements of the probabilities of outcomes of single-qubit Pauli measurements.

    Parameters
    ----------
    settings : sequence of str, length p
        A letter X, Y or Z for each qubit.
    outcomes : sequence of str, length p
        A digit for each qubit: 0 for the eigenvalue 1, 1 for -1.
    readout : array_like, shape (2, 2) or (q, 2, 2), optional
        Errors of the detectors, of all qubits or each: entry [i, j] is the probability that i is read where j
        is true. Columns sum to one.

    Returns
    -------
    RankOne
        a_k^H X a_k with the product state a_k of each outcome, shape (2^q, 2^q).
    Dense
        With errors of detectors, tr(E_k X) with the element E_k of each outcome.

    Raises
    ------
    InvalidInputError
        If lengths differ, a letter or digit is unknown, or `readout` does not hold probabilities.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> plus = np.full((2, 2), 0.5)
    >>> ll.pauli_outcomes(["X", "Z"], ["0", "1"]).measure_matrix(plus).real.round(12)
    array([1. , 0.5])
    """
    qubits = _check_words(settings, outcomes)
    if readout is not None:
        return Dense(_elements(settings, outcomes, check_readout(readout, qubits)))
    vectors = np.empty((len(settings), 2**qubits), complex)
    for k, (setting, outcome) in enumerate(zip(settings, outcomes, strict=True)):
        vector = np.ones(1, complex)
        for letter, digit in zip(setting, outcome, strict=True):
            vector = np.kron(vector, EIGENVECTORS[letter][int(digit)])
        vectors[k] = vector
    return RankOne(vectors)


def check_readout(readout: ArrayLike, qubits: int) -> Matrix:
    """Return the probabilities of readings for each qubit, shape (q, 2, 2).

    Raises
    ------
    InvalidInputError
        If they are of another shape, or no probabilities.
    """
    table = check_floats(readout, "readout", dtype="float64")
    if table.shape == (2, 2):
        table = np.tile(table, (qubits, 1, 1))
    if table.shape != (qubits, 2, 2):
        raise InvalidInputError(
            "readout must be one 2 x 2 matrix, or one per qubit", f"shape {table.shape} for {qubits} qubits"
        )
    if table.min() < 0 or not np.allclose(table.sum(axis=1), 1.0, atol=1e-9):
        raise InvalidInputError(
            "readout must hold probabilities, whose columns sum to one",
            f"smallest {table.min():g}, sums {np.unique(table.sum(axis=1).round(6)).tolist()}",
            "entry [i, j] is the probability that i is read where j is true",
            "transpose it if its rows sum to one",
        )
    return table


def _elements(settings: Sequence[str], outcomes: Sequence[str], readout: Matrix) -> Matrix:
    """Return the elements of the measurements, shape (p, 2^q, 2^q)."""
    single = {
        letter: np.einsum("ka,kb->kab", vectors, vectors.conj()) for letter, vectors in EIGENVECTORS.items()
    }
    out = []
    for setting, outcome in zip(settings, outcomes, strict=True):
        element = np.ones((1, 1), complex)
        for q, (letter, digit) in enumerate(zip(setting, outcome, strict=True)):
            element = np.kron(element, np.tensordot(readout[q, int(digit)], single[letter], axes=1))
        out.append(element)
    return np.array(out)


def _check_words(settings: Sequence[str], outcomes: Sequence[str]) -> int:
    """Return the number of qubits, or raise if settings and outcomes do not fit each other."""
    if len(settings) != len(outcomes) or not len(settings):
        raise InvalidInputError(
            "settings and outcomes must have the same number of words, at least one",
            f"{len(settings)} and {len(outcomes)}",
        )
    qubits = len(settings[0])
    if not 1 <= qubits <= MOST_QUBITS:
        raise InvalidInputError(f"a setting must have 1 to {MOST_QUBITS} letters", repr(settings[0]))
    for k, (setting, outcome) in enumerate(zip(settings, outcomes, strict=True)):
        if len(setting) != qubits or len(outcome) != qubits:
            raise InvalidInputError(
                "settings and outcomes must have one letter and one digit per qubit",
                f"{setting!r} with {outcome!r} at position {k}, for {qubits} qubits",
            )
        if not (set(setting) <= set("XYZ") and set(outcome) <= set("01")):
            raise InvalidInputError(
                "settings must consist of X, Y, Z and outcomes of 0, 1",
                f"{setting!r} with {outcome!r} at position {k}",
            )
    return qubits
