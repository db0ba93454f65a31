"""Jacobians of measurements at random integer factors, modulo a prime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.core.protocols import Measurement, Model, ModularJacobian
from lowland.kernels import modular
from lowland.measure import Dense, Entries
from lowland.models import Psd


def make_modular_jacobian(measurement: Measurement, model: Model) -> ModularJacobian | None:
    """Return the modular Jacobian of a pair, or None where it is not to be had.

    General matrices seen entry by entry have a sparse one of their own (`certify.identifiability`).
    """
    if isinstance(model, Psd) and model.unit_trace:
        return None  # the constraint on the trace is not among the rows
    if isinstance(measurement, Dense) and (isinstance(model, Psd) or not getattr(model, "biases", ())):
        return DenseModular(measurement.source, model.rank, isinstance(model, Psd), model.degrees_of_freedom)
    if isinstance(measurement, Entries) and isinstance(model, Psd):
        return SymmetricEntriesModular(measurement, model.rank, model.degrees_of_freedom)
    return None


@final
@dataclass(frozen=True, eq=False)
class DenseModular:
    """Jacobian of the inner products with given matrices, whose floats are exact fractions."""

    measurement: Dense
    rank: int
    symmetric: bool
    expected_rank: int

    def matrix(self, prime: int, rng: np.random.Generator, most: int | None = None) -> NDArray[np.float64]:
        """Return residues modulo `prime` at a random point, shape (p, unknowns), or some of the rows."""
        measurement = self.measurement
        if most is not None and most < measurement.size:
            measurement = measurement.subset(rng.choice(measurement.size, most, replace=False))
        (m, n), p = measurement.shape, measurement.size
        arrays = modular.residues(measurement.arrays, prime)
        u = rng.integers(0, prime, (m, self.rank)).astype(np.float64)
        if self.symmetric:
            both = np.mod(arrays + arrays.transpose(0, 2, 1), prime)
            return modular.multiply(both.reshape(p * m, n), u, prime).reshape(p, m * self.rank)
        v = rng.integers(0, prime, (n, self.rank)).astype(np.float64)
        for_u = modular.multiply(arrays.reshape(p * m, n), v, prime).reshape(p, m * self.rank)
        turned = np.ascontiguousarray(arrays.transpose(0, 2, 1)).reshape(p * n, m)
        return np.hstack([for_u, modular.multiply(turned, u, prime).reshape(p, n * self.rank)])


@final
@dataclass(frozen=True, eq=False)
class SymmetricEntriesModular:
    """Jacobian of entries of U U^T."""

    measurement: Entries
    rank: int
    expected_rank: int

    def matrix(self, prime: int, rng: np.random.Generator, most: int | None = None) -> NDArray[np.float64]:
        """Return residues modulo `prime` at a random point, shape (p, n rank); all rows are cheap."""
        n, r, p = self.measurement.shape[0], self.rank, self.measurement.size
        u: Matrix = rng.integers(0, prime, (n, r)).astype(np.float64)
        jacobian = np.zeros((p, n, r))
        at = np.arange(p)
        np.add.at(jacobian, (at, self.measurement.rows), u[self.measurement.columns])
        np.add.at(jacobian, (at, self.measurement.columns), u[self.measurement.rows])
        return np.mod(jacobian, prime).reshape(p, n * r)
