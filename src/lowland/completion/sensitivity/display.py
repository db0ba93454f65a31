"""A plot of an estimate against how far missing values differ from what is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, FAINT, SECOND

if TYPE_CHECKING:
    from lowland.report.figures import Axes


@public("lowland.displays")
@final
@dataclass(repr=False)
class SensitivityDisplay:
    """An estimate with its interval against the shift of missing values.

    Parameters
    ----------
    deltas : ndarray, shape (d,)
        Shifts, in standard errors.
    estimates, lower, upper : ndarray, shape (d,)
    name : str
        What is estimated.
    band : str
        What lies between `lower` and `upper`.
    marked : sequence of float
        Deltas at which a conclusion changes; infinite ones are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from lowland.displays import SensitivityDisplay
    >>> deltas, line = np.array([-1.0, 0.0, 1.0]), np.array([0.1, 0.4, 0.7])
    >>> display = SensitivityDisplay(deltas, line, line - 0.2, line + 0.2, "dose", "95 % interval", [-0.7])
    >>> display.plot().ax_.get_ylabel()
    'dose'
    """

    deltas: Vector
    estimates: Vector
    lower: Vector
    upper: Vector
    name: str
    band: str
    marked: Sequence[float] = ()
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> SensitivityDisplay:
        """Draw on axes, or on new ones."""
        ax = self.ax_ = new_axes(ax)
        order = self.deltas.argsort()
        x = self.deltas[order]
        ax.fill_between(
            x, self.lower[order], self.upper[order], color=ACCENT, alpha=0.2, linewidth=0, label=self.band
        )
        ax.plot(x, self.estimates[order], color=ACCENT, marker="o", markersize=4, label="estimate")
        if self.lower.min() < 0 < self.upper.max():
            ax.axhline(0.0, color=FAINT, linewidth=1)
        ax.axvline(0.0, color=FAINT, linewidth=1, linestyle=":")
        inside = [delta for delta in self.marked if x[0] <= delta <= x[-1]]
        for k, delta in enumerate(inside):
            label = "" if k else "conclusion changes"
            ax.axvline(delta, color=SECOND, linewidth=1.5, linestyle="--", label=label or None)
        ax.set(xlabel="shift of missing values, in their standard errors", ylabel=self.name)
        ax.legend(fontsize=11)
        return self
