"""Plots of landscape surveys: search endings, Hessian spectra, sections and paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.landscape.slices import Path, Plane, Section
from lowland.landscape.spectrum import Spectrum
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, FAINT, SECOND

if TYPE_CHECKING:
    from lowland.landscape.census import Census
    from lowland.report.figures import Axes


@public("lowland.displays")
@final
@dataclass(repr=False)
class CensusDisplay:
    """How many searches ended at which objective.

    Parameters
    ----------
    values : ndarray
        Objective of each ending.
    counts : ndarray of int
        Searches that ended there.
    kinds : list of str
        Description of each ending.
    bound : float
        Upper confidence bound on the probability that a search ends above the best.
    level : float
        Confidence level of the bound.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(60, (5, 5), 0), np.ones(60), rank=1, structure="psd", rng=0)
    >>> found = ll.census(fit.objective, n_starts=8, certify=False, rng=0)
    >>> display = ll.displays.CensusDisplay.from_census(found)
    >>> int(display.counts.sum()), bool(display.values[0] == found.endings[0].value)
    (8, True)
    """

    values: Vector
    counts: Vector
    kinds: list[str]
    bound: float
    level: float
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_census(cls, census: Census) -> CensusDisplay:
        """Return the display of a census."""
        endings = census.endings
        return cls(
            np.array([e.value for e in endings]),
            np.array([e.count for e in endings]),
            [e.describe() for e in endings],
            census.bound,
            census.level,
        )

    def plot(self, ax: Axes | None = None) -> CensusDisplay:
        """Draw on axes, or on new ones: one bar per ending, the best on top."""
        self.ax_ = new_axes(ax)
        places = np.arange(len(self.values))[::-1]
        colours = [ACCENT if k == 0 else SECOND for k in range(len(self.values))]
        self.ax_.barh(places, self.counts, color=colours)
        labels = [f"{value:.3g}\n{kind}" for value, kind in zip(self.values, self.kinds, strict=True)]
        self.ax_.set_yticks(places, labels)
        self.ax_.set(xlabel="searches", ylabel="objective at the end")
        self.ax_.set_title(
            f"endings above the best: at most {self.bound:.0%} of starts ({self.level:.0%} confidence)"
        )
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class HessianSpectrumDisplay:
    """Density of the eigenvalues of a Hessian.

    Parameters
    ----------
    grid : ndarray
    density : ndarray
    smallest : float
        Smallest eigenvalue seen.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> spectrum = ll.landscape.hessian_spectrum(fit.objective, fit.search.theta)
    >>> display = ll.displays.HessianSpectrumDisplay.from_spectrum(spectrum, points=50)
    >>> display.grid.shape, display.smallest == spectrum.smallest
    ((50,), True)
    """

    grid: Vector
    density: Vector
    smallest: float
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_spectrum(cls, spectrum: Spectrum, *, points: int = 400) -> HessianSpectrumDisplay:
        """Return the display of a smoothed spectrum."""
        margin = 0.05 * (spectrum.largest - spectrum.smallest or 1.0)
        grid = np.linspace(spectrum.smallest - margin, spectrum.largest + margin, points)
        return cls(grid, spectrum.density(grid), spectrum.smallest)

    def plot(self, ax: Axes | None = None) -> HessianSpectrumDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        self.ax_.plot(self.grid, self.density, color=ACCENT)
        self.ax_.axvline(0.0, color=FAINT, linewidth=1)
        self.ax_.axvline(self.smallest, color=SECOND, linestyle=":")
        self.ax_.set(xlabel="curvature", ylabel="density of eigenvalues")
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class SectionDisplay:
    """The objective along a line or a path.

    Parameters
    ----------
    positions : ndarray
    values : ndarray

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> section = ll.landscape.cut_line(fit.objective, fit.search.theta, np.ones(5), n_points=5)
    >>> display = ll.displays.SectionDisplay.from_section(section)
    >>> display.plot().ax_.get_ylabel()
    'objective'
    """

    positions: Vector
    values: Vector
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_section(cls, section: Section) -> SectionDisplay:
        """Return the display of a section along a line."""
        return cls(section.positions, section.values)

    @classmethod
    def from_path(cls, path: Path) -> SectionDisplay:
        """Return the display of a path, by distance covered."""
        return cls(path.lengths, path.values)

    def plot(self, ax: Axes | None = None) -> SectionDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        self.ax_.plot(self.positions, self.values, color=ACCENT)
        self.ax_.set(xlabel="distance", ylabel="objective")
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class PlaneDisplay:
    """The objective on a plane, as contours of its logarithm where it is positive.

    Parameters
    ----------
    first, second : ndarray
    values : ndarray
        Rows belong to the first direction.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> plane = ll.landscape.cut_plane(fit.objective, fit.search.theta, *np.eye(5)[:2], n_points=5)
    >>> ll.displays.PlaneDisplay.from_plane(plane).values.shape
    (5, 5)
    """

    first: Vector
    second: Vector
    values: Matrix
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_plane(cls, plane: Plane) -> PlaneDisplay:
        """Return the display of a section along a plane."""
        return cls(plane.first, plane.second, plane.values)

    def plot(self, ax: Axes | None = None) -> PlaneDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        heights, words = self.values, "objective"
        if self.values.min() > 0:
            heights, words = np.log10(self.values), "log10 of the objective"
        filled = self.ax_.contourf(self.second, self.first, heights, levels=25, cmap="viridis")
        self.ax_.figure.colorbar(filled, ax=self.ax_, label=words)
        self.ax_.plot(0, 0, marker="o", color=SECOND)
        self.ax_.set(xlabel="second direction", ylabel="first direction")
        return self
