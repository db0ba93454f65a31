"""A gap to what a flattening's singular values leave, derived again with all rounding on the other side."""

from __future__ import annotations

from math import prod

import numpy as np

from lowland.core.arrays import Matrix, out_of_scale
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.core.rounding import gamma
from lowland.recheck.bounds import UNIT
from lowland.recheck.matrices.optimality import LARGEST_GAP
from lowland.recheck.statement import AGREE, Statement
from lowland.recheck.tensors.cell_problem import CellProblem

# a proof may leave out so much of a sum of squares, in which no claim is made
LEFT_OUT = 2e-3


def check_flattening(said: Statement, problem: CellProblem) -> Check:
    """Compare a gap with the singular values of the flattening that is named."""
    modes = said.array("modes", (None,))
    full = problem.is_full and not problem.is_weighted
    if modes is None or not said.require(full, "a bound needs every cell, with equal weights"):
        return said.settle("")
    group, order = [int(mode) for mode in modes], len(problem.shape)
    if len(set(group)) != len(group) or not set(group) < set(range(order)) or list(modes) != group:
        said.fault("the modes are no proper set of modes")
        return said.settle("")
    said.must_say("flattening", modes=group)
    said.assume()
    tensor = problem.spread(problem.y)
    others = [n for n in range(order) if n not in group]
    flat = np.transpose(tensor, (*group, *others)).reshape(prod(problem.shape[n] for n in group), -1)
    least, most = tail_bounds(flat, problem.flat_rank(group))
    (low, high), value = problem.value_bounds(), problem.objective()
    _compare_numbers(said, value, high - low, (least, most))
    tolerance = said.tolerance(LARGEST_GAP)
    words = f"error {np.sqrt(2 * value):.6g}, at least {least:.6g} by this flattening"
    if said.verdict is Verdict.REFUTED:
        said.fault("a flattening proves, or leaves open")
    elif not said.is_open:
        proved = high - 0.5 * least**2 <= tolerance * high
        exceeds = low - 0.5 * most**2 > tolerance * low
        said.require(not exceeds, f"the gap exceeds {tolerance:g}")
        if out_of_scale(problem.y) or out_of_scale(problem.point()):
            said.not_derived("numbers are out of scale")
        elif said.verdict is Verdict.PROVED and not (proved or exceeds):
            said.not_derived(f"rounding here leaves open whether the gap exceeds {tolerance:g}")
    # earlier versions did not bound the rounding of findings that they left open
    weaker = () if said.verdict is Verdict.PROVED else (Rigour.WORKING_PRECISION,)
    said.rigour(*(() if said.verdict is Verdict.SUPPORTED else (Rigour.RIGOROUS,)), *weaker)
    return said.settle(words)


def _compare_numbers(said: Statement, value: float, blur: float, tail: tuple[float, float]) -> None:
    """Compare bound and errors with those found, and the gap with the bound that is stated."""
    least, most = tail
    room = 0.5 * (most**2 - least**2) + LEFT_OUT * 0.5 * most**2
    stated = said.finding.witness.get("lower_bound")
    said.at_most("lower_bound", 0.5 * most**2)
    said.at_least("lower_bound", 0.5 * least**2, atol=room)
    lower = float(stated) if isinstance(stated, float | int) and np.isfinite(stated) else 0.5 * least**2
    gap = (value - lower) / value if value > 0 else 1.0
    said.close("value", gap, rtol=0.0, atol=2 * blur / value + AGREE if value > 0 else np.inf)
    error, bound = float(np.sqrt(2 * value)), float(np.sqrt(max(2 * lower, 0.0)))
    said.close("error", error, atol=float(np.sqrt(2 * blur)))
    said.close("least_error", bound)
    said.close(
        "ratio", error / bound if bound > 0 else np.inf, rtol=AGREE * 2 + (blur / value if value > 0 else 1)
    )


def tail_bounds(matrix: Matrix, rank: int) -> tuple[float, float]:
    """Return proved bounds on the root sum of squares of a matrix's singular values beyond a rank.

    With computed U, s, V and A = U diag(s) V + E, singular values of the product are s times at least the
    least, and at most the largest, singular values of U and of V; and E moves the tail by |E| at most.
    """
    flat = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    few = len(flat)
    if rank >= few:
        return 0.0, 0.0
    left, sizes, right = np.linalg.svd(flat, full_matrices=False)
    apart = [_off_identity(side) for side in (left.T @ left, right @ right.T)]
    lengths = [float(np.linalg.norm(side)) for side in (left, right)]
    off = [
        far + gamma(max(flat.shape) + 4) * (length**2 + few)
        for far, length in zip(apart, lengths, strict=True)
    ]
    rest = float(np.linalg.norm(flat - (left * sizes) @ right))
    rounding = gamma(few + 8) * float(np.linalg.norm(left * sizes)) * lengths[1]
    moved = (rest + rounding + 4 * UNIT * float(np.linalg.norm(flat))) * (1 + gamma(flat.size + 8))
    tail = float(np.linalg.norm(sizes[rank:]))
    shrunk, grown = (
        float(np.sqrt(max(1 + sign * off[0], 0.0) * max(1 + sign * off[1], 0.0))) for sign in (-1, 1)
    )
    slack = 1e-13 * tail
    return max(shrunk * tail - moved - slack, 0.0), grown * tail + moved + slack


def _off_identity(gram: Matrix) -> float:
    return float(np.linalg.norm(gram - np.eye(len(gram)))) * (1 + 1e-9)
