"""The squared loss of a ReLU network, with exact derivatives wherever it is differentiable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.networks.network import check_inputs, check_targets
from lowland.networks.regions.model import Layer, Relu
from lowland.networks.regions.program import Regions


@public("lowland.networks")
@final
class ReluObjective:
    """L(theta) = 1/(2 n) sum over i of (f(x_i) - y_i)^2 for the networks of a model.

    Derivatives are those of the linear pieces: exact where no neuron is at its kink on a data point,
    and at a kink those of the side on which the neuron is inactive. `kinks` counts such pairs.

    Parameters
    ----------
    inputs : array_like, shape (n, d)
    targets : array_like, shape (n,)
    model : Relu
        Stacks of points (..., size) are evaluated together by `values` and `gradients`.

    Attributes
    ----------
    regions : Regions or None
        Best points of activation regions, if only the first of two layers is trained.

    Raises
    ------
    InvalidInputError
        If inputs do not match the network, or targets the inputs.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> from lowland.networks import Relu, ReluObjective
    >>> network = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]), ([0.0, 0.0], None))
    >>> F = ReluObjective([-2.0, -1.0, 1.0, 2.0], [2.0, 1.0, 1.0, 3.0], Relu(network, "first"))
    >>> theta = F.model.point(network)  # computes the absolute value
    >>> F.value(theta), F.gradient(theta).tolist(), F.kinks(theta)
    (0.125, [-0.5, 0.0, -0.25, 0.0], 0)
    """

    def __init__(self, inputs: Matrix, targets: Vector, model: Relu) -> None:
        self.inputs: Matrix = check_inputs(inputs, model.network.n_inputs)
        self.targets: Vector = check_targets(targets, len(self.inputs))
        self.model = model
        self.regions: Regions | None = self._regions()

    @property
    def size(self) -> int:
        """Length of a point."""
        return self.model.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of points: double."""
        return np.dtype(np.float64)

    def value(self, theta: Vector) -> float:
        """Return the loss."""
        return float(self.values(theta))

    def gradient(self, theta: Vector) -> Vector:
        """Return the gradient."""
        return self.gradients(theta)[1]

    def value_and_gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return value and gradient, for the cost of the gradient."""
        value, gradient = self.gradients(theta)
        return float(value), gradient

    def hessian_product(self, theta: Vector, direction: Vector) -> Vector:
        """Return the Hessian of the linear piece times a direction."""
        return self.linearise(theta).hessian_product(direction)

    def linearise(self, theta: Vector) -> ReluLinearisation:
        """Return the objective linearised at a point."""
        return ReluLinearisation(self, theta)

    def values(self, thetas: Vector) -> Matrix:
        """Return the losses of a stack of points, shape (...)."""
        misfit = _forward(self.model.unpack(thetas), self.inputs)[0][-1][..., 0] - self.targets
        return np.asarray(0.5 * np.mean(misfit**2, axis=-1))

    def gradients(self, thetas: Vector) -> tuple[Matrix, Matrix]:
        """Return losses and gradients of a stack of points, shapes (...) and (..., size)."""
        layers = self.model.unpack(thetas)
        before, hidden = _forward(layers, self.inputs)
        misfit = before[-1][..., 0] - self.targets
        return 0.5 * np.mean(misfit**2, axis=-1), self._pull(
            layers, before, hidden, misfit / self.targets.size
        )

    def jacobian(self, theta: Vector) -> Matrix:
        """Return the derivative of the outputs, shape (n, size)."""
        here = self.linearise(theta)
        return np.stack([here.jacobian_transpose(row) for row in np.eye(self.targets.size)])

    def kinks(self, theta: Vector) -> int:
        """Return the number of pairs of neuron and data point with the neuron exactly at its kink."""
        before, _ = _forward(self.model.unpack(theta), self.inputs)
        return int(sum(np.count_nonzero(z == 0) for z in before[:-1]))

    def _regions(self) -> Regions | None:
        """Return the regions if outputs are linear in the point within each, None otherwise."""
        network = self.model.network
        if self.model.trained != "first" or len(network.weights) != 2:
            return None
        bias, offset = network.biases[0] is not None, network.biases[1]
        ones = np.ones((len(self.inputs), int(bias)))
        return Regions(
            np.hstack([self.inputs, ones]),
            self.targets,
            network.weights[1][0],
            0.0 if offset is None else float(offset[0]),
            bias,
        )

    def _pull(
        self, layers: list[Layer], before: list[Matrix], hidden: list[Matrix], weights: Matrix
    ) -> Vector:
        """Return the adjoint of the Jacobian times weights of the outputs, shape (..., size)."""
        deltas = _backward(layers, before, weights[..., None])
        return self.model.pack(
            [
                (_outer(delta, h), None if b is None else delta.sum(axis=-2))
                for delta, h, (_, b) in zip(deltas, hidden, layers, strict=True)
            ][: self.model.count]
        )


@final
@dataclass(eq=False)
class ReluLinearisation:
    """A `ReluObjective` at one point."""

    objective: ReluObjective
    theta: Vector

    def __post_init__(self) -> None:
        problem = self.objective
        self.layers: list[Layer] = problem.model.unpack(self.theta)
        before, hidden = _forward(self.layers, problem.inputs)
        self.before: list[Matrix] = before
        self.hidden: list[Matrix] = hidden
        self.residual: Vector = self.before[-1][:, 0] - problem.targets
        self.value: float = float(0.5 * np.mean(self.residual**2))
        self.gradient: Vector = self.jacobian_transpose(self.residual / problem.targets.size)

    def jacobian_product(self, direction: Vector) -> Vector:
        """Return the derivative of the outputs along a direction, shape (n,)."""
        return self._along(direction)[0][-1][:, 0]

    def jacobian_transpose(self, weights: Vector) -> Vector:
        """Return the adjoint of `jacobian_product`, shape (size,)."""
        return self.objective._pull(self.layers, self.before, self.hidden, weights)

    def gauss_newton_product(self, direction: Vector) -> Vector:
        """Return J^T J / n times a direction."""
        return self.jacobian_transpose(self.jacobian_product(direction) / self.residual.size)

    def hessian_product(self, direction: Vector) -> Vector:
        """Return the exact Hessian of the piece times a direction."""
        model, n = self.objective.model, self.residual.size
        moved, hidden = self._along(direction)
        changes = self._changes(direction)
        delta, change = (self.residual / n)[:, None], moved[-1] / n
        parts: list[Layer] = []
        for k in reversed(range(len(self.layers))):
            w, b = self.layers[k]
            if k < model.count:
                grown = _outer(change, self.hidden[k]) + _outer(delta, hidden[k])
                parts.append((grown, None if b is None else change.sum(axis=0)))
            if k:
                on = self.before[k - 1] > 0
                change = (change @ w + delta @ changes[k][0]) * on
                delta = (delta @ w) * on
        return model.pack(parts[::-1])

    def _changes(self, direction: Vector) -> list[Layer]:
        """Return a direction layer by layer, zero where a layer is not trained."""
        trained = self.objective.model.unpack(direction)
        fixed = self.layers[self.objective.model.count :]
        zeros: list[Layer] = [(np.zeros_like(w), None if b is None else np.zeros_like(b)) for w, b in fixed]
        return trained[: self.objective.model.count] + zeros

    def _along(self, direction: Vector) -> tuple[list[Matrix], list[Matrix]]:
        """Return derivatives of pre-activations and inputs of layers along a direction."""
        moved, hidden = [], [np.zeros_like(self.objective.inputs)]
        for k, ((w, _), (dw, db)) in enumerate(zip(self.layers, self._changes(direction), strict=True)):
            z = hidden[-1] @ w.T + self.hidden[k] @ dw.T
            moved.append(z if db is None else z + db)
            hidden.append(moved[-1] * (self.before[k] > 0))
        return moved, hidden[:-1]


def _forward(layers: list[Layer], inputs: Matrix) -> tuple[list[Matrix], list[Matrix]]:
    """Return the pre-activations and the inputs of layers."""
    before: list[Matrix] = []
    hidden = [inputs]
    for w, b in layers:
        z = hidden[-1] @ np.swapaxes(w, -1, -2)
        before.append(z if b is None else z + b[..., None, :])
        hidden.append(np.maximum(before[-1], 0))
    return before, hidden[:-1]


def _backward(layers: list[Layer], before: list[Matrix], last: Matrix) -> list[Matrix]:
    """Return the derivatives with respect to every layer's pre-activations, given that of the output."""
    deltas = [last]
    for k in reversed(range(1, len(layers))):
        deltas.append((deltas[-1] @ layers[k][0]) * (before[k - 1] > 0))
    return deltas[::-1]


def _outer(delta: Matrix, hidden: Matrix) -> Matrix:
    return np.swapaxes(delta, -1, -2) @ hidden


def least_possible(points: Matrix, values: Vector | None) -> float:
    """Return the smallest loss of any function: above zero if inputs repeat with different targets."""
    if values is None:
        return 0.0
    groups = np.unique(points, axis=0, return_inverse=True)[1].ravel()
    means = np.bincount(groups, values) / np.bincount(groups)
    low, high = np.full(means.size, np.inf), np.full(means.size, -np.inf)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    means = np.where(low == high, low, means)  # equal targets have no rounding
    return 0.5 * float(np.mean((values - means[groups]) ** 2))
