"""The search of the theorem on Tucker decompositions: gradient steps, and jumps where they gain little.

The paper's search jumps along random directions of the subspaces that a fit does not use, jointly in several
modes and the core; if all are in use, the weakest column makes room. The length of a jump is the best along
its directions, and what counts as little gain is ours: the paper's constants are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.results.records import SearchResult
from lowland.core.results.status import StopReason
from lowland.search import Gradient, Iterations, RelativeDecreaseBelow, ValueBelow, run
from lowland.search.loop import Callback
from lowland.search.sequence import continued, resumed
from lowland.tensors.search.high_order_escape import GAIN, HighOrderEscape
from lowland.tensors.tucker.objective import TuckerObjective

# gradient steps that gain less than this share of the objective together are little gain
LITTLE, TOGETHER = 1e-3, 200
# jumps in all, and jumps in a row that gain nothing, after which the search ends
MOST_JUMPS, MOST_IDLE = 300, 20


def gradient_search(
    objective: TuckerObjective,
    theta: Vector,
    rng: np.random.Generator,
    *,
    at_random: bool,
    enough: float,
    most: int,
    callbacks: Sequence[Callback] = (),
) -> tuple[SearchResult, tuple[int, ...]]:
    """Return the end of gradient steps and jumps, and the orders of the saddles that jumps left.

    Parameters
    ----------
    objective : TuckerObjective
    theta : ndarray, shape (size,)
    rng : numpy.random.Generator
    at_random : bool
        Whether jumps go along random directions, as published, or along those of the best rank-one part.
    enough : float
        Objective at which the search ends.
    most : int
        Gradient steps in all.
    callbacks : sequence of callable
        Called after each gradient step.

    Returns
    -------
    SearchResult
        Its iterations and its history are those of all gradient steps, its solver is "gradient".
    tuple of int
    """
    escape = HighOrderEscape(recycle=True, at_random=at_random)
    result, orders, idle = None, list[int](), 0
    while True:
        left = most - (0 if result is None else result.iterations)
        stop = ValueBelow(enough) | RelativeDecreaseBelow(LITTLE, TOGETHER) | Iterations(left)
        descent = run(objective, Gradient(rule="armijo"), theta, stop=stop, rng=rng, callbacks=callbacks)
        result = descent if result is None else resumed(result, descent)
        ended = descent.stop_reason in (StopReason.ITERATION_LIMIT, StopReason.INTERRUPTED)
        if ended or descent.value <= enough or len(orders) >= MOST_JUMPS or idle >= MOST_IDLE:
            return result, tuple(orders)
        jump = run(objective, escape, descent.theta, stop=Iterations(1), rng=rng)
        if jump.stop_reason is StopReason.INTERRUPTED:
            return replace(continued(result, jump), trace=result.trace), tuple(orders)
        if jump.value < descent.value * (1 - GAIN):
            orders.append(int(jump.trace.measures["order"][-1]))
            idle = 0
        elif at_random:
            idle += 1
        else:  # the best direction gains nothing
            return result, tuple(orders)
        theta = jump.theta
