"""Draws from exp(-beta F) by Langevin chains, with convergence diagnostics."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.results.shown import Shown
from lowland.dynamics.chain_statistics import effective_sample_size, split_r_hat
from lowland.dynamics.kernels.ensembles import DIVERGED, Ensemble
from lowland.dynamics.laws import Dynamics
from lowland.dynamics.potentials import Potential

if TYPE_CHECKING:
    from lowland.dynamics.displays import PathsDisplay
    from lowland.report.figures import Axes


@public("lowland.dynamics")
@final
@dataclass(frozen=True, eq=False, repr=False)
class LangevinSample(Shown):
    """Draws of several chains.

    Parameters
    ----------
    draws : ndarray, shape (chains, draws, d)
        Chains that diverged are NaN from then on and left out of every statistic.
    diverged : int
        Number of such chains.
    dynamics : Dynamics
    thin : int
        Steps between two draws.
    gradient_calls : int
    seconds : float
    interrupted : bool

    Examples
    --------
    >>> from lowland.dynamics import Underdamped, sample_langevin
    >>> moves = Underdamped(0.5, beta=1, friction=1)
    >>> sample = sample_langevin("quadratic", [0.0], moves, n_draws=200, rng=0)
    >>> sample.draws.shape, sample.diverged, round(sample.r_hat(), 1)
    ((8, 200, 1), 0, 1.0)
    >>> mean, error = sample.mean()
    >>> abs(mean) < 4 * error
    True
    """

    draws: NDArray[np.float64]
    diverged: int
    dynamics: Dynamics
    thin: int
    gradient_calls: int
    seconds: float
    interrupted: bool

    def mean(self, function: Callable[[Matrix], Vector] | None = None) -> tuple[float, float]:
        """Return the mean of a function of points (n, d) and its standard error, sampling error only.

        By default the function is the first coordinate. The error does not include the bias of the step;
        for quadratic wells `linear_step` gives it.
        """
        numbers = self._numbers(function)
        worth = effective_sample_size(numbers)
        return float(numbers.mean()), float(numbers.std(ddof=1) / np.sqrt(worth))

    def r_hat(self, function: Callable[[Matrix], Vector] | None = None) -> float:
        """Return the potential scale reduction of a function of points; near 1 if chains agree."""
        return split_r_hat(self._numbers(function))

    def effective_size(self, function: Callable[[Matrix], Vector] | None = None) -> float:
        """Return how many independent draws would give a function's mean with the same accuracy."""
        return effective_sample_size(self._numbers(function))

    def _numbers(self, function: Callable[[Matrix], Vector] | None) -> Matrix:
        kept = self.draws[~np.isnan(self.draws).any(axis=(1, 2))]
        if not len(kept):
            raise InvalidInputError(
                "every chain diverged", self.dynamics.describe(), fix="use a smaller step"
            )
        flat = kept.reshape(-1, kept.shape[2])
        numbers = flat[:, 0] if function is None else np.asarray(function(flat), dtype=float)
        if numbers.shape != (len(flat),):
            raise InvalidInputError("the function must return one number per point", f"shape {numbers.shape}")
        return numbers.reshape(kept.shape[:2])

    def plot(
        self,
        function: Callable[[Matrix], Vector] | None = None,
        *,
        name: str = "",
        ax: Axes | None = None,
    ) -> PathsDisplay:
        """Draw a quantity along some of the chains, on axes or on new ones.

        Parameters
        ----------
        function : callable, optional
            Takes points, shape (n, d), and returns n numbers; by default the distance from the first draw.
        name : str
            What the quantity is.
        ax : matplotlib Axes, optional

        Returns
        -------
        PathsDisplay
        """
        from lowland.dynamics.displays import PathsDisplay

        return PathsDisplay.from_sample(self, function, name=name).plot(ax)

    def _lines(self) -> list[str]:
        chains, count, d = self.draws.shape
        lines = [
            f"{chains} chains of {count} draws, one every {self.thin} steps; {self.dynamics.describe()}",
            f"{self.diverged} diverged; {self.gradient_calls:.4g} gradients in {self.seconds:.3g} s",
        ]
        if count < 4 or self.diverged == chains:
            return [*lines, "too few draws for estimates"]
        for k in range(min(d, 6)):

            def coordinate(x: Matrix, k: int = k) -> Vector:
                return x[:, k]

            mean, error = self.mean(coordinate)
            lines.append(
                f"x{k}: mean {mean:.4g} +- {error:.2g}, R-hat {self.r_hat(coordinate):.3f}, "
                f"effective sample size {self.effective_size(coordinate):.0f}"
            )
        return [*lines, f"and {d - 6} more coordinates"] if d > 6 else lines


def draw_chains(
    potential: Potential,
    start: Matrix,
    dynamics: Dynamics,
    *,
    n_draws: int,
    thin: int,
    warm_up: int,
    key: int,
) -> LangevinSample:
    """Run chains and keep one draw every `thin` steps.

    Parameters
    ----------
    potential : Potential
    start : ndarray, shape (chains, d)
    dynamics : Dynamics
    n_draws, thin, warm_up : int
        Draws per chain, steps between two draws, and steps before the first.
    key : int
    """
    ensemble = Ensemble(
        potential.bind(key), dynamics, key, potential.value, potential.compiled, potential.parameters
    )
    begun, interrupted, done = time.perf_counter(), False, 0
    draws = np.full((n_draws, *start.shape), np.nan)
    chains = ensemble.start(start)
    try:
        chains = ensemble.advance(chains, warm_up)
        for done in range(n_draws):
            chains = ensemble.advance(chains, thin)
            draws[done] = np.where((chains.status == DIVERGED)[:, None], np.nan, chains.x)
    except KeyboardInterrupt:
        interrupted = True
        draws = draws[:done]
    return LangevinSample(
        np.ascontiguousarray(np.moveaxis(draws, 0, 1)),
        int(np.sum(chains.status == DIVERGED)),
        dynamics,
        thin,
        chains.step * len(start),
        time.perf_counter() - begun,
        interrupted,
    )
