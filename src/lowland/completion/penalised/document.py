"""Documents of what is proved about a completed table."""

from __future__ import annotations

from typing import Any

import numpy as np

from lowland.completion.columns.losses import Columns
from lowland.completion.penalised.model import CompletionModel
from lowland.completion.penalised.settings import BIASES
from lowland.core.arrays import Vector
from lowland.core.cells.observations import Observations
from lowland.core.results.findings import Certificate
from lowland.losses import Clipped, Ordinal
from lowland.recheck.documents import Document


def table_document(
    model: CompletionModel,
    table: Observations,
    certificate: Certificate,
    *,
    scaling: tuple[Vector, Vector] | None = None,
) -> Document:
    """Return a certificate with the problem and the point that it is about.

    Parameters
    ----------
    model : CompletionModel
        The point.
    table : Observations
        The data as they are read.
    certificate : Certificate
    scaling : pair of ndarray, shape (n,), optional
        Centre and spread of each column, if the problem is about standardised columns.
    """
    kept = BIASES if model.columns is None else model.columns.biases
    problem: dict[str, Any] = {
        "biases": [side for side in BIASES if side in kept] if model.biases else [],
        "penalty": float(model.penalty),
        "bias_penalty": float(model.bias_penalty),
        "penalty_weights": model.penalty_weights,
        "nonnegative": bool(model.nonnegative),
        "columns": None if model.columns is None else _plain(model.columns),
        "scaling": None,
        "powers": None,
        "dtype": str(table.values.dtype),
    }
    if model.unlisted_weight:
        problem["unlisted"] = {"value": model.unlisted, "weight": float(model.unlisted_weight)}
    if scaling is not None:
        problem["scaling"] = {
            name: part.tolist() for name, part in zip(("centres", "spreads"), scaling, strict=True)
        }
    point = {
        name: getattr(model, name).astype(np.float64)
        for name in ("row_factors", "column_factors", "row_biases", "column_biases")
    }
    point["offset"] = np.asarray(float(model.offset) - model.unlisted)
    return Document("table", table.fingerprint(), problem, point, certificate)


def _plain(columns: Columns) -> dict[str, Any]:
    kinds = []
    for kind in columns.kinds:
        loss, numbers = kind.loss, []
        if isinstance(loss, Clipped):
            numbers = [loss.lowest, loss.highest, loss.width]
        elif isinstance(loss, Ordinal):
            numbers = list(loss.thresholds)
        kinds.append({"loss": loss.name, "numbers": numbers, "levels": list(kind.levels)})
    plain: dict[str, Any] = {"kinds": kinds, "which": columns.which.tolist()}
    for name in ("centres", "spreads", "shifts", "precisions"):
        plain[name] = np.asarray(getattr(columns, name), np.float64).tolist()
    return plain
