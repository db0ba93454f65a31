"""`RecoveryFit`: what `recover` returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, final

from numpy.typing import ArrayLike

from lowland.core.arrays import Indices, Matrix
from lowland.core.doors import public
from lowland.core.parameter_checks import check_positive
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Attempt, Factors, SearchResult
from lowland.core.wording import Words
from lowland.losses import Clipped
from lowland.objectives import RecoveryObjective
from lowland.objectives.plain import recovery_document
from lowland.recheck.documents import Document
from lowland.sensing.intervals import Intervals, entry_intervals
from lowland.sensing.robust_losses import FAR_OFF, far_off, numbers_per_measurement
from lowland.sensing.searched_fit import SearchedFit, polished
from lowland.sensing.transposes import transpose_advice

if TYPE_CHECKING:
    from lowland.report.page import Page

# positions of gross errors that are named
MOST_SHOWN = 10


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class RecoveryFit(SearchedFit):
    """A recovered matrix, how it was found, and what is proved about it.

    Parameters
    ----------
    factors : Factors
        The matrix as left @ right.conj().T.
    search : SearchResult
        The best of all starts: why it stopped and its trace.
    certificate : Certificate or None
        What is proved; None if it was not requested.
    objective : RecoveryObjective
        The problem that was solved.
    attempts : tuple of Attempt
        Every start, in order, with its end.
    own_end : SearchResult
        Where the best of all starts ended before it was polished by Newton steps; `search` itself if it was
        not.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> A = ll.gaussian(60, (5, 5), 0)
    >>> fit = ll.recover(A, A.measure_matrix(np.ones((5, 5))), rank=1, structure="psd", rng=0)
    >>> bool(np.allclose(fit.matrix(), 1)), fit.rank, fit.certificate.verdict.name
    (True, 1, 'PROVED')
    >>> fit.attempts[0].start, fit.attempts[0].stop_reason.name
    ('spectral', 'CONVERGED')
    """

    factors: Factors
    search: SearchResult
    certificate: Certificate | None
    objective: RecoveryObjective
    attempts: tuple[Attempt, ...]
    own_end: SearchResult
    made_by: ClassVar[str] = "recover"

    @property
    def rank(self) -> int:
        """Number of components found; fewer than requested if the rest would be zero."""
        return self.factors.width

    @property
    def polishing(self) -> str:
        """Where the solver itself ended, and where Newton steps led from there; "" if they gained nothing."""
        if not self.search.value < self.own_end.value:
            return ""
        return polished(self.own_end, self.search, "Newton steps")

    @cached_property
    def misses(self) -> str:
        """Which measurements a fit with a robust loss misses by far; "" with other losses."""
        if not isinstance(self.objective.loss, Clipped):
            return ""
        far = self.gross_errors()
        all_of_them = self.objective.y.size // numbers_per_measurement(self.objective)
        off = f"more than {FAR_OFF:g} standard deviations of the noise off"
        if not far.size:
            return f"none of the {all_of_them:,} measurements is {off}"
        shown = ", ".join(map(str, far[:MOST_SHOWN].tolist())) + (", ..." if far.size > MOST_SHOWN else "")
        return f"{far.size:,} of {all_of_them:,} measurements are {off} (positions from 0: {shown})"

    @cached_property
    def advice(self) -> Words | None:
        """What to do where the matrix is not determined because all measuring matrices are symmetric."""
        return transpose_advice(self.objective, self.certificate)

    def matrix(self) -> Matrix:
        """Return the dense matrix."""
        return self.factors.matrix()

    def gross_errors(self, spreads: float = FAR_OFF) -> Indices:
        """Return which measurements the matrix misses by far.

        Parameters
        ----------
        spreads : float
            How far: in standard deviations of the noise, by the median of what the fit leaves.

        Returns
        -------
        ndarray of int, shape (k,)
            Positions in `y`, ascending. With a squared loss gross errors bend the fit, and may not show.

        Raises
        ------
        InvalidInputError
            If `spreads` is not positive.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> A = ll.gaussian(60, (5, 5), 0)
        >>> y = A.measure_matrix(np.ones((5, 5))) + 0.01 * np.random.default_rng(0).standard_normal(60)
        >>> y[[7, 30]] += 100
        >>> fit = ll.recover(A, y, rank=1, loss="huber", rng=0)
        >>> fit.gross_errors(), bool(np.allclose(fit.matrix(), 1, atol=0.01))
        (array([ 7, 30]), True)
        """
        check_positive("spreads", spreads)
        return far_off(self.objective, self.search.theta, spreads)

    def interval(
        self,
        rows: ArrayLike,
        columns: ArrayLike,
        *,
        level: float = 0.95,
        new_observation: bool = False,
        form: str = "auto",
    ) -> Intervals:
        """Return confidence intervals for entries of the matrix.

        Parameters
        ----------
        rows, columns : array_like of int, shape (k,)
        level : float
            Probability that an interval contains the entry, between 0 and 1.
        new_observation : bool
            Whether the interval should contain a new observation of the entry instead.
        form : {"auto", "exact", "block"}
            "exact" uses the whole Jacobian; "block", for observed entries, treats the errors of rows and
            of columns separately. "auto" is exact up to 2,500 parameters.

        Returns
        -------
        Intervals
            An estimate to first order in the noise: `Intervals` lists its assumptions.

        Raises
        ------
        UnsupportedError
            If the residuals do not show the noise level: a saturated model, or a rank clearly too low.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> truth = np.outer(np.arange(1.0, 21.0), np.arange(1.0, 16.0))
        >>> rows, columns = np.nonzero(rng.random((20, 15)) < 0.6)
        >>> y = truth[rows, columns] + rng.standard_normal(rows.size)
        >>> fit = ll.recover(ll.Entries(rows, columns, (20, 15)), y, rank=1, rng=0)
        >>> found = fit.interval([3], [4])
        >>> bool(found.lower[0] < truth[3, 4] < found.upper[0]), round(found.noise, 1)
        (True, 1.0)

        References
        ----------
        Y. Chen, J. Fan, C. Ma, Y. Yan, Inference and uncertainty quantification for noisy matrix
        completion, PNAS 2019 (the block form for equal weights).
        """
        return entry_intervals(
            self.objective,
            self.search.theta,
            rows,
            columns,
            level=level,
            new_observation=new_observation,
            form=form,
        )

    def _page(self) -> Page:
        from lowland.sensing.report import recovery_page

        return recovery_page(self)

    def _document(self, certificate: Certificate) -> Document:
        return recovery_document(self.objective, self.search.theta, certificate)

    def _lines(self) -> list[str]:
        lines = [self.objective.describe(), self._stopped(), *self._starts()]
        advice = "" if self.advice is None else str(self.advice)
        return [*lines, *filter(None, (self.polishing, self.misses, advice))]
