"""The claims about a CP decomposition, and what checks each."""

from __future__ import annotations

from functools import partial

import numpy as np

from lowland.core.results.findings import Certificate
from lowland.core.results.verification import Check, Verification
from lowland.recheck.dispatch import Checks, Progress, verify_each
from lowland.recheck.modular_rank import Residues
from lowland.recheck.statement import Statement
from lowland.recheck.tensors.checks import (
    AT_THE_POINT,
    check_generic_rank,
    check_tensor_optimal,
)
from lowland.recheck.tensors.cp_problem import CPProblem
from lowland.recheck.tensors.cp_unique import check_unique


def verify_cp(problem: CPProblem, certificate: Certificate, progress: Progress | None = None) -> Verification:
    """Check every finding of a certificate against data and point; see `verify_matrix`."""
    return verify_each(problem, certificate, CHECKS, progress)


def check_components(said: Statement, problem: CPProblem) -> Check:
    """Compare what is said of the known cells with the generic rank of the Jacobian of components."""
    freedom = (sum(problem.shape) - len(problem.shape) + 1) * problem.rank
    return check_generic_rank(said, problem, freedom, partial(cp_jacobian, problem))


def cp_jacobian(problem: CPProblem, prime: int, seed: int) -> Residues:
    """Return the Jacobian of the known cells at random integer components, modulo a prime."""
    rng, at, start = np.random.default_rng(seed), problem.at_cells, 0
    rows = [rng.integers(1, prime, factor.shape)[at[:, n]] for n, factor in enumerate(problem.factors)]
    out = np.zeros((len(at), problem.size), np.int64)
    for n, factor in enumerate(problem.factors):
        for k in range(problem.rank):
            slope = np.ones(len(at), np.int64)
            for m, row in enumerate(rows):
                if m != n:
                    slope = slope * row[:, k] % prime
            out[np.arange(len(at)), start + at[:, n] * problem.rank + k] = slope
        start += factor.size
    return out


def _feasible(said: Statement, problem: CPProblem) -> Statement:
    """Return what is stated, with a fault if anything is claimed of a point outside the problem."""
    said.require(said.is_open or problem.is_feasible, "a factor breaks its constraints")
    return said


CHECKS: Checks = {
    **AT_THE_POINT,
    "globally_optimal": lambda said, at, beside, progress: check_tensor_optimal(_feasible(said, at), at),
    "components_determined": lambda said, at, beside, progress: check_components(said, at),
    "unique_decomposition": lambda said, at, beside, progress: check_unique(_feasible(said, at), at),
}
