"""Rubin's rules for predictions: what several completed tables say of the same new cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.completion.tables.pooling import degrees_of_freedom, interval_around
from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.results.shown import Shown
from lowland.core.wording import counted


@public("lowland")
@final
@dataclass(frozen=True, eq=False, repr=False)
class PooledPrediction(Shown):
    """Predictions pooled over completed tables.

    Parameters
    ----------
    means : ndarray, shape (k,)
        Means of the predictions over the tables.
    within : ndarray, shape (k,)
        Mean variances of the predictions, as each table states them.
    between : ndarray, shape (k,)
        Variances of the predictions between the tables.
    degrees : ndarray, shape (k,)
        Degrees of freedom of their t distributions; infinite if the tables agree.
    tables : int
        Number of completed tables.

    Examples
    --------
    >>> import lowland as ll
    >>> pooled = ll.pool_predictions([([1.0, 5.0], [0.2, 0.3]), ([1.4, 5.0], [0.2, 0.3])])
    >>> pooled.means.tolist(), pooled.between.round(2).tolist(), pooled.errors.round(2).tolist()
    ([1.2, 5.0], [0.08, 0.0], [0.57, 0.55])
    >>> low, high = pooled.interval(0.95)
    >>> bool(high[0] - low[0] > high[1] - low[1])
    True
    """

    means: Vector
    within: Vector
    between: Vector
    degrees: Vector
    tables: int

    @property
    def errors(self) -> Vector:
        """Standard errors of the pooled predictions, shape (k,)."""
        total: Vector = np.sqrt(self.within + (1 + 1 / self.tables) * self.between)
        return total

    def interval(self, level: float = 0.95) -> tuple[Vector, Vector]:
        """Return the ends of intervals, shape (k,) each.

        Parameters
        ----------
        level : float
            Between 0 and 1.

        Raises
        ------
        InvalidInputError
            If the level does not lie between 0 and 1.
        """
        return interval_around(self.means, self.errors, self.degrees, level)

    def _lines(self) -> list[str]:
        count = self.means.size
        share = np.mean((self.errors**2 - self.within) / self.errors**2)
        return [
            f"{counted(count, 'prediction')} of {self.tables} completed tables",
            f"of their variance, {share:.0%} lies between the tables on average",
        ]


@public("lowland")
def pool_predictions(results: Iterable[Any], *, degrees: float | None = None) -> PooledPrediction:
    """Pool predictions of the same cases by models fitted to several completed tables, by Rubin's rules.

    Parameters
    ----------
    results : iterable
        One entry per table, at least two: a pair of predictions, shape (k,), and their variances, shape (k,);
        or what ``get_prediction`` of a fitted model of statsmodels returns, of which ``predicted_mean``,
        ``se_mean`` and ``df`` are read.
    degrees : float, optional
        Degrees of freedom that the predictions would have if no cell were missing, such as rows minus
        coefficients; by default those of statsmodels, else infinite.

    Returns
    -------
    PooledPrediction

    Raises
    ------
    InvalidInputError
        If there are fewer than two tables, or shapes or numbers do not fit.

    Notes
    -----
    The variance of a prediction is W + (1 + 1/m) B, with Barnard's and Rubin's degrees of freedom, as in
    `pool_estimates`. Intervals are for what the variances are of: for new observations, pass variances with
    the noise (``se_obs`` squared). They are those of t distributions around a mean: pool probabilities as
    logits, and counts as logarithms.

    References
    ----------
    A. M. Wood, P. Royston, I. R. White, The estimation and use of predictions for the assessment of model
    performance using large samples with multiply imputed data, Biometrical Journal 2015.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> table = rng.standard_normal((60, 1)) + 0.5 * rng.standard_normal((60, 3))
    >>> table[rng.random(table.shape) < 0.2] = np.nan
    >>> model = ll.MatrixCompletion(certify=False, random_state=0).fit(table)
    >>> new = np.array([[1.0, 0.0, 0.0], [1.0, 2.0, 2.0]])
    >>> def predict(full):
    ...     design = np.column_stack([np.ones(60), full[:, :2]])
    ...     inverse = np.linalg.inv(design.T @ design)
    ...     found = inverse @ design.T @ full[:, 2]
    ...     noise = np.sum((full[:, 2] - design @ found) ** 2) / 57
    ...     return new @ found, noise * np.sum(new @ inverse * new, axis=1)
    >>> pooled = ll.pool_predictions(map(predict, model.iter_completions(10, random_state=0)), degrees=57)
    >>> bool(pooled.errors[1] > pooled.errors[0] > np.sqrt(pooled.within[0]))
    True
    """
    read = [_read(result) for result in results]
    if len(read) < 2:
        raise InvalidInputError("results must be those of two completed tables or more", f"{len(read)}")
    shapes = {predictions.shape for predictions, _, _ in read}
    if len(shapes) > 1:
        raise InvalidInputError("all tables must predict the same cases", f"shapes {sorted(shapes)}")
    if degrees is None:
        degrees = min(own for _, _, own in read)
    if not degrees > 0:
        raise InvalidInputError("degrees must be positive", repr(degrees))
    predictions, variances = (np.array([one[k] for one in read]) for k in (0, 1))
    within, between = variances.mean(axis=0), predictions.var(axis=0, ddof=1)
    free = degrees_of_freedom(within, between, len(read), float(degrees))
    return PooledPrediction(predictions.mean(axis=0), within, between, free, len(read))


def _read(result: Any) -> tuple[Matrix, Matrix, float]:
    """Return predictions, variances and degrees of freedom of one table."""
    degrees = np.inf
    given = getattr(result, "predicted_mean", None)
    if given is not None:
        variances = np.asarray(result.se_mean, np.float64) ** 2
        degrees = getattr(result, "df", None) or np.inf
    else:
        try:
            given, variances = result
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                "each result must be a pair of predictions and variances, or predictions of statsmodels",
                type(result).__name__,
            ) from error
    means, spreads = (np.atleast_1d(np.asarray(part, np.float64)) for part in (given, variances))
    if means.ndim != 1 or means.shape != spreads.shape:
        raise InvalidInputError(
            "predictions must be numbers with a variance each", f"shapes {means.shape} and {spreads.shape}"
        )
    if not (np.isfinite(means).all() and np.isfinite(spreads).all() and (spreads > 0).all()):
        raise InvalidInputError(
            "predictions must be finite, and variances positive", f"{means} and {spreads}"
        )
    return means, spreads, float(degrees)
