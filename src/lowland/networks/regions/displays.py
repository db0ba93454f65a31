"""Plots of activation regions: active neurons, best losses, and shares over width and number of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.report.displays import new_axes, use_whole_ticks
from lowland.report.figures import ACCENT

if TYPE_CHECKING:
    from lowland.networks.regions.report import RegionReport
    from lowland.report.figures import Axes


@public("lowland.displays")
@final
@dataclass(repr=False)
class ActivationDisplay:
    """Map of which neurons are active on which data points, with similar neurons side by side.

    Parameters
    ----------
    active : ndarray of bool, shape (n, k)

    Examples
    --------
    >>> import lowland as ll
    >>> from lowland.displays import ActivationDisplay
    >>> network = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([1.0, 1.0], None))
    >>> found = ll.networks.region_report(network, [-2.0, 0.0, 2.0])
    >>> ActivationDisplay.from_report(found).active.astype(int).tolist()
    [[0, 1], [1, 1], [1, 0]]
    """

    active: Matrix
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_report(cls, report: RegionReport, layer: int = 0) -> ActivationDisplay:
        """Take a hidden layer of a `RegionReport`."""
        return cls(report.activation.patterns[layer])

    def plot(self, ax: Axes | None = None) -> ActivationDisplay:
        """Draw on axes, or on new ones."""
        from matplotlib.colors import ListedColormap

        self.ax_ = new_axes(ax)
        order = np.lexsort(self.active[::-1])
        colours = ListedColormap([(0, 0, 0, 0.06), ACCENT])
        self.ax_.imshow(
            self.active[:, order], aspect="auto", cmap=colours, vmin=0, vmax=1, interpolation="nearest"
        )
        for axis in (self.ax_.xaxis, self.ax_.yaxis):
            use_whole_ticks(axis)
        self.ax_.set(xlabel="neuron (sorted by pattern)", ylabel="data point")
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class LossesDisplay:
    """Best losses of regions, in ascending order; those that are zero to rounding are at the bottom.

    Parameters
    ----------
    losses : ndarray

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.displays import LossesDisplay
    >>> x = np.linspace(-1, 1, 5)
    >>> survey = ll.networks.survey_regions(x, x**2, width=8, n_regions=50, rng=0)
    >>> display = LossesDisplay(survey.best_losses)
    >>> bool(display.losses.min() < 1e-9 < display.losses.max())
    True
    """

    losses: Vector
    ax_: Axes = field(init=False, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> LossesDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        losses = np.sort(self.losses)
        self.ax_.plot(np.arange(1, losses.size + 1), np.maximum(losses, 1e-30), ".", color=ACCENT)
        self.ax_.set(xlabel="region", ylabel="best loss", yscale="log")
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class ShareDisplay:
    """A share as a function of two settings, as a colour map.

    Parameters
    ----------
    across, down : ndarray
        Settings along columns and rows.
    shares : ndarray, shape (down, across)
        Between 0 and 1.
    names : tuple of str
        Names of the two settings and of the share.

    Examples
    --------
    >>> from lowland.displays import ShareDisplay
    >>> rows = [
    ...     {"width": 4, "points": 5, "share": 0.25},
    ...     {"width": 8, "points": 5, "share": 0.75},
    ...     {"width": 8, "points": 9, "share": 0.5},
    ... ]
    >>> display = ShareDisplay.from_rows(rows, "width", "points", "share")
    >>> display.shares.tolist(), display.plot().ax_.get_xlabel()
    ([[0.25, 0.75], [nan, 0.5]], 'width')
    """

    across: Vector
    down: Vector
    shares: Matrix
    names: tuple[str, str, str]
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_rows(
        cls, rows: Sequence[Mapping[str, float]], across: str, down: str, share: str
    ) -> ShareDisplay:
        """Take rows with named fields, one per cell; absent cells stay blank."""
        columns, lines = (np.unique([row[name] for row in rows]) for name in (across, down))
        shares = np.full((lines.size, columns.size), np.nan)
        for row in rows:
            shares[np.searchsorted(lines, row[down]), np.searchsorted(columns, row[across])] = row[share]
        return cls(columns, lines, shares, (across, down, share))

    def plot(self, ax: Axes | None = None) -> ShareDisplay:
        """Draw on axes, or on new ones: darker is more."""
        self.ax_ = new_axes(ax)
        image = self.ax_.imshow(self.shares, aspect="auto", origin="lower", cmap="viridis", vmin=0, vmax=1)
        step = [max(1, part.size // 8) for part in (self.across, self.down)]
        self.ax_.set_xticks(
            np.arange(self.across.size)[:: step[0]], [f"{v:g}" for v in self.across[:: step[0]]]
        )
        self.ax_.set_yticks(np.arange(self.down.size)[:: step[1]], [f"{v:g}" for v in self.down[:: step[1]]])
        self.ax_.set(xlabel=self.names[0].replace("_", " "), ylabel=self.names[1].replace("_", " "))
        bar = self.ax_.figure.colorbar(image, ax=self.ax_)
        bar.set_label(self.names[2].replace("_", " "))
        return self
