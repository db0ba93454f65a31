"""`sharpness`: the largest curvature of a loss at a network of any depth, and which step sizes are stable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice, check_positive, check_share, whole_number
from lowland.core.random import RandomSource, make_generator
from lowland.core.results.status import StopReason, Verdict
from lowland.networks.curvature.extreme_eigenvalues import spectrum_ends
from lowland.networks.curvature.losses import CurvedLoss, loss_of

# of the operator: the Hessian, or that of the linearised network
OPERATORS = ("hessian", "gauss_newton")
# largest relative difference of two gradients at the same point
SAME = 1e-9


def step_ends(lower: float, upper: float) -> tuple[float, float]:
    """Return ends of the largest stable step size, from ends of the sharpness; infinite if that is 0."""
    low, high = (2 / end if end > 0 else np.inf for end in (upper, lower))
    return low, high


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False)
class SharpnessEstimate:
    """Where the extreme eigenvalues of a loss's Hessian lie.

    Parameters
    ----------
    lower, upper : float
        Ends of the largest eigenvalue, the sharpness. The lower one is a Rayleigh quotient, and holds but for
        rounding; the upper one fails with `failure_probability`, over the choice of a random start.
    smallest : tuple of float
        Ends of the smallest eigenvalue: the upper one holds but for rounding, the lower one as `upper` does.
    failure_probability : float
    direction : ndarray, shape (n,)
        Of the lower end: along it the loss is so curved.
    loss, gradient_norm : float
    products : int
        Products with the Hessian.
    operator : {"hessian", "gauss_newton"}
    stop_reason : StopReason
        Whether the tolerance was reached.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> found = ll.networks.SharpnessEstimate(
    ...     lower=9.9, upper=10.0, smallest=(-0.2, -0.1), failure_probability=1e-6, direction=np.eye(3)[0],
    ...     loss=0.5, gradient_norm=0.1, products=8, operator="hessian", stop_reason=ll.StopReason.CONVERGED,
    ... )
    >>> found.largest_step()[0], found.stable_at(step_size=0.1).value, found.stable_at(step_size=0.3).value
    (0.2, 'supported', 'inconclusive')
    """

    lower: float
    upper: float
    smallest: tuple[float, float]
    failure_probability: float
    direction: Vector
    loss: float
    gradient_norm: float
    products: int
    operator: str
    stop_reason: StopReason

    def stable_at(self, step_size: float) -> Verdict:
        """Return whether gradient descent of a step size is linearly stable here, at a minimum.

        It is if no curvature exceeds 2 / step_size. Rounding of products with the Hessian is not bounded, so
        that nothing is refuted.

        Parameters
        ----------
        step_size : float

        Returns
        -------
        Verdict
            SUPPORTED if the upper end does not exceed it; else INCONCLUSIVE. Where the lower end exceeds it,
            descent is seen to leave.
        """
        check_positive("step_size", step_size)
        return Verdict.SUPPORTED if self.upper <= 2 / step_size else Verdict.INCONCLUSIVE

    def largest_step(self) -> tuple[float, float]:
        """Return bounds on the largest stable step size: 2 over the sharpness, infinite if that is 0."""
        return step_ends(self.lower, self.upper)

    def __str__(self) -> str:
        low, high = self.largest_step()
        ended = "" if self.stop_reason is StopReason.CONVERGED else f"\nstopped: {self.stop_reason.value}"
        kind = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton matrix"}[self.operator]
        return (
            f"sharpness {self.lower:.6g} to {self.upper:.6g} (the upper end fails with a chance of "
            f"{self.failure_probability:.2g})\n"
            f"smallest eigenvalue of the {kind} {self.smallest[0]:.4g} to {self.smallest[1]:.4g}\n"
            f"gradient descent is stable up to a step of {low:.6g} to {high:.6g}\n"
            f"loss {self.loss:.6g}, norm of the gradient {self.gradient_norm:.3g}, {self.direction.size:,} "
            f"parameters, {self.products} products{ended}"
        )


@public("lowland.networks")
def sharpness(
    model: Any,
    data: Any,
    loss: Callable[..., Any] | str,
    *,
    operator: str = "hessian",
    tolerance: float = 0.01,
    failure_probability: float = 1e-6,
    max_products: int = 300,
    rng: RandomSource = None,
) -> SharpnessEstimate:
    """Return where the largest eigenvalue of a loss's Hessian lies, at a network of any depth.

    Parameters
    ----------
    model : torch.nn.Module, pair (apply, parameters), or ReluNetwork
        A module of PyTorch in the mode that it is in; or, for JAX, a function of parameters and inputs, and
        the parameters. Copied and evaluated in double precision; it is not changed. A `ReluNetwork` needs
        neither.
    data : pair of arrays, or iterable of pairs
        Inputs and targets, or batches of them, such as a data loader's: read once and kept. Products go
        batch by batch, so that memory grows with the largest.
    loss : callable, or "squared"
        Takes outputs and targets, and returns their mean loss, differentiable twice; for a `ReluNetwork`
        "squared", half the mean of the squared errors. The loss of several
        batches is the mean of theirs, weighted by their lengths: with weights of classes or targets to ignore
        that is not quite the loss of all at once.
    operator : {"hessian", "gauss_newton"}
        Whether all of the Hessian, or the part that a linearised network has, which is positive semidefinite
        for a convex loss.
    tolerance : float
        Relative width of the bracket of the sharpness.
    failure_probability : float
    max_products : int
    rng : int, numpy.random.Generator or None

    Returns
    -------
    SharpnessEstimate

    Raises
    ------
    InvalidInputError
        If model or data are of no known kind, or the loss is no scalar or random: dropout in training mode.
    MissingExtraError
        If PyTorch or JAX is not installed.
    LowlandError
        If a gradient or a product is not finite.

    Notes
    -----
    A product costs four to five evaluations of the loss. Kinks: derivatives are those that automatic
    differentiation gives, which at a data point exactly on the kink of a ReLU are those of one side.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> net = ll.networks.ReluNetwork(([[1.0], [-1.0]], [1.0, 1.0]))
    >>> found = ll.networks.sharpness(net, (np.array([-2.0, 1.0]), np.array([2.0, 2.0])), "squared", rng=0)
    >>> found.lower <= 4.0 <= found.upper * (1 + 1e-9), found.loss, found.direction.size
    (True, 0.25, 4)
    >>> import jax.numpy as jnp  # doctest: +SKIP
    >>> def apply(weights, x):  # a network of three layers, for JAX
    ...     for a in weights[:-1]:
    ...         x = jnp.maximum(x @ a, 0)
    ...     return x @ weights[-1]
    >>> def loss(outputs, targets):
    ...     return jnp.mean((outputs - targets) ** 2) / 2
    >>> rng = np.random.default_rng(0)
    >>> weights = [rng.standard_normal(shape) / 3 for shape in ((5, 9), (9, 9), (9, 1))]
    >>> x = rng.standard_normal((40, 5))
    >>> found = ll.networks.sharpness((apply, weights), (x, x[:, :1]), loss, rng=0)  # doctest: +SKIP
    >>> found.stable_at(step_size=0.1)  # doctest: +SKIP
    <Verdict.SUPPORTED: 'supported'>
    """
    check_choice("operator", operator, OPERATORS)
    return measured(
        loss_of(model, data, loss),
        operator=operator,
        tolerance=tolerance,
        failure_probability=failure_probability,
        max_products=max_products,
        rng=rng,
    )


def measured(
    curved: CurvedLoss,
    *,
    operator: str = "hessian",
    tolerance: float = 0.01,
    failure_probability: float = 1e-6,
    max_products: int = 300,
    rng: RandomSource = None,
) -> SharpnessEstimate:
    """Return the extreme eigenvalues of a loss that offers products; parameters are those of `sharpness`."""
    check_share("failure_probability", failure_probability)
    check_positive("tolerance", tolerance)
    whole_number(max_products, "max_products", 1)
    value, slope = curved.gradient()
    again = curved.gradient()[1]
    size = float(np.linalg.norm(slope))
    if not (np.isfinite(value) and np.isfinite(size)):
        raise InvalidInputError("the loss or its gradient is not finite", f"loss {value}, gradient {size}")
    if float(np.linalg.norm(again - slope)) > SAME * size:
        raise InvalidInputError(
            "the loss is random: its gradient differs between two evaluations",
            f"by {np.linalg.norm(again - slope) / size:.2g} of it",
            fix="switch dropout and the like off: model.eval()",
        )
    ends = spectrum_ends(
        curved.hessian_product if operator == "hessian" else curved.gauss_newton_product,
        curved.size,
        tolerance=tolerance,
        failure_probability=failure_probability,
        max_products=max_products,
        rng=make_generator(rng),
    )
    return SharpnessEstimate(
        *ends.largest,
        ends.smallest,
        failure_probability,
        ends.vector,
        value,
        size,
        ends.products,
        operator,
        ends.stop_reason,
    )
