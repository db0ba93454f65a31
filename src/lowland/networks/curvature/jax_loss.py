"""The loss of a function of JAX and its parameters, in double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.errors import InvalidInputError, MissingExtraError
from lowland.networks.curvature.batches import shares_of


@final
class JaxLoss:
    """Mean loss over batches.

    Parameters
    ----------
    apply : callable
        Takes parameters and inputs, and returns outputs.
    parameters : pytree of arrays
    batches : list of pairs of arrays
    loss : callable
        Takes outputs and targets, and returns their mean loss.
    """

    def __init__(
        self,
        apply: Callable[..., Any],
        parameters: Any,
        batches: list[tuple[Any, Any]],
        loss: Callable[..., Any],
    ) -> None:
        try:
            import jax
        except ImportError as error:
            raise MissingExtraError(
                "JAX is not installed", "jax cannot be imported", fix="pip install jax"
            ) from error
        self._jax = jax
        with self._double():
            self._point, unravel = _point_of(jax, parameters)
            self._batches = [tuple(self._numbers(part) for part in pair) for pair in batches]
            self._shares = shares_of(batches)

            def outputs(flat: Any, inputs: Any) -> Any:
                return apply(unravel(flat), inputs)

            def value(flat: Any, inputs: Any, targets: Any) -> Any:
                return loss(outputs(flat, inputs), targets)

            def curved(flat: Any, along: Any, inputs: Any, targets: Any) -> Any:
                return jax.jvp(lambda x: jax.grad(value)(x, inputs, targets), (flat,), (along,))[1]

            def linearised(flat: Any, along: Any, inputs: Any, targets: Any) -> Any:
                out, pushed = jax.jvp(lambda x: outputs(x, inputs), (flat,), (along,))
                bent = jax.jvp(jax.grad(lambda z: loss(z, targets)), (out,), (pushed,))[1]
                return jax.vjp(lambda x: outputs(x, inputs), flat)[1](bent)[0]

            shape = jax.eval_shape(value, self._point, *self._batches[0])
            if getattr(shape, "shape", None) != ():
                raise InvalidInputError("the loss must be a scalar", f"{shape}", fix="return the mean")
            self._slope, self._hessian, self._linearised = (
                jax.jit(function) for function in (jax.value_and_grad(value), curved, linearised)
            )

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(self._point.size)

    def gradient(self) -> tuple[float, Vector]:
        """Return the loss and its gradient, shape (n,)."""
        with self._double():
            slopes = [self._slope(self._point, *pair) for pair in self._batches]
            pairs = list(zip(self._shares, slopes, strict=True))
            value = sum(share * float(loss) for share, (loss, _) in pairs)
            return value, np.asarray(sum(share * np.asarray(slope) for share, (_, slope) in pairs))

    def hessian_product(self, vector: Vector) -> Vector:
        """Return the product of the Hessian with a vector, shape (n,)."""
        return self._mean(self._hessian, vector)

    def gauss_newton_product(self, vector: Vector) -> Vector:
        """Return the product of the Gauss-Newton matrix with a vector, shape (n,)."""
        return self._mean(self._linearised, vector)

    def _mean(self, product: Callable[..., Any], vector: Vector) -> Vector:
        with self._double():
            along = self._jax.numpy.asarray(vector)
            parts = [product(self._point, along, *pair) for pair in self._batches]
            shared = zip(self._shares, parts, strict=True)
            return np.asarray(sum(share * np.asarray(part) for share, part in shared))

    def _numbers(self, part: Any) -> Any:
        array = np.asarray(part)
        return self._jax.numpy.asarray(array.astype(np.float64) if array.dtype.kind == "f" else array)

    def _double(self) -> Any:
        """Return a context in which JAX computes in double precision, whatever it is set to."""
        switch = getattr(self._jax, "enable_x64", None)
        if switch is not None:
            return switch(True)
        from jax.experimental import enable_x64  # of versions before

        return enable_x64()


def _point_of(jax: Any, parameters: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the floating-point numbers of a pytree as a vector, and what makes the pytree of such a vector.

    What is no floating-point array is a constant: whole numbers, masks, keys.
    """
    from jax.flatten_util import ravel_pytree

    leaves, tree = jax.tree_util.tree_flatten(parameters)
    free = [k for k, leaf in enumerate(leaves) if _is_inexact(jax, leaf)]
    if any(np.iscomplexobj(leaves[k]) for k in free):
        raise InvalidInputError("the model has complex parameters", "they are not supported")
    point, unravel_free = ravel_pytree([jax.numpy.asarray(leaves[k], float) for k in free])
    if not point.size:
        raise InvalidInputError("the model has no parameter to differentiate by", "no floating-point array")

    def unravel(flat: Any) -> Any:
        placed = list(leaves)
        for k, leaf in zip(free, unravel_free(flat), strict=True):
            placed[k] = leaf
        return jax.tree_util.tree_unflatten(tree, placed)

    return point, unravel


def _is_inexact(jax: Any, leaf: Any) -> bool:
    """Return whether a leaf is an array of floating-point numbers, or such a number."""
    dtype = getattr(leaf, "dtype", None)
    return (
        isinstance(leaf, float | complex) if dtype is None else jax.numpy.issubdtype(dtype, jax.numpy.inexact)
    )
