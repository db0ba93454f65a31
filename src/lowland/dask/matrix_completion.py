"""`DaskMatrixCompletion`: the estimator of tables that a Dask cluster holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Self

import dask.array as da
import numpy as np
from distributed import Client
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from lowland.cells.sides import TableCells
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.parameter_checks import whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.core.wording import Option, Words
from lowland.dask.collections import lazy_completions, lazy_rankings
from lowland.dask.observations import DaskObservations
from lowland.estimators.matrix_completion import MatrixCompletion
from lowland.estimators.table_fits import Beside, fit_cells


@public("lowland.dask")
class DaskMatrixCompletion(MatrixCompletion):
    """`MatrixCompletion` for tables that are held and fitted by the workers of a Dask cluster.

    The fit has the same bits as that of `MatrixCompletion` to the same cells, on any number of workers with
    the same processors and library versions.

    Parameters
    ----------
    rank, method, loss, biases, nonnegative, pattern, noise, scale, n_draws, dtype
        As of `MatrixCompletion`. Losses are squared.
    penalty, bias_penalty
        As of `MatrixCompletion`; method "map" needs both rank and penalty as numbers.
    penalty_weights, refine, powers
        Only "uniform", and "auto" or False: there are no forests, roots and logarithms.
    unlisted, unlisted_weight, as_data, as_is, as_total, bounds, may_be_negative, censored, predictors
        Only the defaults: what is not known is missing, and predictions use all that is known.
    tol, max_iter, verbose, random_state
        As of `MatrixCompletion`.
    certify : bool or "companion"
        Whether to prove how many missing cells lie in their intervals, by another fit without cells that are
        held out, as of `MatrixCompletion`; "companion": the penalised problem is judged, too.
    effort : {"auto", "quick", "standard", "thorough"}
        How many sweeps and Lanczos steps the certificate may take.
    client : distributed.Client, optional
        The cluster; by default the current client. It is left out when the estimator is pickled.

    Attributes
    ----------
    search_ : SearchResult
        Why the search stopped.

    See Also
    --------
    lowland.MatrixCompletion : All other attributes, and what a fitted model does.

    Notes
    -----
    The cells stay on the workers, 4 bytes plus twice the value each by row and again by column; a half sweep
    is one task per block of about half a million cells or more. The calling process holds all that has one
    entry per row or column: with d numbers per row (`rank` and a bias), means and covariances of
    d (d + 3) / 2 numbers. Once per sweep they travel there and back, which bounds the speed where rows are
    many and have few cells.

    Where workers are lost, their blocks are read again and the tasks repeated, which changes no bit. A fit
    ends where the scheduler is lost, or workers again and again. `transform` folds rows in, also those of the
    fit, without its draws. `top` and `completions` ask the cluster for the known cells. Of Dask arrays,
    `predict_cells`, `top` and `transform` give Dask arrays. There is no `report` and no `update`.

    Examples
    --------
    >>> import dask.array as da, numpy as np
    >>> from distributed import Client
    >>> from lowland.dask import DaskMatrixCompletion
    >>> table = np.add.outer(np.arange(8.0), np.arange(6.0))
    >>> table[2, 3] = np.nan
    >>> with Client(processes=False, dashboard_address="localhost:0") as client:
    ...     model = DaskMatrixCompletion(rank=1, random_state=0).fit(da.from_array(table, chunks=(4, 6)))
    >>> bool(abs(model.predict_cells([2], [3])[0] - 5) < 0.5)
    True
    """

    def __init__(  # noqa: PLR0913
        self,
        rank: int | str = "auto",
        *,
        method: str = "auto",
        loss: Any = "auto",
        biases: bool = True,
        nonnegative: bool = False,
        pattern: bool | str = "auto",
        refine: bool | str = "auto",
        powers: bool | str = "auto",
        row_units: bool | str = "auto",
        noise: str = "auto",
        scale: str = "auto",
        penalty: float | str = "auto",
        bias_penalty: float | str = "auto",
        penalty_weights: str = "uniform",
        unlisted: float | None = None,
        unlisted_weight: float | str = "auto",
        n_draws: int = 100,
        as_data: Any = (),
        as_is: Any = (),
        as_total: Any = (),
        bounds: Any = None,
        may_be_negative: Any = None,
        censored: str = "within",
        dates: str | None = None,
        predictors: Any = None,
        dtype: str = "float64",
        tol: float | str = "auto",
        max_iter: int = 1000,
        certify: bool | str = True,
        effort: str = "auto",
        verbose: int = 0,
        random_state: RandomSource = None,
        client: Client | None = None,
    ) -> None:
        given = locals()
        super().__init__(**{name: given[name] for name in MatrixCompletion._get_param_names()})
        self.client = client

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        row_covariates: Any = None,
        column_covariates: Any = None,
        row_order: Any = "auto",
        column_order: Any = "auto",
    ) -> Self:
        """Fit the observed cells of a table.

        Parameters
        ----------
        X : DaskObservations or dask.array.Array, shape (m, n)
            The table; of an array, NaN is missing. Data frames with one line per cell and folders of Parquet
            become `DaskObservations` first.
        y : None
            Not used.
        sample_weight : None
            Weights are not there for distributed tables.
        row_covariates, column_covariates : array_like, data frame or Covariates, optional
            As of `MatrixCompletion`, in this process; none missing.
        row_order, column_order : "auto" or None
            There are no orders of rows or columns.

        Returns
        -------
        DaskMatrixCompletion
            This estimator.

        Raises
        ------
        UnsupportedError
            If something is asked for that distributed fits do not offer.
        InvalidInputError
            If a setting, the table or the covariates cannot be used.
        ClusterError
            If workers are lost again and again.
        """
        if isinstance(X, da.Array):
            X = DaskObservations.from_array(X, dtype=self.dtype, client=self.client)
        if not isinstance(X, DaskObservations):
            raise InvalidInputError(
                "X must be a Dask array or DaskObservations",
                type(X).__name__,
                fix="use DaskObservations.from_frame, or MatrixCompletion for a table in memory",
            )
        if self.client is not None and X.client is not self.client:
            raise InvalidInputError(
                "the cells of X belong to another client", str(X.client), fix="pass the same client to both"
            )
        beside = Beside(sample_weight, row_covariates, column_covariates, row_order, column_order)
        fit_cells(self, X, "on a cluster", beside)
        return self

    def predict_cells(self, rows: Any, columns: Any, *, unknown: str = "error", context: Any = None) -> Any:
        """Return predictions for pairs of cells of the fitted table.

        Parameters
        ----------
        rows, columns, unknown, context
            As of `MatrixCompletion.predict_cells`; rows and columns may be Dask arrays, context is refused.

        Returns
        -------
        ndarray or dask.array.Array, shape (k,)
            A Dask array, not computed yet, if both are Dask arrays with the same chunks.
        """
        lazy = [isinstance(places, da.Array) for places in (rows, columns)]
        if not any(lazy):
            return super().predict_cells(rows, columns, unknown=unknown, context=context)
        check_is_fitted(self)
        super().predict_cells([], [], unknown=unknown, context=context)  # refuses before anything is computed
        if not all(lazy) or rows.chunks != columns.chunks:
            raise InvalidInputError(
                "rows and columns must both be Dask arrays with the same chunks, or neither",
                f"{type(rows).__name__} and {type(columns).__name__}",
                fix="columns.rechunk(rows.chunks)",
            )
        model = self.to_local()
        return da.map_blocks(
            lambda some, others: model.predict_cells(some, others, unknown=unknown),
            rows,
            columns,
            dtype=np.float64,
        )

    def top(
        self,
        row: Any,
        k: int = 10,
        *,
        exclude_observed: bool = True,
        candidates: ArrayLike | None = None,
        rank_by: str = "auto",
    ) -> Any:
        """Return the best columns of a row, of many rows, or of a new one, as `MatrixCompletion.top` does.

        Parameters
        ----------
        row, k, exclude_observed, candidates, rank_by
            As of `MatrixCompletion.top`; rows may be a Dask array.

        Returns
        -------
        Ranking, or tuple of dask.array.Array
            If rows are a Dask array, columns and predictions, not computed yet.
        """
        if not isinstance(row, da.Array):
            return super().top(
                row, k, exclude_observed=exclude_observed, candidates=candidates, rank_by=rank_by
            )
        check_is_fitted(self)
        count = whole_number(k, "k", 1)
        chosen = None if candidates is None else self._completed.labels.positions(candidates, 1)
        scorer = self._scorer(rank_by)
        asks = exclude_observed or scorer.by == "chance"
        cells = self._on_cluster("a ranking without observed cells") if asks else None
        return lazy_rankings(self._completed, cells, row, count, chosen, scorer, leave_out=exclude_observed)

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
        """Return completed tables for multiple imputation, as one Dask array.

        Parameters
        ----------
        n_completions : int
        X, row_covariates, row_order, means
            As of `MatrixCompletion.completions`: other rows, in this process.
        random_state : int, RandomState, Generator or None

        Returns
        -------
        dask.array.Array, shape (n_completions, m, n)
            Not computed yet, in chunks of rows: observed cells are kept, missing ones are drawn with noise.
            The rows of one table share one draw of the columns. Computed again, the same numbers. With `X`
            what `MatrixCompletion.completions` returns.

        Raises
        ------
        UnsupportedError
            If the fit is not Bayesian, or was loaded from a file.
        """
        check_is_fitted(self)
        if X is not None:
            return super().completions(
                n_completions, X, row_covariates, row_order, random_state=random_state, means=means
            )
        count = whole_number(n_completions, "n_completions", 1)
        seed = int(make_generator(random_state, "random_state").integers(2**63))
        return lazy_completions(self._completed.model, self._on_cluster("completions"), count, seed)

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
        """Return an iterator over completed tables; parameters are those of `completions`."""
        if X is not None:
            return super().iter_completions(
                n_completions, X, row_covariates, row_order, random_state=random_state, means=means
            )
        return iter(self.completions(n_completions, random_state=random_state))

    def _on_cluster(self, what: str) -> TableCells:
        """Return the fitted cells."""
        if self._elsewhere is None:
            raise UnsupportedError(
                f"the fitted cells are needed for {what}", "a model without them", fix="fit it again"
            )
        return self._elsewhere

    def transform(self, X: Any, row_covariates: Any = None, row_order: Any = None) -> Any:
        """Return a table of numbers with its missing cells filled by expected values.

        Parameters
        ----------
        X : array_like, data frame, sparse array, Observations or dask.array.Array, shape (k, n)
            Known or new rows.
        row_covariates : array_like, data frame or Covariates, shape (k, c), optional
            Not for Dask arrays.
        row_order : None
            Rows of a table on a cluster have no order.

        Returns
        -------
        ndarray or dask.array.Array, shape (k, n)
            A Dask array, not computed yet, if X is one; its columns are in one chunk.
        """
        if not isinstance(X, da.Array):
            return super().transform(X, row_covariates, row_order)
        check_is_fitted(self)
        if row_covariates is not None or row_order is not None:
            raise UnsupportedError("Dask arrays are completed without covariates", "row_covariates")
        model = self.to_local()
        kind = np.float32 if X.dtype == np.float32 else np.float64
        return da.map_blocks(model.transform, X.rechunk({1: -1}), dtype=kind)

    def __sklearn_clone__(self) -> Self:
        # clients are shared, not copied
        settings = self.get_params(deep=False)
        client = settings.pop("client")
        return type(self)(
            **{name: clone(value, safe=False) for name, value in settings.items()}, client=client
        )

    def to_local(self) -> MatrixCompletion:
        """Return the fitted model as a `MatrixCompletion`, which needs no cluster."""
        check_is_fitted(self)
        settings = {name: value for name, value in self.get_params(deep=False).items() if name != "client"}
        model = MatrixCompletion(**settings)
        for name in vars(self).keys() - {"client", "_elsewhere", "_usual_by", "_chances", *settings}:
            setattr(model, name, getattr(self, name))
        model._elsewhere = None
        return model

    def save(self, path: str | os.PathLike[str], *, data: bool = False) -> None:
        """Write the fitted model to an .npz file without pickle, atomically, without the fitted cells.

        Parameters
        ----------
        path : path
            File for `MatrixCompletion.load` and `lowland predict`.
        data : bool
            Must be False: the cells are on the cluster.
        """
        if data:
            raise UnsupportedError(
                "the cells of a distributed fit are not saved",
                Words(Option("data", True)),
                fix=Words("pass ", Option("data", False)),
            )
        self.to_local().save(path, data=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "client": None, "_elsewhere": None}
