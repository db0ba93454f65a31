"""Choice of the ranks of a Tucker decomposition: one path of fits, each from the end of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import UnsupportedError
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.core.running.stages import stage
from lowland.core.wording import Option, Words
from lowland.search import Iterations, RelativeDecreaseBelow, ValueBelow, run
from lowland.search.loop import Callback
from lowland.tensors.cell_objective import exact_value
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.search.filled_iteration import FilledIteration
from lowland.tensors.search.starts import leading_basis, sequential_start
from lowland.tensors.tucker.model import Tucker, possible_ranks
from lowland.tensors.tucker.multistart import LARGEST_DENSE
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker.ranks import RankChoice, hold_out_cells, is_better, squared_errors
from lowland.tensors.tucker_tensor import TuckerTensor

# a fit of the path has converged when a sweep lowers it by less than this fraction; sooner, it would predict
# better than the final fit of the same ranks, and ranks would be chosen too high
CONVERGED, MOST_SWEEPS = 1e-5, 1000
# sweeps that a column just added needs to find its direction
FIRST_SWEEPS = 5


@final
@dataclass(frozen=True, eq=False)
class RankPath:
    """The end of a path of ranks.

    Parameters
    ----------
    choice : RankChoice
    parts : TuckerTensor
        The fit of the chosen ranks without the held-out cells.
    is_whole : bool
        Whether the path ended by itself; else it was interrupted.
    """

    choice: RankChoice
    parts: TuckerTensor
    is_whole: bool = True


def choose_ranks(
    data: TensorObservations,
    rng: np.random.Generator,
    *,
    callbacks: Sequence[Callback] = (),
    most_sweeps: int = MOST_SWEEPS,
) -> RankPath:
    """Raise the ranks of one, two or all modes at a time while held-out cells are predicted better.

    Parameters
    ----------
    data : TensorObservations
    rng : numpy.random.Generator
        Draws the held-out cells.
    callbacks : sequence of callable
        As in `lowland.search.run`, for each fit.
    most_sweeps : int
        Largest number of sweeps of a fit.

    Returns
    -------
    RankPath

    Raises
    ------
    UnsupportedError
        If the dense tensor would be too large.

    Notes
    -----
    A tenth of the cells is held out. The candidates are one larger in one, two or all modes; each starts from
    the current fit, with the leading direction of the residual as its new column. As long as the smallest
    error among them is lower than the current one by more than its standard error, the next ranks are those
    that grow in the fewest modes with an error within one standard error of the smallest.
    """
    if prod(data.shape) > LARGEST_DENSE:
        raise UnsupportedError(
            "choosing ranks needs the dense tensor",
            f"{prod(data.shape):,} cells, at most {LARGEST_DENSE:,}",
            fix=Words("pass ", Option("ranks")),
        )
    kept, apart = hold_out_cells(data, rng)
    fits: list[_Fit] = []

    def compared(start: TuckerTensor) -> bool:
        objective = TuckerObjective(kept, Tucker(kept.shape, start.ranks))
        stop = ValueBelow(exact_value(objective)) | RelativeDecreaseBelow(CONVERGED, after=FIRST_SWEEPS)
        stop = stop | Iterations(most_sweeps)
        with stage(f"choosing: ranks {', '.join(map(str, start.ranks))}, fit {len(fits) + 1}"):
            end = run(objective, FilledIteration(), start.point(), stop=stop, rng=rng, callbacks=callbacks)
        fits.append(_Fit.of(objective, end, apart))
        return not fits[-1].is_interrupted

    def ended(at: _Fit, *, is_whole: bool) -> RankPath:
        steps = tuple((fit.parts.ranks, float(np.sqrt(fit.squares.mean()))) for fit in fits)
        return RankPath(RankChoice(at.parts.ranks, steps, apart.size), at.parts, is_whole)

    goes_on = compared(_first(kept, rng))
    now = fits[0]
    while goes_on:
        before = len(fits)
        residual = now.objective.residual_tensor(now.parts.point())
        for ranks in larger_ranks(now.parts.ranks, kept.shape):
            if not compared(grown(now.parts, residual, ranks, rng)):
                return ended(now, is_whole=False)
        larger = fits[before:]
        least = min(
            (fit.squares for fit in larger), key=lambda errors: float(errors.mean()), default=now.squares
        )
        if not is_better(least, now.squares):
            return ended(now, is_whole=True)
        # fewest modes first: the simplest candidate about as good as the best
        now = next(fit for fit in larger if not is_better(least, fit.squares))
    return ended(now, is_whole=False)


@final
@dataclass(frozen=True, eq=False)
class _Fit:
    """A fit of the path, its squared errors on the held-out cells, and whether it was interrupted."""

    objective: TuckerObjective
    parts: TuckerTensor
    squares: Vector
    is_interrupted: bool

    @classmethod
    def of(cls, objective: TuckerObjective, end: SearchResult, apart: TensorObservations) -> _Fit:
        parts = objective.unpack(end.theta)
        interrupted = end.stop_reason is StopReason.INTERRUPTED
        return cls(objective, parts, squared_errors(parts, apart), interrupted)


def _first(kept: TensorObservations, rng: np.random.Generator) -> TuckerTensor:
    """Return a start of rank one in every mode: missing cells are zeros, and everything is scaled up."""
    filled = kept.array(fill=0.0)
    first = sequential_start(filled, (1,) * filled.ndim, rng)
    return replace(first, core=(first.core / kept.observed_share).astype(filled.dtype))


def larger_ranks(ranks: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the possible ranks that are one larger in one, two or all modes, the fewest modes first."""
    order = len(ranks)
    for size in sorted({1, 2, order}):
        for modes in combinations(range(order), size):
            larger = tuple(rank + (n in modes) for n, rank in enumerate(ranks))
            if possible_ranks(larger, shape) == larger:
                yield larger


def grown(
    parts: TuckerTensor, residual: Matrix, ranks: tuple[int, ...], rng: np.random.Generator
) -> TuckerTensor:
    """Return the same tensor at larger ranks; new columns are leading directions of the residual.

    Parameters
    ----------
    parts : TuckerTensor
        With orthonormal factors.
    residual : ndarray
        Dense, zero where nothing is known.
    ranks : tuple of int
        At least those of the parts.
    rng : numpy.random.Generator
    """
    factors = []
    for n, (factor, rank) in enumerate(zip(parts.factors, ranks, strict=True)):
        new = leading_basis(residual, n, rank, rng)
        left = np.linalg.svd(new - factor @ (factor.T @ new), full_matrices=False)[0]
        factors.append(np.hstack([factor, left[:, : rank - factor.shape[1]]]))
    core = np.zeros(ranks, parts.core.dtype)
    core[tuple(slice(0, rank) for rank in parts.ranks)] = parts.core
    return TuckerTensor(core, tuple(factors))
