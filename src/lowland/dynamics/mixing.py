"""How many steps Langevin dynamics needs in a quadratic well until its law is right, in closed form.

All laws are normal. After k steps z' = T z + noise from mean z and covariance C the mean is T^k z and the
covariance S + T^k (C - S) (T^k)^T, with S the stationary one, whose bias from the step size stays. The
Wasserstein distance between two normal laws has a closed form, so that nothing is sampled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive, check_share, whole_number
from lowland.core.results.shown import Shown
from lowland.dynamics.antisymmetric import optimal_antisymmetric
from lowland.dynamics.hessians import check_well
from lowland.dynamics.laws import Dynamics, NonReversible, Overdamped, Underdamped
from lowland.dynamics.quadratic_wells import LinearStep, linear_step, stable_step

# step sizes tried, as shares of the largest stable one
SHARES = np.geomspace(1e-4, 0.98, 40)
# frictions tried, as shares of the critical one of the smallest curvature, and multiples of the optimal J
FRICTIONS, TURNS = np.geomspace(0.25, 16.0, 13), np.geomspace(0.05, 2.0, 8)
# distances that are looked at per doubling of the steps, in which they may grow again
LOOKS = 64
# least accuracy: distances are known to a hundred millionth of the spread
LEAST = 1e-6
# steps beyond which a dynamics counts as not mixing
MOST_STEPS = 2**40


@public("lowland.dynamics")
def gaussian_distance(first: tuple[ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike]) -> float:
    """Return the 2-Wasserstein distance between two normal laws.

    Parameters
    ----------
    first, second : pair of array_like, shapes (d,) and (d, d)
        Mean and covariance, positive semidefinite.

    Returns
    -------
    float
        Root of the squared distance of means plus the trace of S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2. It costs
        O(d^3), and below 1e-8 of the spread it is rounding.

    Raises
    ------
    InvalidInputError
        If shapes differ, or a covariance is not positive semidefinite.

    References
    ----------
    C. Givens, R. Shortt, A class of Wasserstein metrics for probability distributions, Michigan Math. J.
    1984.

    Examples
    --------
    >>> import lowland as ll
    >>> round(ll.dynamics.gaussian_distance(([0.0], [[1.0]]), ([3.0], [[25.0]])), 6)  # 3 and 5 - 1
    5.0
    """
    m1, S1, m2, S2 = (np.asarray(part, float) for part in (*first, *second))
    if m1.shape != m2.shape or S1.shape != S2.shape or S1.shape != 2 * m1.shape:
        raise InvalidInputError(
            "means must be vectors and covariances matrices of one dimension",
            f"shapes {m1.shape}, {S1.shape}, {m2.shape}, {S2.shape}",
        )
    for S in (S1, S2):
        if not np.all(np.isfinite(S)) or np.linalg.eigvalsh((S + S.T) / 2)[0] < -1e-8 * np.abs(S).max():
            raise InvalidInputError("a covariance must be finite and positive semidefinite", f"{S.tolist()}")
    return _distance(m1 - m2, S1, S2, _root(S2))


def _distance(between: Vector, S1: Matrix, S2: Matrix, root: Matrix) -> float:
    """Return the same from the difference of the means, and the root of the second covariance.

    Rounding may have left covariances slightly indefinite.
    """
    # the nuclear norm of the product of the roots is the trace of the root: less is lost where laws are near
    shared = np.linalg.svd(_root(S1) @ root, compute_uv=False).sum()
    apart = float(np.sum(between**2) + np.trace(S1) + np.trace(S2) - 2 * shared)
    return float(np.sqrt(max(apart, 0.0)))


def _root(S: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh((S + S.T) / 2)
    root: Matrix = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root


@public("lowland.dynamics")
def mixing_distance(
    dynamics: Dynamics, hessian: Matrix, steps: ArrayLike, *, start: ArrayLike | None = None
) -> Vector:
    """Return how far the law of the position is from exp(-beta F), F quadratic, after given numbers of steps.

    Parameters
    ----------
    dynamics : Overdamped, NonReversible or Underdamped
        Without Metropolis adjustment.
    hessian : array_like, shape (d, d)
        Symmetric positive definite; second derivatives of the potential at the bottom of the well.
    steps : array_like of int, shape (k,)
    start : array_like, shape (d,), optional
        Where paths start, relative to the minimum; by default there. Velocities start from the invariant law,
        as those of `sample_langevin`.

    Returns
    -------
    ndarray, shape (k,)
        2-Wasserstein distances, in units of the position. What is left after many steps is the bias of the
        step size.

    Raises
    ------
    InvalidInputError
        If the Hessian is not symmetric positive definite, the step is unstable, or sizes differ.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> moves = ll.dynamics.Overdamped(0.1, beta=1)
    >>> ll.dynamics.mixing_distance(moves, np.diag([0.1, 1.0]), [0, 100, 1000]).round(3)
    array([3.317, 0.214, 0.027])
    """
    H, _, _ = check_well(hessian)
    step = linear_step(dynamics, H)
    point = np.zeros(len(H)) if start is None else np.asarray(start, float)
    if point.shape != (len(H),):
        raise InvalidInputError("start must have one number per coordinate", f"shape {point.shape}")
    if not np.all(np.isfinite(point)):
        raise InvalidInputError("start must be finite", repr(start))
    given = np.atleast_1d(np.asarray(steps))
    if given.dtype.kind not in "iu" or given.ndim != 1:
        raise InvalidInputError("steps must be whole numbers", f"shape {given.shape}, {given.dtype}")
    counts = [whole_number(int(k), "steps", 0) for k in given]
    laws = _Laws(step, point, _Exact(H, dynamics.beta))
    return np.array([laws.distance(k) for k in counts])


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False, repr=False)
class SamplingAdvice(Shown):
    """A dynamics, and how many steps it takes in a quadratic well until its law is accurate.

    Parameters
    ----------
    dynamics : Dynamics
        With its step size, and friction or J.
    n_steps : int
        Steps, each one gradient, from which on the law from the minimum stays accurate, to two per cent.
    accuracy : float
        Wanted: the 2-Wasserstein distance as a share of the root mean square of the position.
    bias : float
        What is left of that distance after many steps.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> for found in ll.dynamics.advise_sampling(np.diag([0.01, 1.0]), beta=1, accuracy=0.05):
    ...     print(found.dynamics.name, round(found.n_steps, -1), found.bias < 0.05)
    underdamped 10 True
    non-reversible 10 True
    overdamped 140 True
    """

    dynamics: Dynamics
    n_steps: int
    accuracy: float
    bias: float

    def _lines(self) -> list[str]:
        return [
            f"{self.dynamics.describe()}: {self.n_steps:,} steps to an accuracy of {self.accuracy:g}, "
            f"{self.bias:.2g} of which is the bias of the step"
        ]


@public("lowland.dynamics")
def advise_sampling(hessian: Matrix, *, beta: float, accuracy: float = 0.05) -> tuple[SamplingAdvice, ...]:
    """Return the step size, friction and J with which each dynamics draws from a well with fewest gradients.

    Parameters
    ----------
    hessian : array_like, shape (d, d)
        Symmetric positive definite; second derivatives of the potential at the bottom of the well.
    beta : float
        Inverse temperature.
    accuracy : float
        Wanted 2-Wasserstein distance from the invariant law, as a share of the root mean square distance
        from the minimum under it, bias of the step included.

    Returns
    -------
    tuple of SamplingAdvice
        One per dynamics that reaches it, fewest steps first. Exact for quadratic potentials; for others an
        estimate that holds where paths stay near the minimum.

    Raises
    ------
    InvalidInputError
        If the Hessian is not symmetric positive definite, or beta is not positive.

    Notes
    -----
    Settings are the best on a grid: 40 step sizes by 13 frictions or 8 multiples of the optimal J, whose
    product with a gradient is not counted. The underdamped dynamics is `baoab`, whose positions have no bias.

    References
    ----------
    A. Dalalyan, Theoretical guarantees for approximate sampling from smooth and log-concave densities, J. R.
    Stat. Soc. B 2017; X. Cheng, N. Chatterji, P. Bartlett, M. Jordan, Underdamped Langevin MCMC, COLT 2018.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> H = np.diag(np.geomspace(1e-4, 1.0, 10))
    >>> found = {own.dynamics.name: own.n_steps for own in ll.dynamics.advise_sampling(H, beta=1)}
    >>> found["overdamped"] > 50 * found["underdamped"]
    True
    """
    check_positive("beta", beta)
    check_share("accuracy", accuracy)
    if accuracy < LEAST:
        raise InvalidInputError("accuracy is too fine", f"{accuracy:g}", fix=f"pass {LEAST:g} or more")
    H, values, _ = check_well(hessian)
    exact, advised = _Exact(H, beta), []
    for family in _families(H, values, beta):
        best: SamplingAdvice | None = None
        for moves in family:
            laws = _Laws(linear_step(moves, H), np.zeros(len(H)), exact)
            # a longer way than the best so far need not be followed to its end
            steps = laws.steps_to(accuracy, MOST_STEPS if best is None else best.n_steps)
            if steps is not None:
                best = SamplingAdvice(moves, steps, accuracy, laws.bias / exact.scale)
        if best is not None:
            advised.append(best)
    return tuple(sorted(advised, key=lambda advice: advice.n_steps))


def _families(H: Matrix, values: Vector, beta: float) -> Iterator[Iterator[Dynamics]]:
    """Yield for each kind of dynamics those that are tried."""
    yield _steps_of(Overdamped(1.0, beta), H)
    if len(H) > 1:
        J = optimal_antisymmetric(H)
        yield (moves for c in TURNS if np.any(J) for moves in _steps_of(NonReversible(1.0, beta, c * J), H))
    critical = 2 * np.sqrt(values[0])
    yield (moves for c in FRICTIONS for moves in _steps_of(Underdamped(1.0, beta, float(c * critical)), H))


def _steps_of(moves: Dynamics, H: Matrix) -> Iterator[Dynamics]:
    longest = stable_step(moves, H)
    for share in SHARES[::-1]:
        stepped: Dynamics = dataclasses.replace(moves, step_size=float(share * longest))
        yield stepped


class _Exact:
    """The law exp(-beta F) of a quadratic F: what distances from it need again and again."""

    def __init__(self, H: Matrix, beta: float) -> None:
        inverse = np.linalg.inv(H) / beta
        self.beta, self.covariance = beta, np.asarray((inverse + inverse.T) / 2)
        self.root, self.scale = _root(self.covariance), float(np.sqrt(np.trace(self.covariance)))


class _Laws:
    """Laws of the position after steps from a point, and their distances from the exact one."""

    def __init__(self, step: LinearStep, start: Vector, exact: _Exact) -> None:
        d = step.dimension
        self.d, self.exact, self.transition = d, exact, step.transition
        self.start = np.r_[start, np.zeros(len(step.transition) - d)]
        self.final = step.whole_covariance()
        velocities = np.arange(len(step.transition)) >= d
        self.excess = np.diag(velocities / exact.beta) - self.final
        self.bias = self._between(np.zeros(d), self.final[:d, :d])
        # powers of the transition by powers of two
        self._doubled = [self.transition]

    def distance(self, steps: int) -> float:
        """Return the distance after some steps."""
        return self._at(self._power(steps))

    def _power(self, steps: int) -> Matrix:
        power: Matrix = np.eye(len(self.transition))
        for k in range(steps.bit_length()):
            if steps >> k & 1:
                power = power @ self._power_of_two(k)
        return power

    def steps_to(self, accuracy: float, below: int) -> int | None:
        """Return after how many steps the distance stays within a share of the scale, None if not before."""
        wanted = accuracy * self.exact.scale
        if self.bias >= wanted:
            return None
        k = 0
        while self._at(self._power_of_two(k)) > wanted:
            k += 1
            if 2 ** (k - 1) >= below:
                return None
        if k == 0:
            return self._for_good(1, wanted, below)
        power, steps = self._power_of_two(k - 1), 2 ** (k - 1)
        for j in range(k - 2, max(-1, k - 9), -1):  # to a per cent of the steps
            longer = power @ self._power_of_two(j)
            if self._at(longer) > wanted:
                power, steps = longer, steps + 2**j
        return self._for_good(steps + 1, wanted, below)

    def _for_good(self, steps: int, wanted: float, below: int) -> int | None:
        """Return from which number of steps on the distance stays small: it oscillates where paths do.

        Looked at are twice as many steps beyond, a sixty-fourth of them at a time, anew after each return.
        """
        while steps < below:
            stride = max(1, steps // LOOKS)
            power = self._power(steps)
            stretch = self._power(stride)
            last = 0
            for k in range(1, 2 * LOOKS + 1):
                power = power @ stretch
                if self._at(power) > wanted:
                    last = k
            if not last:
                return steps
            steps += (last + 1) * stride
        return None

    def _power_of_two(self, k: int) -> Matrix:
        while len(self._doubled) <= k:
            self._doubled.append(self._doubled[-1] @ self._doubled[-1])
        return self._doubled[k]

    def _at(self, power: Matrix) -> float:
        mean, rest = power @ self.start, self.final + power @ self.excess @ power.T
        return self._between(mean[: self.d], rest[: self.d, : self.d])

    def _between(self, mean: Vector, covariance: Matrix) -> float:
        return _distance(mean, covariance, self.exact.covariance, self.exact.root)
