"""Recovery of a low-rank matrix from linear measurements, from checks to certificate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lowland.certificates import JUDGES, MATRIX_CLAIMS, JudgeSettings, judge, usual_work
from lowland.core.arrays import Matrix, Vector, check_numbers
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import Measurement, check_measurement
from lowland.core.random import RandomSource, make_generator, spawn
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Attempt, Factors
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruptible, stop_if_requested, unless_interrupted
from lowland.core.work import Budget, counted
from lowland.kernels.blas_threads import one_blas_thread
from lowland.losses import Squared
from lowland.objectives import RecoveryObjective
from lowland.search.loop import Callback
from lowland.search.sequence import Searching, search_in_turn, unless_ended
from lowland.search.stepper import Stepper
from lowland.search.stops import StopRule
from lowland.sensing.conditional import with_conditional_findings
from lowland.sensing.input_checks import check_scale, warn_if_too_few
from lowland.sensing.premise import Premise, check_premise
from lowland.sensing.problem import recovery_problem
from lowland.sensing.recovery import RecoveryFit
from lowland.sensing.robust_losses import RobustLoss, loss_by_name
from lowland.sensing.searching.attempt import AttemptInputs
from lowland.sensing.searching.falling_thresholds import settle_gradient, settle_threshold
from lowland.sensing.searching.multistart import (
    Search,
    check_searches,
    is_settled,
    plan_starts,
    polish,
    polish_end,
    settle_small_components,
)
from lowland.sensing.second_solution import refute_uniqueness

# numbers in all measuring matrices up to which more threads of linear algebra gain nothing
SMALL_NUMBERS = 20_000_000


@public("lowland")
@Interruptible()
def recover(  # noqa: PLR0913
    measurement: Measurement,
    y: ArrayLike,
    *,
    rank: int,
    structure: str = "general",
    loss: str = "squared",
    penalty: float = 0.0,
    weights: ArrayLike | None = None,
    solver: str | Stepper[Any] = "auto",
    start: str | Factors | ArrayLike = "auto",
    n_restarts: int | str = "auto",
    dtype: str = "float64",
    stop: StopRule | None = None,
    rng: RandomSource = None,
    callbacks: Sequence[Callback] = (),
    certify: bool = True,
    effort: str = "standard",
    judging_seconds: float | None = None,
    premise: Premise | None = None,
) -> RecoveryFit:
    """Recover a low-rank matrix from linear measurements by local search.

    Minimises sum_k w_k (A(X)_k - y_k)^2 / 2 + penalty ||X||_* over matrices X of the given rank,
    in factored form.

    Parameters
    ----------
    measurement : Measurement
        The linear map A, with p measurements of an m x n matrix.
    y : array_like, shape (p,)
        Measured values.
    rank : int
        Rank of the matrix, 1 to min(m, n).
    structure : {"general", "psd", "density"}
        X = U V^H, X = U U^H (positive semidefinite), or the latter of trace one. Matrices are
        complex where the measurement is.
    loss : {"squared", "poisson", "binomial", "huber", "absolute"}
        Half the squared error; the Poisson deviance of counts; or the binomial deviance of frequencies,
        with the numbers of trials as weights. "huber" and "absolute" bear gross errors in some measurements:
        squared up to a threshold and absolute beyond, 1.345 or 0.05 standard deviations of the noise, which
        the search finds from what the fit leaves ("huber:2" sets another). Without noise that threshold ends
        at 1e-7 of the data, 1e-3 in single precision, and so do errors of the matrix, whatever the size of
        the gross errors, if these are few. Real and imaginary parts count by themselves.
    penalty : float
        Weight of the nuclear norm, in units of the objective per unit of X.
    weights : array_like, shape (p,), optional
        Positive weight of each measurement.
    solver : {"auto", "sgd", "gradient", "scaled", "stochastic", "alternating", "gauss_newton", \
            "empirical_bayes", "trust_region", "variable_projection"} or stepper
        "auto" combines them: exact block solves for observed entries with a penalty; variable
        projection rank by rank for entries without one; otherwise Gauss-Newton steps with a prior
        that fades with the residual, then Newton steps. `RecoveryFit.attempts` lists what was tried.
        "sgd" is the theorem's method: stochastic gradient descent with noise.
        The end of any solver is polished by Newton steps before it is judged, unless `stop` is given;
        `RecoveryFit.own_end` is where the solver itself ended. Components below a thousandth of the
        largest are found to its rounding by steps with residuals in twice the precision.
    start : {"auto", "spectral", "random", "small_random"}, Factors, or array_like
        Where to begin; "auto" is spectral, random for "sgd". Factors must have the requested rank; an array
        of shape (n, rank) is the factor U of a positive semidefinite matrix.
    n_restarts : int or "auto"
        Further attempts. With "auto" and no penalty up to six, as long as a residual remains and no
        three attempts agree: through a rank one higher, from a small start at more than twice the
        rank, from random starts.
    dtype : {"float64", "float32"}
        Precision of the search; certificates are judged in float64.
    stop : StopRule, optional
        When a start ends; the default depends on the solver. An end by this rule is judged as it is,
        without Newton steps, but for solver "auto".
    rng : int, Generator or None
        Source of randomness; the same seed gives the same bits.
    callbacks : sequence of callable
        Called after each step with the progress and the point.
    certify : bool
        Whether to judge the answer.
    effort : {"quick", "standard", "thorough"}
        Work that may be spent on judging the fit: a quarter of the work of the fit itself, as much, or a
        hundred times as much; see `JudgeSettings.for_effort`.
    judging_seconds : float, optional
        Upper limit on the seconds spent on judging; see `certify`.
    premise : Premise, optional
        Restricted isometry and a limit on the noise, taken as given unless a matrix that contradicts it is
        found. The certificate then also says what follows from it.

    Returns
    -------
    RecoveryFit

    Raises
    ------
    InvalidInputError
        If arguments are inconsistent.
    PremiseError
        If a matrix contradicts the premise, with the matrix.

    Notes
    -----
    Convergence of a search is no evidence that its answer is right: read the certificate.

    References
    ----------
    S. Bhojanapalli, B. Neyshabur, N. Srebro, Global optimality of local search for low rank
    matrix recovery, NIPS 2016.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> truth = np.outer(np.arange(1.0, 6.0), np.arange(1.0, 6.0))
    >>> A = ll.gaussian(40, (5, 5), rng)
    >>> fit = ll.recover(A, A.measure_matrix(truth), rank=1, structure="psd", rng=0)
    >>> bool(np.allclose(fit.matrix(), truth))
    True
    >>> fit.certificate["globally_optimal"].verdict.name
    'PROVED'
    """
    settings = JudgeSettings.for_effort(effort)  # an unknown effort must fail before any work
    robust = loss_by_name(loss)
    objective = recovery_problem(measurement, y, rank, structure, robust, penalty, weights, dtype)
    check_scale(objective.y)
    warn_if_too_few(objective)
    if premise is not None:
        premise = check_premise(measurement, premise, is_psd=objective.model.is_psd)
    generator = make_generator(rng)

    def bound(search: Search, child: np.random.Generator) -> Searching:
        return lambda before: search(AttemptInputs(child, stop, callbacks, before))

    check_searches(solver, n_restarts)
    with one_blas_thread(applies=_is_small(measurement)):
        with counted() as work:
            low = None
            if isinstance(robust, RobustLoss):
                objective, low = settle_threshold(objective, robust, AttemptInputs(generator))
            plans = plan_starts(objective, solver, start, n_restarts, low)
            limit = len(plans) if n_restarts == "auto" else 1 + int(n_restarts)
            starts = [
                (name, bound(search, child))
                for (name, search), child in zip(plans[:limit], spawn(generator, limit), strict=True)
            ]
            results, attempts = search_in_turn(
                starts, lambda before: n_restarts == "auto" and is_settled(objective, before)
            )
            best = own_end = min(results, key=lambda result: result.value)
            is_auto = solver == "auto"
            if (is_auto or stop is None) and best.stop_reason is not StopReason.INTERRUPTED:
                best = (
                    polish(objective, best, AttemptInputs(generator, stop, callbacks))
                    if is_auto
                    else polish_end(objective, best, generator)
                )
                if isinstance(robust, RobustLoss) and stop is None:
                    best = settle_gradient(objective, best)
                best, dropped = settle_small_components(objective, best, generator, sharpen=stop is None)
                if dropped:
                    attempts.append(Attempt.of("best so far without spare components", best))
        certificate, best = None, unless_ended(best)
        if certify and best.stop_reason is not StopReason.INTERRUPTED:
            budget = settings.budget(work.spent, judging_seconds)
            certificate = unless_interrupted(
                lambda: _judged(objective, best.theta, settings, budget, generator, premise), "judging"
            )
    return RecoveryFit(
        _without_zeros(objective.matrix(best.theta)), best, certificate, objective, tuple(attempts), own_end
    )


def _is_small(measurement: Measurement) -> bool:
    """Return whether the measuring matrices, written out, are so small that more threads gain nothing."""
    return measurement.size * prod(measurement.shape) <= SMALL_NUMBERS


def _judged(
    objective: RecoveryObjective,
    theta: Vector,
    settings: JudgeSettings,
    budget: Budget,
    rng: np.random.Generator,
    premise: Premise | None,
) -> Certificate:
    """Return the certificate of a search's end; any budget left is spent on a search for a second answer."""
    certificate = judge(objective, theta, JUDGES, settings=settings, budget=budget)
    started, before = time.perf_counter(), certificate["uniquely_determined"]
    unique = refute_uniqueness(objective, before, theta, rng, budget)
    seconds = before.seconds + time.perf_counter() - started
    stop_if_requested()
    certificate = certificate.with_finding(replace(unique, seconds=seconds))
    if premise is None:
        return certificate
    return with_conditional_findings(certificate, objective, theta, premise)


