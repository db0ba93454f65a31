"""`Premise`: restricted isometry as an assumption, refused if a matrix contradicts it.

Whether the measurements of all matrices of a rank keep their norm can rarely be proved. Whoever has a reason
to believe it says so by a premise; `lowland.sensing.conditional` says what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, LowlandError
from lowland.core.promises.protocols import Measurement
from lowland.core.results.records import Factors
from lowland.sensing.isometry import Isometry, restricted_isometry

# by so much, relative to one, a ratio must lie outside of its limits to contradict them: beyond rounding
BEYOND = 1e-9
# of the search for a matrix that contradicts, so that a fit does not depend on it
SEED = 0


@public("lowland")
@final
@dataclass(frozen=True)
class Premise:
    """An assumption on a measurement and its data: restricted isometry, and how large the errors may be.

    It says that ``(1 - delta) |X|^2 <= scale |A(X)|^2 <= (1 + delta) |X|^2`` for all matrices X of at most
    the rank (symmetric or Hermitian ones, if positive semidefinite matrices are recovered), and that the data
    differ from the measurements of some matrix of the recovered rank and structure by at most the noise.

    Parameters
    ----------
    rank : int
        Twice the recovered rank, or more: what follows compares differences of two matrices.
    delta : float
        At least 0 and below 1.
    scale : float, optional
        Square of the factor by which A is scaled, 1 / p for p standard normal matrices. By default it is
        `Isometry.scale`, at which the matrices that are found leave delta most room; findings name it.
    noise : float
        Upper limit on the norm of the errors of the data, in their unit; 0 for exact data.
    truth_rank : int, optional
        Upper limit on the rank of the matrix that was measured; by default the recovered rank. A factor with
        more columns than that has no false minimum up to larger delta.

    Raises
    ------
    InvalidInputError
        If a number is out of its range.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A, truth = ll.gaussian(4000, (4, 4), 0), np.ones((4, 4))
    >>> premise = ll.Premise(rank=2, delta=0.15)
    >>> fit = ll.recover(A, A.measure_matrix(truth), rank=1, structure="psd", premise=premise, rng=0)
    >>> fit.certificate["no_false_minimum"].verdict.name
    'SUPPORTED'
    >>> print(fit.certificate["no_false_minimum"].assumptions[1])
    the data are exact measurements of a positive semidefinite matrix of rank at most 1
    """

    rank: int
    delta: float
    scale: float | None = None
    noise: float = 0.0
    truth_rank: int | None = None

    def __post_init__(self) -> None:
        for name in ("rank", "truth_rank"):
            number = getattr(self, name)
            whole = isinstance(number, int | np.integer) and not isinstance(number, bool) and number >= 1
            if not whole and (name == "rank" or number is not None):
                raise InvalidInputError(f"the premise's {name} must be a positive integer", repr(number))
        for name in ("delta", "scale", "noise"):
            number = getattr(self, name)
            unset = name == "scale" and number is None
            if not unset and (isinstance(number, bool) or not isinstance(number, int | float | np.number)):
                raise InvalidInputError(f"the premise's {name} must be a number", repr(number))
            if isinstance(number, np.complexfloating):
                raise InvalidInputError(f"the premise's {name} must be real", repr(number))
        ranges = {
            "delta": (0 <= self.delta < 1, "at least 0 and below 1"),
            "scale": (self.scale is None or 0 < self.scale < np.inf, "positive and finite"),
            "noise": (0 <= self.noise < np.inf, "at least 0 and finite"),
        }
        for name, (good, words) in ranges.items():
            if not good:
                raise InvalidInputError(f"the premise's {name} must be {words}", repr(getattr(self, name)))
            if getattr(self, name) is not None:
                object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "rank", int(self.rank))
        if self.truth_rank is not None:
            object.__setattr__(self, "truth_rank", int(self.truth_rank))


@public("lowland.errors")
@final
class PremiseError(InvalidInputError):
    """A premise that a matrix contradicts.

    Parameters
    ----------
    what, found, why, fix : str
        The parts of the message.
    matrix : Factors, optional
        A matrix of at most the premise's rank and of norm one,
    ratio : float
        whose ``|A(X)|^2`` is this.

    Examples
    --------
    >>> import lowland as ll
    >>> A = ll.Entries([0, 0, 1], [0, 1, 0], (2, 2))  # one cell is not seen
    >>> try:
    ...     ll.recover(A, [1.0, 2.0, 3.0], rank=1, premise=ll.Premise(rank=2, delta=0.9))
    ... except ll.errors.PremiseError as error:
    ...     print(error.ratio, abs(error.matrix.matrix()[1, 1]))
    0.0 1.0
    """

    matrix: Factors | None
    ratio: float

    def __init__(
        self,
        what: str,
        found: str = "",
        why: str = "",
        fix: str = "",
        matrix: Factors | None = None,
        ratio: float = float("nan"),
    ) -> None:
        super().__init__(what, found, why, fix)
        self.matrix, self.ratio = matrix, ratio

    def __reduce__(self) -> tuple[type[LowlandError], tuple[Any, ...]]:
        return type(self), (self.what, self.found, self.why, self.fix, self.matrix, self.ratio)


def check_premise(measurement: Measurement, premise: Premise, *, is_psd: bool) -> Premise:
    """Return a premise with its scale after a search for a matrix that contradicts it.

    Raises
    ------
    PremiseError
        If there is one, with the matrix.
    """
    if not isinstance(premise, Premise):
        raise InvalidInputError("premise must be a Premise", repr(premise), fix="pass lowland.Premise(...)")
    rank = min(premise.rank, *measurement.shape)
    isometry = restricted_isometry(
        measurement,
        rank,
        structure="psd" if is_psd else "general",
        rng=np.random.default_rng(SEED),
    )
    scale = isometry.scale if premise.scale is None else premise.scale
    low, high = (1 - premise.delta) / scale, (1 + premise.delta) / scale
    if isometry.smallest < low * (1 - BEYOND):
        raise _contradicted(isometry, isometry.flattest, isometry.smallest, f"at least {low:.6g}")
    if isometry.largest > high * (1 + BEYOND):
        raise _contradicted(isometry, isometry.steepest, isometry.largest, f"at most {high:.6g}")
    return replace(premise, rank=rank, scale=scale)


def _contradicted(isometry: Isometry, matrix: Factors, ratio: float, said: str) -> PremiseError:
    least = (
        f"a larger delta: at the best scale, {isometry.scale:.6g}, it is at least {isometry.scaled_lower:.6g}"
        if isometry.scaled_lower < 1
        else "no premise: with a matrix that is not measured at all, no delta below 1 holds"
    )
    return PremiseError(
        f"the premise of restricted isometry is false: |A(X)|^2 / |X|^2 should be {said}",
        f"{ratio:.6g} for a matrix X of rank at most {isometry.rank}, the error's attribute `matrix`",
        "what would follow from the premise need not hold",
        f"give {least}",
        matrix,
        ratio,
    )
