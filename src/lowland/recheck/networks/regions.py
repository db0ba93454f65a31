"""Problems of documents about the activation region of a network, given the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.cells.fingerprints import ARRAYS, fingerprint_of_arrays
from lowland.core.errors import FileFormatError
from lowland.recheck.documents import Document, Settings
from lowland.recheck.networks.problem import NetworkProblem


def data_fingerprint(inputs: Matrix, targets: Vector | None, version: int = ARRAYS[-1]) -> str:
    """Return the fingerprint of inputs and targets."""
    parts = (None if part is None else np.asarray(part, np.float64) for part in (inputs, targets))
    return fingerprint_of_arrays(repr(inputs.shape), parts, version)


def layers_of(weights: tuple[Matrix, ...], biases: tuple[Vector | None, ...]) -> dict[str, Any]:
    """Return the layers of a network as the arrays of a point."""
    point: dict[str, Any] = {f"weight_{k}": w for k, w in enumerate(weights)}
    return point | {f"bias_{k}": b for k, b in enumerate(biases) if b is not None}


def region_problem(document: Document, inputs: Matrix, targets: Vector | None) -> NetworkProblem:
    """Return the problem that a document states on data.

    Raises
    ------
    FileFormatError
        If settings or layers cannot be read, or do not fit the data.
    """
    settings = Settings(document.problem)
    trained = settings.word("trained", ("first", "all"))
    settings.close()
    weights, biases = network_of(document, inputs.shape[1])
    words = "first layer" if trained == "first" else "all layers"
    sizes = " -> ".join(str(w.shape[1]) for w in weights)
    return NetworkProblem(
        weights,
        biases,
        inputs,
        targets,
        trained,
        f"squared loss of a ReLU network {sizes} -> 1 on {len(inputs)} points, {words} trained",
    )


def network_of(document: Document, dimension: int) -> tuple[tuple[Matrix, ...], tuple[Vector | None, ...]]:
    """Return the weights and biases of a document's network.

    Raises
    ------
    FileFormatError
        If they do not make a network of one output on inputs of the dimension.
    """
    point, depth = document.point, 0
    while f"weight_{depth}" in point:
        depth += 1
    known = {f"{kind}_{k}" for kind in ("weight", "bias") for k in range(depth)}
    weights = tuple(point[f"weight_{k}"] for k in range(depth))
    biases = tuple(point.get(f"bias_{k}") for k in range(depth))
    width, fits = dimension, depth >= 2 and set(point) <= known
    for w, b in zip(weights, biases, strict=True):
        fits = fits and w.ndim == 2 and w.shape[1] == width and not np.iscomplexobj(w)
        fits = fits and (b is None or (b.shape == (len(w),) and not np.iscomplexobj(b)))
        width = len(w) if fits else 0
    if not fits or width != 1:
        raise FileFormatError("the certificate's layers make no network on the data", f"{dimension} inputs")
    return weights, biases
