"""Documents of what is proved about a tensor, and its problem as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.findings import Certificate
from lowland.recheck.cp_problem import CPProblem
from lowland.recheck.documents import Document
from lowland.recheck.tensor_problem import TensorProblem
from lowland.recheck.tensors import CONSTRAINTS, cp_problem, tensor_fingerprint, tensor_problem
from lowland.tensors.factor_constraints import Constraints, FactorConstraint
from lowland.tensors.observations import TensorObservations
from lowland.tensors.tucker_tensor import TuckerTensor


def tensor_document(
    data: TensorObservations, parts: TuckerTensor, strength: float, certificate: Certificate
) -> Document:
    """Return a certificate with the problem and the point that it is about.

    Parameters
    ----------
    data : TensorObservations
    parts : TuckerTensor
        The point.
    strength : float
        Of the regulariser.
    certificate : Certificate
    """
    point: dict[str, Any] = {"core": parts.core.astype(np.float64)}
    point |= {f"factor_{n}": factor.astype(np.float64) for n, factor in enumerate(parts.factors)}
    problem = {"strength": float(strength), "dtype": str(data.values.dtype)}
    return Document("tensor", tensor_fingerprint(*cells_of(data)), problem, point, certificate)


def plain_problem(
    data: TensorObservations, parts: TuckerTensor, strength: float, words: str
) -> TensorProblem:
    """Return a problem and a point of it as plain arrays."""
    document = tensor_document(data, parts, strength, Certificate(()))
    return replace(tensor_problem(document, *cells_of(data)), words=words)


def cp_document(
    data: TensorObservations,
    factors: Sequence[Matrix],
    constraints: Constraints,
    certificate: Certificate,
) -> Document:
    """Return a certificate of a CP decomposition with the problem and the point that it is about."""
    point: dict[str, Any] = {f"factor_{n}": factor.astype(np.float64) for n, factor in enumerate(factors)}
    signs = [f"mode {n}" for n, own in enumerate(constraints) if own.nonnegative]
    problem: dict[str, Any] = {"nonnegative": signs, "dtype": str(data.values.dtype)}
    if not all(own.allows_mixing for own in constraints):
        problem[CONSTRAINTS] = [_plain_constraint(own) for own in constraints]
    return Document("cp", tensor_fingerprint(*cells_of(data)), problem, point, certificate)


def _plain_constraint(own: FactorConstraint) -> dict[str, Any]:
    known = None
    if own.known is not None:
        known = [[None if np.isnan(entry) else float(entry) for entry in line] for line in own.known]
    return {"functions": own.functions or 0, "known": known}


def plain_cp(
    data: TensorObservations, factors: Sequence[Matrix], constraints: Constraints, words: str
) -> CPProblem:
    """Return a problem of CP decompositions and a point of it as plain arrays."""
    document = cp_document(data, factors, constraints, Certificate(()))
    return replace(cp_problem(document, *cells_of(data)), words=words)


def cells_of(data: TensorObservations) -> tuple[tuple[int, ...], Vector, Any, Vector | None]:
    """Return shape, values, positions and weights of the known cells."""
    return data.shape, data.values, data.all_positions(), data.weights
