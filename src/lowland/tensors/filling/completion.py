"""A tensor's missing cells by averages over CP decompositions, with error bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.random import spawn
from lowland.core.running.interrupt import in_full
from lowland.core.running.stages import stage
from lowland.kernels.blas_threads import one_blas_thread
from lowland.tensors.cells.held_out import hold_out
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.protocol import KnownCells
from lowland.tensors.filling.blending import Blend, Unfolded, choose_blend
from lowland.tensors.filling.calibration import Calibration
from lowland.tensors.filling.candidates import Candidate, pooled_error
from lowland.tensors.filling.choice import choose_noise, choose_orders, features_of, judge
from lowland.tensors.filling.completed import TensorCompletionFit
from lowland.tensors.filling.mode_orders import ModeOrder
from lowland.tensors.filling.objective import BayesianCP
from lowland.tensors.filling.rank_choice import RANKS, Chains, choose_rank
from lowland.tensors.filling.sampling import check_draws, draws_of, sampled
from lowland.trials.choices import BLENDS, MODE_ORDERS, SLICE_NOISE

# predicts cells, by their positions, from a tensor without them
Baseline = Callable[[TensorObservations, NDArray[np.int64]], Vector]
# most known cells, and cells, of tensors whose tables are looked at: their predictions are in memory
MOST_KNOWN, MOST_CELLS = 1_000_000, 2_000_000


def complete_by_cp(
    data: KnownCells,
    rank: int | None,
    orders: Sequence[ModeOrder],
    sweeps: tuple[int, int],
    rng: np.random.Generator,
    *,
    unfolded: Unfolded | None = None,
    baseline: Baseline | None = None,
) -> TensorCompletionFit:
    """Complete a tensor by averages over CP decompositions.

    Parameters
    ----------
    data : KnownCells
    rank : int or None
        Number of components; None compares ranks by held-out cells.
    orders : sequence of ModeOrder
        Used as far as they lower errors on held-out cells.
    sweeps : pair of int
        Before draws are kept, and draws.
    rng : numpy.random.Generator
    unfolded : callable, optional
        Fits tables of the same cells, which are blended with CP where that surely lowers errors.
    baseline : callable, optional
        Predicts cells from a tensor without them: its errors are told beside those of CP.

    Returns
    -------
    TensorCompletionFit

    Raises
    ------
    InvalidInputError
        If there are too few cells to hold some out.
    KeyboardInterrupt
        If it is interrupted before a draw is kept.
    """
    burn_in, n_draws = sweeps
    if rank is not None:
        check_draws(sum(data.shape) * rank, n_draws)
    with one_blas_thread():  # the same bits whatever its number of threads
        ordered = {order.mode for order in orders}
        held = hold_out(data, MODE_ORDERS.hides, ordered, rng)
        # numbers of their own: what is of no use, orders or tables, changes no bit of the rest
        ahead, apart = spawn(rng, 2)
        smooth = choose_orders(held, orders, rank, ahead)
        features = features_of(data.shape, orders, smooth)
        without = "" if unfolded is None else _why_no_tables(data)
        tables = None if without else unfolded
        chains = Chains(held, features, int(rng.integers(2**63)))
        chosen = _choose(data, rank, ordered, chains, int(rng.integers(2**63)), tables, apart)
        baseline_error = None if baseline is None else _error_of(baseline, chosen.judged)
        table = None
        if tables is not None and chosen.blend is None:
            without = "they do not surely lower errors on held-out cells"
        if chosen.blend is not None:
            with stage("the table of all known cells"):
                assert tables is not None
                assert isinstance(data, TensorObservations)
                table = in_full(partial(tables, data, chosen.blend.mode, apart))
        best = chosen.model
        model = BayesianCP(data, best.rank, features, best.noise_mode)
        # where the chosen run ended: another start might lose components that this one has
        search = sampled(model, burn_in, n_draws, rng, first=best.last)
    if not search.state.kept:
        raise KeyboardInterrupt  # there is nothing worth keeping yet
    words = tuple(
        " and ".join(orders[k].words for k in sorted(smooth) if orders[k].mode == mode)
        for mode in range(len(data.shape))
    )
    return TensorCompletionFit(
        data=data,
        rank=best.rank,
        model=model,
        draws=draws_of(search),
        search=search,
        calibration=Calibration.of(chosen.judged),
        tried=chains.least,
        orders=words,
        blend=chosen.blend,
        table=table,
        no_table=without,
        smooth=tuple((orders[k], smooth[k]) for k in sorted(smooth)),
        baseline_error=baseline_error,
    )


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The model, how it predicts cells that did not choose it, and its blend with a table."""

    model: Candidate
    judged: list[Candidate]
    blend: Blend | None


def _choose(
    data: KnownCells,
    rank: int | None,
    ordered: set[int],
    chains: Chains,
    seed: int,
    tables: Unfolded | None,
    apart: np.random.Generator,
) -> _Chosen:
    """Choose rank, noise and blend, and as if there were no tables if these are of no use in the end."""
    rng = np.random.default_rng(seed)
    first, beside = choose_rank(chains, rank, tables, apart)
    again = hold_out(data, SLICE_NOISE.hides, ordered, rng)
    best = choose_noise(again, first, chains.features, rng, RANKS if rank is None else (rank,))
    hides = BLENDS.hides
    others = [hold_out(data, hides, ordered, rng, every_mode=True) for _ in range(hides.times)]
    judged = judge(best, others, chains.features, rng)
    if tables is None or beside is None:
        return _Chosen(best, judged, None)
    blend = choose_blend(beside.best(first)[0], judged, beside.errors(first), tables, apart)
    if blend is None and choose_rank(chains, rank, None, apart).best is not first:
        return _choose(data, rank, ordered, chains, seed, None, apart)
    return _Chosen(best, judged, blend)


def _error_of(baseline: Baseline, judged: Sequence[Candidate]) -> float:
    """Return the root-mean-square error of another way on the same cells."""
    with stage("another way, compared by the same held-out cells"):
        others = [
            replace(one, means=baseline(cast(TensorObservations, one.held.part), one.held.positions))
            for one in judged
        ]
    return pooled_error(others)


def _why_no_tables(data: KnownCells) -> str:
    """Return why tables are not looked at; nothing if they are."""
    if not isinstance(data, TensorObservations):
        return "the tensor is on the disk"
    if data.size > MOST_KNOWN or prod(data.shape) > MOST_CELLS:
        return f"the tensor has more than {MOST_KNOWN:,} known cells, or {MOST_CELLS:,} in all"
    if not all(counts.all() for counts in data.slice_counts()):
        return "some slices have no known cell"
    return ""
