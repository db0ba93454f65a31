"""Plots of Langevin studies: survival curves against an exponential law, energies and displacements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.report.displays import new_axes
from lowland.report.figures import ACCENT, FAINT, SECOND

if TYPE_CHECKING:
    from lowland.dynamics.exits.exit_simulation import EscapeStudy
    from lowland.dynamics.sampling import LangevinSample
    from lowland.report.figures import Axes

# most chains and points in a plot of paths
_CHAINS, _POINTS = 6, 2000


@public("lowland.displays")
@final
@dataclass(repr=False)
class SurvivalDisplay:
    """Share of chains that have not left, over time, against the exponential law of the estimated mean.

    Parameters
    ----------
    times : ndarray
        Exit times, ascending.
    share : ndarray
        Share that has not left after each.
    error : ndarray
        Its standard error.
    mean : float
        Estimated mean exit time.

    Examples
    --------
    >>> from lowland.dynamics import HalfSpace, Overdamped, escape_times
    >>> from lowland.displays import SurvivalDisplay
    >>> study = escape_times(
    ...     "double_well", [-1.0], exit=HalfSpace([1.0], 0.7), dynamics=Overdamped(0.01, beta=4),
    ...     n_chains=200, rng=0,
    ... )
    >>> display = SurvivalDisplay.from_study(study)
    >>> display.mean == study.mean, float(display.share[-1]), display.plot().ax_.get_xlabel()
    (True, 0.0, 'time')
    """

    times: Vector
    share: Vector
    error: Vector
    mean: float
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_study(cls, study: EscapeStudy) -> SurvivalDisplay:
        """Take the Kaplan-Meier curve of an `EscapeStudy`."""
        times, share, error = study.survival()
        return cls(times, share, error, study.mean)

    def plot(self, ax: Axes | None = None) -> SurvivalDisplay:
        """Draw on axes, or on new ones."""
        self.ax_ = new_axes(ax)
        pick = np.unique(np.linspace(0, self.times.size - 1, min(self.times.size, _POINTS)).astype(int))
        times, share, error = (
            np.r_[first, part[pick]]
            for first, part in zip((0.0, 1.0, 0.0), (self.times, self.share, self.error), strict=True)
        )
        self.ax_.fill_between(
            times,
            np.maximum(share - 2 * error, 1e-6),
            share + 2 * error,
            step="post",
            color=ACCENT,
            alpha=0.2,
        )
        self.ax_.step(times, share, where="post", color=ACCENT, label="chains")
        if np.isfinite(self.mean) and self.mean > 0:
            grid = np.linspace(0, times[-1], 200)
            self.ax_.plot(
                grid, np.exp(-grid / self.mean), color=SECOND, ls="--", label="exponential, same mean"
            )
        positive = share[share > 0]
        self.ax_.set(xlabel="time", ylabel="share that has not left", yscale="log")
        self.ax_.set_ylim(max(float(positive.min()) / 2, 1e-4), 1.4)
        self.ax_.legend()
        return self


@public("lowland.displays")
@final
@dataclass(repr=False)
class PathsDisplay:
    """One quantity along several chains: an energy, or the distance from the start.

    Parameters
    ----------
    times : ndarray, shape (draws,)
    numbers : ndarray, shape (chains, draws)
    name : str
        What the quantity is.

    Examples
    --------
    >>> from lowland.dynamics import Underdamped, sample_langevin
    >>> from lowland.displays import PathsDisplay
    >>> moves = Underdamped(0.5, beta=1, friction=1)
    >>> sample = sample_langevin("quadratic", [0.0], moves, n_draws=200, rng=0)
    >>> display = PathsDisplay.from_sample(sample)
    >>> display.numbers.shape, display.plot().ax_.get_ylabel()  # six of the chains
    ((6, 200), 'distance from the first draw')
    """

    times: Vector
    numbers: Matrix
    name: str
    ax_: Axes = field(init=False, repr=False, compare=False)

    @classmethod
    def from_sample(
        cls, sample: LangevinSample, function: Callable[[Matrix], Vector] | None = None, *, name: str = ""
    ) -> PathsDisplay:
        """Take a function of points (n, d) along the chains of a `LangevinSample`.

        Without a function: the distance from the first draw of the chain.
        """
        draws = sample.draws[:_CHAINS]
        step = max(1, draws.shape[1] // _POINTS)
        draws = draws[:, ::step]
        if function is None:
            numbers, name = (
                np.linalg.norm(draws - draws[:, :1], axis=2),
                name or "distance from the first draw",
            )
        else:
            flat = np.asarray(function(draws.reshape(-1, draws.shape[2])), dtype=float)
            numbers, name = flat.reshape(draws.shape[:2]), name or "function"
        times = np.arange(draws.shape[1]) * step * sample.thin * sample.dynamics.step_size
        return cls(times, numbers, name)

    def plot(self, ax: Axes | None = None) -> PathsDisplay:
        """Draw on axes, or on new ones: a line per chain."""
        self.ax_ = new_axes(ax)
        for k, numbers in enumerate(self.numbers):
            colour = (ACCENT, SECOND, FAINT)[k % 3]
            self.ax_.plot(self.times, numbers, color=colour, lw=0.7, alpha=0.8)
        self.ax_.set(xlabel="time", ylabel=self.name)
        return self
