"""How smooth columns are: numbers of splines compared by held-out cells."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.running.stages import stage
from lowland.search import Iterations, RelativeDecreaseBelow, run
from lowland.tensors.cells.held_out import HeldOut, hold_out
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.unfoldings import products
from lowland.tensors.cp.constraint_inputs import AUTO, Splines
from lowland.tensors.cp.constraints import LEAST_FUNCTIONS, Constraints, FactorConstraint
from lowland.tensors.cp.multistart import CPPlan, search_cp
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.search.cp_alternating import CPAlternating
from lowland.trials.choices import SPLINES
from lowland.trials.gains import Gain

# numbers of splines grow by this factor; comparisons end after so many that are worse than the best
GROWTH, PATIENCE = 1.4, 3
# sweeps of a comparison, and the relative decrease over several at which it ends early
SWEEPS, FLAT, WINDOW = 60, 1e-4, 5


def choose_splines(objective: CPObjective, asked: Splines, rng: np.random.Generator) -> Constraints:
    """Return constraints with the numbers of splines that predict held-out cells best.

    Parameters
    ----------
    objective : CPObjective
        With all other constraints.
    asked : dict of int to int or str
        Numbers of splines by mode, "auto" for those to be chosen, one mode after the other.
    rng : numpy.random.Generator

    Returns
    -------
    tuple of FactorConstraint
        Modes that no number of splines fits better than none are left as they are.
    """
    unknown = [mode for mode, number in asked.items() if number == AUTO]
    if not unknown:
        return objective.constraints
    constraints = objective.constraints or (FactorConstraint(),) * len(objective.shape)
    with stage("smoothness of modes, compared by held-out cells"):
        trials = [
            _Trial(objective, hold_out(objective.data, SPLINES.hides, (), rng), rng)
            for _ in range(SPLINES.hides.times)
        ]
        error = _error(trials, constraints)
        for mode in unknown:
            constraints, error = _chosen(trials, constraints, error, mode)
    return constraints


def _chosen(
    trials: list[_Trial], constraints: Constraints, before: float, mode: int
) -> tuple[Constraints, float]:
    """Return constraints with the best number of splines of one mode, if it has less error than before."""
    best, least, worse = constraints, np.inf, 0
    for functions in _candidates(trials[0].objective.shape[mode]):
        smooth = replace(constraints[mode], functions=functions)
        candidate = (*constraints[:mode], smooth, *constraints[mode + 1 :])
        error = _error(trials, candidate)
        worse = 0 if error < least else worse + 1
        if error < least:
            best, least = candidate, error
        if worse >= PATIENCE:
            break
    return (best, least) if SPLINES.takes(Gain.between(before, least)) else (constraints, before)


def _error(trials: list[_Trial], constraints: Constraints) -> float:
    return sum(trial.square(constraints) for trial in trials)


def _candidates(length: int) -> list[int]:
    """Return numbers of splines below the length, from the smoothest."""
    numbers, number = [], float(LEAST_FUNCTIONS)
    while round(number) < length:
        numbers.append(round(number))
        number *= GROWTH
    return numbers


class _Trial:
    """A decomposition without some cells, from which others are tried."""

    def __init__(self, objective: CPObjective, held: HeldOut, rng: np.random.Generator) -> None:
        self.held, self.rng = held, rng
        self.objective = replace(objective, data=cast(TensorObservations, held.part))
        search, _ = search_cp(self.objective, CPPlan(n_restarts=1, max_iter=SWEEPS), rng)
        self.theta: Vector = search.theta

    def square(self, constraints: Constraints) -> float:
        """Return the weighted squared error on the cells held out, from the decomposition on."""
        objective = replace(self.objective, constraints=constraints)
        rule = RelativeDecreaseBelow(FLAT, window=WINDOW) | Iterations(SWEEPS)
        end = run(objective, CPAlternating(), objective.imposed(self.theta), stop=rule, rng=self.rng)
        predicted = products(objective.unpack(end.theta), self.held.positions).sum(axis=1)
        misses = predicted - self.held.values
        return float(np.sum(misses**2 if self.held.weights is None else self.held.weights * misses**2))
