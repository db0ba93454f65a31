"""`TensorCompletionFit`: a tensor completed by averages over draws of CP decompositions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from os import PathLike
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.bayes.score_quantile import interval_reach
from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import UnsupportedError
from lowland.core.memory import check_fits
from lowland.core.parameter_checks import check_share
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.results.shown import Shown
from lowland.files.certificates import write_certificate
from lowland.kernels.blas_threads import one_blas_thread
from lowland.report.reported import Reported
from lowland.report.words import verdict_sentence
from lowland.tensors.cells.inputs import check_cells
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.protocol import KnownCells
from lowland.tensors.filling.audited import Audited, is_proved, proved_intervals
from lowland.tensors.filling.blending import Blend, TableValues
from lowland.tensors.filling.calibration import Calibration
from lowland.tensors.filling.choice import features_of
from lowland.tensors.filling.document import filled_document
from lowland.tensors.filling.mode_orders import ModeOrder, Smoothness, extended
from lowland.tensors.filling.new_slices import appended, draw_slices, slices_of
from lowland.tensors.filling.objective import BayesianCP
from lowland.tensors.filling.sampling import Draws, check_draws_asked, moments, moments_everywhere
from lowland.tensors.named_modes import appended_labels, labelled, mode_of, own_coordinates

if TYPE_CHECKING:
    from lowland.report.page import Page

# level of intervals that reach one standard deviation of a normal law: draws of a blend are spread as wide
CENTRAL = 0.6827


@public("lowland")
@final
@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TensorCompletionFit(Shown, Reported):
    """A tensor completed by averages over draws of CP decompositions.

    Parameters
    ----------
    data : TensorObservations or StoredTensor
        The known cells.
    rank : int
        Number of components.
    model : BayesianCP
    draws : tuple of (ndarray, float)
        Points of the model with their noise precisions.
    search : SearchResult
        The sweeps.
    calibration : Calibration
        Errors on cells held out of shorter runs, which are drawn after rank and noise are chosen.
    tried : tuple of (int, float)
        Ranks that were compared, with their root-mean-square errors on other cells held out.
    orders : tuple of str
        The orders that are used, in words, by mode; empty for a mode without one.
    blend : Blend or None
        How predictions are blended with those of a table of the same cells, if that lowers errors.
    table : TableValues or None
        What that table says of all cells.
    no_table : str
        Why there is no blend: why tables were not looked at, or that they do not lower errors.
    like : xarray.DataArray or None
        The array that was completed, whose dimensions and coordinates results keep.
    smooth : tuple of (ModeOrder, Smoothness)
        The orders that are used, and how smoothly slices vary along them.
    baseline_error : float or None
        Error of another way on the cells held out, if one was compared.
    certificate : Certificate or None
        What is proved of the missing cells, if that was asked for.
    audit : Audited or None
        Cells that were held out of another fit for it.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> rng = np.random.default_rng(0)
    >>> factors = [rng.standard_normal((length, 2)) for length in (12, 10, 8)]
    >>> truth = np.einsum("ir,jr,kr->ijk", *factors)
    >>> noisy = truth + 0.1 * rng.standard_normal(truth.shape)
    >>> found = ll.complete_tensor(np.where(rng.random(truth.shape) < 0.6, noisy, np.nan), rng=0)
    >>> found.shape, bool(np.abs(found.predict([[0, 0, 0]])[0] - truth[0, 0, 0]) < 0.3)
    ((12, 10, 8), True)
    """

    data: KnownCells
    rank: int
    model: BayesianCP
    draws: Draws
    search: SearchResult
    calibration: Calibration
    tried: tuple[tuple[int, float], ...]
    orders: tuple[str, ...] = ()
    blend: Blend | None = None
    table: TableValues | None = None
    no_table: str = ""
    like: Any = None
    smooth: tuple[tuple[ModeOrder, Smoothness], ...] = ()
    baseline_error: float | None = None
    certificate: Certificate | None = None
    audit: Audited | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return self.data.shape

    @property
    def held_out_count(self) -> int:
        """Number of cells that were held out."""
        return self.calibration.count

    @property
    def held_out_error(self) -> float:
        """Root-mean-square error on these cells, of the blend if there is one."""
        return self.calibration.error if self.blend is None else self.blend.error

    @property
    def noise(self) -> float:
        """Standard deviation of CP's noise, in the unit of the tensor: root mean square over known cells."""
        return float(np.sqrt(np.average(self.slice_noise**2, weights=self.model.slice_counts)))

    @property
    def slice_noise(self) -> Vector:
        """Standard deviations of the noise of the slices of `noise_mode`; one number if that is None."""
        variances = [self.model.noise_everywhere(*draw).ravel() for draw in self.draws]
        return np.asarray(np.sqrt(np.mean(variances, axis=0)))

    @property
    def noise_mode(self) -> int | None:
        """The mode by whose slices noise differs; None if it is the same everywhere."""
        return self.model.noise_mode

    def predict(self, positions: ArrayLike) -> Vector:
        """Return predictions of some cells.

        Parameters
        ----------
        positions : array_like of int, shape (k, N)

        Returns
        -------
        ndarray, shape (k,)
        """
        at = check_cells(positions, self.shape)
        means = moments(self.model, self.draws, at)[0]
        if self.blend is None or self.table is None:
            return means
        return means + self.blend.shifts(self.table.at(at), means)

    def interval(
        self, positions: ArrayLike, level: float = 0.9, method: str = "auto"
    ) -> tuple[Vector, Vector]:
        """Return intervals for new observations of some cells.

        Parameters
        ----------
        positions : array_like of int, shape (k, N)
        level : float
            Coverage, between 0 and 1.
        method : {"auto", "proved"}
            "proved" are those of the audit's fit, as wide as is proved to hold so many of the missing cells;
            NaN of cells of which nothing is proved. It needs a fit with ``certify=True``.

        Returns
        -------
        lower, upper : ndarray, shape (k,)
            As wide, in standard errors, as the errors on held-out cells demand on average.

        Raises
        ------
        UnsupportedError
            If nothing is proved, or not at this level.
        """
        check_share("level", level)
        at = check_cells(positions, self.shape)
        if is_proved(method):
            return proved_intervals(self.audit, at, float(level))
        mean, error = moments(self.model, self.draws, at)
        reach = interval_reach(self.calibration.scores, float(level)) * error
        if self.blend is not None and self.table is not None:
            mean = mean + self.blend.shifts(self.table.at(at), mean)
            widths = interval_reach(self.blend.scores, float(level)) * self._spreads[0][tuple(at.T)]
            reach = np.where(np.isnan(widths), reach, widths)
        missing = np.any(
            [counts[k] == 0 for counts, k in zip(self.data.slice_counts(), at.T, strict=True)], axis=0
        )
        if missing.any():
            reach = np.where(missing, self.calibration.of_slices(float(level)) * error, reach)
        return mean - reach, mean + reach

    @cached_property
    def _cp_everywhere(self) -> Matrix:
        check_fits(32.0 * prod(self.shape), "all cells", "predict the cells that are needed")
        total = np.zeros(self.shape)
        with one_blas_thread():
            for theta, _ in self.draws:
                total += self.model.everywhere(theta)
        return total / len(self.draws)

    @cached_property
    def _everywhere(self) -> Matrix:
        if self.blend is None or self.table is None:
            return self._cp_everywhere
        return self._cp_everywhere + self.blend.shifts(self.table, self._cp_everywhere)

    @cached_property
    def _spreads(self) -> tuple[Matrix, Matrix]:
        """Standard errors of all cells, of the blend (NaN where CP is alone) and of CP."""
        assert self.blend is not None
        assert self.table is not None
        with one_blas_thread():
            _, cp = moments_everywhere(self.model, self.draws)
        return self.blend.spreads(self.table, cp, np.isnan(self.data.array())), cp

    @cached_property
    def _narrowing(self) -> Matrix:
        """What deviations of CP's draws from their mean are multiplied by, to be those of the blend."""
        assert self.blend is not None
        blended, cp = self._spreads
        ratios = interval_reach(self.blend.scores, CENTRAL) * blended / np.maximum(cp, np.finfo(float).tiny)
        return np.where(np.isnan(blended), 1.0, ratios)

    def save_certificate(self, path: str | PathLike[str]) -> None:
        """Write what is proved of the missing cells, without the data, for `lowland.verify`.

        Parameters
        ----------
        path : path
            Path of the file (JSON); an existing file is replaced.

        Raises
        ------
        InvalidInputError
            If there is none.
        """
        write_certificate(path, filled_document(self.data, self.audit, self.certificate))

    def tensor(self) -> Any:
        """Return predictions of all cells, known ones too.

        Returns
        -------
        ndarray or DataArray, shape (I_1, ..., I_N)
        """
        return labelled(self.like, np.array(self._everywhere))

    def completed(self) -> Any:
        """Return the tensor with its missing cells filled.

        Returns
        -------
        ndarray or DataArray, shape (I_1, ..., I_N)
        """
        known = self.data.array()
        return labelled(self.like, np.where(np.isnan(known), self._everywhere, known))

    def update(
        self,
        slices: ArrayLike,
        *,
        mode: int | str = 0,
        coordinates: ArrayLike | None = None,
        rng: RandomSource = None,
    ) -> TensorCompletionFit:
        """Return the tensor completed with new slices after the last one of a mode, without a refit.

        Their rows are drawn given every draw of the other factors, which stay as they are: refit when many
        slices are new. Slices of which no cell is known are predicted along the mode's order if one is used,
        which is chosen to predict whole slices where the fit had missing ones.

        Parameters
        ----------
        slices : array_like or DataArray
            With the shape of the tensor but for the mode, along which there may be any number; a single slice
            may lack the mode. NaN is missing; cells have the mean weight of the others. A labelled tensor
            needs a labelled array.
        mode : int or str
            Along which they are new, by name of a labelled tensor.
        coordinates : array_like, shape (k,) or (k, c), or tuple of these, optional
            Of the new slices, one for each order by coordinates that is used, but for those of a labelled
            tensor itself.
        rng : int, Generator or None

        Returns
        -------
        TensorCompletionFit
            New slices are predicted by CP alone where others are blended with a table.

        Raises
        ------
        InvalidInputError
            If slices do not fit, or their coordinates are missing.
        UnsupportedError
            If the known cells are on the disk.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> rng = np.random.default_rng(0)
        >>> truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, 2)) for n in (13, 10, 8)))
        >>> found = ll.complete_tensor(np.where(rng.random((12, 10, 8)) < 0.6, truth[:12], np.nan), rng=0)
        >>> more = found.update(np.where(rng.random((10, 8)) < 0.3, truth[12], np.nan), rng=0)
        >>> more.shape, bool(np.abs(more.tensor()[12] - truth[12]).max() < 0.1)
        ((13, 10, 8), True)
        """
        number = mode_of(mode, self.like, len(self.shape))
        if not isinstance(self.data, TensorObservations):
            raise UnsupportedError("slices cannot be added to cells on the disk", fix="complete them anew")
        like, along, slices = appended_labels(self.like, slices, number)
        added = slices_of(slices, self.shape, number)
        count, kinds = added.shape[number], [kind for _, kind in self.smooth]
        labels = (own_coordinates(self.like, number), along)
        orders = extended([order for order, _ in self.smooth], number, count, coordinates, labels)
        smooth = tuple(zip(orders, kinds, strict=True))
        data = appended(self.data, added, number)
        features = features_of(data.shape, orders, dict(enumerate(kinds)))
        rows = features[number]
        parts = (None, None) if rows is None else (rows[: self.shape[number]], rows[self.shape[number] :])
        with one_blas_thread():  # the same bits whatever its number of threads
            draws = draw_slices(self.model, self.draws, added, number, parts, make_generator(rng))
        unit = (self.model.centre, self.model.spread)
        model = BayesianCP(data, self.rank, features, self.noise_mode, unit)
        table = None if self.table is None else self.table.extended(number, count)
        parts_of_it = {"data": data, "model": model, "draws": draws, "table": table, "like": like}
        return replace(self, **parts_of_it, smooth=smooth, certificate=None, audit=None)

    def completions(self, n_completions: int, *, rng: RandomSource = None) -> Matrix:
        """Return completed tensors whose missing cells are drawn with their noise: multiple imputations.

        Draws of CP; with a blend, moved to its predictions, and spread as wide as its intervals of 68 %.

        Parameters
        ----------
        n_completions : int
            At most the number of draws.
        rng : int, Generator or None

        Returns
        -------
        ndarray, shape (n_completions, I_1, ..., I_N)
        """
        n_completions = check_draws_asked(n_completions, len(self.draws))
        check_fits(8.0 * (n_completions + 2) * prod(self.shape), "the completions", "ask for fewer")
        generator, known = make_generator(rng), self.data.array()
        out = np.empty((n_completions, *self.shape))
        for k, place in enumerate(generator.choice(len(self.draws), n_completions, replace=False)):
            theta, alpha = self.draws[place]
            spreads = np.sqrt(self.model.noise_everywhere(theta, alpha))
            drawn = self.model.everywhere(theta) + spreads * generator.standard_normal(self.shape)
            if self.blend is not None:
                drawn = self._everywhere + self._narrowing * (drawn - self._cp_everywhere)
            out[k] = np.where(np.isnan(known), drawn, known)
        return out

    def _page(self) -> Page:
        from lowland.tensors.filling.page import filled_page

        return filled_page(self)

    def _lines(self) -> list[str]:
        from lowland.tensors.filling.page import lines_of

        verdict = [] if self.certificate is None else [verdict_sentence(self.certificate)]
        return lines_of(self) + verdict
