"""Which neurons are active on which data: exact in the first layer, with bounds on rounding beyond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Indices, Matrix
from lowland.core.brief import briefly
from lowland.kernels.modular_arithmetic.exact_integers import product_signs
from lowland.networks.network import ReluNetwork
from lowland.networks.regions.patterns import augmented

# smaller numbers may have lost all their digits
_UNDERFLOW = float(np.finfo(float).tiny)


@briefly
@final
@dataclass(frozen=True, eq=False)
class Activation:
    """The activation pattern of a network on data.

    Parameters
    ----------
    patterns : tuple of ndarray of bool, shapes (n, d_l)
        Whether a neuron is active, for each hidden layer.
    kinks : tuple of ndarray of bool, shapes (n, d_l)
        Where a neuron is at its kink, or so near that rounding hides its side. Exact in the first layer.
    """

    patterns: tuple[NDArray[np.bool_], ...]
    kinks: tuple[NDArray[np.bool_], ...]

    @property
    def on_boundary(self) -> bool:
        """Whether the network lies on a boundary of regions, or may do so."""
        return any(bool(kink.any()) for kink in self.kinks)

    @property
    def dead_points(self) -> Indices:
        """Data points where a hidden layer is inactive: only later biases affect the output there."""
        dead = [~pattern.any(axis=1) for pattern in self.patterns]
        return np.flatnonzero(np.any(dead, axis=0))

    @property
    def dead_neurons(self) -> tuple[Indices, ...]:
        """Neurons of each hidden layer that are active on no data point."""
        return tuple(np.flatnonzero(~pattern.any(axis=0)) for pattern in self.patterns)


def activation(network: ReluNetwork, inputs: Matrix) -> Activation:
    """Return the activation pattern of a network on data (n, d)."""
    first, bias = network.weights[0], network.biases[0]
    whole = first if bias is None else np.hstack([first, bias[:, None]])
    rows = augmented(inputs, bias is not None)
    signs = product_signs(rows, whole)
    # a zero row has the sign 0 for all weights: that is not a boundary
    patterns, kinks = [signs > 0], [(signs == 0) & np.any(rows != 0, axis=1)[:, None]]
    with np.errstate(over="ignore", invalid="ignore"):
        _add_deeper(network, inputs, patterns, kinks)
    return Activation(tuple(patterns), tuple(kinks))


def _add_deeper(
    network: ReluNetwork, inputs: Matrix, patterns: list[NDArray[np.bool_]], kinks: list[NDArray[np.bool_]]
) -> None:
    """Add patterns and kinks of the layers after the first, with running bounds on rounding."""
    hidden, error = inputs, np.zeros_like(inputs)
    unit = 2 * np.finfo(float).eps
    for k, (w, b) in enumerate(zip(network.weights[:-1], network.biases[:-1], strict=True)):
        z, size = hidden @ w.T, np.abs(hidden) @ np.abs(w).T
        error = error @ np.abs(w).T
        if b is not None:
            z, size = z + b, size + np.abs(b)
        error = error + unit * (w.shape[1] + 2) * (size + error) + _UNDERFLOW * (w.shape[1] + 2)
        if k:
            patterns.append(z > 0)
            kinks.append(~(np.abs(z) > error))  # NaN counts as undecided too
        # where the exact sign is known, an inactive neuron passes no error on
        hidden, error = np.where(patterns[-1], z, 0.0), np.where(patterns[-1] | kinks[-1], error, 0.0)
