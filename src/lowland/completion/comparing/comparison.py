"""Whether a fit predicts held-out cells better than plain baselines do, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.completion.columns.spreads import spreads_of
from lowland.completion.comparing.baselines import (
    predict_by_interpolation,
    predict_by_means,
    turned,
    usual_of_columns,
)
from lowland.completion.comparing.clustered import clustered_interval
from lowland.core.arrays import Indices, Vector, check_floats
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.wording import counted

LEVEL = 0.99

# names of the baselines, in the order in which they are compared
COLUMN, MEANS = "column means", "row and column means"
ALONG_ROWS, ALONG_COLUMNS = "interpolation along rows", "interpolation along columns"

BETTER, WORSE, OPEN = "better", "worse", "not told apart"


@final
@dataclass(frozen=True)
class Comparison:
    """Errors of a fit and of a baseline on the same held-out cells, and the difference of their squares.

    Parameters
    ----------
    baseline : str
    cells, rows : int
        Number of cells that were compared, and of rows that have some of them.
    error, baseline_error : float
        Root-mean-square errors, in spreads of columns; a wrong level is an error of one.
    gain : float
        Mean squared error of the baseline less that of the fit: above zero, the fit is better.
    lower, upper : float
        Interval for the gain, clustered by row.
    level : float
        Of the interval.

    Examples
    --------
    >>> from lowland.completion.comparing.comparison import Comparison
    >>> Comparison("column means", 80, 30, 0.5, 1.0, 0.75, 0.2, 1.3, 0.99).word
    'better'
    """

    baseline: str
    cells: int
    rows: int
    error: float
    baseline_error: float
    gain: float
    lower: float
    upper: float
    level: float = LEVEL

    @property
    def word(self) -> str:
        """Return "better" or "worse" where the interval excludes zero, else "not told apart"."""
        return BETTER if self.lower > 0 else WORSE if self.upper < 0 else OPEN


def compare_with_baselines(
    training: Observations,
    held: Observations,
    predicted: Vector,
    *,
    words: Sequence[int] | Indices = (),
    column_places: Vector | None = None,
    row_places: Vector | None = None,
    level: float = LEVEL,
) -> tuple[Comparison, ...]:
    """Compare predictions of held-out cells with those of plain baselines.

    Parameters
    ----------
    training : Observations
        The cells that the fit saw; censored ones are left out of means.
    held : Observations
        Cells that it did not see, of the same table; censored ones are left out, since their number is not
        known.
    predicted : ndarray, shape (k,)
        Its predictions of the held-out cells; in columns of words the likeliest level.
    words : sequence of int
        Columns of words, whose levels have no distance.
    column_places, row_places : ndarray, shapes (n,) and (m,), optional
        Coordinates along which columns, or rows, are in order.
    level : float
        Of the intervals, each by itself.

    Returns
    -------
    tuple of Comparison
        With the means (most frequent levels) of columns; then, where numbers are held out, on their cells:
        with row and column means, and with interpolation along each order that is known.

    Raises
    ------
    InvalidInputError
        If lengths do not fit, or there is nothing to compare.

    Notes
    -----
    Errors of numbers are in the spreads of the training cells of their columns, and so are row means:
    columns of different units count alike. Cells of one row go together, so that the interval is clustered
    by rows (`clustered_interval`). It is for what the fit would gain on other rows of this kind, with cells
    held out like these. Costs one pass over the cells for each baseline.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.completion.comparing.comparison import compare_with_baselines
    >>> rng = np.random.default_rng(0)
    >>> table = ll.Observations.from_array(np.outer(rng.standard_normal(40), [1, 2, 1, 2, 1]))
    >>> training, held = table.hide(rng.random(200) < 0.2)
    >>> perfect = compare_with_baselines(training, held, held.values)
    >>> [(one.baseline, one.word, one.error) for one in perfect]
    [('column means', 'better', 0.0), ('row and column means', 'better', 0.0)]
    """
    training, held, predicted = _checked(training, held, predicted)
    n = training.shape[1]
    of_words = np.isin(np.arange(n), words)
    units = spreads_of(training, np.flatnonzero(of_words))
    usual = usual_of_columns(training, np.flatnonzero(of_words))
    own = errors_in_units(predicted, held, units, of_words)
    out = [
        compared(COLUMN, own, errors_in_units(usual[held.columns], held, units, of_words), held.rows, level)
    ]
    numbers = ~of_words[held.columns]
    training = training.select(~of_words[training.columns])
    if numbers.any() and training.size:
        held, own = held.select(numbers), own[numbers]
        means = _by_means_in_spreads(training, held, usual, units)
        guesses = {MEANS: means}
        if column_places is not None:
            guesses[ALONG_ROWS] = predict_by_interpolation(training, held, column_places, means)
        if row_places is not None:
            down = turned(training), turned(held)
            guesses[ALONG_COLUMNS] = predict_by_interpolation(*down, row_places, means)
        out += [
            compared(name, own, errors_in_units(guess, held, units, of_words), held.rows, level)
            for name, guess in guesses.items()
        ]
    return tuple(out)


def _checked(
    training: Observations, held: Observations, predicted: Vector
) -> tuple[Observations, Observations, Vector]:
    """Return the cells whose values are known, and the predictions of the held-out ones."""
    predicted = check_floats(predicted, "predicted", dtype="float64", ndim=1)
    if predicted.size != held.size:
        raise InvalidInputError(
            "predicted must have one number per held-out cell", f"{predicted.size} for {held.size}"
        )
    if training.shape != held.shape:
        raise InvalidInputError(
            "training and held must be cells of one table", f"shapes {training.shape} and {held.shape}"
        )
    known = np.ones(held.size, bool) if held.censored is None else held.censored == 0
    training, held = training.exact(), held.select(known)
    if not (training.size and held.size):
        raise InvalidInputError(
            "there is nothing to compare",
            f"{counted(training.size, 'training cell')} and {counted(held.size, 'held-out cell')}",
        )
    return training, held, predicted[known]


def _by_means_in_spreads(training: Observations, held: Observations, usual: Vector, units: Vector) -> Vector:
    """Predict numbers by row and column means of a table whose columns have one unit."""
    tables = [replace(t, values=(t.values - usual[t.columns]) / units[t.columns]) for t in (training, held)]
    return np.asarray(usual[held.columns] + units[held.columns] * predict_by_means(tables[0], tables[1]))


def errors_in_units(predicted: Vector, held: Observations, units: Vector, words: NDArray[np.bool_]) -> Vector:
    """Return errors in spreads of columns; a wrong level is an error of one."""
    off = predicted - held.values
    return np.where(words[held.columns], off != 0, off / units[held.columns])


def compared(name: str, own: Vector, other: Vector, rows: Indices, level: float) -> Comparison:
    """Return how errors of a fit compare with those of a baseline on cells of some rows."""
    gains = other**2 - own**2
    lower, upper = clustered_interval(gains, rows, level)
    error, baseline = (float(np.sqrt(np.mean(part**2))) for part in (own, other))
    clusters = int(np.unique(rows).size)
    return Comparison(name, gains.size, clusters, error, baseline, float(gains.mean()), lower, upper, level)
