"""A plot of the entries of a matrix: squares whose areas are their sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.doors import public
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, FAINT, SECOND

if TYPE_CHECKING:
    from lowland.report.figures import Axes

# dimensions up to which basis states are named beside the matrix
MOST_NAMED = 16


@public("lowland.displays")
@final
@dataclass(repr=False)
class MatrixDisplay:
    """Entries of a real matrix as squares: blue positive, orange negative.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
    largest : float
        Size of an entry whose square is full.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.displays import MatrixDisplay
    >>> display = MatrixDisplay(np.array([[0.5, -0.5], [-0.5, 0.5]]), 0.5).plot()
    >>> [len(squares.get_paths()) for squares in display.ax_.collections]
    [2, 2]
    """

    matrix: Matrix
    largest: float
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> MatrixDisplay:
        """Draw on axes, or on new ones."""
        from matplotlib.collections import PatchCollection
        from matplotlib.patches import Rectangle

        ax = self.ax_ = new_axes(ax)
        n, unit = self.matrix.shape[0], self.largest or 1.0
        for colour, sign in ((ACCENT, 1), (SECOND, -1)):
            squares = []
            for i, j in np.argwhere(sign * self.matrix > 1e-3 * unit):
                side = 0.95 * np.sqrt(abs(self.matrix[i, j]) / unit)
                squares.append(Rectangle((j - side / 2, i - side / 2), side, side))
            ax.add_collection(PatchCollection(squares, facecolor=colour, edgecolor="none"))
        ax.set(xlim=(-0.6, n - 0.4), ylim=(n - 0.4, -0.6), aspect="equal")
        for at in range(n + 1):
            ax.axhline(at - 0.5, color=FAINT, linewidth=0.3)
            ax.axvline(at - 0.5, color=FAINT, linewidth=0.3)
        if n <= MOST_NAMED and n & (n - 1) == 0:
            words = [format(k, f"0{max(n.bit_length() - 1, 1)}b") for k in range(n)]
            ax.set_xticks(range(n), words, rotation=90 if n > 4 else 0)
            ax.set_yticks(range(n), words)
        return self
