"""The number of components of a CP model, by cells held out and what tables say of the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple, final

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.running.stages import stage
from lowland.tensors.cells.held_out import HeldOut
from lowland.tensors.filling.blending import TablesBeside, Unfolded
from lowland.tensors.filling.candidates import Candidate, Features, compare
from lowland.trials.choices import BLENDS, CP_RANKS, LEAST_SQUARES_START
from lowland.trials.gains import Gain

# ranks that are compared
RANKS = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
# ranks that are compared in any case
FIRST = 8
# a rank that is looked at even so, as errors may fall late
FAR = 32
# how many ranks below and above the best are tried from least squares too
NEAR = 2


@final
@dataclass(frozen=True, eq=False)
class Chains:
    """Chains of several ranks on the same cells held out, each with a stream of its own and run once.

    So a chain is the same whichever others are run.
    """

    held: HeldOut
    features: Features
    seed: int
    run: dict[tuple[int, bool], Candidate] = field(default_factory=dict)

    def __call__(self, rank: int, *, fitted: bool = False) -> Candidate:
        """Return the chain of a rank from a random start, or from least squares."""
        if (rank, fitted) not in self.run:
            rng = np.random.default_rng([self.seed, rank, fitted])
            self.run[rank, fitted] = compare(self.held, rank, self.features, rng, fitted=fitted)
        return self.run[rank, fitted]

    @property
    def least(self) -> tuple[tuple[int, float], ...]:
        """The ranks that were run, ascending, with the least error of each."""
        ranks = sorted({rank for rank, _ in self.run})
        return tuple(
            (rank, min(one.error for (own, _), one in self.run.items() if own == rank)) for rank in ranks
        )


@final
class ChosenRank(NamedTuple):
    """What was chosen.

    Parameters
    ----------
    best : Candidate
    beside : TablesBeside or None
        Tables that the rank was chosen with; None if they do not surely lower its errors.
    """

    best: Candidate
    beside: TablesBeside | None


def choose_rank(
    chains: Chains, rank: int | None, unfolded: Unfolded | None, rng: np.random.Generator
) -> ChosenRank:
    """Return the best rank and start.

    Parameters
    ----------
    chains : Chains
    rank : int or None
        None compares ranks.
    unfolded : callable or None
        Fits tables of the same cells. Ranks are compared by errors of the blend with the best one, if that
        surely lowers these, and otherwise as if there were no tables.
    rng : numpy.random.Generator
        Of the tables.
    """
    if unfolded is not None and not chains(min(FIRST, RANKS[-1]) if rank is None else rank).is_exact:
        beside = TablesBeside.of(chains.held, unfolded, rng)
        chosen = _choose(chains, rank, beside.error)
        if BLENDS.takes(beside.gain(chosen)):
            return ChosenRank(chosen, beside)
    chosen = _choose(chains, rank, _own_error)
    if not np.isfinite(chosen.error):
        raise InvalidInputError("the tensor cannot be fitted", "errors that are not finite")
    return ChosenRank(chosen, None)


def _own_error(one: Candidate) -> float:
    return one.error


def _choose(chains: Chains, rank: int | None, error: Callable[[Candidate], float]) -> Candidate:
    """Return the best chain by an error, from least squares if that is surely better."""

    def of(one: Candidate) -> float:
        told = error(one)
        return told if np.isfinite(told) else np.inf

    with stage("ranks, compared by held-out cells"):
        chosen = _best_of_ranks(chains, of) if rank is None else chains(rank)
        if chosen.is_exact:
            return chosen
        fitted = chains(chosen.rank, fitted=True)
        if not LEAST_SQUARES_START.takes(Gain.between(chosen.error, fitted.error)):
            return chosen
        # a random start had lost components: the best rank may be another
        place = RANKS.index(chosen.rank) if rank is None else 0
        near = RANKS[max(place - NEAR, 0) : place + NEAR + 1] if rank is None else (rank,)
        return min((chains(one, fitted=True) for one in near), key=of)


def _best_of_ranks(chains: Chains, of: Callable[[Candidate], float]) -> Candidate:
    """Return the best chain of ascending ranks, and of far ones if errors fall late."""
    tried, shape = _climb(chains, of, FIRST), chains.held.part.shape
    best = min(tried, key=of)
    looked_at = tried[-1].rank < FAR <= min(RANKS[-1], prod(shape) // max(shape)) and not best.is_exact
    if looked_at and CP_RANKS.takes(Gain.between(of(best), of(chains(FAR)))):
        best = min(_climb(chains, of, FAR), key=of)
    return best


def _climb(chains: Chains, of: Callable[[Candidate], float], least: int) -> list[Candidate]:
    """Return chains of ascending ranks, to the first from the least on where doubling did not help."""
    tried: list[Candidate] = []
    errors: dict[int, float] = {}
    for rank in RANKS:
        tried.append(chains(rank))
        errors[rank] = of(tried[-1])
        before = min((error for own, error in errors.items() if 2 * own <= rank), default=np.inf)
        helped = CP_RANKS.takes(Gain.between(before, min(errors.values())))
        if rank >= least and not (helped and not any(one.is_exact for one in tried)):
            break
    return tried
