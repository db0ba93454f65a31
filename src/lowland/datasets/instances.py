"""Seeded instances with known answers, including false minima."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import Measurement
from lowland.core.random import RandomSource, make_generator
from lowland.measure import Dense, Entries, gaussian


@final
@dataclass(frozen=True, eq=False)
class Instance:
    """Measurements, data and the matrix that made them.

    Parameters
    ----------
    measurement : Measurement
    y : ndarray, shape (p,)
    truth : ndarray, shape (m, n)
    rank : int
    """

    measurement: Measurement
    y: Vector
    truth: Matrix
    rank: int


@public("lowland.datasets")
def planted_completion(
    shape: tuple[int, int],
    rank: int,
    oversampling: float,
    rng: RandomSource = None,
    *,
    noise: float = 0.0,
    condition: float | None = None,
    least: int = 0,
) -> Instance:
    """Return entries of a random low-rank matrix.

    Parameters
    ----------
    shape : tuple of int
    rank : int
    oversampling : float
        Entries per degree of freedom r (m + n - r).
    rng : int, Generator or None
    noise : float
        Standard deviation of Gaussian noise on the entries.
    condition : float, optional
        Ratio of the largest to the smallest singular value, with log-spaced values between; by default
        the factors are Gaussian.
    least : int
        Minimum number of entries in every row and column.

    Returns
    -------
    Instance
        The mask is uniform, without repeats, over all masks that satisfy `least`.

    Raises
    ------
    InvalidInputError
        If there are more entries than cells, or too few for `least` in every row and column.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> planted = ll.datasets.planted_completion((20, 15), rank=2, oversampling=2.0, rng=0)
    >>> fit = ll.recover(planted.measurement, planted.y, rank=2, rng=0)
    >>> planted.y.size, bool(np.allclose(fit.matrix(), planted.truth))
    (132, True)
    """
    generator, (m, n) = make_generator(rng), shape
    left, right = generator.standard_normal((m, rank)), generator.standard_normal((n, rank))
    if condition is not None:
        left, right = np.linalg.qr(left)[0] * np.geomspace(condition, 1, rank), np.linalg.qr(right)[0]
    truth = left @ right.T
    size = round(oversampling * rank * (m + n - rank))
    if not 0 < size <= m * n:
        raise InvalidInputError("oversampling does not fit the shape", f"{size} entries for {m * n} cells")
    cells = generator.choice(m * n, size, replace=False)
    if least:
        cells = _well_spread(cells, shape, least, generator)
    measurement = Entries(cells // n, cells % n, shape)
    y = measurement.measure_matrix(truth) + noise * generator.standard_normal(size)
    return Instance(measurement, y, truth, rank)


def _well_spread(cells: Indices, shape: tuple[int, int], least: int, rng: np.random.Generator) -> Indices:
    """Move random entries to random empty cells until every line has enough, then continue until mixed.

    Moves that would increase the shortage of a line are rejected. Proposals are symmetric, so that the chain
    is uniform over the allowed masks. (Rejection sampling takes hours if few masks are allowed.)
    """
    m, n = shape
    if cells.size < least * max(m, n):
        raise InvalidInputError(
            "least is too large for the number of entries", f"least {least}, {cells.size} entries"
        )
    taken = set(cells.tolist())
    counts = [np.bincount(cells // n, minlength=m).tolist(), np.bincount(cells % n, minlength=n).tolist()]
    mask = cells.tolist()
    short = sum(max(0, least - count) for side in counts for count in side)
    mixing = 20 * cells.size
    while short or mixing > 0:
        picks, places = rng.integers(0, cells.size, 4096).tolist(), rng.integers(0, m * n, 4096).tolist()
        for k, new in zip(picks, places, strict=True):
            mixing -= not short
            if new in taken:
                continue
            old, change = mask[k], 0
            for side, (before, after) in zip(counts, ((old // n, new // n), (old % n, new % n)), strict=True):
                if before != after:
                    change += (side[before] <= least) - (side[after] < least)
            if change > 0:
                continue
            short += change
            taken.remove(old)
            taken.add(new)
            mask[k] = new
            for side, before, after in zip(counts, (old // n, old % n), (new // n, new % n), strict=True):
                side[before] -= 1
                side[after] += 1
    return np.sort(np.array(mask, dtype=np.intp))


@public("lowland.datasets")
def planted_sensing(
    size: int, side: int, rank: int, rng: RandomSource = None, *, noise: float = 0.0
) -> Instance:
    """Return Gaussian measurements of a random orthogonal projection X = Q Q^T.

    Parameters
    ----------
    size : int
        Number of measurements.
    side : int
        Side n of the matrix.
    rank : int
    rng : int, Generator or None
    noise : float
        Standard deviation of Gaussian noise on the measurements.

    Returns
    -------
    Instance

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> planted = ll.datasets.planted_sensing(40, 6, 2, rng=0)
    >>> bool(np.allclose(planted.truth @ planted.truth, planted.truth))
    True
    >>> fit = ll.recover(planted.measurement, planted.y, rank=2, structure="psd", rng=0)
    >>> bool(np.allclose(fit.matrix(), planted.truth))
    True
    """
    generator = make_generator(rng)
    basis = np.linalg.qr(generator.standard_normal((side, rank)))[0]
    truth = basis @ basis.T
    measurement = gaussian(size, (side, side), generator, symmetric=True)
    y = measurement.measure_matrix(truth) + noise * generator.standard_normal(size)
    return Instance(measurement, y, truth, rank)


@public("lowland.datasets")
def false_minimum(delta: float) -> tuple[Instance, Matrix]:
    """Return three measurements of a 2 x 2 matrix of rank one, and a false stationary point.

    The measurements have restricted-isometry constant exactly `delta`. The point is a strict local
    minimum for delta > 1/2, degenerate at 1/2, and a saddle below.

    Parameters
    ----------
    delta : float
        Between 0 and 1.

    Returns
    -------
    Instance, ndarray of shape (2, 1)
        The instance and the factor of the false point.

    References
    ----------
    R. Zhang, C. Josz, S. Sojoudi, J. Lavaei, How much restricted isometry is needed in nonconvex
    matrix recovery?, NeurIPS 2018 (delta = 1/2).

    Examples
    --------
    >>> import lowland as ll
    >>> instance, point = ll.datasets.false_minimum(0.6)
    >>> proof = ll.certify_matrix(instance.measurement, instance.y, point)
    >>> [proof[claim].verdict.name for claim in ("strict_local_minimum", "globally_optimal")]
    ['SUPPORTED', 'REFUTED']
    """
    if not 0 < delta < 1:
        raise InvalidInputError("delta must lie between 0 and 1", repr(delta))
    arrays = np.array(
        [
            [[1.0, 0.0], [0.0, delta]],
            np.sqrt((1 + delta) / 2) * np.array([[0.0, 1.0], [1.0, 0.0]]),
            np.sqrt(1 - delta**2) * np.array([[0.0, 0.0], [0.0, 1.0]]),
        ]
    )
    measurement = Dense(arrays, symmetric=True)
    truth = np.array([[1.0, 0.0], [0.0, 0.0]])
    return Instance(measurement, measurement.measure_matrix(truth), truth, 1), np.array(
        [[0.0], [np.sqrt(delta)]]
    )
