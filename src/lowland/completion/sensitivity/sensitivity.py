"""`Sensitivity`: what completed tables say where missing values differ from what is predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from lowland.completion.sensitivity.display import SensitivityDisplay
from lowland.completion.sensitivity.shifted import ShiftedTables
from lowland.completion.sensitivity.tipping import TippingPoint, find_tipping_points, usual_answer
from lowland.completion.tables.pooling import PooledEstimate, pool_estimates
from lowland.core.arrays import Matrix, Vector
from lowland.core.brief import briefly
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive, check_share
from lowland.core.results.shown import Shown
from lowland.core.wording import counted, nearest

if TYPE_CHECKING:
    from lowland.report.figures import Axes

# columns, or estimates, that are shown one by one
SHOWN = 4


@briefly
@final
@dataclass(frozen=True, eq=False)
class Analysis:
    """What is estimated from each completed table, and how results are pooled.

    Parameters
    ----------
    estimate : callable
        Takes a completed table; what it returns `pool_estimates` takes.
    degrees : float or None
    names : sequence of str or None
        As `pool_estimates` takes them.
    """

    estimate: Callable[[Any], Any]
    degrees: float | None = None
    names: Sequence[str] | None = None


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(Shown):
    """Means, quantiles and pooled estimates where missing values are shifted by their standard errors.

    Parameters
    ----------
    deltas : ndarray, shape (d,)
        Shifts, in standard errors of the missing cells.
    columns : sequence
        The columns of numbers some of whose missing cells are shifted.
    means : ndarray, shape (d, c)
        Their means, of known and filled cells together, over the completed tables.
    levels : ndarray, shape (q,)
    quantiles : ndarray, shape (d, q, c)
        Their quantiles at these levels.
    pooled : sequence of PooledEstimate
        The pooled estimates at each delta; empty without an analysis.
    shifted : ShiftedTables
        The draws.
    write : callable
        Returns a completed table as the analysis takes it.
    analysis : Analysis or None

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> table = rng.standard_normal((60, 1)) + 0.5 * rng.standard_normal((60, 3)) + 0.5
    >>> table[rng.random(60) < 0.4, 0] = np.nan
    >>> model = ll.MatrixCompletion(certify=False, random_state=0).fit(table)
    >>> def mean_of_first(full):
    ...     return full[:, 0].mean(), full[:, 0].var(ddof=1) / len(full)
    >>> found = model.sensitivity([-1, 0, 1], mean_of_first, degrees=59, random_state=0)
    >>> bool(found.means[0, 0] < found.means[1, 0] < found.means[2, 0])
    True
    >>> round(float(found.pooled[1].estimates[0]), 6) == round(float(found.means[1, 0]), 6)
    True
    >>> found.tipping_point("sign").names
    ['0']
    """

    deltas: Vector
    columns: Sequence[Any]
    means: Matrix
    levels: Vector
    quantiles: Matrix
    pooled: Sequence[PooledEstimate]
    shifted: ShiftedTables
    write: Callable[[Matrix], Any]
    analysis: Analysis | None

    @classmethod
    def of(
        cls,
        shifted: ShiftedTables,
        deltas: Vector,
        levels: Vector,
        *,
        names: Sequence[Any],
        write: Callable[[Matrix], Any],
        analysis: Analysis | None,
    ) -> Sensitivity:
        """Ask completed tables at some deltas.

        Parameters
        ----------
        shifted : ShiftedTables
        deltas : ndarray, shape (d,)
        levels : ndarray, shape (q,)
            Of quantiles.
        names : sequence
            Of all columns of the fit.
        write : callable
        analysis : Analysis or None
        """
        at = shifted.shifted_columns
        means = np.zeros((deltas.size, at.size))
        quantiles = np.zeros((deltas.size, levels.size, at.size))
        pooled = []
        for k, delta in enumerate(deltas.tolist()):
            results = []
            for table in shifted.tables(delta):
                means[k] += table[:, at].mean(axis=0)
                quantiles[k] += np.quantile(table[:, at], levels, axis=0)
                if analysis is not None:
                    results.append(analysis.estimate(write(table)))
            if analysis is not None:
                pooled.append(pool_estimates(results, degrees=analysis.degrees, names=analysis.names))
        count = len(shifted.draws)
        called = [names[j] for j in at]
        return cls(deltas, called, means / count, levels, quantiles / count, pooled, shifted, write, analysis)

    def tables(self, delta: float) -> Iterator[Any]:
        """Return an iterator over the completed tables at a shift, as `MatrixCompletion.iter_completions`.

        Parameters
        ----------
        delta : float
            Also one that is not among `deltas`; zero gives the tables of `iter_completions`.
        """
        return map(self.write, self.shifted.tables(delta))

    def pool(self, delta: float) -> PooledEstimate:
        """Return the pooled estimates at any shift.

        Parameters
        ----------
        delta : float

        Raises
        ------
        InvalidInputError
            If there is no analysis.
        """
        analysis = self._analysed("pooled estimates")
        results = map(analysis.estimate, self.tables(delta))
        return pool_estimates(results, degrees=analysis.degrees, names=analysis.names)

    def tipping_point(
        self,
        conclusion: str | Callable[[Any], Any] = "significance",
        *,
        most: float = 3.0,
        level: float = 0.95,
    ) -> TippingPoint:
        """Return the smallest shifts, down and up, at which a conclusion is no longer that without a shift.

        Parameters
        ----------
        conclusion : {"significance", "sign"} or callable
            Whether, and on which side, the interval of each pooled estimate excludes zero; or the sign of
            each pooled estimate. A function takes a completed table and returns an answer, such as whether
            one mean is above another; what most of the completed tables answer is the conclusion.
        most : float
            How far is looked, in standard errors.
        level : float
            Of the intervals.

        Returns
        -------
        TippingPoint

        Raises
        ------
        InvalidInputError
            If the conclusion is about pooled estimates and there is no analysis.

        Notes
        -----
        All shifts are of the same draws, so that conclusions change by the shift alone. They are looked for
        in steps of a quarter of a standard error, and located to 0.01: what changes and changes back within
        a step is not seen. Costs some twenty-five analyses of all tables, and seven per change.
        """
        check_positive("most", most)
        check_share("level", level)
        if callable(conclusion):
            ask, name = conclusion, getattr(conclusion, "__name__", type(conclusion).__name__)
            ends = find_tipping_points(lambda delta: [usual_answer(map(ask, self.tables(delta)))], most)
            return TippingPoint(name, (name,), *ends, float(most))
        if conclusion not in ("significance", "sign"):
            raise InvalidInputError(
                'conclusion must be "significance", "sign" or a function of a completed table',
                repr(conclusion),
            )
        self._analysed(f"a {conclusion}")

        def answers(delta: float) -> Sequence[Any]:
            pooled = self.pool(delta)
            low, high = (pooled.estimates,) * 2 if conclusion == "sign" else pooled.interval(level)
            return np.where(low > 0, 1, np.where(high < 0, -1, 0)).tolist()  # type: ignore[no-any-return]

        ends = find_tipping_points(answers, most)
        return TippingPoint(conclusion, self._estimate_names(), *ends, float(most))

    def plot(
        self, name: Any = None, ax: Axes | None = None, *, tipping: TippingPoint | None = None
    ) -> SensitivityDisplay:
        """Draw a pooled estimate with its interval of 95 %, or a column's mean, against the shifts.

        Parameters
        ----------
        name : str, optional
            Of an estimate (or its place), or of a column, whose extreme quantiles are the band; by default
            the first estimate, or without an analysis the first column.
        ax : matplotlib.axes.Axes, optional
            New ones by default.
        tipping : TippingPoint, optional
            Where conclusions change, to mark.

        Returns
        -------
        SensitivityDisplay

        Raises
        ------
        InvalidInputError
            If there is no such estimate or column.
        """
        names = self._estimate_names()
        known = [*names, *map(str, self.columns)]
        wanted = known[0] if name is None else str(name)
        if wanted not in known:
            raise InvalidInputError(
                "there is no such estimate or column", repr(name), fix=f"use {nearest(wanted, known)}"
            )
        at = known.index(wanted)
        if at < len(names):
            centres = np.array([one.estimates[at] for one in self.pooled])
            low, high = np.array([[end[at] for end in one.interval()] for one in self.pooled]).T
            band = "95 % interval"
        else:
            j = at - len(names)
            centres, low, high = self.means[:, j], self.quantiles[:, 0, j], self.quantiles[:, -1, j]
            band = f"quantiles {self.levels[0]:g} to {self.levels[-1]:g}"
        marked: list[float] = []
        if tipping is not None:
            k = tipping.names.index(wanted) if wanted in tipping.names else 0
            marked = [float(tipping.below[k]), float(tipping.above[k])]
        return SensitivityDisplay(self.deltas, centres, low, high, wanted, band, marked).plot(ax)

    def _estimate_names(self) -> list[str]:
        if not self.pooled:
            return []
        return list(self.pooled[0].names) or [str(k) for k in range(self.pooled[0].estimates.size)]

    def _analysed(self, what: str) -> Analysis:
        if self.analysis is None:
            raise InvalidInputError(
                f"an analysis is needed for {what}", "none", fix="pass a function of a table as analysis"
            )
        return self.analysis

    def _lines(self) -> list[str]:
        moved = int(np.count_nonzero(self.shifted.errors))
        tables = counted(len(self.shifted.draws), "completed table")
        lines = [f"{counted(moved, 'missing cell')} shifted by standard errors, {tables}"]
        numbers = np.array([one.estimates for one in self.pooled]) if self.pooled else self.means
        named = self._estimate_names() or [f"mean of {name}" for name in self.columns]
        order = self.deltas.argsort()
        for name, values in list(zip(named, numbers.T, strict=True))[:SHOWN]:
            told = ", ".join(f"{values[k]:.4g} at {self.deltas[k]:+g}" for k in order[:5])
            lines.append(f"{name}: {told}" + (", ..." if order.size > 5 else ""))
        if len(named) > SHOWN:
            lines.append(f"and {len(named) - SHOWN} more")
        return lines
