"""Rubin's rules: one estimate with its error from those of several completed tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.notebooks import table_html


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class PooledEstimate:
    """Estimates pooled over completed tables.

    Parameters
    ----------
    estimates, errors : ndarray, shape (k,)
        Pooled estimates and their standard errors.
    degrees : ndarray, shape (k,)
        Degrees of freedom of their t distributions; infinite if the tables agree.
    missing_information : ndarray, shape (k,)
        Fraction of the information on each estimate that the missing cells would have given.
    covariance : ndarray, shape (k, k), or None
        Covariance of the pooled estimates, if those of the tables have covariances.
    names : sequence of str
        Names of the estimates; empty if they have none.
    tables : int
        Number of completed tables.

    Examples
    --------
    >>> import lowland as ll
    >>> pooled = ll.pool_estimates([(1.0, 0.04), (1.2, 0.04), (1.1, 0.05)])
    >>> round(float(pooled.estimates[0]), 2), round(float(pooled.errors[0]), 2)
    (1.1, 0.24)
    >>> low, high = pooled.interval(0.95)
    >>> bool(low[0] < 1.0 < high[0])
    True
    """

    estimates: Vector
    errors: Vector
    degrees: Vector
    missing_information: Vector
    covariance: Matrix | None
    names: Sequence[str]
    tables: int

    def interval(self, level: float = 0.95) -> tuple[Vector, Vector]:
        """Return the ends of confidence intervals, shape (k,) each.

        Parameters
        ----------
        level : float
            Between 0 and 1.

        Raises
        ------
        InvalidInputError
            If the level does not lie between 0 and 1.
        """
        return interval_around(self.estimates, self.errors, self.degrees, level)

    def _repr_html_(self) -> str:
        header = ("", "estimate", "error", "95 % interval", "missing information")
        rows = [
            (name, f"{centre:.4g}", f"{error:.3g}", f"{low:.4g} to {high:.4g}", f"{share:.0%}")
            for name, centre, error, low, high, share in self._rows()
        ]
        return table_html(header, rows, f"pooled over {self.tables} tables", numbers=True)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield names, estimates, errors, ends of intervals and missing information."""
        names = list(self.names) or [str(k) for k in range(self.estimates.size)]
        columns = (self.estimates, self.errors, *self.interval(), self.missing_information)
        return zip(names, *columns, strict=True)

    def __str__(self) -> str:
        rows = list(self._rows())
        width = max(len(row[0]) for row in rows)
        lines = [f"{'':<{width}}  estimate   error  95 % interval      missing information"]
        for name, *numbers in rows:
            centre, error, first, last, share = numbers
            lines.append(
                f"{name:<{width}}  {centre:>8.4g}  {error:>6.3g}  {first:>8.4g} {last:>8.4g}  {share:>8.0%}"
            )
        return "\n".join(lines)


@public("lowland")
def pool_estimates(
    results: Iterable[Any], *, degrees: float | None = None, names: Sequence[str] | None = None
) -> PooledEstimate:
    """Pool the estimates of several completed tables by Rubin's rules.

    Parameters
    ----------
    results : iterable
        One entry per table, at least two: a pair of estimates, shape (k,) or a number, and their variances
        (or covariance matrix, shape (k, k)), as arrays, mappings by name, pandas Series or frames of one row;
        or a fitted model of statsmodels, of which ``params``, ``cov_params()`` and ``df_resid`` are read.
    degrees : float, optional
        Degrees of freedom that the estimates would have if no cell were missing, such as rows minus
        coefficients; by default those of a fitted model, else infinite. With few rows they matter.
    names : sequence of str, optional
        Names of the estimates, by default those that the results have: keys, indices, names of columns.

    Returns
    -------
    PooledEstimate

    Raises
    ------
    InvalidInputError
        If there are fewer than two tables, or shapes, names or numbers do not fit.

    Notes
    -----
    The variance is W + (1 + 1/m) B: the mean variance within tables, and that of the estimates between them.
    Degrees of freedom are those of Barnard and Rubin. This holds for tables that are draws, as those from
    `MatrixCompletion.completions`, arrays or data frames; one table filled with predictions says nothing of
    what is not known.

    References
    ----------
    D. B. Rubin, Multiple Imputation for Nonresponse in Surveys, 1987; J. Barnard, D. B. Rubin, Small-sample
    degrees of freedom with multiple imputation, Biometrika 1999.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> table = rng.standard_normal((50, 1)) + 0.5 * rng.standard_normal((50, 3))
    >>> table[rng.random(table.shape) < 0.2] = np.nan
    >>> model = ll.MatrixCompletion(certify=False, random_state=0).fit(table)
    >>> def mean_of_first(full):
    ...     return full[:, 0].mean(), full[:, 0].var(ddof=1) / len(full)
    >>> pooled = ll.pool_estimates(map(mean_of_first, model.completions(20, random_state=0)), degrees=49)
    >>> bool(pooled.errors[0] > 0.1)
    True
    """
    read = [_read(result) for result in results]
    if len(read) < 2:
        raise InvalidInputError("results must be those of two completed tables or more", f"{len(read)}")
    shapes = {(estimate.estimates.shape, estimate.variances.shape) for estimate in read}
    if len(shapes) > 1:
        raise InvalidInputError(
            "all tables must give the same estimates", f"shapes {sorted(map(str, shapes))}"
        )
    own = {tuple(estimate.names) for estimate in read}
    if len(own) > 1:
        raise InvalidInputError(
            "all tables must give the same estimates in the same order",
            " and ".join(", ".join(some) or "no names" for some in sorted(own)[:2]),
        )
    called = tuple(map(str, own.pop() if names is None else names))
    if called and len(called) != read[0].estimates.size:
        raise InvalidInputError(
            "names must be one per estimate", f"{len(called)} for {read[0].estimates.size}"
        )
    if degrees is None:
        degrees = min(estimate.degrees for estimate in read)
    if not degrees > 0:
        raise InvalidInputError("degrees must be positive", repr(degrees))
    estimates = np.array([estimate.estimates for estimate in read])
    variances = np.array([estimate.variances for estimate in read])
    return _pooled(estimates, variances, float(degrees), called)


