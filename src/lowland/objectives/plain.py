"""A recovery problem as plain arrays, from which re-checks derive everything again."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.promises.protocols import Loss
from lowland.core.results.findings import Certificate
from lowland.losses import (
    Balancing,
    Binomial,
    Clipped,
    LogPoisson,
    Mixed,
    Ordinal,
    Poisson,
    Squared,
    robust_name,
)
from lowland.measure import Entries, RealParts
from lowland.models import General
from lowland.objectives.problem import RecoveryProblem
from lowland.recheck.documents import Document
from lowland.recheck.matrices.measurements import are_given, measured_fingerprint, measuring_matrices
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.plain_losses import PlainLoss, PlainLosses


def plain_problem(objective: RecoveryProblem, theta: Vector, words: str) -> MatrixProblem:
    """Return a problem and a point of it as plain arrays.

    Parameters
    ----------
    objective : RecoveryProblem
        In float64.
    theta : ndarray, shape (size,)
    words : str
        A description of the problem.
    """
    model = objective.model
    if isinstance(model, General):
        u, v, a, b, c = model.unpack(theta)
    else:
        u = v = np.asarray(model.unpack(theta))  # type: ignore[attr-defined]
        a, b, c = np.zeros(0), np.zeros(0), 0.0
    sides, y, weights = objective.side_weights, objective.y, objective.weights
    measurement, cells = objective.measurement, None
    if isinstance(measurement, Entries) and not model.is_complex:
        cells = (measurement.rows, measurement.columns)
        if objective.unlisted is not None:
            y, weights, cells = objective.unlisted.all_cells(y, weights)
    balancing = sum(p.strength for p in objective.penalties if isinstance(p, Balancing))
    matrices = None if cells is not None else _measuring_matrices(objective)
    base = measurement.base if isinstance(measurement, RealParts) else measurement
    return MatrixProblem(
        y=y,
        weights=np.ones(y.size) if weights is None else weights,
        u=u,
        v=v,
        cells=cells,
        matrices=matrices,
        exact=objective.bounds_rounding,
        losses=plain_losses(objective.loss),
        free=tuple(model.biases),
        row_biases=a,
        column_biases=b,
        offset=float(c),
        penalty=objective.penalty,
        bias_penalty=objective.bias_penalty,
        balancing=balancing,
        by_row=None if sides is None else sides[0],
        by_column=None if sides is None else sides[1],
        is_psd=model.is_psd,
        has_unit_trace=model.has_unit_trace,
        is_nonnegative=objective.is_nonnegative,
        words=words,
        is_given=are_given(base, matrices),
    )


def plain_losses(loss: Loss) -> PlainLosses:
    """Return a loss by its name and numbers."""
    if isinstance(loss, Mixed):
        return PlainLosses(
            tuple(_plain_loss(part) for part in loss.parts), loss.which, loss.shifts.astype(np.float64)
        )
    return PlainLosses((_plain_loss(loss),))


def _plain_loss(loss: Loss) -> PlainLoss:
    if isinstance(loss, Clipped):
        return PlainLoss(loss.name, (loss.lowest, loss.highest, loss.width))
    if isinstance(loss, Ordinal):
        return PlainLoss(loss.name, loss.thresholds)
    known = isinstance(loss, Squared | Poisson | Binomial | LogPoisson)
    return PlainLoss(loss.name if known else "unknown")


def _measuring_matrices(objective: RecoveryProblem) -> Matrix | None:
    stored, (m, n) = objective.matrices.rows(), objective.shape
    if stored is not None and not objective.model.is_complex:
        return stored.reshape(-1, m, n).astype(np.float64)
    return measuring_matrices(objective.measurement, twice=False, is_complex=objective.model.is_complex)


def recovery_document(objective: RecoveryProblem, theta: Vector, certificate: Certificate) -> Document:
    """Return a certificate with the problem and the point that it is about.

    Raises
    ------
    UnsupportedError
        If rows and columns are weighted in the penalties, or the loss is not one of measurements.
    """
    model, loss = objective.model, objective.loss
    robust = robust_name(loss)
    known = robust is not None or isinstance(loss, Squared | Poisson | Binomial)
    if objective.side_weights is not None or objective.unlisted is not None or not known:
        raise UnsupportedError(
            "documents of recoveries hold no weights of rows and columns, no unlisted cells and no losses by "
            "column",
            f"loss {loss.name}",
            fix="complete the table with MatrixCompletion, whose documents do",
        )
    exact = np.asarray(theta, np.float64)
    if isinstance(model, General):
        names = ("row_factors", "column_factors", "row_biases", "column_biases", "offset")
        point = {name: np.asarray(part) for name, part in zip(names, model.unpack(exact), strict=True)}
        for side in ("row", "column"):
            if side not in model.biases:
                point[f"{side}_biases"] = np.zeros(0)
    else:
        # as it was judged: a factor that is scaled to unit trace is rounded
        point = {"factor": np.asarray(model.unpack(exact))}  # type: ignore[attr-defined]
    problem = {
        "structure": model.name,
        "unit_trace": model.has_unit_trace,
        "nonnegative": objective.is_nonnegative,
        "biases": list(model.biases),
        "penalty": objective.penalty,
        "bias_penalty": objective.bias_penalty,
        "balancing": sum(p.strength for p in objective.penalties if isinstance(p, Balancing)),
        "loss": loss.name,
        "dtype": str(objective.dtype),
    }
    if robust is not None:
        problem["loss"], problem["threshold"] = robust
    data = measured_fingerprint(objective.y, objective.weights)
    return Document("measurements", data, problem, point, certificate)
