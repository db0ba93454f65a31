"""What a fitted table says if its missing cells differ from what the known ones predict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lowland.cells.labels import TableLabels
from lowland.completion.sensitivity.sensitivity import Analysis, Sensitivity
from lowland.completion.sensitivity.shifted import ShiftedTables, check_numbers, columns_of_numbers
from lowland.completion.tables.completed import folding
from lowland.core.arrays import check_floats
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_share, whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.estimators.answers.imputed_table import _ImputedTable


class _SensitiveTable(_ImputedTable):
    """The method of `MatrixCompletion` that asks what if missing cells differ."""

    def sensitivity(  # noqa: PLR0913
        self,
        delta: ArrayLike = (-2.0, -1.0, 0.0, 1.0, 2.0),
        analysis: Callable[[Any], Any] | None = None,
        *,
        columns: Any = None,
        rows: Any = None,
        n_completions: int = 20,
        quantiles: ArrayLike = (0.1, 0.5, 0.9),
        degrees: float | None = None,
        names: Sequence[str] | None = None,
        X: Any = None,
        row_covariates: Any = None,
        row_order: Any = None,
        random_state: RandomSource = None,
        means: bool | None = None,
    ) -> Sensitivity:
        """Return what completed tables say if missing values were shifted by their standard errors.

        Parameters
        ----------
        delta : float or array_like, shape (d,)
            Shifts: -1 makes each missing value one standard error lower than it is drawn.
        analysis : callable, optional
            Takes a completed table, of the kind of `completions`, and returns what `pool_estimates` takes: a
            pair of estimates and variances, or a fitted model of statsmodels.
        columns : label or int, or list of these, optional
            Columns whose missing cells are shifted; by default all that hold numbers.
        rows : label or int, or list of these, optional
            Rows whose missing cells are shifted, such as those of one arm of a trial; by default all.
        n_completions : int
            Number of completed tables, the same draws for all shifts.
        quantiles : array_like, shape (q,)
            Levels at which quantiles of columns are returned.
        degrees, names : as in `pool_estimates`
        X, row_covariates, row_order : as in `completions`
        random_state : int, RandomState, Generator or None
        means : bool, optional
            As in `completions`; of the tables that the analysis takes.

        Returns
        -------
        Sensitivity
            Means and quantiles of columns and pooled estimates by shift; its `tipping_point` is the shift at
            which a conclusion changes, its `plot` shows an estimate against the shifts.

        Raises
        ------
        UnsupportedError
            If the fit is not Bayesian, or `columns` names one of words: levels have no distance by which they
            could differ. Without `columns` they are drawn as predicted.
        InvalidInputError
            If there is no missing cell to shift, or labels or numbers do not fit.

        Notes
        -----
        Filled values rest on the premise that cells are missing at random given the known ones, which data
        cannot refute where it is the missing number itself that decides. This is delta adjustment: each
        missing number is drawn as in multiple imputation, then delta standard deviations of a new observation
        of its cell are added (doubt about the fit, and noise), clipped to what the fit takes for possible:
        declared `bounds`, the range of grades, what roots and logarithms stand for. Observed cells stay, and
        so do censored ones, whose bounds are known. The fit is not repeated: other missing cells of a row are
        drawn as if it had not been shifted. With a delta of zero, tables and pooled estimates are those of
        `completions` with the same `random_state`. Costs one drawing of all tables, and an analysis of each
        per shift.

        References
        ----------
        D. B. Rubin, Multiple Imputation for Nonresponse in Surveys, 1987, chapter 6; J. R. Carpenter,
        M. G. Kenward, Multiple Imputation and its Application, 2013, chapter 10; S. van Buuren, Flexible
        Imputation of Missing Data, 2018, section 9.2; S. Cro, T. P. Morris, M. G. Kenward, J. R. Carpenter,
        Sensitivity analysis for clinical trials with missing continuous outcome data using controlled
        multiple imputation, Statistics in Medicine 2020.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> table = rng.standard_normal((80, 1)) + 0.6 * rng.standard_normal((80, 3)) + 0.4
        >>> table[rng.random(80) < 0.5, 0] = np.nan
        >>> model = ll.MatrixCompletion(certify=False, random_state=0).fit(table)
        >>> def mean_of_first(full):
        ...     return full[:, 0].mean(), full[:, 0].var(ddof=1) / len(full)
        >>> found = model.sensitivity([-1, 0, 1], mean_of_first, degrees=79, random_state=0)
        >>> lower, usual, higher = (float(one.estimates[0]) for one in found.pooled)
        >>> bool(lower < usual < higher)
        True
        >>> point = found.tipping_point("significance")
        >>> bool(-2 < point.below[0] < 0)
        True
        """
        check_is_fitted(self)
        deltas = check_floats(np.atleast_1d(np.asarray(delta)), "delta", dtype="float64", ndim=1)
        levels = check_floats(np.atleast_1d(np.asarray(quantiles)), "quantiles", dtype="float64", ndim=1)
        if not deltas.size:
            raise InvalidInputError("delta must hold at least one number", "none")
        for level in levels.tolist():
            check_share("quantiles", level)
        count = whole_number(n_completions, "n_completions", 1 if analysis is None else 2)
        rng = make_generator(random_state, "random_state")
        frame, seen, drawing = self._drawing_of(X, row_covariates, row_order)
        model = folding(drawing, "a sensitivity analysis")
        shifted_columns = columns_of_numbers(model)
        if columns is not None:
            at = model.labels.positions(_listed(columns), 1)
            check_numbers(model, at)
            shifted_columns = np.isin(np.arange(model.shape[1]), at)
        shifted_rows: NDArray[np.bool_] = np.ones(seen.shape[0], bool)
        if rows is not None:
            places = TableLabels.of(seen).positions(_listed(rows), 0)
            shifted_rows = np.isin(np.arange(seen.shape[0]), places)
        plain = self._keeps_means(frame, means, 4)
        shifted = ShiftedTables.draw(
            model, seen, count, rng, shifted_rows=shifted_rows, shifted_columns=shifted_columns
        )
        labels = model.labels.columns
        return Sensitivity.of(
            shifted,
            deltas,
            np.sort(levels),
            names=range(model.shape[1]) if labels is None else labels.tolist(),
            write=self._filling(frame, means=plain, drawn=True),
            analysis=None if analysis is None else Analysis(analysis, degrees, names),
        )


def _listed(names: Any) -> Any:
    """Return labels or positions as a list, also where one is given alone."""
    return [names] if isinstance(names, str | int | np.integer) else names
