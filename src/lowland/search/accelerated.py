"""Accelerated alternating minimisation: sweeps whose recent results are combined into a better point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.promises.powers import HasBlockSolver, HasDifferentiableBlocks
from lowland.core.work import matrix_work, touch
from lowland.search.stepper import Info

# regularisation of the scaled normal equations of the combination
RIDGE = 1e-10
# sweeps that are combined; sweeps between computations of the gradient, each of which costs about one sweep
MEMORY, CHECK = 10, 5


@final
@dataclass(frozen=True, eq=False)
class AcceleratedState:
    """The point with its first block at its minimiser, and the start of the next step.

    Parameters
    ----------
    theta : ndarray, shape (size,)
    value : float
    plain, proposed : ndarray, shape (size,)
        End of the sweep, and the combination of sweeps to continue from.
    ends, moves : ndarray, shapes (kept, k)
        Ends of the last sweeps, and their moves, in the coordinates outside the first block.
    step : int
    stretch : float
        Length of the extrapolation in units of the last move; 0 if the proposed point is a combination.
    """

    theta: Vector
    value: float
    plain: Vector
    proposed: Vector
    ends: Matrix
    moves: Matrix
    step: int
    stretch: float


@public("lowland.search")
@final
@dataclass(frozen=True)
class Accelerated:
    """Sweeps over all blocks, each from a combination of earlier ones (Anderson acceleration).

    Near a minimum this needs about as many sweeps as conjugate gradients need steps, far fewer than plain
    sweeps. Growing moves lead away from a saddle, to which combinations would return: then the next sweep
    extrapolates from the last, twice as far each time. A proposal that does not lower the objective is
    replaced by the plain sweep, so no step raises it.

    References
    ----------
    D. G. Anderson, Iterative procedures for nonlinear integral equations, J. ACM 1965; H. Walker, P. Ni,
    Anderson acceleration for fixed-point iterations, SIAM J. Numer. Anal. 2011.

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.search import Accelerated, Alternating, ValueBelow
    >>> case = ll.datasets.planted_completion((30, 20), 2, 2, rng=0, least=3)
    >>> plan = dict(rank=2, stop=ValueBelow(1e-12), certify=False, rng=0)
    >>> solvers = Accelerated(), Alternating()
    >>> fast, slow = (ll.recover(case.measurement, case.y, solver=s, **plan).search for s in solvers)
    >>> fast.converged and slow.converged, 2 * fast.iterations < slow.iterations
    (True, True)
    """

    name: ClassVar[str] = "accelerated"
    needs: ClassVar[tuple[type[Any], ...]] = (HasBlockSolver, HasDifferentiableBlocks)
    promises_descent: ClassVar[bool] = True

    def init(
        self, objective: HasDifferentiableBlocks, theta: Vector, rng: np.random.Generator
    ) -> tuple[AcceleratedState, Info]:
        """Evaluate the start."""
        value, gradient = objective.value_and_gradient(theta)
        kept = int(np.sum(~objective.block_solver.coordinates(objective.block_solver.names[0])))
        none = np.zeros((kept, 0), theta.dtype)
        state = AcceleratedState(
            theta=theta, value=value, plain=theta, proposed=theta, ends=none, moves=none, step=0, stretch=0.0
        )
        return state, Info(value, float(np.linalg.norm(gradient)))

    def step(
        self, objective: HasDifferentiableBlocks, state: AcceleratedState, rng: np.random.Generator
    ) -> tuple[AcceleratedState, Info]:
        """Sweep from the proposed point, or from the plain one if that is better."""
        solver = objective.block_solver
        first, *others = solver.names
        start = state.proposed
        theta = solver.solve(start, first)
        value = objective.value(theta)
        rejected = not value <= state.value and (state.ends.shape[1] > 1 or state.stretch > 0)
        if rejected:
            start, state = state.plain, replace(state, ends=state.ends[:, -1:], moves=state.moves[:, -1:])
            theta = solver.solve(start, first)
            value = objective.value(theta)
        plain = theta
        for name in others:
            plain = solver.solve(plain, name)
        kept = ~solver.coordinates(first)
        move, stretch = plain[kept] - start[kept], 0.0
        if (rejected or state.stretch > 0) and _grows(move, state.moves):
            stretch = _next_stretch(state.stretch, rejected)
        memory = 0 if stretch else MEMORY
        ends, moves = _appended(state.ends, plain[kept], memory), _appended(state.moves, move, memory)
        proposed = plain.copy()
        proposed[kept] = plain[kept] + stretch * move if stretch else _combined(ends, moves)
        count = state.step + 1
        norm = float(np.linalg.norm(objective.gradient(theta))) if count % CHECK == 0 else None
        measures = {"combined": float(ends.shape[1]), "stretch": stretch}
        return AcceleratedState(
            theta=theta,
            value=value,
            plain=plain,
            proposed=proposed,
            ends=ends,
            moves=moves,
            step=count,
            stretch=stretch,
        ), Info(value, norm, measures)


def _grows(move: Vector, moves: Matrix) -> bool:
    """Whether a move is longer than the one before."""
    return bool(moves.shape[1] and np.linalg.norm(move) > np.linalg.norm(moves[:, -1]))


def _next_stretch(before: float, rejected: bool) -> float:
    """Return how far to extrapolate: farther after each success, less or not at all after a failure."""
    if not before:
        return 1.0
    return 2 * before if not rejected else before / 4 if before > 1 else 0.0


def _appended(columns: Matrix, last: Vector, memory: int) -> Matrix:
    return np.hstack([columns[:, max(columns.shape[1] - memory, 0) :], last[:, None]])


def _combined(ends: Matrix, moves: Matrix) -> Vector:
    """Return the affine combination of the ends that minimises the same combination of their moves."""
    last = ends[:, -1]
    changes = np.diff(moves, axis=1)
    touch(matrix_work(changes.size, changes.shape[1]))
    lengths = np.linalg.norm(changes, axis=0)
    if not lengths.size or not (np.isfinite(lengths) & (lengths > 0)).all():
        return np.asarray(last)
    changes = changes / lengths
    normal = changes.T @ changes + RIDGE * np.eye(lengths.size)
    shares = np.linalg.solve(normal, changes.T @ moves[:, -1]) / lengths
    return np.asarray(last - np.diff(ends, axis=1) @ shares)
