"""Short runs of a CP model on a tensor without the cells held out, and how they predict these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.running.interrupt import in_full
from lowland.tensors.cells.held_out import HeldOut
from lowland.tensors.filling.objective import BayesianCP
from lowland.tensors.filling.sampling import draws_of, moments, sampled

# sweeps of each run: burn-in and draws
COMPARED = (40, 40)
# errors, relative to the cells, that are rounding
ROUNDING = 1e-5

Features = tuple[Matrix | None, ...]


@final
@dataclass(frozen=True, eq=False)
class Candidate:
    """Predictions of a model for the cells held out.

    Parameters
    ----------
    rank : int
    fitted : bool
        Whether the chain started from a fit by least squares.
    noise_mode : int or None
        The mode by whose slices noise differs.
    held : HeldOut
    means, spreads : ndarray, shape (k,)
        Predictions of the cells held out and their standard errors.
    last : ndarray
        The point where the chain ended.
    """

    rank: int
    fitted: bool
    noise_mode: int | None
    held: HeldOut
    means: Vector
    spreads: Vector
    last: Vector

    @property
    def units(self) -> Vector | float:
        """One over the standard deviation of each cell relative to the others."""
        return 1.0 if self.held.weights is None else np.sqrt(self.held.weights)

    @cached_property
    def misses(self) -> Vector:
        """What predictions are too large by, over the standard deviation of a cell relative to the others."""
        return (self.means - self.held.values) * self.units

    @property
    def errors(self) -> Vector:
        """The same without signs."""
        return np.abs(self.misses)

    @cached_property
    def error(self) -> float:
        """Root mean square, weighted."""
        return self.error_of(self.misses)

    def error_of(self, misses: Vector) -> float:
        """Return the root mean square of misses of the same cells."""
        weights = self.held.weights
        total = self.means.size if weights is None else float(weights.sum())
        return float(np.sqrt(np.sum(misses**2) / total))

    @property
    def is_exact(self) -> bool:
        """Whether errors are rounding, so that nothing can lower them."""
        return self.error <= ROUNDING * float(np.sqrt(np.mean(self.held.values**2)))

    @cached_property
    def scores(self) -> Vector:
        """Errors over standard errors."""
        scores: Vector = np.abs(self.means - self.held.values) / self.spreads
        return scores

    @property
    def densities(self) -> Vector:
        """Logarithms of the density of each cell, normal with its stated moments, up to a constant."""
        densities: Vector = -np.log(self.spreads) - 0.5 * self.scores**2
        return densities


def compare(
    held: HeldOut,
    rank: int,
    features: Features,
    rng: np.random.Generator,
    *,
    fitted: bool = False,
    noise_mode: int | None = None,
) -> Candidate:
    """Return the errors of a short run."""
    model = BayesianCP(held.part, rank, features, noise_mode)
    search = in_full(partial(sampled, model, *COMPARED, rng, fitted=fitted))
    means, spreads = moments(model, draws_of(search), held.positions, held.weights)
    return Candidate(rank, fitted, noise_mode, held, means, spreads, search.theta)


def pooled_error(judged: Sequence[Candidate], *, whole: bool | None = None) -> float:
    """Return the root-mean-square error of several hold-outs, which count alike.

    Of all cells, or of those of whole slices, or of the others.
    """
    squares = []
    for one in judged:
        some = np.full(one.means.size, True) if whole is None else (one.held.slices >= 0) == whole
        if some.any():
            mass = float(some.sum() if one.held.weights is None else one.held.weights[some].sum())
            squares.append(float(np.sum(one.misses[some] ** 2)) / mass)
    return float(np.sqrt(np.mean(squares)))
