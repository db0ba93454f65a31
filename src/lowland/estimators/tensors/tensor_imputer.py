"""`TensorCompletion`: an imputer of tensors, the estimator version of `complete_tensor`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.cells.observations import Observations
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.records import SearchResult
from lowland.estimators.parameters import shown
from lowland.estimators.scores import error_of_rows
from lowland.estimators.tensors.stacks import _Stack
from lowland.estimators.tensors.tensor_completion import complete_tensor
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.stored import StoredTensor
from lowland.tensors.filling.completed import TensorCompletionFit
from lowland.tensors.named_modes import is_named, labelled, values_of


@public("lowland")
class TensorCompletion(OneToOneFeatureMixin, _Stack):
    """Complete a stack of slices by averages over CP decompositions and by tables, with error bars.

    A sample is a slice along the first mode. `transform` fills the holes of slices, known or new.

    Parameters
    ----------
    rank : int or "auto"
        Number of components; "auto" compares ranks by held-out cells.
    model : {"auto", "cp"}
        As of `complete_tensor`.
    orders : mapping, optional
        As of `complete_tensor`: modes, of which 0 is that of the samples, whose slices vary smoothly.
    shape : tuple of int, optional
        Shape of a slice, for two-dimensional input whose rows are slices flattened in C order; by default one
        column.
    burn_in, n_draws : int
        Sweeps before draws are kept, and draws that are kept.
    random_state : int, RandomState, Generator or None
        Source of randomness.
    verbose : int
        Above 0, show what is being computed, as `show_progress` does.

    Attributes
    ----------
    completion_ : TensorCompletionFit
        The whole fit: predictions of cells, intervals, noise, draws.
    completed_ : ndarray or DataArray
        The training data with missing cells filled, in the shape of the input.
    rank_ : int
        Number of components.
    search_ : SearchResult
        The sweeps.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, 1)) for n in (14, 6, 5)))
    >>> holes = np.where(rng.random(truth.shape) < 0.8, truth, np.nan)
    >>> model = ll.TensorCompletion(rank=1, model="cp", random_state=0).fit(holes[:12])
    >>> filled = model.transform(holes[12:])
    >>> filled.shape, bool(np.abs(filled - truth[12:]).max() < 0.05)
    ((2, 6, 5), True)
    """

    completion_: TensorCompletionFit
    rank_: int
    search_: SearchResult
    n_features_in_: int

    def __init__(
        self,
        rank: int | str = "auto",
        *,
        model: str = "auto",
        orders: Any = None,
        shape: tuple[int, ...] | None = None,
        burn_in: int = 60,
        n_draws: int = 100,
        random_state: RandomSource = None,
        verbose: int = 0,
    ) -> None:
        self.rank = rank
        self.model = model
        self.orders = orders
        self.shape = shape
        self.burn_in = burn_in
        self.n_draws = n_draws
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: None = None) -> Self:
        """Complete a stack of slices.

        Parameters
        ----------
        X : array_like, DataArray, TensorObservations or StoredTensor, shape (I_1, ..., I_N)
            NaN is missing. Rows of two-dimensional input are slices of shape `shape`, by default one column.
        y : None
            Ignored.

        Returns
        -------
        TensorCompletion
            Itself.

        Raises
        ------
        InvalidInputError
            If there are too few cells to hold some out, or a setting cannot be used.
        """
        rng = make_generator(self.random_state, "random_state")
        if isinstance(X, TensorObservations | StoredTensor):
            self._like, self._dtype = None, np.dtype(np.float64)
            self._slice_shape, self.n_features_in_ = tuple(X.shape[1:]), int(X.shape[1])
        else:
            stack = self._read(X, reset=True)
            X, given = (X if is_named(X) and X.ndim > 2 else stack), X
            self._like, self._dtype = (given.copy(deep=False) if is_named(given) else None), stack.dtype
            if sum(length > 1 for length in stack.shape) < 2:
                raise InvalidInputError(
                    "a single row of cells says nothing of its missing ones",
                    f"n_samples = {len(stack)}, n_features = {self.n_features_in_}",
                    fix="pass at least two slices of at least two cells",
                )
        with shown(self.verbose):
            self.completion_ = complete_tensor(
                X,
                self.rank,
                model=self.model,
                orders=self.orders,
                burn_in=self.burn_in,
                n_draws=self.n_draws,
                rng=rng,
            )
        self.rank_, self.search_ = self.completion_.rank, self.completion_.search
        self._seed = int(rng.integers(2**63))
        return self

    @property
    def completed_(self) -> Any:
        """The training data with missing cells filled."""
        filled = np.asarray(values_of(self.completion_.completed()), self._dtype)
        return labelled(self._like, filled.reshape(len(filled), *self._slice_shape))

    def transform(self, X: ArrayLike, coordinates: Any = None) -> Any:
        """Return slices with their missing cells filled.

        Parameters
        ----------
        X : array_like or DataArray, shape (k, I_2, ..., I_N)
            NaN is missing. A slice of the fit, with the same known cells, is filled as the fit has it; any
            other one is new: it is drawn given the fit, after the last slice where the first mode has an
            order.
        coordinates : array_like, shape (k,) or (k, c), or tuple of these, optional
            Of the slices, where the first mode has an order by coordinates, but for those of a DataArray.

        Returns
        -------
        ndarray or DataArray, shape (k, I_2, ..., I_N)
            In single precision if X is.
        """
        check_is_fitted(self)
        stack = self._read(X, reset=False)
        filled = self._filled(X, stack.astype(np.float64), coordinates).astype(stack.dtype, copy=False)
        return labelled(X, filled.reshape(len(stack), *self._slice_shape))

    def _filled(self, X: Any, stack: Matrix, coordinates: Any) -> Matrix:
        """Return slices filled, in double precision."""
        fitted = self._fitted_slices()
        if fitted is not None and np.array_equal(stack, fitted, equal_nan=True):
            return np.asarray(values_of(self.completion_.completed()))
        out = stack.copy()
        known = np.full(len(stack), -1) if fitted is None else _places_of(stack, fitted)
        if (known >= 0).any():
            out[known >= 0] = np.asarray(values_of(self.completion_.completed()))[known[known >= 0]]
        new = np.flatnonzero((known < 0) & np.isnan(stack).reshape(len(stack), -1).any(axis=1))
        if new.size:
            whole = is_named(X) and X.ndim > 2
            grown = self.completion_.update(
                X[new] if whole else stack[new],
                coordinates=_some(coordinates, new),
                rng=self._seed,
            )
            at = np.argwhere(np.isnan(stack[new]))
            values = grown.predict(at + np.eye(1, stack.ndim, dtype=int) * self.completion_.shape[0])
            out[(new[at[:, 0]], *at.T[1:])] = values
        return out

    def _fitted_slices(self) -> Matrix | None:
        """Return the slices of the fit, None if they are on the disk."""
        data = self.completion_.data
        return data.array() if isinstance(data, TensorObservations) else None

    def predict_cells(self, positions: ArrayLike) -> Vector:
        """Return predictions of cells of the fitted tensor.

        Parameters
        ----------
        positions : array_like of int, shape (p, N)

        Returns
        -------
        ndarray, shape (p,)
        """
        check_is_fitted(self)
        return self.completion_.predict(positions)

    def predict_interval(self, positions: ArrayLike, level: float = 0.9) -> tuple[Vector, Vector]:
        """Return intervals for new observations of cells of the fitted tensor.

        Parameters
        ----------
        positions : array_like of int, shape (p, N)
        level : float
            Coverage, between 0 and 1.

        Returns
        -------
        lower, upper : ndarray, shape (p,)
        """
        check_is_fitted(self)
        return self.completion_.interval(positions, level)

    def completions(self, n_completions: int = 10, *, random_state: RandomSource = None) -> Matrix:
        """Return completed tensors whose missing cells are drawn with their noise, for multiple imputation.

        Parameters
        ----------
        n_completions : int
            At most the number of draws.
        random_state : int, RandomState, Generator or None

        Returns
        -------
        ndarray, shape (n_completions, I_1, ..., I_N)
        """
        check_is_fitted(self)
        return self.completion_.completions(n_completions, rng=make_generator(random_state, "random_state"))

    def score(self, X: Any, y: None = None, coordinates: Any = None) -> float:
        """Return the negative root-mean-square error at hidden cells of slices.

        Parameters
        ----------
        X : array_like or DataArray, shape (k, I_2, ..., I_N)
            Their known cells are hidden, a fifth at a time, and filled from the others as in `transform`,
            as of new slices. What is hidden depends on X alone, so that `GridSearchCV` compares settings at
            the same cells.
        y : None
            Ignored.
        coordinates : array_like, optional
            As in `transform`.

        Returns
        -------
        float
            At most 0; larger is better. In the unit of the tensor.
        """
        check_is_fitted(self)
        stack = self._read(X, reset=False).astype(np.float64)

        def fill(kept: Observations) -> Matrix:
            slices = kept.to_array().reshape(stack.shape)
            named = labelled(X, slices) if is_named(X) and np.ndim(X) > 2 else None
            return self._filled(named, slices, coordinates).reshape(kept.shape)

        table = Observations.from_array(stack.reshape(len(stack), -1))
        return -error_of_rows(fill, table, np.zeros(0, np.intp))


def _places_of(stack: Matrix, fitted: Matrix) -> Indices:
    """Return which slice of the fit each slice is, -1 for one that is none, or several alike."""
    numbers: dict[bytes, int] = {}
    for place, own in enumerate(fitted):
        key = _key(own)
        numbers[key] = -1 if key in numbers else place
    return np.array([numbers.get(_key(own), -1) for own in stack], np.intp)


def _key(own: Matrix) -> bytes:
    return bytes(np.where(np.isnan(own), np.nan, own + 0.0).tobytes())


def _some(coordinates: Any, places: Indices) -> Any:
    """Return the coordinates of some slices."""
    if coordinates is None:
        return None
    if isinstance(coordinates, tuple):
        return tuple(np.asarray(one)[places] for one in coordinates)
    return np.asarray(coordinates)[places]
