"""A plot of one row of a table whose columns are in order: known cells, and filled ones with their band."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, FAINT, SECOND

if TYPE_CHECKING:
    from lowland.report.figures import Axes


@public("lowland.displays")
@final
@dataclass(repr=False)
class SeriesDisplay:
    """Known cells of a row as dots, predictions as a line within their intervals.

    Parameters
    ----------
    positions : ndarray, shape (n,)
        Where the columns lie, such as years.
    known, hidden : ndarray, shape (n,)
        Cells that were fitted, and cells that were not although they are known; NaN where there are none.
    predicted, lower, upper : ndarray, shape (n,)
    labels : tuple of str
        Of the two axes.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.displays import SeriesDisplay
    >>> years, flat, nothing = np.arange(2000.0, 2004.0), np.ones(4), np.full(4, np.nan)
    >>> known, axes = np.array([1.0, np.nan, np.nan, 1.0]), ("year", "births")
    >>> display = SeriesDisplay(years, known, nothing, flat, flat - 0.1, flat + 0.1, axes).plot()
    >>> display.ax_.get_xlabel()
    'year'
    """

    positions: Vector
    known: Vector
    hidden: Vector
    predicted: Vector
    lower: Vector
    upper: Vector
    labels: tuple[str, str]
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> SeriesDisplay:
        """Draw on axes, or on new ones."""
        ax = self.ax_ = new_axes(ax)
        ax.fill_between(self.positions, self.lower, self.upper, color=ACCENT, alpha=0.2, linewidth=0)
        ax.plot(self.positions, self.predicted, color=ACCENT, linewidth=1.5, label="filled")
        ax.plot(self.positions, self.known, ".", color=FAINT, markersize=5, label="known")
        if np.isfinite(self.hidden).any():
            ax.plot(self.positions, self.hidden, "x", color=SECOND, markersize=5, label="hidden from the fit")
        ax.set(xlabel=self.labels[0], ylabel=self.labels[1])
        ax.legend(fontsize=11)
        return self
