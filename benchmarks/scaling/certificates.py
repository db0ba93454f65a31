"""A penalised fit of a real table with biases, proved; a submatrix re-checked by an independent solver.

    python benchmarks/scaling/certificates.py

Needs cvxpy with Clarabel (the test group).
"""

import time

import cvxpy as cp
import numpy as np

import lowland as ll
from lowland.completion.penalised.fit import fit_completion
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.cells.observations import Observations
from lowland.core.random import make_generator
from lowland.datasets import data_path


def convex_optimum(table, penalty):
    """Least value of the convex problem with free row and column biases, by Clarabel."""
    seen = ~np.isnan(table)
    m, n = table.shape
    x, a, b = cp.Variable((m, n)), cp.Variable((m, 1)), cp.Variable((1, n))
    residual = cp.multiply(seen, x + a @ np.ones((1, n)) + np.ones((m, 1)) @ b - np.nan_to_num(table))
    problem = cp.Problem(cp.Minimize(0.5 * cp.sum_squares(residual) + penalty * cp.normNuc(x)))
    return problem.solve(solver="CLARABEL")


def main():
    table = ll.read_table(data_path("fertility"))
    started = time.perf_counter()
    fit = fit_completion(table, CompletionSettings(rank=12, penalty=1.0), rng=make_generator(0))
    finding = fit.certificate["globally_optimal"]
    print(f"fertility, rank 12, penalty 1: {finding.verdict.name}, gap {finding.value:.2e} of the objective "
          f"[{finding.rigour.value}], {time.perf_counter() - started:.1f} s with the fit")  # fmt: skip
    part = table.to_array()[:40, :26]
    cut = Observations.from_array(part)
    small = fit_completion(
        cut, CompletionSettings(rank=12, penalty=1.0, tolerance=1e-10), rng=make_generator(0)
    )
    finding, best = small.certificate["globally_optimal"], convex_optimum(part, 1.0)
    lower, upper = finding.witness["lower_bound"], finding.witness["objective"]
    print(f"submatrix 40 x 26: {finding.verdict.name}; lower bound {lower:.8f}, independent optimum {best:.8f}, "
          f"objective {upper:.8f}; relative differences {(best - lower) / best:.1e} and {(upper - best) / best:.1e}")  # fmt: skip


if __name__ == "__main__":
    main()
