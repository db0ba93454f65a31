"""Whether the data determine the matrix at all, whatever a solver found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.certificates.curvatures.jacobian import gram_matrix, jacobian_matrix
from lowland.certificates.factorisations import eigenvalues
from lowland.certificates.settings import Judgement
from lowland.certificates.uniqueness.identifiability_findings import (
    FINITE,
    UNIQUE,
    not_unique,
    proved,
    rank_modulo_primes,
    refuted,
    refuted_by_rank,
)
from lowland.certificates.uniqueness.patterns import judge_pattern
from lowland.core.arrays import Indices, Vector
from lowland.core.promises.fits import MatrixFit
from lowland.core.results.findings import Finding, undecided, where_bounded
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.work import UNLIMITED, Budget
from lowland.kernels.modular_arithmetic import modular

# number of measurements beyond the degrees of freedom in the first attempt at a proof
SPARE_MEASUREMENTS = 16
# singular values below this fraction of the largest may be due to rounding of the measuring matrices
LAST_SHARE, LAST_DIGITS = 1e-6, because("last_digits")


def judge_identifiability(objective: MatrixFit, theta: Vector, given: Judgement) -> list[Finding]:
    """Judge whether the measurements determine a matrix of this rank, whatever the point; see `identify`."""
    return identify(objective, largest=given.settings.largest_modular, rng=given.rng(), budget=given.budget)


def identify(
    objective: MatrixFit, *, largest: int, rng: np.random.Generator, budget: Budget = UNLIMITED
) -> list[Finding]:
    """Judge whether the measurements determine a matrix of this rank.

    Parameters
    ----------
    objective : Objective
        A recovery objective; only its measurement, rank and data (are they zero?) are used.
    largest : int
        Largest number of unknowns in an exact rank computation.
    rng : numpy.random.Generator
        For the integer points.
    budget : Budget
        Work that may be spent.

    Returns
    -------
    list of Finding
        On ``determined_by_data`` (finitely many matrices) and ``uniquely_determined``.
    """
    pattern = objective.observed_pattern
    if pattern is not None:
        # with other losses a prediction of zero may fit a datum that is not zero
        nonzero = bool(np.all(objective.y != 0)) and objective.loss.vanishes_at_data
        return judge_pattern(pattern, nonzero=nonzero, largest=largest, rng=rng, budget=budget)
    finite = _judge_operator(objective, largest, rng, budget)
    return [finite, _unique_operator(objective, finite, largest, budget)]


def _judge_operator(objective: MatrixFit, largest: int, rng: np.random.Generator, budget: Budget) -> Finding:
    size, expected = objective.y.size, objective.degrees_of_freedom
    unseen = unseen_lines(objective, rng)
    # a product that is zero may be rounded; too few measurements are too few, whatever they are
    if (unseen[0].size or unseen[1].size) and (objective.bounds_rounding or size >= expected):
        reason = because("unseen_lines", lines=[len(lines) for lines in unseen])
        finding = refuted(FINITE, None, expected, reason, Rigour.PROBABILISTIC)
        finding.witness["short_rows"], finding.witness["short_columns"] = unseen
        return where_bounded(finding, objective.bounds_rounding)
    if size < expected:
        reason = because("few_measurements", size=size, freedom=expected)
        return refuted(FINITE, size, expected, reason, Rigour.RIGOROUS)
    jacobian = objective.modular_jacobian
    if jacobian is None:
        return undecided(FINITE, because("no_jacobian"))
    if objective.size > largest:
        reason = because("over_limit", unknowns=objective.size, limit=largest)
        return undecided(FINITE, reason, "largest_modular")
    beside = jacobian.expected_rank - expected  # rows that hold a constraint
    sizes = (expected + SPARE_MEASUREMENTS, None, None)
    best, done = rank_modulo_primes(jacobian, jacobian.expected_rank, sizes, rng, budget)
    best = max(best - beside, 0)
    if best != expected and not done:
        return undecided(FINITE, because("over_budget", unknowns=objective.size), budget.name)
    if best != expected:
        return refuted_by_rank(FINITE, best, expected)
    smallest = _smallest_share(objective, rng) if jacobian.has_fractions else 1.0
    if not smallest > LAST_SHARE:
        return replace(undecided(FINITE, LAST_DIGITS), value=float(best), bound=float(expected))
    return proved(FINITE, best, because("full_rank"))


def _smallest_share(objective: MatrixFit, rng: np.random.Generator) -> float:
    """Return the smallest singular value of the Jacobian at random factors, as a share of the largest.

    For measuring matrices of largest entry one.
    """
    if not objective.degrees_of_freedom:
        return 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        jacobian = jacobian_matrix(objective, rng.standard_normal(objective.size))
        # what a matrix leaves of itself on the space of the model is not scaled up: it may be rounding alone
        gram = gram_matrix(jacobian * (1 / objective.matrices.sizes())[:, None])
    if not np.isfinite(gram).all():
        return 0.0
    values = eigenvalues(gram)
    smallest = float(values[objective.size - objective.degrees_of_freedom])
    return float(np.sqrt(max(smallest, 0.0) / max(float(values[-1]), 1.0)))


def unseen_lines(objective: MatrixFit, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Return the rows and columns of the matrix that no measurement involves.

    A random combination of the measuring matrices has a zero row only where all of them have one.
    """
    nothing = np.zeros(0, np.intp)
    if objective.model.has_unit_trace:  # the trace involves them all
        return nothing, nothing
    operator = objective.adjoint(rng.standard_normal(objective.y.size))
    m, n = objective.shape
    by_row = operator.matmat(rng.standard_normal((n, 2)))
    by_column = operator.rmatmat(rng.standard_normal((m, 2)))
    rows, columns = (np.flatnonzero((block == 0).all(axis=1)) for block in (by_row, by_column))
    if objective.model.is_psd:  # X is symmetric: a row is involved if its column is
        rows = columns = np.intersect1d(rows, columns)
    return rows, columns


def _has_full_rank(objective: MatrixFit, dimension: int, prime: int) -> bool:
    rows = objective.matrices.residues(prime)
    return rows is not None and modular.rank(rows, prime) == dimension


def _unique_operator(objective: MatrixFit, finite: Finding, largest: int, budget: Budget) -> Finding:
    if finite.verdict is Verdict.REFUTED:
        return not_unique(finite)
    dimension, size = objective.matrices.dimension, objective.y.size + objective.model.has_unit_trace
    enough = size >= dimension and dimension <= largest
    work = 80.0 * size * dimension + modular.elimination_work(size, dimension)
    if enough and not budget.allows(work, part=0.5):
        return undecided(UNIQUE, because("several_solutions"), budget.name)
    if enough and any(_has_full_rank(objective, dimension, prime) for prime in modular.PRIMES[:2]):
        if not objective.matrices.smallest_share() > LAST_SHARE:
            return undecided(UNIQUE, LAST_DIGITS)
        return Finding(UNIQUE, Verdict.PROVED, reason=because("every_matrix"), rigour=Rigour.RIGOROUS)
    return undecided(UNIQUE, because("several_solutions"))
