"""`ReluNetwork`: the weights of a fully connected ReLU network with one output, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector, check_floats
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.networks.foreign_weights import layers_of, layers_of_kernels


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False)
class ReluNetwork:
    """A fully connected network with ReLU between its layers and one linear output.

    Parameters
    ----------
    weights : tuple of array_like, shapes (d_1, d_0), ..., (1, d_L)
        Weights of every layer, as `torch.nn.Linear` stores them; the last may be a vector of length d_L.
    biases : tuple of array_like or None, shapes (d_1,), ..., (1,), optional
        Biases of every layer; None for a layer without. By default no layer has biases.

    Raises
    ------
    InvalidInputError
        If the sizes of the layers do not match, there are several outputs, or a number is not finite.

    Examples
    --------
    >>> import lowland as ll
    >>> hat = ll.networks.ReluNetwork(([[1.0], [1.0]], [1.0, -2.0]), ([0.0, -1.0], None))
    >>> hat([[0.0], [1.0], [1.5]])
    array([0. , 1. , 0.5])
    """

    weights: tuple[Matrix, ...]
    biases: tuple[Vector | None, ...] = ()

    def __post_init__(self) -> None:
        weights = [
            check_floats(w, f"weights of layer {k}", dtype="float64") for k, w in enumerate(self.weights)
        ]
        if len(weights) < 2:
            raise InvalidInputError("a network needs a hidden layer and an output", f"{len(weights)} layers")
        if weights[-1].ndim == 1:
            weights[-1] = weights[-1][None]
        given = tuple(self.biases) if len(self.biases) else (None,) * len(weights)
        if len(given) != len(weights):
            raise InvalidInputError(
                "there must be one entry of biases per layer", f"{len(given)} for {len(weights)} layers"
            )
        biases = [
            None if b is None else np.atleast_1d(check_floats(b, "biases", dtype="float64")) for b in given
        ]
        object.__setattr__(self, "weights", tuple(weights))
        object.__setattr__(self, "biases", tuple(biases))
        self._check_sizes()

    def _check_sizes(self) -> None:
        width = None
        for k, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            if w.ndim != 2 or 0 in w.shape or (width is not None and w.shape[1] != width):
                raise InvalidInputError(
                    f"weights of layer {k} have the wrong shape",
                    f"{w.shape} after a layer of {width}",
                    fix="pass a matrix (outputs, inputs) for every layer",
                )
            if b is not None and b.shape != (w.shape[0],):
                raise InvalidInputError(
                    f"biases of layer {k} have the wrong shape", f"{b.shape} for {w.shape[0]} neurons"
                )
            width = w.shape[0]
        if width != 1:
            raise InvalidInputError("a network must have one output", f"{width} outputs")

    @classmethod
    def from_torch(cls, module: Any) -> ReluNetwork:
        """Read a `torch.nn.Sequential` of `Linear` and `ReLU`, or its `state_dict()`; torch is not needed.

        Parameters
        ----------
        module : torch.nn.Sequential or mapping
            Linear, ReLU, Linear, ..., Linear. A state dictionary does not say what lies between its layers:
            ReLU is taken for granted.

        Returns
        -------
        ReluNetwork
            In double precision, whatever the precision of the module.

        Raises
        ------
        InvalidInputError
            If the module has any other layer (a convolution, a normalisation), or several outputs.
        """
        return cls(*layers_of(module))

    @classmethod
    def from_kernels(cls, parameters: Any) -> ReluNetwork:
        """Read kernels of shape (inputs, outputs), as Keras and Flax hold them; neither is needed.

        Parameters
        ----------
        parameters : sequence of array_like, or mapping
            ``model.get_weights()`` of a Keras model of Dense layers; or the ``params`` of a Flax module of
            Dense layers, in the one order in which they fit each other (names do not say it). ReLU between
            the layers is taken for granted.

        Returns
        -------
        ReluNetwork

        Raises
        ------
        InvalidInputError
            If they are not those of fully connected layers in a chain, or there are several outputs.

        Examples
        --------
        >>> import lowland as ll
        >>> flax = {"Dense_0": {"kernel": [[1.0, 1.0]], "bias": [0.0, -1.0]}}
        >>> flax["Dense_1"] = {"kernel": [[1.0], [-2.0]]}
        >>> ll.networks.ReluNetwork.from_kernels(flax)([[0.0], [1.0], [1.5]])
        array([0. , 1. , 0.5])
        """
        return cls(*layers_of_kernels(parameters))

    @property
    def n_inputs(self) -> int:
        """Number d_0 of inputs."""
        return int(self.weights[0].shape[1])

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of neurons of the hidden layers."""
        return tuple(int(w.shape[0]) for w in self.weights[:-1])

    def __call__(self, inputs: ArrayLike) -> Vector:
        """Return the outputs for inputs (n, d_0), shape (n,)."""
        return self.layers(check_inputs(inputs, self.n_inputs))[-1][:, 0]

    def layers(self, inputs: Matrix) -> list[Matrix]:
        """Return the pre-activations of every layer, shapes (n, d_l), the output last."""
        return pre_activations(self.weights, self.biases, inputs)

    def univariate(self) -> tuple[Vector, Vector, Vector, float]:
        """Return w, b, v, c of f(x) = sum v_k relu(w_k x + b_k) + c.

        Raises
        ------
        InvalidInputError
            If the network has more than one input or more than one hidden layer.
        """
        if self.n_inputs != 1 or len(self.weights) != 2:
            raise InvalidInputError(
                "the network must have one input and one hidden layer",
                f"{self.n_inputs} inputs, {len(self.widths)} hidden layers",
            )
        (inner, outer), (b, c) = self.weights, self.biases
        bias = np.zeros(len(inner)) if b is None else b
        return inner[:, 0], bias, outer[0], 0.0 if c is None else float(c[0])


