"""Fits of tensors with a page, whose modes are named and placed as those of a labelled array."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix
from lowland.report.reported import Reported, draw_figure
from lowland.tensors.cell_objective import CellObjective
from lowland.tensors.named_modes import labelled

if TYPE_CHECKING:
    from lowland.report.figures import Axes
    from lowland.report.page import Page


class ReportedTensor(Reported, ABC):
    """A fit of a tensor with a page.

    Attributes
    ----------
    objective : CellObjective
        The problem, with the known cells.
    like : xarray.DataArray or None
        The array that was decomposed, whose dimensions and coordinates results keep.
    """

    objective: CellObjective
    like: Any

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

    @abstractmethod
    def _dense(self) -> Matrix:
        """Return the dense tensor of the model."""

    def _filled(self) -> Matrix:
        known = self.objective.data.array()
        return np.where(np.isnan(known), self._dense(), known)

    @abstractmethod
    def _contents(
        self, names: Sequence[str] | None = None, coordinates: Sequence[NDArray[Any] | None] = ()
    ) -> Page:
        """Return the contents of the page, with names of modes and coordinates along them."""

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

    def _page(self, like: Any = None) -> Page:
        like = self.like if like is None else like
        if like is None:
            return self._contents()
        names = [str(name) for name in like.dims]
        along = [like.coords[name].to_numpy() if name in like.coords else None for name in like.dims]
        return self._contents(names, along)
