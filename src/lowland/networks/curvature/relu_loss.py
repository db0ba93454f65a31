"""Half the mean squared error of a `ReluNetwork`, by all weights and biases, without PyTorch or JAX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.networks.curvature.batches import shares_of
from lowland.networks.network import ReluNetwork
from lowland.networks.regions.model import Relu
from lowland.networks.regions.objective import ReluObjective


@final
class ReluLoss:
    """The loss at a network's own weights, over batches; at a kink, derivatives of the inactive side.

    Parameters
    ----------
    network : ReluNetwork
    batches : sequence of pairs of arrays
        Inputs (n, d) and targets (n,).

    Raises
    ------
    InvalidInputError
        If inputs do not match the network, or targets the inputs.
    """

    def __init__(self, network: ReluNetwork, batches: Sequence[tuple[Any, Any]]) -> None:
        model = Relu(network, "all")
        point = model.point(network)
        self._parts = [ReluObjective(x, y, model).linearise(point) for x, y in batches]
        self._shares = shares_of(list(batches))
        self.size: int = point.size

    def gradient(self) -> tuple[float, Vector]:
        """Return the loss and its gradient, shape (n,)."""
        pairs = list(zip(self._shares, self._parts, strict=True))
        value = sum(share * part.value for share, part in pairs)
        return float(value), np.sum([share * part.gradient for share, part in pairs], axis=0)

    def hessian_product(self, vector: Vector) -> Vector:
        """Return the product of the Hessian with a vector, shape (n,)."""
        pairs = zip(self._shares, self._parts, strict=True)
        return np.asarray(np.sum([share * part.hessian_product(vector) for share, part in pairs], axis=0))

    def gauss_newton_product(self, vector: Vector) -> Vector:
        """Return the product of the Gauss-Newton matrix with a vector, shape (n,)."""
        pairs = zip(self._shares, self._parts, strict=True)
        return np.asarray(
            np.sum([share * part.gauss_newton_product(vector) for share, part in pairs], axis=0)
        )
