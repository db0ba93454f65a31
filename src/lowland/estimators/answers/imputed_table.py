"""Multiple imputation by a fitted table: completed tables, of the kind that was fitted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lowland.completion.tables.fitted import Sampler
from lowland.completion.tables.imputations import check_together, impute
from lowland.core.cells.observations import Observations
from lowland.core.errors import UnsupportedError
from lowland.core.parameter_checks import whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.estimators.answers.graded_table import _GradedTable
from lowland.estimators.observing import observe
from lowland.files.frames import eager_frame


class _ImputedTable(_GradedTable):
    """The methods of `MatrixCompletion` that draw whole tables."""

    def completions(
        self,
        n_completions: int = 10,
        X: Any = None,
        row_covariates: Any = None,
        row_order: Any = None,
        *,
        random_state: RandomSource = None,
        means: bool | None = None,
    ) -> Any:
        """Return completed tables for multiple imputation.

        The fit must be Bayesian, or have losses that are not all squared.

        Parameters
        ----------
        n_completions : int
        X : array_like, data frame, sparse array or Observations, shape (k, n), optional
            Known or new rows; by default the fitted table. New rows need a Bayesian fit, and are folded in:
            their draws share no doubt about the covariance ("gaussian"), and use no kept draws ("gibbs").
        row_covariates, row_order : as in `fill`
        random_state : int, RandomState, Generator or None
        means : bool, optional
            Whether draws among whole numbers stay as they are; otherwise these are whole, as in `fill`.

        Returns
        -------
        list of data frames or DataArrays, or ndarray, shape (n_completions, k, n)
            Of data frames, frames of the same kind, with levels by their names, whole numbers whole, and the
            columns that take no part as they are. Observed cells are kept; missing cells are drawn with
            noise, as in `sample`; so are censored ones, beyond their bounds (of new rows, bounds count as
            values). Analyse each table, then pool the results by Rubin's rules
            (`pool_estimates`).

        Raises
        ------
        UnsupportedError
            If the fit has no posterior, or the fitted data frame or cells are not known: pass them as `X`.
        InvalidInputError
            If all tables at once would take too much memory; `iter_completions` takes one at a time.

        Examples
        --------
        >>> import numpy as np, pandas as pd, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> size = rng.standard_normal(40)
        >>> frame = pd.DataFrame({"size": size, "big": np.where(size > 0, "yes", "no"), "rooms": 3})
        >>> frame.loc[::5, "size"] = frame.loc[1::5, "big"] = None
        >>> model = ll.MatrixCompletion(certify=False, max_iter=20, random_state=0).fit(frame)
        >>> drawn = model.completions(2, random_state=0)
        >>> [bool(one.notna().all().all()) for one in drawn], set(drawn[0]["big"]) == {"no", "yes"}
        ([True, True], True)
        """
        seen, tables = self._imputing(n_completions, X, row_covariates, row_order, random_state, means)
        check_together(n_completions, seen.shape)
        first = next(tables)
        if not isinstance(first, np.ndarray):
            return [first, *tables]
        out = np.empty((n_completions, *first.shape))
        for k, table in enumerate(chain([first], tables)):
            out[k] = table
        return out

    def iter_completions(
        self,
        n_completions: int = 10,
        X: Any = None,
        row_covariates: Any = None,
        row_order: Any = None,
        *,
        random_state: RandomSource = None,
        means: bool | None = None,
    ) -> Iterator[Any]:
        """Return an iterator over completed tables, of which no more than one is in memory.

        Parameters
        ----------
        n_completions, X, row_covariates, row_order, random_state, means
            As in `completions`, which gives the same tables all at once.

        Returns
        -------
        iterator of data frames, or of ndarray, shape (k, n)

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> table = np.add.outer(np.arange(6.0), np.arange(5.0))
        >>> table[2, 3] = np.nan
        >>> model = ll.MatrixCompletion(rank=1, certify=False, random_state=0).fit(table)
        >>> drawn = [one[2, 3] for one in model.iter_completions(3, random_state=0)]
        >>> bool(np.array_equal(drawn, model.completions(3, random_state=0)[:, 2, 3]))
        True
        """
        return self._imputing(n_completions, X, row_covariates, row_order, random_state, means)[1]

    def _imputing(
        self,
        n_completions: int,
        X: Any,
        row_covariates: Any,
        row_order: Any,
        random_state: RandomSource,
        means: bool | None,
    ) -> tuple[Observations, Iterator[Any]]:
        """Return known cells, and an iterator over their table completed."""
        check_is_fitted(self)
        count = whole_number(n_completions, "n_completions", 1)
        rng = make_generator(random_state, "random_state")
        frame, seen, drawing = self._drawing_of(X, row_covariates, row_order)
        tables, plain = impute(drawing, seen, count, rng), self._keeps_means(frame, means, 5)
        return seen, map(self._filling(frame, means=plain, drawn=True), tables)

    def _drawing_of(self, X: Any, row_covariates: Any, row_order: Any) -> tuple[Any, Observations, Sampler]:
        """Return a table as it was given, or fitted, its known cells, and what draws the others."""
        if X is None:
            return self._fitted_frame(), *self._completed.own_drawing()
        frame = eager_frame(X)
        seen = observe(self, frame, reset=False, ordered=False)
        about = self._about_rows(frame, seen, row_covariates, row_order)
        return frame, *self._completed.drawing(seen, about)

    def _fitted_frame(self) -> Any:
        """Return the fitted data frame or DataArray, None if something else was fitted."""
        if self._frame is None and ("feature_names_in_" in vars(self) or self.levels_ or self.untouched_):
            raise UnsupportedError(
                "the fitted data frame is needed for completions of it",
                "a model that was read from a file, or updated",
                fix="pass the frame: completions(n, X=frame)",
            )
        return self._frame
