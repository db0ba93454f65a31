"""The loss of a PyTorch module, in double precision, from copies: the module is left as it is."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError, MissingExtraError
from lowland.networks.curvature.batches import shares_of


@final
class TorchLoss:
    """Mean loss of a module over batches.

    Parameters
    ----------
    module : torch.nn.Module
        In the mode (training or evaluation) that it is in. Parameters that require no gradient are constants.
    batches : list of pairs of tensors or arrays
    loss : callable
        Takes outputs and targets, and returns their mean loss.
    """

    def __init__(self, module: Any, batches: list[tuple[Any, Any]], loss: Callable[..., Any]) -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingExtraError(
                "PyTorch is not installed", "torch cannot be imported", fix="pip install torch"
            ) from error
        # a loss that has tensors of its own, such as weights of classes, has them in double precision, too
        loss_in_double = copy.deepcopy(loss).double() if isinstance(loss, torch.nn.Module) else loss
        self._torch, self._module, self._loss = torch, module, loss_in_double
        free = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not free:
            raise InvalidInputError(
                "the model has no parameter to differentiate by", "none requires a gradient"
            )
        self._device = next(iter(free.values())).device
        if self._device.type == "mps":
            raise InvalidInputError(
                "the model lies on a device without double precision", "mps", fix="move it to the CPU"
            )
        if any(p.is_complex() for p in free.values()):
            raise InvalidInputError("the model has complex parameters", "they are not supported")
        with torch.inference_mode(False):
            self._parameters = {name: self._double(p).requires_grad_() for name, p in free.items()}
        with torch.inference_mode(False):
            fixed = ((name, p) for name, p in module.named_parameters() if name not in free)
            self._fixed = {name: self._double(p) for name, p in fixed}
            self._buffers = {name: self._double(buffer) for name, buffer in module.named_buffers()}
            self._batches = [tuple(self._double(part) for part in pair) for pair in batches]
        self._shares = shares_of(batches)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self._parameters.values())

    def gradient(self) -> tuple[float, Vector]:
        """Return the loss and its gradient, shape (n,)."""
        value, total = 0.0, np.zeros(self.size)
        with self._differentiating():
            for share, (inputs, targets) in zip(self._shares, self._batches, strict=True):
                loss = self._first_loss(inputs, targets)
                total += share * self._flat(self._slopes(loss, self._leaves()))
                value += share * float(loss.detach())
        return value, total

    def hessian_product(self, vector: Vector) -> Vector:
        """Return the product of the Hessian with a vector, shape (n,)."""
        leaves = self._leaves()

        def product(along: Any, inputs: Any, targets: Any) -> list[Any]:
            loss = self._loss_of(self._outputs(inputs), targets)
            slopes = self._slopes(loss, leaves, twice=True)
            return self._slopes(self._dot(slopes, along), leaves)

        return self._mean(product, vector)

    def gauss_newton_product(self, vector: Vector) -> Vector:
        """Return the product of the Gauss-Newton matrix with a vector, shape (n,)."""
        leaves = self._leaves()

        def product(along: Any, inputs: Any, targets: Any) -> list[Any]:
            outputs = self._outputs(inputs)
            if not isinstance(outputs, self._torch.Tensor):
                raise InvalidInputError(
                    "the Gauss-Newton matrix needs a model whose output is one tensor", type(outputs).__name__
                )
            # the derivative of J^T u by u, along the vector, is J times it
            weights = self._torch.zeros_like(outputs, requires_grad=True)
            pulled = self._slopes(outputs, leaves, weights, twice=True)
            pushed = self._slopes(self._dot(pulled, along), [weights])[0]
            point = outputs.detach().requires_grad_()
            slope = self._slopes(self._loss_of(point, targets), [point], twice=True)[0]
            curved = self._slopes((slope * pushed).sum(), [point])[0]
            return self._slopes(outputs, leaves, curved)

        return self._mean(product, vector)

    def _mean(self, product: Callable[[Any, Any, Any], list[Any]], vector: Vector) -> Vector:
        """Return the mean over the data of products of a batch's matrix with a vector."""
        total = np.zeros(self.size)
        with self._differentiating():
            along = self._split(vector)
            for share, (inputs, targets) in zip(self._shares, self._batches, strict=True):
                total += share * self._flat(product(along, inputs, targets))
        return total

    @contextmanager
    def _differentiating(self) -> Iterator[None]:
        """Differentiate twice, also within `no_grad` and with attention, whose fused kernels do so once."""
        with ExitStack() as stack:
            stack.enter_context(self._torch.inference_mode(False))
            stack.enter_context(self._torch.enable_grad())
            try:
                from torch.nn.attention import SDPBackend, sdpa_kernel
            except ImportError:  # of versions before
                pass
            else:
                stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            yield

    def _first_loss(self, inputs: Any, targets: Any) -> Any:
        """Return the loss of a batch, or say why it cannot be differentiated."""
        try:
            loss = self._loss_of(self._outputs(inputs), targets)
        except (RuntimeError, TypeError) as error:
            raise InvalidInputError(
                "the model or the loss cannot be evaluated in double precision",
                str(error).splitlines()[0],
                fix="let numbers follow the precision of the parameters: no fixed float32 within the model",
            ) from error
        if not loss.requires_grad:
            raise InvalidInputError(
                "the loss does not depend on the parameters",
                "its gradient is cut off",
                fix="do not detach outputs, nor leave gradients out within the model or the loss",
            )
        return loss

    def _outputs(self, inputs: Any) -> Any:
        # buffers that a forward pass changes, such as running means, are those of a copy
        buffers = {name: buffer.clone() for name, buffer in self._buffers.items()}
        given = {**self._parameters, **self._fixed, **buffers}
        return self._torch.func.functional_call(self._module, given, (inputs,))

    def _loss_of(self, outputs: Any, targets: Any) -> Any:
        loss = self._loss(outputs, targets)
        if getattr(loss, "ndim", None) != 0:
            shape = getattr(loss, "shape", type(loss).__name__)
            raise InvalidInputError("the loss must be a scalar tensor", f"{shape}", fix="return the mean")
        return loss

    def _slopes(self, value: Any, leaves: Any, weights: Any = None, *, twice: bool = False) -> list[Any]:
        if not value.requires_grad:  # does not depend on any
            return [self._torch.zeros_like(leaf) for leaf in leaves]
        slopes = self._torch.autograd.grad(
            value, leaves, weights, create_graph=twice, retain_graph=True, allow_unused=True
        )
        return [self._torch.zeros_like(x) if g is None else g for x, g in zip(leaves, slopes, strict=True)]

    def _leaves(self) -> list[Any]:
        return list(self._parameters.values())

    def _dot(self, parts: Any, others: Any) -> Any:
        return sum((a * b).sum() for a, b in zip(parts, others, strict=True))

    def _flat(self, parts: Any) -> Vector:
        return np.concatenate([part.detach().cpu().numpy().ravel() for part in parts])

    def _split(self, vector: Vector) -> list[Any]:
        whole, first, parts = self._torch.as_tensor(vector, device=self._device), 0, []
        for parameter in self._parameters.values():
            parts.append(whole[first : first + parameter.numel()].reshape(parameter.shape))
            first += parameter.numel()
        return parts

    def _double(self, value: Any) -> Any:
        """Return a copy on the device of the model, numbers in double precision."""
        copied = self._torch.as_tensor(value).detach().clone().to(self._device)
        return copied.double() if copied.is_floating_point() else copied