def pre_activations(
    weights: Sequence[Matrix], biases: Sequence[Vector | None], inputs: Matrix
) -> list[Matrix]:
    """Return what the neurons of every layer read, weighted, before their ReLU; the outputs last."""
    readings, hidden = [], inputs
    for w, b in zip(weights, biases, strict=True):
        readings.append(hidden @ w.T if b is None else hidden @ w.T + b)
        hidden = np.maximum(readings[-1], 0)
    return readings


def check_inputs(inputs: ArrayLike, dimension: int | None = None) -> Matrix:
    """Return inputs as a matrix (n, d); a vector is read as n inputs of one number.

    Raises
    ------
    InvalidInputError
        If they are not finite numbers, or of another dimension.
    """
    given = np.asarray(inputs)
    if given.dtype.kind in "iu" and given.size and max(abs(int(given.min())), int(given.max())) > 2**53:
        raise InvalidInputError(
            "inputs are whole numbers too large to be distinct as floats",
            str(given.max()),
            fix="subtract a constant from the inputs",
        )
    points = check_floats(inputs, "inputs", dtype="float64")
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2 or 0 in points.shape:
        raise InvalidInputError("inputs must be a matrix with one point per row", f"shape {points.shape}")
    if dimension is not None and points.shape[1] != dimension:
        raise InvalidInputError(
            "inputs do not match the network",
            f"{points.shape[1]} numbers per point for {dimension} inputs",
            fix="leave out the column of targets (--target names it), or pass the points of this network",
        )
    return points


def check_targets(targets: ArrayLike, n: int) -> Vector:
    """Return targets of n inputs as a vector."""
    values = check_floats(targets, "targets", dtype="float64")
    if values.shape not in ((n,), (n, 1)):
        raise InvalidInputError(
            "targets must be one number per input", f"shape {values.shape} for {n} inputs"
        )
    return values.reshape(n)


def two_layer(inner: Matrix, bias: Vector | None, outer: Vector, offset: float | None = None) -> ReluNetwork:
    """Return the network f(x) = outer . relu(inner x + bias) + offset."""
    return ReluNetwork((inner, outer), (bias, None if offset is None else np.array([offset])))
