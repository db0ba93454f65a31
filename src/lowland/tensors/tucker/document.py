"""Documents of what is proved about a Tucker decomposition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lowland.core.results.findings import Certificate
from lowland.recheck.documents import Document
from lowland.recheck.tensors.documents import tensor_problem
from lowland.recheck.tensors.problem import TensorProblem
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.plain import plain_cells
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
    return Document("tensor", plain_cells(data).fingerprint(), problem, point, certificate)


def plain_problem(
    data: TensorObservations, parts: TuckerTensor, strength: float, words: str
) -> TensorProblem:
    """Return a problem and a point of it as plain arrays."""
    document = tensor_document(data, parts, strength, Certificate(()))
    return replace(tensor_problem(document, plain_cells(data)), words=words)
