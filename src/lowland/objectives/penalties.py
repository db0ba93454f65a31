"""Penalties of a recovery problem: built from their strengths, and resized for another rank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector, check_floats
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import Measurement, Model, Penalty
from lowland.losses import Balancing, BiasRidge, Ridge
from lowland.measure import Entries
from lowland.models import General, Psd
from lowland.objectives.unlisted import Unlisted

# row and column weights further from one than this would lose digits in the scaling
SMALLEST_WEIGHT = 1e-100


def make_penalties(
    model: Model,
    measurement: Measurement,
    *,
    penalty: float,
    balancing: float,
    bias_penalty: float,
    side_weights: tuple[ArrayLike, ArrayLike] | None,
) -> tuple[Penalty, ...]:
    """Return the penalties of a model from their strengths, checked.

    Parameters
    ----------
    model : Model
    measurement : Measurement
    penalty : float
        Strength of the ridge on the factors, that is of the nuclear norm.
    balancing : float
        Strength of the balancing term.
    bias_penalty : float
        Strength of the ridge on row and column biases.
    side_weights : tuple of array_like, or None
        Positive weights of rows and of columns, shapes (m,) and (n,): both ridges multiply a row or
        column by its weight.

    Raises
    ------
    InvalidInputError
        If a strength is negative, or the model or the measurement does not support a penalty.
    """
    for name, strength in (("penalty", penalty), ("balancing", balancing), ("bias penalty", bias_penalty)):
        if not (np.isfinite(strength) and strength >= 0):
            raise InvalidInputError(f"{name} must be a finite number of at least 0", repr(strength))
    if balancing and isinstance(model, Psd):
        raise InvalidInputError("balancing needs two factors", 'structure "psd"', fix="leave it out")
    if penalty and isinstance(model, Psd) and model.unit_trace:
        given = f"penalty {penalty}"
        raise InvalidInputError("a matrix of fixed trace takes no penalty", given, fix="leave it out")
    weights = None
    if side_weights is not None:
        if not isinstance(measurement, Entries) or not isinstance(model, General) or balancing:
            raise InvalidInputError(
                "side_weights need observed entries of a general matrix, without balancing",
                f"{type(measurement).__name__}, structure {model.name}, balancing {balancing:g}",
                fix="leave them out",
            )
        weights = _check_side_weights(side_weights, model.shape)
    out: list[Penalty] = []
    if penalty:
        out.append(make_ridge(model, penalty, weights))
    if balancing:
        out.append(Balancing(balancing, model.shape, model.rank, model.is_complex))
    if bias_penalty:
        out.append(_make_bias_ridge(model, bias_penalty, weights))
    return tuple(out)


def _make_bias_ridge(model: Model, strength: float, weights: tuple[Vector, Vector] | None) -> BiasRidge:
    sides = [s for s in ("row", "column") if isinstance(model, General) and s in model.biases]
    if not sides:
        raise InvalidInputError(
            "a penalty on biases needs free row or column biases",
            f"{strength:g} without such biases",
            fix="leave it out, or add row or column biases",
        )
    by_side = dict(zip(("row", "column"), weights or map(np.ones, model.shape), strict=True))
    return BiasRidge(float(strength), model.factor_size, np.concatenate([by_side[s] for s in sides]))


def _check_side_weights(given: tuple[ArrayLike, ArrayLike], shape: tuple[int, int]) -> tuple[Vector, Vector]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise InvalidInputError(
            "side_weights must be a pair of arrays",
            f"{type(given).__name__} of length {len(np.atleast_1d(np.asarray(given, object)))}",
            fix="pass (weights of rows, weights of columns)",
        )
    checked = []
    for name, side, length in zip(("rows", "columns"), given, shape, strict=True):
        weights = check_floats(side, "side_weights", dtype="float64", ndim=1)
        least, most = weights.min(initial=1.0), weights.max(initial=1.0)
        if weights.size != length or not (
            least > 0 and SMALLEST_WEIGHT <= least and most <= 1 / SMALLEST_WEIGHT
        ):
            raise InvalidInputError(
                f"side_weights of {name} must be positive and of a usual size, one per {name[:-1]}",
                f"{weights.size} for {length}, from {least:g} to {most:g}",
                fix=f"use numbers between {SMALLEST_WEIGHT:g} and {1 / SMALLEST_WEIGHT:g}",
            )
        checked.append(weights)
    return checked[0], checked[1]


def resized_penalties(
    penalties: tuple[Penalty, ...], model: Model, side_weights: tuple[Vector, Vector] | None
) -> tuple[Penalty, ...]:
    """Return the same penalties for a model of another rank."""
    out: list[Penalty] = []
    for penalty in penalties:
        if isinstance(penalty, Ridge):
            out.append(make_ridge(model, penalty.strength, side_weights))
        elif isinstance(penalty, Balancing):
            out.append(replace(penalty, rank=model.rank))
        elif isinstance(penalty, BiasRidge):
            out.append(replace(penalty, start=model.factor_size))
        elif isinstance(penalty, Unlisted) and isinstance(model, General):
            out.append(replace(penalty, model=model))
    return tuple(out)


def make_unlisted(
    model: Model, measurement: Measurement, weights: Vector | None, strength: float, *, plain: bool
) -> Unlisted:
    """Return the penalty of cells that are not listed, checked.

    Parameters
    ----------
    model : Model
    measurement : Measurement
    weights : ndarray, shape (p,), or None
        Of the listed cells.
    strength : float
        Weight of each cell that is not listed.
    plain : bool
        Whether errors are squared, and neither signs nor weights of rows and columns are asked for.
    """
    if not (np.isfinite(strength) and strength > 0):
        raise InvalidInputError("unlisted must be a positive weight", repr(strength))
    suited = isinstance(model, General) and not model.biases and not model.is_complex
    if not isinstance(measurement, Entries) or not isinstance(model, General) or not (suited and plain):
        raise InvalidInputError(
            "unlisted needs squared errors of observed entries of a real matrix, without biases",
            f"{type(measurement).__name__}, structure {model.name}, biases {getattr(model, 'biases', ())}",
            "nonnegative factors and side_weights do not go with it",
            "leave it out",
        )
    if measurement.repeats > 1:
        given = f"an entry {measurement.repeats} times"
        raise InvalidInputError("unlisted needs each entry once", given, fix="take their means")
    least = 1.0 if weights is None else float(weights.min(initial=np.inf))
    if not strength < least:
        raise InvalidInputError(
            "unlisted must be smaller than the weight of any listed entry",
            f"{strength:g}, smallest weight {least:g}",
            fix="raise the weights, or lower it",
        )
    _ = measurement.pattern  # sorted once, and shared by the entries in double precision
    return Unlisted(float(strength), measurement.in_double(), model)


def make_ridge(model: Model, strength: float, side_weights: tuple[Vector, Vector] | None) -> Ridge:
    """Return the ridge of a model's factors, with weighted rows and columns if requested."""
    sides = 2 if isinstance(model, Psd) else 1
    if side_weights is None:
        return Ridge(float(strength), model.factor_size, sides)
    return Ridge(
        float(strength), model.factor_size, sides, np.repeat(np.concatenate(side_weights), model.rank)
    )