def _without_zeros(factors: Factors) -> Factors:
    """Return factors without the columns that are zero on both sides, keeping at least one column."""
    used = np.flatnonzero((factors.left != 0).any(axis=0) & (factors.right != 0).any(axis=0))
    keep = used if used.size else np.arange(1)
    return Factors(factors.left[:, keep], factors.right[:, keep])


@public("lowland")
def certify_matrix(  # noqa: PLR0913
    measurement: Measurement,
    y: ArrayLike,
    left: ArrayLike,
    right: ArrayLike | None = None,
    *,
    penalty: float = 0.0,
    weights: ArrayLike | None = None,
    claims: Sequence[str] = MATRIX_CLAIMS,
    settings: JudgeSettings | None = None,
    premise: Premise | None = None,
) -> Certificate:
    """Judge factors from any source.

    Parameters
    ----------
    measurement : Measurement
        The linear map A.
    y : array_like, shape (p,)
        Measured values.
    left : array_like, shape (m, r)
        U.
    right : array_like, shape (n, r), optional
        V of X = U V^H; without it X = U U^H, positive semidefinite.
    penalty : float
        Weight of the nuclear norm in the problem that the factors are meant to solve.
    weights : array_like, shape (p,), optional
        Positive weight of each measurement.
    claims : sequence of str
        Which claims to judge.
    settings : JudgeSettings, optional
        Tolerances and budgets.
    premise : Premise, optional
        Restricted isometry and a limit on the noise; see `recover`.

    Returns
    -------
    Certificate

    Raises
    ------
    InvalidInputError
        If the factors do not fit the measurement.
    PremiseError
        If a matrix contradicts the premise, with the matrix.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))
    >>> proof = ll.certify_matrix(A, [1.0, 2.0, 3.0], [[1.0], [3.0]], [[1.0], [2.0]])
    >>> proof["uniquely_determined"].verdict.name
    'PROVED'
    """
    u = _in_double(left, "left")
    v = None if right is None else _in_double(right, "right")
    structure = "psd" if v is None else "general"
    if v is not None and u.shape[1] != v.shape[1]:
        raise InvalidInputError(
            "left and right must have the same number of columns", f"{u.shape[1]} and {v.shape[1]}"
        )
    check_measurement(measurement)
    shapes = (u.shape[0], (u if v is None else v).shape[0])
    if shapes != tuple(measurement.shape):
        raise InvalidInputError("the factors do not fit the measurement", f"{shapes} for {measurement.shape}")
    objective = recovery_problem(
        measurement, y, u.shape[1], structure, Squared(), penalty, weights, "float64"
    )
    if premise is not None:
        premise = check_premise(measurement, premise, is_psd=objective.model.is_psd)
    theta = objective.from_factors(Factors(u, u if v is None else v))
    settings = settings or JudgeSettings()
    budget = settings.budget(usual_work(objective, theta))
    certificate = judge(objective, theta, JUDGES, claims=claims, settings=settings, budget=budget)
    if premise is None:
        return certificate
    return with_conditional_findings(certificate, objective, theta, premise)


def _in_double(factor: ArrayLike, name: str) -> Matrix:
    array = check_numbers(factor, name, ndim=2)
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)
