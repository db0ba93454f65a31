"""Whether a pattern of observed entries determines a low-rank matrix: exact ranks modulo a prime.

The Jacobian of (U, V, biases) -> observed entries is taken at random integer factors modulo a prime.
The unknowns of each row are eliminated first, row by row; what remains are equations between the
unknowns of the columns alone. A random null vector then shows every cell that can still change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices
from lowland.core.results.records import ObservedPattern
from lowland.core.work import CALL
from lowland.kernels.modular_arithmetic import modular
from lowland.kernels.modular_arithmetic.modular import Array as Matrix
from lowland.kernels.modular_arithmetic.modular import elimination_work


@final
@dataclass(frozen=True, eq=False)
class PatternRank:
    """Rank of the Jacobian of a pattern at random factors.

    Parameters
    ----------
    rank : int
        Largest rank found; never more than the generic rank.
    expected : int
        Degrees of freedom of the model.
    failure_probability : float
        Bound on the chance that the generic rank is higher, if the primes are not exceptional.
    undetermined : ndarray of bool, shape (m, n), or None
        Cells that can change while all observed ones stay fixed; None if no cell can.
    """

    rank: int
    expected: int
    failure_probability: float
    undetermined: NDArray[np.bool_] | None

    @property
    def is_full(self) -> bool:
        """Whether the rank is that of the model, which is a proof."""
        return self.rank == self.expected


def pattern_rank(pattern: ObservedPattern, rng: np.random.Generator, *, trials: int = 2) -> PatternRank:
    """Return the generic rank of a pattern and the cells that it leaves undetermined.

    Parameters
    ----------
    pattern : ObservedPattern
    rng : numpy.random.Generator
        For the integer points.
    trials : int
        Points and primes tried before the rank is called deficient.

    Returns
    -------
    PatternRank
        Full rank is a proof from one trial: a minor that is not zero modulo a prime is not zero.

    Notes
    -----
    With w unknowns per column (rank, and one for its bias) and n columns on the shorter side, the
    elimination costs about (p - r m) (n w)^2 operations and as many numbers as equations times
    n w.
    """
    flipped = pattern.shape[0] < pattern.shape[1]
    if flipped:
        pattern = _transposed(pattern)
    best = -1
    undetermined: NDArray[np.bool_] | None = None
    for prime in modular.PRIMES[:trials]:
        rank, moving = _rank_once(pattern, prime, rng)
        if rank == pattern.degrees_of_freedom:
            return PatternRank(rank, rank, 0.0, None)
        if rank > best:
            best, undetermined = rank, moving
        elif rank == best and undetermined is not None and moving is not None:
            undetermined = undetermined | moving
    if flipped and undetermined is not None:
        undetermined = undetermined.T
    # a minor that vanishes by chance, or random combinations that lose rank
    chance = ((pattern.degrees_of_freedom + 1) / modular.PRIMES[-1]) ** trials
    return PatternRank(best, pattern.degrees_of_freedom, chance, undetermined)


def rank_work(pattern: ObservedPattern) -> float:
    """Return the work of one trial of `pattern_rank`: null spaces of lines, then one elimination."""
    shorter, longer = sorted(pattern.shape)
    width, cells = pattern.rank + 1, float(pattern.rows.size)
    equations, unknowns = max(cells - longer * pattern.rank, 0.0), float(shorter * width)
    lines = longer * 4 * CALL + cells * (width + cells / longer) * width
    return lines + 8 * equations * unknowns + elimination_work(min(equations, unknowns + 32), unknowns)


def _transposed(pattern: ObservedPattern) -> ObservedPattern:
    swap = {"row": "column", "column": "row", "global": "global"}
    return ObservedPattern(
        pattern.columns,
        pattern.rows,
        pattern.shape[::-1],
        pattern.rank,
        tuple(swap[bias] for bias in pattern.biases),
        pattern.degrees_of_freedom,
    )


def _rank_once(
    pattern: ObservedPattern, prime: int, rng: np.random.Generator
) -> tuple[int, NDArray[np.bool_] | None]:
    (m, n), r = pattern.shape, pattern.rank
    left, right = (rng.integers(1, prime, (k, r)).astype(np.float64) for k in (m, n))
    # a cell moves by <for_row_j, change of row unknowns_i> + <for_column_i, change of column unknowns_j>
    for_row = np.hstack([right, np.ones((n, 1))]) if "row" in pattern.biases else right
    for_column = np.hstack([left, np.ones((m, 1))]) if "column" in pattern.biases else left
    only_global = set(pattern.biases) == {"global"}
    order = np.lexsort((pattern.columns, pattern.rows))
    rows, columns = pattern.rows[order], pattern.columns[order]
    starts = np.searchsorted(rows, np.arange(m + 1))
    equations, row_rank = [], 0
    width = for_column.shape[1]
    for i in range(m):
        seen = np.unique(columns[starts[i] : starts[i + 1]])
        if seen.size == 0:
            continue
        null = _left_null(for_row[seen], prime)
        row_rank += seen.size - null.shape[0]
        if null.shape[0] == 0:
            continue
        block = np.zeros((null.shape[0], n * width + only_global))
        spread = np.fmod(null[:, :, None] * for_column[i], prime)
        block[:, (seen[:, None] * width + np.arange(width)).ravel()] = spread.reshape(null.shape[0], -1)
        if only_global:
            block[:, -1] = np.mod(null.sum(axis=1), prime)
        equations.append(block)
    system = np.vstack(equations) if equations else np.zeros((0, n * width + only_global))
    echelon, pivots = _echelon(system, prime, rng)
    rank = row_rank + pivots.size
    if rank == pattern.degrees_of_freedom:
        return rank, None
    moving = np.zeros((m, n), dtype=bool)
    for _ in range(2):  # each null vector misses a moving cell with probability 1/prime
        change = modular.random_null_vector(echelon, pivots, prime, rng)
        moving |= _moving_cells(change, for_row, for_column, rows, columns, starts, prime, rng) != 0
    return rank, moving


def _echelon(system: Matrix, prime: int, rng: np.random.Generator) -> tuple[Matrix, Indices]:
    """Return an echelon form of the row space, from a few random combinations if they suffice."""
    rows, columns = system.shape
    target = columns + 32
    if rows > 3 * target // 2:
        # the rank of combinations never exceeds that of the equations, so full rank is still a proof
        # three of them hold each row, and each holds as many rows
        places = np.stack([rng.permutation(np.resize(np.arange(target), rows)) for _ in range(3)], axis=1)
        sketch = modular.combine(
            system, places, rng.integers(1, prime, (rows, 3)).astype(float), target, prime
        )
        pivots = modular.eliminate(sketch, prime)
        null = np.stack([modular.random_null_vector(sketch, pivots, prime, rng) for _ in range(2)], axis=1)
        if not modular.multiply(system, null, prime).any():
            return sketch[: pivots.size], pivots
    pivots = modular.eliminate(system, prime)
    return system[: pivots.size], pivots


def _left_null(matrix: Matrix, prime: int) -> Matrix:
    """Return a basis of the row vectors x with x @ matrix = 0 modulo a prime."""
    size, width = matrix.shape
    joined = np.hstack([matrix, np.eye(size)])
    pivots = modular.eliminate(joined, prime)
    first = int(np.searchsorted(pivots, width))
    return joined[first : pivots.size, width:]


def _moving_cells(
    change: Matrix,
    for_row: Matrix,
    for_column: Matrix,
    rows: Indices,
    columns: Indices,
    starts: Indices,
    prime: int,
    rng: np.random.Generator,
) -> Matrix:
    """Return the change of every cell when the columns change and the rows follow."""
    m, n, width = for_column.shape[0], for_row.shape[0], for_column.shape[1]
    by_column = change[: n * width].reshape(n, width)
    offset = change[n * width] if change.size > n * width else 0.0
    moved = np.mod(modular.multiply(for_column, by_column.T, prime) + offset, prime)
    for i in range(m):
        seen = np.unique(columns[starts[i] : starts[i + 1]])
        # for_row[seen] @ x = -moved[i, seen]; a random one of several solutions
        system = np.hstack([for_row[seen], moved[i, seen][:, None]])
        pivots = modular.eliminate(system, prime)
        x = rng.integers(0, prime, for_row.shape[1] + 1).astype(np.float64)
        x[-1] = 1.0
        modular.back_substitute(system, pivots[pivots < for_row.shape[1]], x, prime)
        moved[i] = np.mod(moved[i] + modular.multiply(for_row, x[:-1, None], prime)[:, 0], prime)
    return moved
