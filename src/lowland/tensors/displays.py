"""Plots of a Tucker decomposition: spectra of its modes, factors, and the core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.report.displays import new_axes, use_whole_ticks
from lowland.report.figures import COLOURS

if TYPE_CHECKING:
    from lowland.report.figures import Axes

# number of components of a factor that are drawn
DRAWN = 4
# names along a mode that can be read below a plot
NAMED = 20


@public("lowland.displays")
@final
@dataclass(repr=False)
class ModeSpectraDisplay:
    """Singular values of a tensor's unfoldings, one line per mode.

    Parameters
    ----------
    spectra : sequence of ndarray
    names : sequence of str
        Names of the modes.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import ModeSpectraDisplay
    >>> i, j, k = np.indices((6, 5, 4)) + 1.0
    >>> fit = ll.decompose_tucker(i * (j * k + 1), (1, 2, 2), certify=False, rng=0)
    >>> display = ModeSpectraDisplay(fit.spectra(), ("site", "species", "year"))
    >>> [values.size for values in display.spectra]
    [1, 2, 2]
    """

    spectra: Sequence[Vector]
    names: Sequence[str]
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> ModeSpectraDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        for k, (values, name) in enumerate(zip(self.spectra, self.names, strict=True)):
            shown = np.where(values > 0, values, np.nan)
            self.ax_.semilogy(
                np.arange(1, values.size + 1), shown, marker="o", color=COLOURS[k % len(COLOURS)], label=name
            )
        self.ax_.set(xlabel="component", ylabel="singular value")
        use_whole_ticks(self.ax_.xaxis)
        self.ax_.legend(frameon=False)
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class FactorDisplay:
    """The leading columns of one factor against the positions of its mode.

    Parameters
    ----------
    factor : ndarray, shape (I, r)
    name : str
        Name of the mode.
    coordinates : ndarray, shape (I,), optional
        Numbers, dates or names along the mode; by default positions.
    most : int
        How many columns are drawn at most.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import FactorDisplay
    >>> i, j, k = np.indices((6, 5, 4)) + 1.0
    >>> fit = ll.decompose_tucker(i * j * k, 1, certify=False, rng=0)
    >>> display = FactorDisplay(fit.factors[0], "year")
    >>> (display.factor / display.factor[0]).ravel().round(6).tolist(), display.plot().ax_.get_xlabel()
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 'year')
    """

    factor: Matrix
    name: str
    coordinates: NDArray[Any] | None = None
    most: int = DRAWN
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> FactorDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        at = self.coordinates
        measured = at is not None and at.dtype.kind in "iufM"
        x: NDArray[Any] = at if at is not None and measured else np.arange(self.factor.shape[0])
        marker = "." if x.size <= 60 else ""
        for k in range(min(self.most, self.factor.shape[1])):
            self.ax_.plot(
                x, self.factor[:, k], marker=marker, color=COLOURS[k % len(COLOURS)], label=str(k + 1)
            )
        self.ax_.set(xlabel=self.name, ylabel="column of the factor")
        if at is not None and not measured and x.size <= NAMED:
            self.ax_.set_xticks(x, [str(name)[:18] for name in at.tolist()], rotation=60, ha="right")
        elif not measured:
            use_whole_ticks(self.ax_.xaxis)
        elif x.dtype.kind == "M":
            self.ax_.tick_params(axis="x", rotation=30)
        self.ax_.legend(frameon=False, title="component", ncols=2)
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class CoreDisplay:
    """The largest entries of the core, with the components that they couple.

    Parameters
    ----------
    core : ndarray

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import CoreDisplay
    >>> i, j, k = np.indices((6, 5, 4)) + 1.0
    >>> fit = ll.decompose_tucker(i * (j * k + 1), (1, 2, 2), certify=False, rng=0)
    >>> display = CoreDisplay(fit.core)
    >>> [label.get_text() for label in display.plot().ax_.get_yticklabels()][:2]  # largest first
    ['1, 1, 1', '1, 2, 2']
    """

    core: Matrix
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> CoreDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        shares = (self.core / max(float(np.linalg.norm(self.core)), np.finfo(float).tiny)) ** 2
        order = np.argsort(-shares, axis=None)[:10]
        labels = [", ".join(str(k + 1) for k in np.unravel_index(int(at), self.core.shape)) for at in order]
        self.ax_.barh(np.arange(order.size), 100 * shares.ravel()[order], color=COLOURS[0])
        self.ax_.set_yticks(np.arange(order.size), labels)
        self.ax_.invert_yaxis()
        self.ax_.set(xlabel="share of the core's squares, %", ylabel="components coupled")
        return self
