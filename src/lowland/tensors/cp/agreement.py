"""How well components agree: with others, and those of one half of the data with those of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.kernels.blas_threads import one_blas_thread
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cp.constraints import Constraints
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.multistart import CPPlan, search_cp
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.named_modes import mode_of

# slices that a mode must have to be halved
LEAST_SLICES = 4


def matched_cosines(factors: Sequence[Matrix], others: Sequence[Matrix]) -> Vector:
    """Return the cosines of components with those of others that they are matched with, shape (R,)."""
    from scipy.optimize import linear_sum_assignment

    cosines = np.ones((factors[0].shape[1], others[0].shape[1]))
    for factor, other in zip(factors, others, strict=True):
        cosines *= np.abs(of_length_one(factor).T @ of_length_one(other))
    rows, columns = linear_sum_assignment(-cosines)
    out = np.zeros(cosines.shape[0])
    out[rows] = cosines[rows, columns]
    return out


def of_length_one(factor: Matrix) -> Matrix:
    """Return columns of length one; those that are zero stay so."""
    norms = np.linalg.norm(factor, axis=0)
    unit: Matrix = factor / np.where(norms > 0, norms, 1.0)
    return unit


def split_half(objective: CPObjective, mode: int, rng: np.random.Generator) -> Vector:
    """Return how well the components of one half of a mode's slices agree with those of the other.

    Parameters
    ----------
    objective : CPObjective
    mode : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (R,)
        Products of cosines over the other modes, of components matched with each other, descending.
    """
    mode = mode_of(mode, None, len(objective.shape))
    length = objective.shape[mode]
    if length < LEAST_SLICES:
        raise InvalidInputError(
            "the mode has too few slices to be halved", f"{length} of mode {mode}", fix="halve another"
        )
    known, weights = objective.data.array(), _weights(objective.data)
    places, halves = rng.permutation(length), []
    for slices in (np.sort(places[: length // 2]), np.sort(places[length // 2 :])):
        part = None if weights is None else np.take(weights, slices, axis=mode)
        data = TensorObservations.from_array(np.take(known, slices, axis=mode), weights=part)
        asked = _of_half(objective.constraints, mode, slices)
        half = replace(objective, data=data, model=CP(data.shape, objective.rank), constraints=asked)
        with one_blas_thread():  # the same bits whatever its number of threads
            search, _ = search_cp(half, CPPlan(), rng)
        halves.append([factor for n, factor in enumerate(half.unpack(search.theta)) if n != mode])
    return np.sort(matched_cosines(halves[0], halves[1]))[::-1]


def _of_half(constraints: Constraints, mode: int, slices: Indices) -> Constraints:
    of_half = list(constraints)
    if of_half and of_half[mode].functions is not None:
        raise InvalidInputError(
            "a mode that must be smooth cannot be halved at random", f"mode {mode}", fix="halve another"
        )
    if of_half:
        of_half[mode] = of_half[mode].of_slices(slices)
    return tuple(of_half)


def _weights(data: TensorObservations) -> Matrix | None:
    """Return the weights of all cells as an array, zero where nothing is known; None if all are one."""
    if data.weights is None:
        return None
    out = np.zeros(data.shape)
    out[tuple(data.all_positions().T)] = data.weights
    return out