@final
@dataclass(frozen=True, eq=False)
class _Result:
    """What one table gives."""

    estimates: Vector
    variances: Matrix
    degrees: float = np.inf
    names: Sequence[str] = ()


def _read(result: Any) -> _Result:
    params = getattr(result, "params", None)
    if params is not None:
        names = [str(name) for name in getattr(params, "index", getattr(result.model, "exog_names", ()))]
        covariance = np.asarray(result.cov_params(), dtype=np.float64)
        return _checked(params, covariance, float(getattr(result, "df_resid", np.inf)), names)
    try:
        estimates, variances = result
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            "each result must be a pair of estimates and variances, or a fitted model of statsmodels",
            type(result).__name__,
        ) from error
    (centres, names), (spreads, others) = _named(estimates), _named(variances)
    if names and others and names != others:
        raise InvalidInputError(
            "estimates and their variances must have the same names in the same order",
            f"{', '.join(names)} and {', '.join(others)}",
        )
    return _checked(centres, spreads, np.inf, names or others)


def _named(numbers: Any) -> tuple[Any, list[str]]:
    """Return numbers, and their names: keys, an index that does not only count, or columns of a frame."""
    if isinstance(numbers, Mapping):
        return list(numbers.values()), [str(name) for name in numbers]
    columns = getattr(numbers, "columns", None)
    if columns is not None:
        cells = np.asarray(numbers)
        return cells[0] if len(cells) == 1 else cells, [str(name) for name in columns]
    index = getattr(numbers, "index", ())
    index = [] if callable(index) else list(index)  # of lists and tuples, a method
    return numbers, [] if index == list(range(len(index))) else [str(name) for name in index]


def _checked(estimates: ArrayLike, variances: ArrayLike, degrees: float, names: Sequence[str]) -> _Result:
    centres, spreads = (np.asarray(numbers, dtype=np.float64) for numbers in (estimates, variances))
    centres = np.atleast_1d(centres)
    spreads = np.atleast_1d(spreads)
    k = centres.size
    if centres.shape != (k,) or spreads.shape not in ((k,), (k, k)):
        raise InvalidInputError(
            "estimates must be numbers with a variance each, or a covariance matrix",
            f"shapes {centres.shape} and {spreads.shape}",
        )
    diagonal = np.diag(spreads) if spreads.ndim == 2 else spreads
    if not (np.isfinite(centres).all() and np.isfinite(spreads).all() and (diagonal > 0).all()):
        raise InvalidInputError(
            "estimates must be finite, and variances positive", f"{centres} and {diagonal}"
        )
    return _Result(centres, spreads, degrees, names)


def _pooled(estimates: Matrix, variances: Matrix, degrees: float, names: Sequence[str]) -> PooledEstimate:
    m = len(estimates)
    within, covariance = variances.mean(axis=0), None
    if within.ndim == 2:
        deviations = estimates - estimates.mean(axis=0)
        covariance = within + (1 + 1 / m) * deviations.T @ deviations / (m - 1)
        within = np.diag(within)
    between = np.var(estimates, axis=0, ddof=1)
    free = degrees_of_freedom(within, between, m, degrees)
    ratio = (1 + 1 / m) * between / within
    missing = (ratio + 2 / (free + 3)) / (ratio + 1)
    errors = np.sqrt(within + (1 + 1 / m) * between)
    return PooledEstimate(estimates.mean(axis=0), errors, free, missing, covariance, tuple(names), m)


def degrees_of_freedom(within: Vector, between: Vector, m: int, degrees: float) -> Vector:
    """Return Barnard's and Rubin's degrees of freedom of estimates pooled over m tables.

    Parameters
    ----------
    within, between : ndarray
        Variances within tables and between them.
    m : int
    degrees : float
        Without missing cells.
    """
    share = (1 + 1 / m) * between / (within + (1 + 1 / m) * between)
    inverse: Vector = share**2 / (m - 1)
    if np.isfinite(degrees):
        inverse = inverse + (degrees + 3) / ((degrees + 1) * degrees * (1 - share))
    with np.errstate(divide="ignore"):  # tables that agree leave no doubt between them
        return np.asarray(1 / inverse)


def interval_around(centres: Vector, errors: Vector, degrees: Vector, level: float) -> tuple[Vector, Vector]:
    """Return the ends of intervals of t distributions, or raise InvalidInputError for an impossible level."""
    from scipy.stats import t

    if not 0 < level < 1:
        raise InvalidInputError("level must lie between 0 and 1", repr(level))
    reach = t.ppf((1 + level) / 2, degrees) * errors
    return centres - reach, centres + reach
