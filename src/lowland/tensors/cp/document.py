"""Documents of what is proved about a CP decomposition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.results.findings import Certificate
from lowland.recheck.documents import Document
from lowland.recheck.tensors.cp_problem import CPProblem
from lowland.recheck.tensors.documents import CONSTRAINTS, cp_problem
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.plain import plain_cells
from lowland.tensors.cp.constraints import Constraints, FactorConstraint


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
    return Document("cp", plain_cells(data).fingerprint(), problem, point, certificate)


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
    return replace(cp_problem(document, plain_cells(data)), words=words)
