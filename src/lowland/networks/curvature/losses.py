"""What a loss offers for its curvature: its value, its gradient and products with its Hessian."""

from __future__ import annotations

from typing import Any, Protocol

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError
from lowland.networks.curvature.batches import batches_of
from lowland.networks.curvature.relu_loss import ReluLoss
from lowland.networks.network import ReluNetwork


class CurvedLoss(Protocol):
    """A loss as a function of n parameters, at one point, in double precision."""

    @property
    def size(self) -> int:
        """Number of parameters."""

    def gradient(self) -> tuple[float, Vector]:
        """Return the loss and its gradient, shape (n,)."""

    def hessian_product(self, vector: Vector) -> Vector:
        """Return the product of the Hessian with a vector, shape (n,)."""

    def gauss_newton_product(self, vector: Vector) -> Vector:
        """Return the product of the Gauss-Newton matrix, the Hessian of a linearised network."""


def loss_of(model: Any, data: Any, loss: Any) -> CurvedLoss:
    """Return the loss of a model of PyTorch, of a function and parameters of JAX, or of a ReLU network.

    Parameters
    ----------
    model : torch.nn.Module, pair of callable and pytree, or ReluNetwork
    data : pair of arrays, or iterable of pairs
    loss : callable, or "squared" for a ReluNetwork

    Raises
    ------
    InvalidInputError
        If the model is none of these, or the loss is not one of the model's.
    """
    if isinstance(model, ReluNetwork):
        if loss != "squared":
            raise InvalidInputError(
                "the loss of a ReluNetwork must be given by name", repr(loss), fix='pass "squared"'
            )
        return ReluLoss(model, batches_of(data))
    if isinstance(loss, str):
        raise InvalidInputError("loss must take outputs and targets", repr(loss), fix="pass a function")
    if isinstance(model, tuple) and len(model) == 2 and callable(model[0]):
        from lowland.networks.curvature.jax_loss import JaxLoss

        return JaxLoss(*model, batches_of(data), loss)
    if callable(getattr(model, "named_parameters", None)):
        from lowland.networks.curvature.torch_loss import TorchLoss

        return TorchLoss(model, batches_of(data), loss)
    raise InvalidInputError(
        "model is no network that can be differentiated",
        type(model).__name__,
        fix="pass a torch.nn.Module, a ReluNetwork, or for JAX a pair (apply, parameters)",
    )
