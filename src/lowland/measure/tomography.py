"""Outcomes of Pauli measurements on qubits, as rank-one projections on product states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.measure.rank_one import RankOne

# eigenvectors of X, Y, Z for the eigenvalues 1 (outcome 0) and -1 (outcome 1)
EIGENVECTORS = {
    "X": np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    "Y": np.array([[1, 1j], [1, -1j]]) / np.sqrt(2),
    "Z": np.eye(2),
}
MOST_QUBITS = 12


def pauli_outcomes(settings: Sequence[str], outcomes: Sequence[str]) -> RankOne:
    """Return measurements of the probabilities of outcomes of single-qubit Pauli measurements.

    Parameters
    ----------
    settings : sequence of str, length p
        A letter X, Y or Z for each qubit.
    outcomes : sequence of str, length p
        A digit for each qubit: 0 for the eigenvalue 1, 1 for -1.

    Returns
    -------
    RankOne
        a_k^H X a_k with the product state a_k of each outcome, shape (2^q, 2^q).

    Raises
    ------
    InvalidInputError
        If lengths differ, or a letter or digit is unknown.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> plus = np.full((2, 2), 0.5)
    >>> ll.pauli_outcomes(["X", "Z"], ["0", "1"]).measure_matrix(plus).real.round(12)
    array([1. , 0.5])
    """
    if len(settings) != len(outcomes) or not len(settings):
        raise InvalidInputError(
            "settings and outcomes must have the same number of words, at least one",
            f"{len(settings)} and {len(outcomes)}",
        )
    qubits = len(settings[0])
    if not 1 <= qubits <= MOST_QUBITS:
        raise InvalidInputError(f"a setting must have 1 to {MOST_QUBITS} letters", repr(settings[0]))
    vectors = np.empty((len(settings), 2**qubits), complex)
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
        vector = np.ones(1, complex)
        for letter, digit in zip(setting, outcome, strict=True):
            vector = np.kron(vector, EIGENVECTORS[letter][int(digit)])
        vectors[k] = vector
    return RankOne(vectors)
