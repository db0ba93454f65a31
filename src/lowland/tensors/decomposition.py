"""`Decomposition`: what every decomposition of a tensor offers, whatever its model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.recheck.documents import Document
from lowland.report.reported import draw_figure
from lowland.sensing.searched_fit import SearchedFit
from lowland.tensors.cell_objective import CellObjective
from lowland.tensors.cells.inputs import check_cells
from lowland.tensors.named_modes import labelled

if TYPE_CHECKING:
    from lowland.report.figures import Axes
    from lowland.report.page import Page
    from lowland.tensors.page_parts import ModelPage

# coordinates along each mode, None where slices have none
Coordinates = Sequence[NDArray[Any] | None]


class Decomposition(SearchedFit, ABC):
    """A model of a tensor fitted to its known cells, how it was found, and what is proved about it.

    Attributes
    ----------
    objective : CellObjective
        The problem that was solved, with the known cells.
    like : xarray.DataArray or None
        The array that was decomposed, whose dimensions and coordinates results keep.
    """

    objective: CellObjective
    like: Any
    made_by: ClassVar[str] = "decompose"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return self.objective.shape

    @cached_property
    def relative_error(self) -> float:
        """Norm of the residual over the norm of the data, on the known cells."""
        square = 2 * self.objective.data_value(self.search.theta)
        return float(np.sqrt(square / self.objective.square)) if self.objective.square > 0 else 0.0

    def predict(self, positions: ArrayLike) -> Vector:
        """Return the model's predictions of cells.

        Parameters
        ----------
        positions : array_like of int, shape (k, N)

        Returns
        -------
        ndarray, shape (k,)
        """
        return self._predicted(check_cells(positions, self.shape))

    def tensor(self) -> Any:
        """Return the dense tensor of the model, including the missing cells.

        Returns
        -------
        ndarray or DataArray, shape (I_1, ..., I_N)
        """
        return labelled(self.like, self._dense())

    def completed(self) -> Any:
        """Return the dense tensor with known cells kept and missing cells predicted by the model.

        Returns
        -------
        ndarray or DataArray, shape (I_1, ..., I_N)
        """
        return labelled(self.like, self._filled())

    def summary_lines(self) -> list[str]:
        """Return what was found and how, in lines of words."""
        quality, remarks = self._quality(), self._remarks()
        return [self.objective.describe(), *quality, self._stopped(), *remarks, *self._starts()]

    def report(self, path: str | PathLike[str], *, like: Any = None) -> None:
        """Write a self-contained HTML report.

        Parameters
        ----------
        path : path
            Output file; an existing file is replaced.
        like : xarray.DataArray, optional
            An array whose dimensions and coordinates name what is drawn; by default the one that was
            decomposed, if it is one.
        """
        from lowland.report.page import write_report

        write_report(path, self._page(like))

    def plot(self, figure: str | None = None, *, ax: Axes | None = None, like: Any = None) -> Any:
        """Draw a figure of the report on its own.

        Parameters
        ----------
        figure : str, optional
            Its title in the report or the beginning of it, such as "factor: mode 1"; by default the first
            figure.
        ax : matplotlib Axes, optional
            By default new ones.
        like : xarray.DataArray, optional
            An array whose dimensions and coordinates name what is drawn; by default the one that was
            decomposed, if it is one.

        Returns
        -------
        object
            The display, which keeps what is drawn, and its axes as ``ax_``.

        Examples
        --------
        >>> import numpy as np, lowland as ll
        >>> i, j, k = np.indices((6, 5, 4)) + 1.0
        >>> fit = ll.decompose_tucker(i * j * k, 1, certify=False, rng=0)
        >>> fit.plot("factor: mode 2").ax_.get_xlabel()
        'mode 2'
        """
        return draw_figure(self._page(like), figure, ax)

    @abstractmethod
    def _predicted(self, at: NDArray[np.int64]) -> Vector:
        """Return predictions of cells at positions that were checked."""

    @abstractmethod
    def _dense(self) -> Matrix:
        """Return the dense tensor of the model."""

    @abstractmethod
    def _quality(self) -> list[str]:
        """Return how well the model describes the tensor, in lines of words."""

    @abstractmethod
    def _remarks(self) -> list[str]:
        """Return what else is to be said of the search and its end, in lines of words."""

    def _own_search(self) -> SearchResult:
        """Return the search by the solver itself, whose history is drawn."""
        return self.search

    @abstractmethod
    def _model_page(self, names: Sequence[str], coordinates: Coordinates) -> ModelPage:
        """Return what the page says of the model, with names of modes and coordinates along them."""

    def _document(self, certificate: Certificate) -> Document:
        theta = self.search.theta if certificate.point is None else certificate.point
        return self.objective.document(theta, certificate)

    def _filled(self) -> Matrix:
        known = self.objective.data.array()
        return np.where(np.isnan(known), self._dense(), known)

    def _lines(self) -> list[str]:
        return self.summary_lines()

    def _page(self, like: Any = None) -> Page:
        like = self.like if like is None else like
        if like is None:
            return decomposition_page(self)
        names = [str(name) for name in like.dims]
        along = [like.coords[name].to_numpy() if name in like.coords else None for name in like.dims]
        return decomposition_page(self, names, along)


def decomposition_page(
    fit: Decomposition,
    names: Sequence[str] | None = None,
    coordinates: Coordinates = (),
    settings: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the page of a decomposition.

    Parameters
    ----------
    fit : Decomposition
    names : sequence of str, optional
        Names of the modes.
    coordinates : sequence of ndarray or None, optional
        Coordinates along each mode.
    settings : sequence of pairs
        Settings needed to repeat the run.
    """
    from lowland.report.page import Lead, Page
    from lowland.sensing.report import asked_search
    from lowland.tensors.page_parts import convergence_figures, known_cells_figures, starts_table

    names = [f"mode {n}" for n in range(len(fit.shape))] if names is None else names
    along = coordinates or [None] * len(names)
    data, search, model = fit.objective.data, fit.search, fit._model_page(names, along)
    known = f"{data.size} of {int(np.prod(data.shape))} cells known ({data.observed_share:.1%})"
    error = f"The known cells are described up to a relative error of {fit.relative_error:.3g}"
    asked = [
        ("tensor", known),
        model.size,
        ("relative error", f"{fit.relative_error:.4g} on the known cells"),
        model.quality,
        *asked_search(fit.objective.describe(), search)[1:],
        *model.remarks,
    ]
    cells = known_cells_figures(data, fit.objective.predict(search.theta), names, along)
    own = fit._own_search()
    convergence = convergence_figures(own, polished=own.solver != search.solver)
    return Page(
        f"{model.title} of a {' x '.join(str(k) for k in fit.shape)} tensor",
        asked,
        fit.certificate,
        notes=model.notes,
        tables=(*model.tables, starts_table(fit.attempts)),
        figures=(*model.figures, *cells, *model.more_figures, *convergence),
        settings=settings,
        lead=Lead([f"{error} by {model.described_by}", *model.sentences]),
    )
