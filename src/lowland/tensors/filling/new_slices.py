"""Rows of new slices of a mode, drawn given what earlier sweeps have drawn of everything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lowland.bayes.design import MatrixDesign
from lowland.bayes.side_prior import SidePrior
from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.running.interrupt import stop_if_requested
from lowland.kernels.systems.rows import Noise
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.unfoldings import SlicePrecisions, Unfolding
from lowland.tensors.filling.objective import STRENGTH, BayesianCP
from lowland.tensors.filling.sampling import Draws
from lowland.tensors.number_inputs import real_numbers

# rounds in which rows and noise of new slices are drawn given each other, where noise differs by slices
ROUNDS = 6


def slices_of(given: ArrayLike, shape: tuple[int, ...], mode: int) -> TensorObservations:
    """Return new slices as a tensor, of any length along the mode; a single one may lack it.

    Raises
    ------
    InvalidInputError
        If they do not fit the shape, or are no finite numbers.
    """
    values = real_numbers(given, "new slices")
    others = (*shape[:mode], *shape[mode + 1 :])
    if values.shape == others:
        values = np.expand_dims(values, mode)
    fits = values.ndim == len(shape) and (*values.shape[:mode], *values.shape[mode + 1 :]) == others
    if not fits or not values.shape[mode]:
        wanted = ", ".join("any" if k == mode else str(length) for k, length in enumerate(shape))
        raise InvalidInputError(
            "new slices do not fit the tensor", f"shape {values.shape}", fix=f"pass shape ({wanted})"
        )
    if np.isinf(values).any():
        raise InvalidInputError("new slices have an infinite value", fix="use NaN for missing cells")
    known = np.argwhere(~np.isnan(values)).astype(np.int64, order="C")
    return TensorObservations(values.shape, values[tuple(known.T)], known)


def appended(data: TensorObservations, added: TensorObservations, mode: int) -> TensorObservations:
    """Return the known cells of a tensor and of slices after its last one."""
    shape = list(data.shape)
    moved = added.all_positions().copy()
    moved[:, mode] += shape[mode]
    shape[mode] += added.shape[mode]
    weights = None if data.weights is None else np.concatenate([data.weights, np.ones(added.size)])
    return TensorObservations.from_cells(
        np.vstack([data.all_positions(), moved]),
        np.concatenate([data.values, added.values]),
        shape=tuple(shape),
        weights=weights,
        empty_slices=True,
    )


def draw_slices(
    model: BayesianCP,
    draws: Draws,
    added: TensorObservations,
    mode: int,
    features: tuple[Matrix | None, Matrix | None],
    rng: np.random.Generator,
) -> Draws:
    """Return draws with rows of new slices after the last one of a mode.

    Parameters
    ----------
    model : BayesianCP
        Of the tensor without them.
    draws : sequence of (ndarray, float)
    added : TensorObservations
        The new slices.
    mode : int
    features : pair of ndarray or None, shapes (I_n, f) and (k, f)
        What the means of the mode's rows depend on, of the slices before and the new ones.
    rng : numpy.random.Generator

    Notes
    -----
    Of each draw, the prior of the mode's rows is drawn given these rows, and the new rows given that prior,
    the other factors and the noise. Nothing else changes: what new cells say of other modes is left unused.
    """
    new = _NewRows(model, added, mode, features)
    out = []
    for theta, alpha in draws:
        stop_if_requested()
        rows, precisions = new.drawn(theta, alpha, rng)
        factors = model.factors(theta)
        factors[mode] = np.vstack([factors[mode], rows])
        noise = theta[sum(factor.size for factor in model.factors(theta)) :]
        if precisions is not None:
            noise = np.concatenate([noise, precisions])
        out.append((np.concatenate([*(factor.ravel() for factor in factors), noise]), alpha))
    return tuple(out)


class _NewRows:
    """The rows of new slices, given a draw of everything else."""

    def __init__(
        self,
        model: BayesianCP,
        added: TensorObservations,
        mode: int,
        features: tuple[Matrix | None, Matrix | None],
    ) -> None:
        self.model, self.mode, self.count = model, mode, added.shape[mode]
        at = added.all_positions()
        cells = Unfolding.of(at, added.values, None, mode, added.shape)
        self.unfolded = cells.scaled(model.centre, model.spread)
        self.sizes = np.bincount(at[:, mode], minlength=self.count)
        precision = np.dtype(np.float64)
        before, after = (
            MatrixDesign(length, basis)
            for length, basis in zip((model.shape[mode], self.count), features, strict=True)
        )
        self.before = SidePrior(before, model.rank, STRENGTH, precision)
        self.after = SidePrior(after, model.rank, STRENGTH, precision)

    def drawn(self, theta: Vector, alpha: float, rng: np.random.Generator) -> tuple[Matrix, Vector | None]:
        """Return rows, and the precisions of the new slices if noise differs by those of the mode."""
        model, factors, slices = self.model, self.model.factors(theta), self.model.slices(theta)
        precision, coefficients = self.before.draw(factors[self.mode], rng)
        precision = precision / alpha
        shifts = self.after.shifts(coefficients, precision)
        before = slices.values if slices is not None and slices.mode == self.mode else None
        precisions: Vector = np.ones(self.count)
        for _ in range(1 if before is None else ROUNDS):
            used = slices if before is None else SlicePrecisions(self.mode, precisions)
            noise = Noise(int(rng.integers(2**62)), 0, alpha**-0.5)
            # the mode's own factor, of the slices before, says how large the tensor is
            rows = self.unfolded.solve(factors, precision, shifts, noise, used)
            if before is not None:
                errors = alpha * self.unfolded.errors(
                    [*factors[: self.mode], rows, *factors[self.mode + 1 :]]
                )
                precisions = model.draw_precisions(before, errors, self.sizes, rng)
        return rows, None if before is None else precisions
