"""`TensorObservations`: which cells of a tensor are known, and their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.memory import check_fits
from lowland.tensors.cells.unfoldings import Unfolding

LEAST_ORDER = 3


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class TensorObservations:
    """A tensor with all or some cells known; build it with `from_array` or `from_cells`.

    Parameters
    ----------
    shape : tuple of int
    values : ndarray, shape (p,)
        Values of the known cells; of all cells in C order if `positions` is None.
    positions : ndarray of int64, shape (p, N), or None
        Positions of the known cells, in lexicographic order.
    weights : ndarray, shape (p,), or None
        Weights of the squared errors.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> table = np.arange(24.0).reshape(2, 3, 4)
    >>> table[0, 0, 0] = np.nan
    >>> seen = ll.TensorObservations.from_array(table)
    >>> seen.size, seen.is_full
    (23, False)
    """

    shape: tuple[int, ...]
    values: Vector
    positions: NDArray[np.int64] | None = None
    weights: Vector | None = None

    @classmethod
    def from_array(
        cls,
        array: ArrayLike,
        *,
        observed: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        empty_slices: bool = False,
    ) -> Self:
        """Read a dense tensor; NaN is missing, zero is a value. It is copied unless memory-mapped.

        Parameters
        ----------
        array : array_like, shape (I_1, ..., I_N)
            float32 is kept, other types become float64.
        observed : array_like of bool, same shape, optional
            Which cells are known. A NaN among them is an error.
        weights : array_like, same shape, optional
            Weights at least 0; cells of weight zero count as missing.
        empty_slices : bool
            Whether slices may have no known cell: `complete_tensor` predicts them.

        Returns
        -------
        TensorObservations

        Raises
        ------
        InvalidInputError
            If there are fewer than three modes, an infinity, no known cell, or a slice without a known cell.
        """
        if isinstance(array, np.ma.MaskedArray):
            array = np.ma.filled(array.astype(np.float64), np.nan)
        dense = _as_floats(array)
        if np.shares_memory(dense, array) and not isinstance(array, np.memmap):
            dense = dense.copy()  # later changes of the array must not change the data of a fit
        check_order(dense.shape)
        known = ~np.isnan(dense)
        if observed is not None:
            asked = _same_shape(observed, dense.shape, "observed")
            if asked.dtype.kind not in "biuf" or not np.isin(asked, (0, 1)).all():
                raise InvalidInputError(
                    "observed must be true or false for every cell", f"dtype {asked.dtype}"
                )
            asked = asked.astype(bool)
            if np.any(asked & ~known):
                at = tuple(int(k) for k in np.argwhere(asked & ~known)[0])
                raise InvalidInputError(
                    "an observed cell is NaN",
                    f"cell {at}",
                    fix="mark it as not observed, or leave observed out",
                )
            known = asked
        infinite = np.isinf(dense) & known
        if infinite.any():
            at = tuple(int(k) for k in np.argwhere(infinite)[0])
            raise InvalidInputError(
                "the tensor has an infinite value", f"cell {at}", fix="use NaN for missing cells"
            )
        weight = None
        if weights is not None:
            weight = _as_floats(_same_shape(weights, dense.shape, "weights")).astype(dense.dtype)
            weight = np.where(known, weight, 0)  # weights of missing cells are ignored
            _check_weights(weight)
            known = known & (weight > 0)
        if known.all():
            flat = None if weight is None else weight.ravel()
            return cls(dense.shape, dense.reshape(-1), None, flat)
        _check_known(known, empty_slices)
        positions = np.argwhere(known).astype(np.int64, order="C")
        return cls(dense.shape, dense[known], positions, None if weight is None else weight[known])

    @classmethod
    def from_cells(
        cls,
        positions: ArrayLike,
        values: ArrayLike,
        *,
        shape: tuple[int, ...] | None = None,
        weights: ArrayLike | None = None,
        empty_slices: bool = False,
    ) -> Self:
        """Read a list of cells; cells not listed are missing.

        Parameters
        ----------
        positions : array_like of int, shape (p, N)
            Counted from zero.
        values : array_like, shape (p,)
        shape : tuple of int, optional
            By default the smallest that holds all positions.
        weights : array_like, shape (p,), optional
            Positive weights.
        empty_slices : bool
            Whether slices may have no known cell: `complete_tensor` predicts them.

        Returns
        -------
        TensorObservations

        Raises
        ------
        InvalidInputError
            If a cell is listed twice or lies outside, a value is not finite, or a slice has no cell.
        """
        at, y = np.asarray(positions), _as_floats(values)
        if at.ndim != 2 or at.shape[0] != y.size or y.ndim != 1 or not np.issubdtype(at.dtype, np.integer):
            raise InvalidInputError(
                "positions and values do not match",
                f"{at.dtype} of shape {at.shape} for values of shape {y.shape}",
                fix="pass integer positions of shape (p, N) and p values",
            )
        if not y.size:
            raise InvalidInputError("the tensor is empty", "no cell", fix="pass data")
        shape = tuple(int(k) for k in (at.max(axis=0) + 1 if shape is None else shape))
        check_order(shape)
        outside = (
            (at < 0).any(axis=1) | (at >= np.array(shape)).any(axis=1) if len(shape) == at.shape[1] else None
        )
        if outside is None or outside.any():
            wrong = f"positions with {at.shape[1]} modes" if outside is None else f"{at[outside][0].tolist()}"
            raise InvalidInputError(f"positions lie outside the shape {shape}", wrong)
        if max(shape) > y.size and not empty_slices:
            mode = int(np.argmax(shape))
            raise InvalidInputError(
                "a slice has no known cell", f"{y.size} cells for {shape[mode]} slices of mode {mode}"
            )
        if not np.isfinite(y).all():
            raise InvalidInputError(
                "values must be finite", f"{y[~np.isfinite(y)][0]}", fix="leave missing cells out"
            )
        weight = None
        if weights is not None:
            weight = _same_shape(weights, y.shape, "weights").astype(y.dtype)
            _check_weights(weight, least=np.finfo(float).tiny)
        order = np.lexsort(at.T[::-1])
        at, y = at[order].astype(np.int64), y[order]
        twice = np.flatnonzero((at[1:] == at[:-1]).all(axis=1))
        if twice.size:
            raise InvalidInputError("a cell is listed twice", f"{at[twice[0]].tolist()}", fix="list it once")
        for mode, length in enumerate(() if empty_slices else shape):
            check_counts(np.bincount(at[:, mode], minlength=length), mode)
        weight = None if weight is None else weight[order]
        if y.size == np.prod(shape, dtype=np.int64):
            return cls(shape, y, None, weight)
        return cls(shape, y, at, weight)

    @property
    def size(self) -> int:
        """Number of known cells."""
        return int(self.values.size)

    @property
    def is_full(self) -> bool:
        """Whether every cell is known."""
        return self.positions is None

    @property
    def observed_share(self) -> float:
        """Known cells over all cells."""
        return self.size / float(np.prod(self.shape, dtype=float))

    def array(self, fill: float = np.nan) -> Matrix:
        """Return the dense tensor, missing cells filled."""
        if self.positions is None:
            return self.values.reshape(self.shape)
        check_fits(
            2.0 * prod(self.shape) * self.values.itemsize,
            "the dense tensor",
            "predict the cells that are needed",
        )
        out = np.full(self.shape, fill, self.values.dtype)
        out[tuple(self.positions.T)] = self.values
        return out

    def in_double(self) -> TensorObservations:
        """Return the same observations in float64."""
        if self.values.dtype == np.float64:
            return self
        weights = None if self.weights is None else self.weights.astype(np.float64)
        return replace(self, values=self.values.astype(np.float64), weights=weights)

    def select(self, keep: NDArray[Any]) -> TensorObservations:
        """Return the known cells at the places or mask `keep`, with the same shape of the tensor."""
        at = self.all_positions()[keep]
        weights = None if self.weights is None else self.weights[keep]
        return TensorObservations(self.shape, self.values[keep], at, weights)

    def hide(self, hidden: NDArray[np.bool_]) -> tuple[TensorObservations, TensorObservations]:
        """Return the known cells that a mask leaves, and those that it hides."""
        return self.select(~hidden), self.select(hidden)

    def slice_counts(self) -> list[Indices]:
        """Return the number of known cells of each slice, by mode."""
        if self.positions is None:  # positions of all cells would take the memory of as many tensors as modes
            return [np.full(length, self.size // length) for length in self.shape]
        at = self.positions
        return [np.bincount(at[:, k], minlength=length) for k, length in enumerate(self.shape)]

    def unfoldings(self) -> list[Unfolding]:
        """Return the known cells by the rows of each mode."""
        at = self.all_positions()
        modes = range(len(self.shape))
        return [Unfolding.of(at, self.values, self.weights, mode, self.shape) for mode in modes]

    def cells(self, places: Indices) -> tuple[NDArray[np.int64], Vector]:
        """Return positions and values of some known cells, by their places in lexicographic order."""
        return self.positions_of(places), self.values[places]

    def without(self, places: Indices) -> TensorObservations:
        """Return the tensor without some cells, by their places in lexicographic order."""
        return self.select(np.delete(np.arange(self.size), places))

    def positions_of(self, places: Indices) -> NDArray[np.int64]:
        """Return the positions of some known cells, by their places in lexicographic order, shape (k, N)."""
        if self.positions is not None:
            return self.positions[places]
        return np.stack(np.unravel_index(places, self.shape), axis=1).astype(np.int64)

    def drawn_positions(self, rng: np.random.Generator, most: int | None) -> NDArray[np.int64]:
        """Return the positions of all known cells, or of some drawn at random, in order."""
        if most is None or self.size <= most:
            return self.all_positions()
        return self.positions_of(np.sort(rng.choice(self.size, most, replace=False)))

    def slice_squares(self) -> list[Vector]:
        """Return the sum of the squares of each slice's known values, by mode."""
        if self.positions is not None:
            squares = self.values.astype(np.float64) ** 2
            sides = zip(self.positions.T, self.shape, strict=True)
            return [np.asarray(np.bincount(at, squares, length), np.float64) for at, length in sides]
        tensor, modes = self.values.reshape(self.shape), range(len(self.shape))
        total: list[Vector] = [np.zeros(length) for length in self.shape]
        for k, part in enumerate(tensor):  # squares of all cells at once would take as much memory again
            squares = part.astype(np.float64) ** 2
            total[0][k] = squares.sum()
            for n in modes[1:]:
                total[n] += squares.sum(axis=tuple(m - 1 for m in modes[1:] if m != n))
        return total

    def least_of_slices(self, sizes: Sequence[Vector], here: slice) -> Vector:
        """Return, for consecutive cells, the smallest of the numbers given for the slices they lie in.

        Parameters
        ----------
        sizes : sequence of ndarray, shapes (I_n,)
            A number per slice, by mode.
        here : slice
            Places of the cells; of a complete tensor, whole slices of the first mode.
        """
        if self.positions is not None:
            at = self.positions[here].T
            return np.asarray(np.minimum.reduce([counts[k] for counts, k in zip(sizes, at, strict=True)]))
        each = self.size // self.shape[0]
        low, high, _ = here.indices(self.size)
        least = sizes[0][low // each : high // each]
        for counts in sizes[1:]:
            least = np.minimum.outer(least, counts)
        return np.asarray(least.ravel())

    def all_positions(self) -> NDArray[np.int64]:
        """Return the positions of the known cells, shape (p, N), even if all are known."""
        if self.positions is not None:
            return self.positions
        return self.positions_of(np.arange(self.size))


def _as_floats(array: ArrayLike) -> Matrix:
    try:
        numbers = np.asarray(array)
    except ValueError as error:
        raise InvalidInputError(
            "the tensor is not an array", str(error), fix="pass rows of equal length"
        ) from error
    if np.iscomplexobj(numbers) or numbers.dtype.kind not in "fiub":
        raise InvalidInputError("values must be real numbers", f"dtype {numbers.dtype}")
    return numbers if numbers.dtype in (np.float32, np.float64) else numbers.astype(np.float64)


def _same_shape(array: ArrayLike, shape: tuple[int, ...], name: str) -> Matrix:
    numbers = np.asarray(array)
    if numbers.shape != shape:
        raise InvalidInputError(
            f"{name} must have the shape of the data", f"shape {numbers.shape}, data of shape {shape}"
        )
    return numbers


def check_order(shape: tuple[int, ...]) -> None:
    """Raise unless a shape has three modes or more, none of them empty."""
    if len(shape) < LEAST_ORDER:
        raise InvalidInputError(
            "a tensor needs at least three modes",
            f"shape {tuple(shape)}",
            fix="for a matrix use MatrixCompletion or recover",
        )
    if 0 in shape:
        raise InvalidInputError("the tensor is empty", f"shape {tuple(shape)}", fix="pass data")


def _check_weights(weights: Matrix, least: float = 0.0) -> None:
    if not (np.isfinite(weights).all() and (weights >= least).all()):
        raise InvalidInputError(
            "weights must be finite and not negative",
            f"{float(np.min(weights)):.3g}",
            fix="leave cells out instead",
        )


def _check_known(known: NDArray[np.bool_], empty_slices: bool) -> None:
    if not known.any():
        raise InvalidInputError("the tensor has no known cell", f"shape {known.shape}", fix="pass data")
    for mode in range(0 if empty_slices else known.ndim):
        others = tuple(k for k in range(known.ndim) if k != mode)
        check_counts(known.sum(axis=others), mode)


def check_counts(counts: NDArray[Any], mode: int) -> None:
    """Raise if a slice of a mode has no known cell."""
    empty = np.flatnonzero(counts == 0)
    if empty.size:
        raise InvalidInputError(
            "a slice has no known cell",
            f"index {int(empty[0])} of mode {mode}"
            + (f", and {empty.size - 1} more" if empty.size > 1 else ""),
            "the data do not determine this slice",
            "leave the slice out, or predict it: complete_tensor, lowland fill",
        )
