"""`TuckerDecomposition`: slices of a tensor as samples, the estimator version of `decompose_tucker`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from lowland.core.arrays import Matrix
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.findings import Certificate
from lowland.estimators.parameters import shown, warn_of_limit
from lowland.estimators.tensors.stacks import _Stack
from lowland.estimators.tensors.tucker_filling import decompose_filled
from lowland.sensing.input_checks import check_scale
from lowland.tensors.cells.inputs import as_observations
from lowland.tensors.filling.completed import TensorCompletionFit
from lowland.tensors.named_modes import labelled, labelled_rows, values_of
from lowland.tensors.tucker.decompose import decompose_tucker
from lowland.tensors.tucker.fit import TuckerFit
from lowland.tensors.tucker.model import possible_ranks

# random starts, and steps of each search, of decompositions that are only compared
TRIAL_RESTARTS, TRIAL_STEPS = 1, 60
FILLS = ("auto", "averages", "decomposition")


@public("lowland")
class TuckerDecomposition(ClassNamePrefixFeaturesOutMixin, _Stack):
    """Tucker decomposition of a stack of slices, with coordinates of new slices and missing cells filled.

    A sample is a slice along the first mode. `transform` returns its coordinates in the basis spanned by the
    core and the other factors, `inverse_transform` the slice with given coordinates.

    Parameters
    ----------
    ranks : int, tuple of int, "auto", or None
        As in `decompose_tucker`; ranks that are too large for a mode are lowered.
    tolerance : float, optional
        Largest relative error allowed, instead of ranks.
    shape : tuple of int, optional
        Shape of a slice, for two-dimensional input whose rows are slices flattened in C order.
    n_restarts : int or "auto"
        Number of random starts after the first.
    max_iter : int
        Maximum number of steps per search.
    certify : bool
        Whether to compute a certificate.
    fill : {"auto", "averages", "decomposition"}
        What fills missing cells: the averages of `complete_tensor`, which are then what is decomposed, or the
        decomposition itself, by least squares on the known cells. "auto" takes the averages where they
        predict cells held out better, by one per cent at least, and never if the decomposition is exact.
    random_state : int, RandomState, Generator or None
        Source of randomness.
    verbose : int
        Above 0, show what is being computed, as `show_progress` does.

    Attributes
    ----------
    core_ : ndarray, shape (r_1, ..., r_N)
    factors_ : list of ndarray, shapes (I_n, r_n)
        Orthonormal columns.
    ranks_ : tuple of int
    completed_ : ndarray or DataArray
        The training data with missing cells filled, in the shape of the input.
    certificate_ : Certificate or None
        What is proved about the fit: of the filled tensor where averages fill it.
    fit_ : TuckerFit
        The whole fit.
    completion_ : TensorCompletionFit or None
        The averages, with their intervals and draws, where they fill the missing cells.
    n_iter_ : int
        Number of steps of the best search.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> factors = tuple(rng.standard_normal((length, 2)) for length in (9, 6, 5))
    >>> slices = ll.TuckerTensor(rng.standard_normal((2, 2, 2)), factors).tensor()
    >>> model = ll.TuckerDecomposition(ranks=2, random_state=0).fit(slices[:8])
    >>> coordinates = model.transform(slices[8:])
    >>> coordinates.shape, bool(np.allclose(model.inverse_transform(coordinates), slices[8:]))
    ((1, 2), True)
    """

    fit_: TuckerFit
    certificate_: Certificate | None
    completion_: TensorCompletionFit | None
    core_: Matrix
    factors_: list[Matrix]
    ranks_: tuple[int, ...]

    def __init__(  # noqa: PLR0913
        self,
        ranks: Any = 2,
        tolerance: float | None = None,
        shape: tuple[int, ...] | None = None,
        n_restarts: int | str = "auto",
        max_iter: int = 500,
        certify: bool = True,
        fill: str = "auto",
        random_state: RandomSource = None,
        *,
        verbose: int = 0,
    ) -> None:
        self.ranks = ranks
        self.tolerance = tolerance
        self.shape = shape
        self.n_restarts = n_restarts
        self.max_iter = max_iter
        self.certify = certify
        self.fill = fill
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Decompose a stack of slices.

        Parameters
        ----------
        X : array_like or DataArray, shape (I_1, ..., I_N)
            NaN is missing. Rows of two-dimensional input are slices of shape `shape`, by default one column.
        y : None
            Ignored.

        Returns
        -------
        TuckerDecomposition
            Itself.
        """
        stack = self._read(X, reset=True)
        ranks = None if self.tolerance is not None else self.ranks
        if ranks is not None and not isinstance(ranks, str):
            ranks = _lowered(ranks, stack.shape)
        if self.fill not in FILLS:
            raise InvalidInputError("fill is unknown", repr(self.fill), fix=f"use {', '.join(FILLS)}")
        if not isinstance(self.random_state, np.random.RandomState):  # of which each use draws
            make_generator(self.random_state, "random_state")
        check_scale(stack[~np.isnan(stack)], "X")
        with shown(self.verbose):
            fit, averages = self._decomposed(stack, ranks)
        warn_of_limit(fit.search)
        self.fit_, self.certificate_, self.completion_ = fit, fit.certificate, averages
        self.core_, self.factors_, self.ranks_ = fit.core, list(fit.factors), fit.ranks
        self.n_iter_: int = max(1, fit.search.iterations)
        completed = (fit if averages is None else averages).completed().astype(stack.dtype, copy=False)
        self.completed_: Any = labelled(X, completed.reshape(len(stack), *self._slice_shape))
        return self

    def _decomposed(self, stack: Matrix, ranks: Any) -> tuple[TuckerFit, TensorCompletionFit | None]:
        """Return the decomposition, and the averages that filled the holes if they did."""

        def decompose(tensor: Any, wanted: Any, whole: bool) -> TuckerFit:
            return decompose_tucker(
                tensor,
                wanted,
                tolerance=self.tolerance,
                n_restarts=self.n_restarts if whole else TRIAL_RESTARTS,
                max_iter=self.max_iter if whole else min(self.max_iter, TRIAL_STEPS),
                rng=self.random_state,
                certify=self.certify and whole,
            )

        if self.tolerance is not None or not np.isnan(stack).any():
            return decompose(stack, ranks, True), None
        data = as_observations(stack, empty_slices=self.fill != "decomposition")
        return decompose_filled(data, ranks, decompose, self.fill, make_generator(self.random_state))

    def transform(self, X: ArrayLike) -> Any:
        """Return the coordinates of slices, fitted by least squares to their known cells.

        Parameters
        ----------
        X : array_like or DataArray, shape (k, I_2, ..., I_N)
            NaN is missing.

        Returns
        -------
        ndarray or DataArray, shape (k, r_1)

        Raises
        ------
        InvalidInputError
            If a slice has no known cell.
        """
        check_is_fitted(self)
        stack = self._read(X, reset=False)
        flat, basis = stack.reshape(len(stack), -1), self._basis()
        known = ~np.isnan(flat)
        out = np.empty((len(flat), basis.shape[0]), basis.dtype)
        whole = known.all(axis=1)
        if whole.any():
            out[whole] = flat[whole] @ np.linalg.pinv(basis)
        for k in np.flatnonzero(~whole):
            if not known[k].any():
                raise InvalidInputError("a slice has no known cell", f"slice {k}", fix="leave it out")
            out[k] = np.linalg.lstsq(basis[:, known[k]].T, flat[k, known[k]], rcond=None)[0]
        return labelled_rows(X, out, "component")

    def inverse_transform(self, Z: ArrayLike) -> Any:
        """Return the slices with given coordinates.

        Parameters
        ----------
        Z : array_like or DataArray, shape (k, r_1)

        Returns
        -------
        ndarray, shape (k, I_2, ..., I_N), or flattened as the training data were
        """
        check_is_fitted(self)
        coordinates = np.asarray(values_of(Z))
        if coordinates.ndim != 2 or coordinates.shape[1] != self.ranks_[0]:
            raise InvalidInputError(
                "coordinates have the wrong shape",
                f"{coordinates.shape}",
                fix=f"pass shape (k, {self.ranks_[0]})",
            )
        return (coordinates @ self._basis()).reshape(len(coordinates), *self._slice_shape)

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return 1 minus the ratio of squared error to sum of squares, over the known cells of slices.

        Parameters
        ----------
        X : array_like, shape (k, I_2, ..., I_N)
        y : None
            Ignored.

        Returns
        -------
        float
        """
        stack = self._read(X, reset=False)
        fitted = self.inverse_transform(np.asarray(values_of(self.transform(X)))).reshape(stack.shape)
        total = float(np.nansum(stack**2))
        return 1 - float(np.nansum((stack - fitted) ** 2)) / total if total > 0 else 1.0

    @property
    def _n_features_out(self) -> int:
        return int(self.ranks_[0])

    def _basis(self) -> Matrix:
        """Return the slice of each coordinate, shape (r_1, I_2 ... I_N)."""
        out = self.core_
        for factor in self.factors_[1:]:  # each product replaces the second mode by a new last one
            out = np.tensordot(out, factor, axes=(1, 1))
        return np.asarray(out.reshape(out.shape[0], -1))


def _lowered(ranks: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the ranks, each at most the length of its mode and the product of the others."""
    wanted: list[int] = [int(ranks)] * len(shape) if isinstance(ranks, int | np.integer) else list(ranks)
    if len(wanted) != len(shape):
        raise InvalidInputError("ranks must have one number per mode", f"{wanted} for {len(shape)} modes")
    return possible_ranks(wanted, shape)
