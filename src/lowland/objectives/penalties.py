"""Penalties of a recovery problem, made from their strengths and for another rank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Vector, check_floats
from lowland.core.errors import InvalidInputError
from lowland.core.protocols import Measurement, Model, Penalty
from lowland.losses import Balancing, BiasRidge, Ridge
from lowland.measure import Entries
from lowland.models import General, Psd

# weights of rows and columns this far from one would leave the range in which scales keep their digits
SMALLEST = 1e-100


@final
@dataclass(frozen=True, eq=False)
class Penalising:
    """How strongly what is penalised.

    Parameters
    ----------
    ridge : float
        Of the factors, that is of the nuclear norm.
    balancing : float
        Of the balancing term.
    bias_ridge : float
        Of row and column biases.
    side_weights : tuple of array_like, optional
        Positive weights of rows and of columns, shapes (m,) and (n,): both ridges count a row or
        column that often.
    """

    ridge: float = 0.0
    balancing: float = 0.0
    bias_ridge: float = 0.0
    side_weights: tuple[ArrayLike, ArrayLike] | None = None

    def penalties(self, model: Model, measurement: Measurement) -> tuple[Penalty, ...]:
        """Return the penalties of a model, checked.

        Raises
        ------
        InvalidInputError
            If a strength is negative, or the model or the measurement does not take a penalty.
        """
        named = (("penalty", self.ridge), ("balancing", self.balancing), ("bias penalty", self.bias_ridge))
        for name, strength in named:
            if not (np.isfinite(strength) and strength >= 0):
                raise InvalidInputError(f"{name} must be a number at least 0", repr(strength))
        self._check_fit(model, measurement)
        out: list[Penalty] = []
        weights = None if self.side_weights is None else self._weights(model)
        if self.ridge:
            out.append(make_ridge(model, self.ridge, weights))
        if self.balancing:
            out.append(Balancing(self.balancing, model.shape, model.rank, model.is_complex))
        if self.bias_ridge and isinstance(model, General):
            out.append(self._bias_ridge(model))
        return tuple(out)

    def _check_fit(self, model: Model, measurement: Measurement) -> None:
        if self.balancing and isinstance(model, Psd):
            raise InvalidInputError("balancing needs two factors", 'structure "psd"', fix="leave it out")
        if self.bias_ridge and not (isinstance(model, General) and {"row", "column"} & set(model.biases)):
            raise InvalidInputError(
                "a penalty on biases needs free row or column biases",
                f"{self.bias_ridge:g} without them",
                fix="leave it out, or let biases be free",
            )
        if self.ridge and isinstance(model, Psd) and model.unit_trace:
            found = f"ridge {self.ridge}"
            raise InvalidInputError("a matrix of fixed trace takes no ridge", found, fix="leave it out")
        if self.side_weights is None:
            return
        if not isinstance(measurement, Entries) or not isinstance(model, General) or self.balancing:
            raise InvalidInputError(
                "side_weights are for penalties on observed entries of a general matrix",
                f"{type(measurement).__name__}, structure {model.name}, balancing {self.balancing:g}",
                fix="leave them out",
            )

    def _bias_ridge(self, model: General) -> BiasRidge:
        by_row, by_column = self._weights(model)
        parts = [by_row] * ("row" in model.biases) + [by_column] * ("column" in model.biases)
        return BiasRidge(float(self.bias_ridge), model.factor_size, np.concatenate(parts))

    def _weights(self, model: Model) -> tuple[Vector, Vector]:
        if self.side_weights is None:
            return np.ones(model.shape[0]), np.ones(model.shape[1])
        given, checked = self.side_weights, []
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise InvalidInputError(
                "side_weights must be a pair of arrays",
                f"{type(given).__name__} of length {len(np.atleast_1d(np.asarray(given, object)))}",
                fix="pass (weights of rows, weights of columns)",
            )
        for name, side, length in zip(("rows", "columns"), given, model.shape, strict=True):
            weights = check_floats(side, "side_weights", dtype="float64", ndim=1)
            least, most = weights.min(initial=1.0), weights.max(initial=1.0)
            if weights.size != length or not (least > 0 and SMALLEST <= least and most <= 1 / SMALLEST):
                raise InvalidInputError(
                    f"side_weights of {name} must be positive and of a usual size, one each",
                    f"{weights.size} for {length}, from {least:g} to {most:g}",
                    fix=f"use numbers between {SMALLEST:g} and {1 / SMALLEST:g}",
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
    return tuple(out)


def make_ridge(model: Model, strength: float, side_weights: tuple[Vector, Vector] | None) -> Ridge:
    """Return the ridge of a model's factors, rows and columns weighted where asked for."""
    sides = 2 if isinstance(model, Psd) else 1
    if side_weights is None:
        return Ridge(float(strength), model.factor_size, sides)
    return Ridge(
        float(strength), model.factor_size, sides, np.repeat(np.concatenate(side_weights), model.rank)
    )
