"""Eigenvalues of the Hessian: all if affordable, else the extremes and a density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.promises.objectives import Linearisation
from lowland.core.promises.powers import HasLinearisation
from lowland.core.random import RandomSource, make_generator
from lowland.search.lanczos import lanczos

# up to this size the Hessian is formed
LARGEST_DENSE = 600


@public("lowland.landscape")
@final
@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of a Hessian, or a weighted sample that represents them.

    Parameters
    ----------
    nodes : ndarray, shape (k,)
        Eigenvalues, ascending; for a sample, the Ritz values of all probes.
    weights : ndarray, shape (k,)
        Share of the eigenvalues that each node represents; they sum to 1.
    size : int
        Number of eigenvalues.
    exact : bool
        Whether the nodes are all the eigenvalues. Otherwise `smallest` is an upper and `largest` a
        lower bound, both usually tight.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> spectrum = ll.landscape.hessian_spectrum(fit.objective, fit.search.theta)
    >>> spectrum.exact, spectrum.size, spectrum.share_below(0.0)
    (True, 5, 0.0)
    >>> grid = np.linspace(spectrum.smallest - 10, spectrum.largest + 10, 500)
    >>> round(float(spectrum.density(grid).sum() * (grid[1] - grid[0])), 3)
    1.0
    """

    nodes: Vector
    weights: Vector
    size: int
    exact: bool

    @property
    def smallest(self) -> float:
        """Smallest eigenvalue found."""
        return float(self.nodes[0])

    @property
    def largest(self) -> float:
        """Largest eigenvalue found."""
        return float(self.nodes[-1])

    def share_below(self, threshold: float) -> float:
        """Return the (estimated) share of eigenvalues below a threshold."""
        return float(self.weights[self.nodes < threshold].sum())

    def density(self, grid: Vector) -> Vector:
        """Return the density of eigenvalues on a grid, smoothed by Gaussians of a fiftieth of its breadth.

        Parameters
        ----------
        grid : ndarray, shape (g,)

        Returns
        -------
        ndarray, shape (g,)
            It integrates to 1.
        """
        breadth = self.largest - self.smallest
        width = max(breadth / 50, 1e-12 * abs(self.largest), np.finfo(float).tiny)
        bumps = np.exp(-0.5 * ((grid[:, None] - self.nodes) / width) ** 2)
        return np.asarray(bumps @ self.weights / (width * np.sqrt(2 * np.pi)))


@public("lowland.landscape")
def hessian_spectrum(
    objective: HasLinearisation,
    theta: Vector,
    *,
    n_probes: int = 10,
    n_steps: int = 80,
    rng: RandomSource = None,
) -> Spectrum:
    """Return the spectrum of the Hessian at a point, including zeros along the gauge.

    Parameters
    ----------
    objective : Objective
    theta : ndarray, shape (size,)
    n_probes : int
        Random vectors of the stochastic Lanczos quadrature that replaces a dense
        decomposition for larger problems.
    n_steps : int
        Lanczos steps per probe; each costs a product with the Hessian.
    rng : int, Generator or None

    Returns
    -------
    Spectrum

    References
    ----------
    S. Ubaru, J. Chen, Y. Saad, Fast estimation of tr(f(A)) via stochastic Lanczos quadrature, SIAM
    J. Matrix Anal. Appl. 2017.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> fit = ll.recover(ll.gaussian(40, (5, 5), 0), np.ones(40), rank=1, structure="psd", rng=0)
    >>> spectrum = ll.landscape.hessian_spectrum(fit.objective, fit.search.theta)
    >>> spectrum.exact, spectrum.smallest > 0
    (True, True)
    """
    at = objective.linearise(theta)
    size = int(theta.size)
    if size <= LARGEST_DENSE:
        hessian = np.stack([at.hessian_product(unit) for unit in np.eye(size, dtype=theta.dtype)], axis=1)
        nodes = np.linalg.eigvalsh((hessian + hessian.T) / 2)
        return Spectrum(nodes, np.full(size, 1 / size), size, exact=True)
    generator = make_generator(rng)
    pairs = [_lanczos(at, size, min(n_steps, size), generator) for _ in range(n_probes)]
    nodes = np.concatenate([nodes for nodes, _ in pairs])
    weights = np.concatenate([weights for _, weights in pairs]) / n_probes
    order = np.argsort(nodes)
    return Spectrum(nodes[order], weights[order], size, exact=False)


def _lanczos(at: Linearisation, size: int, steps: int, rng: np.random.Generator) -> tuple[Vector, Vector]:
    """Return Ritz values and the squared first components of their vectors: a Gauss quadrature."""
    values, vectors, _ = lanczos(at.hessian_product, rng.standard_normal(size), steps)
    return values, vectors[0] ** 2
