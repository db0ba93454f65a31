"""ReLU networks as points: which layers are trained, and their layout in a vector."""

from __future__ import annotations

from typing import ClassVar, TypeAlias, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.networks.network import ReluNetwork

Layer: TypeAlias = "tuple[Matrix, Vector | None]"


@public("lowland.networks")
@final
class Relu:
    """The networks that differ from a given one in their trained layers only.

    Parameters
    ----------
    network : ReluNetwork
        Gives the sizes, which layers have biases, and the layers that are not trained.
    trained : {"first", "all"}
        Whether only the first layer is trained, or all of them.

    Notes
    -----
    A point holds the trained layers one after the other: the matrix of a layer row by row, then its
    biases. Leading axes of a point are kept: a stack of points is a stack of networks.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.networks import Relu
    >>> hat = ll.networks.ReluNetwork(([[1.0], [1.0]], [1.0, -2.0]), ([0.0, -1.0], None))
    >>> model = Relu(hat, "first")
    >>> model.point(hat).tolist()
    [1.0, 1.0, 0.0, -1.0]
    >>> model.lift(np.array([2.0, 1.0, 0.0, -1.0]))([[1.0]]).tolist()
    [2.0]
    """

    network: ReluNetwork
    name: ClassVar[str] = "relu"

    def __init__(self, network: ReluNetwork, trained: str = "all") -> None:
        if trained not in ("first", "all"):
            raise InvalidInputError('trained must be "first" or "all"', repr(trained))
        self.network, self.trained = network, trained
        self.count: int = 1 if trained == "first" else len(network.weights)
        self.size: int = sum(
            w.size + (0 if b is None else b.size)
            for w, b in list(zip(network.weights, network.biases, strict=True))[: self.count]
        )

    def unpack(self, theta: Vector) -> list[Layer]:
        """Return weights and biases of all layers; trained ones have the leading axes of the point."""
        layers: list[Layer] = list(zip(self.network.weights, self.network.biases, strict=True))
        at, lead = 0, theta.shape[:-1]
        for k in range(self.count):
            w, b = layers[k]
            weights = theta[..., at : at + w.size].reshape(*lead, *w.shape)
            at += w.size
            bias = None if b is None else theta[..., at : at + b.size]
            at += 0 if b is None else b.size
            layers[k] = weights, bias
        return layers

    def pack(self, layers: list[Layer]) -> Vector:
        """Return the point of the trained layers, keeping leading axes."""
        parts = []
        for w, b in layers[: self.count]:
            parts.append(w.reshape(*w.shape[:-2], -1))
            if b is not None:
                parts.append(b)
        return np.concatenate(parts, axis=-1)

    def lift(self, theta: Vector) -> ReluNetwork:
        """Return the network of a point."""
        layers = self.unpack(theta)
        return ReluNetwork(tuple(w.copy() for w, _ in layers), tuple(b for _, b in layers))

    def point(self, network: ReluNetwork) -> Vector:
        """Return the point of a network of the same sizes."""
        return self.pack(list(zip(network.weights, network.biases, strict=True)))
