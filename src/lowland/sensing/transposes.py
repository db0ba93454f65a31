"""Symmetric measuring matrices: a general matrix and its transpose measure alike."""

from __future__ import annotations

import numpy as np

from lowland.core.promises.protocols import Measurement
from lowland.core.results.findings import Certificate
from lowland.core.results.status import Verdict
from lowland.core.wording import Option, Words
from lowland.objectives import RecoveryObjective

# asymmetry, relative to the measuring matrices, that counts as rounding
ALIKE = 1e-12


def all_symmetric(measurement: Measurement) -> bool:
    """Return whether all measuring matrices are real and symmetric, but for rounding.

    A random sum of them is symmetric if all are, and otherwise with probability 0. It costs two products.

    Parameters
    ----------
    measurement : Measurement
    """
    (m, n), dtype = measurement.shape, np.dtype(measurement.dtype)
    if m != n or m == 1 or dtype.kind != "f":
        return False
    rng = np.random.default_rng(0)
    total = measurement.adjoint(rng.standard_normal(measurement.size).astype(dtype))
    vector = rng.standard_normal((n, 1)).astype(dtype)
    one, other = total.matmat(vector), total.rmatmat(vector)
    if np.iscomplexobj(one):
        return False
    room = ALIKE if dtype == np.float64 else np.finfo(dtype).eps * n
    return bool(np.linalg.norm(one - other) <= room * np.linalg.norm(one))


def transpose_advice(objective: RecoveryObjective, certificate: Certificate | None) -> Words | None:
    """Return what to do where a general matrix is not determined because all measurements are symmetric.

    Parameters
    ----------
    objective : RecoveryObjective
    certificate : Certificate or None

    Returns
    -------
    Words or None
        None where it is determined, or not judged, or may be for another reason.
    """
    claim = "uniquely_determined"
    if certificate is None or claim not in certificate or objective.model.is_psd:
        return None
    open_ones = (Verdict.REFUTED, Verdict.INCONCLUSIVE)
    if certificate[claim].verdict not in open_ones or not all_symmetric(objective.measurement):
        return None
    return Words(
        "the measuring matrices are symmetric, so that a matrix and its transpose measure alike; if the "
        "matrix is positive semidefinite, pass ",
        Option("structure", "psd"),
    )
