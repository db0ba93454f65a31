"""Upper bounds on the spectral norm of an operator, each with its rigour."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.certificates.factorisations import eigenvalues, svd
from lowland.certificates.gaps.leading import ESTIMATE_STEPS, leading_triplet, step_work
from lowland.certificates.gaps.spectral_bounds import (
    TINY,
    Bound,
    NormProver,
    cheap_norm,
    least_proved,
    power_of_two,
)
from lowland.core.arrays import Matrix
from lowland.core.complex_views import embed
from lowland.core.promises.protocols import HasGram, LinearMap
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour
from lowland.core.work import Budget, cholesky_work

# up to this side all eigenvalues of a Gram matrix are computed for an estimate
LARGEST_EIGH = 1000
# cost of a sparse product relative to a dense one, per number
SPARSE_COST = 16
# smallest useful number of Lanczos steps; steps tried first when leading directions are known, and how far
# below their norm the rest must be to be negligible
LEAST_STEPS, FIRST_STEPS, OFF_LEAD = 3, 40, 0.02
# largest number of step counts tried in sequence
ATTEMPTS = 8
# accepted probability that a bound from a random start fails, which the sentence "lanczos" names
FAILURE = 1e-10


def norm_bound(
    operator: LinearMap,
    *,
    method: str,
    largest_dense: int,
    steps: int,
    rng: np.random.Generator,
    budget: Budget | None = None,
    near: Matrix | None = None,
) -> Bound:
    """Return an upper bound on the spectral norm of an operator.

    Parameters
    ----------
    operator : LinearMap, shape (m, n)
    method : {"auto", "cholesky", "lanczos"}
        "auto" factors densely if the smaller side is at most `largest_dense`; otherwise it uses Lanczos
        steps from a random start.
    largest_dense : int
    steps : int
        Lanczos steps.
    rng : numpy.random.Generator
        For the Lanczos start.
    budget : Budget, optional
        "auto" factors only if half of it is enough.
    near : ndarray, shape (n, k), optional
        Columns that nearly span the leading right singular vectors; the complement then needs fewer steps.

    Returns
    -------
    Bound
        Rigorous with Cholesky. With Lanczos, which approaches from below, it holds up to a small
        probability of failure after enough steps ("auto"), or is an estimate.
    """
    if method == "auto":
        too_large = min(operator.shape) > largest_dense
        if too_large or not (budget is None or budget.allows(factored_work(operator), part=0.5)):
            limit = "largest_dense" if too_large or budget is None else budget.name
            if budget is not None:
                steps = budget.times(step_work(operator), steps, part=0.7)
            return replace(probable_bound(operator, steps, rng, near), limited_by=limit)
    if method == "lanczos":
        estimate = leading_triplet(operator, steps, rng)[1]
        if not TINY < estimate < 1 / TINY:
            return Bound(float("inf"), Rigour.RIGOROUS)
        return Bound(estimate * (1 + 1e-6), Rigour.ESTIMATE, because("lanczos_estimate", steps=steps))
    dense_work = float(np.prod(np.array(operator.shape, float))) * min(operator.shape)
    if isinstance(operator, HasGram) and SPARSE_COST * operator.gram_work < dense_work:
        return _bound_by_gram(operator, steps, rng)
    matrix = embed(np.asarray(operator.toarray()))
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0:
        return Bound(0.0, Rigour.RIGOROUS, because("zeros"))
    if not TINY < largest < 1 / TINY:
        return Bound(float("inf"), Rigour.RIGOROUS)
    # exact scaling by a power of two avoids underflow and overflow of squares
    scale = 2.0 ** np.floor(np.log2(largest))
    matrix = matrix / scale
    # no less than an entry: of a matrix that is nearly nothing, the steps may find nothing
    estimate = max(leading_triplet(operator, steps, rng)[1], largest) / scale
    proved = least_proved(NormProver.of(matrix, estimate), estimate)
    if proved is not None:
        return Bound(scale * proved, Rigour.RIGOROUS, because("cholesky"))
    return Bound(scale * cheap_norm(matrix), Rigour.RIGOROUS, because("row_and_column_sums"))


def factored_work(operator: LinearMap) -> float:
    """Return the work of a bound by Cholesky factorisations."""
    m, n = (float(side) for side in operator.shape)
    gram = m * n * min(m, n) / 24
    if isinstance(operator, HasGram):
        gram = min(gram, SPARSE_COST * operator.gram_work / 24 + min(m, n) ** 2)
    return gram + 3 * cholesky_work(min(m, n)) + ESTIMATE_STEPS * step_work(operator)


def _bound_by_gram(operator: Any, steps: int, rng: np.random.Generator) -> Bound:
    """Bound the norm of a sparse operator, which is never formed as a dense matrix."""
    small = min(operator.shape) <= LARGEST_EIGH
    estimate = leading_triplet(operator, 2 if small else steps, rng)[1]
    if not TINY < estimate < 1 / TINY:
        return Bound(float("inf"), Rigour.RIGOROUS)
    scale = power_of_two(estimate)
    gram = operator.gram(scale)
    if small:
        estimate = float(np.sqrt(max(eigenvalues(gram)[-1], 0.0))) / scale
    # a complex matrix is treated as a real one of twice the size
    rows = max(operator.shape) * (2 if np.iscomplexobj(gram) else 1)
    prover = NormProver(embed(gram), rows, scale)
    proved = least_proved(prover, estimate)
    if proved is not None:
        return Bound(proved, Rigour.RIGOROUS, because("cholesky"))
    return Bound(
        float(np.sqrt(prover.square)) / scale * (1 + 1e-12), Rigour.RIGOROUS, because("sum_of_squares")
    )


def probable_bound(
    operator: LinearMap, steps: int, rng: np.random.Generator, near: Matrix | None = None
) -> Bound:
    """Bound the norm from Lanczos steps with a random start, which rarely underestimate it much.

    With k steps for M^T M of side n the largest Ritz value is below (1 - e) times the largest eigenvalue
    with probability at most 1.648 sqrt(n) exp(-sqrt(e) (2 k - 1)) (Kuczynski and Wozniakowski 1992). If
    approximate leading vectors Q are known, the iteration uses only M (I - Q Q^T), whose norm is needed
    less accurately: |M|^2 is at most the norm of [[a, b], [b, c]], a = |M Q|^2, b = |(I - Q Q^T) M^T M Q| and
    c the bound of the rest.
    """
    side = operator.shape[1]
    # the theorem needs an isotropic start; a real start is not isotropic among complex vectors
    is_real = not np.iscomplexobj(operator.matmat(np.zeros((side, 1))))
    if steps < LEAST_STEPS:
        return Bound(float("inf"), Rigour.ESTIMATE)
    lead = _Lead.of(operator, near) if is_real and near is not None else None
    triplet = _restricted_triplet(operator, steps, rng, lead)
    e = _missed(side, triplet.steps)
    estimate = lead.joined(triplet.value) if lead is not None else triplet.value
    estimate *= 1 + 1e-9
    if not TINY < estimate < 1 / TINY:  # intermediate sums of squares may have underflowed
        return Bound(float("inf"), Rigour.RIGOROUS)
    if e > 0.5 or not is_real:
        return Bound(estimate, Rigour.ESTIMATE, because("lanczos_estimate", steps=triplet.steps))
    rest = triplet.value / np.sqrt(1 - e)
    value = lead.joined(rest) if lead is not None else rest
    return Bound(float(value * (1 + 1e-9)), Rigour.PROBABILISTIC, because("lanczos", steps=triplet.steps))


@final
@dataclass(frozen=True)
class _Lead:
    """Leading directions Q of an operator M: |M Q|, and how much M^T M mixes them with the others."""

    basis: Matrix
    norm: float
    mixing: float

    @classmethod
    def of(cls, operator: LinearMap, near: Matrix) -> _Lead | None:
        """Return the lead of columns that nearly span it, or None if they are not usable."""
        if not np.isfinite(near).all() or near.shape[1] > near.shape[0]:
            return None
        basis, sizes, _ = svd(near)
        basis = basis[:, sizes > 1e-8 * sizes.max(initial=0.0)]
        if not basis.shape[1]:
            return None
        image = operator.matmat(basis)
        back = operator.rmatmat(image)
        norm = float(np.sqrt(max(eigenvalues(image.T @ image)[-1], 0.0)))
        # the difference is accurate only to the rounding of the cancelling terms
        mixing = float(np.linalg.norm(back - basis @ (basis.T @ back))) + 1e-12 * norm**2
        return cls(basis, norm, mixing)

    def joined(self, rest: float) -> float:
        """Return a bound on the norm of the whole operator from one on the rest."""
        a, c = self.norm**2, rest**2
        return float(np.sqrt((a + c) / 2 + np.hypot((a - c) / 2, self.mixing)))


def _missed(side: int, steps: int) -> float:
    """Return the fraction of the largest eigenvalue missed, up to a small failure probability overall."""
    return float((np.log(ATTEMPTS * 1.648 * np.sqrt(side) / FAILURE) / (2 * steps - 1)) ** 2)


@final
@dataclass(frozen=True)
class _Restricted:
    value: float
    steps: int


def _restricted_triplet(
    operator: LinearMap, steps: int, rng: np.random.Generator, lead: _Lead | None
) -> _Restricted:
    """Return the largest singular value found off the lead, with fewer steps if they suffice.

    They suffice once their bound is below the lead's own norm.
    """
    if lead is None:
        return _Restricted(leading_triplet(operator, steps, rng)[1], steps)
    count = min(FIRST_STEPS, steps)
    while True:
        value = leading_triplet(_OffLead(operator, lead.basis), count, rng)[1]
        e = _missed(operator.shape[1], count)
        if count >= steps or (e < 0.5 and value / np.sqrt(1 - e) < lead.norm * (1 - OFF_LEAD)):
            return _Restricted(value, count)
        count = min(2 * count, steps)


@final
@dataclass(frozen=True, eq=False)
class _OffLead:
    """M (I - Q Q^T), for the operator M and orthonormal columns Q."""

    operator: LinearMap
    basis: Matrix

    @property
    def shape(self) -> tuple[int, int]:
        return self.operator.shape

    def matmat(self, block: Matrix) -> Matrix:
        return self.operator.matmat(block - self.basis @ (self.basis.T @ block))

    def rmatmat(self, block: Matrix) -> Matrix:
        back = self.operator.rmatmat(block)
        return np.asarray(back - self.basis @ (self.basis.T @ back))

    def toarray(self) -> Matrix:
        dense = self.operator.toarray()
        return np.asarray(dense - (dense @ self.basis) @ self.basis.T)
