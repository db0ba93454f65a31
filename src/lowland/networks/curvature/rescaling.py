"""How flat a network's loss can be made by rescaling its neurons, at any depth: a bracket by convex duality.

A ReLU neuron whose input weights and bias are multiplied by a > 0, and whose output weights are divided by a,
computes the same. Derivatives by a weight then change by the ratio of its two neurons' factors, so that the
kernel of all derivatives is K(x) = sum over weights e of exp(2 (x_j - x_i)) g_e g_e^T, with x the logarithms
of the factors and g_e the derivatives of the outputs by weight e, which leads from neuron j to neuron i. Each
term is convex in x in the order of semidefinite matrices, and so is the largest eigenvalue.

Upper end: the largest eigenvalue at the x found, which is where a smooth maximum of the eigenvalues is least.
Lower end: for any P of trace one the largest eigenvalue is at least tr(P K(x)), a sum of c_e exp(2 (x_j -
x_i)); by the weighted inequality of means it is at least the product of (c_e / p_e)^p_e for every x, where p
are shares that flow through the network: as much into each neuron as out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from lowland.core.arrays import Matrix, Vector
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.memory import check_fits
from lowland.core.parameter_checks import check_positive, whole_number
from lowland.core.results.shown import Shown
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruption
from lowland.kernels.blas_threads import one_blas_thread
from lowland.networks.curvature.rescaled_kernel import ReluLayers, RescaledKernel
from lowland.networks.curvature.rescaling_search import RescalingSearch
from lowland.networks.curvature.sharpness import step_ends
from lowland.networks.foreign_weights import layers_of
from lowland.networks.network import ReluNetwork, check_inputs

# of the outputs: half the squared error, or the negative logarithm of the probability of the class
LOSSES = ("squared", "cross_entropy")


@public("lowland.networks")
@final
@dataclass(frozen=True, eq=False, repr=False)
class FlattestRescaling(Shown):
    """Bounds on the smallest sharpness over all rescalings of a network's neurons, from below and above.

    Parameters
    ----------
    lower, upper : float
        No rescaling is flatter than the lower end, but for rounding; `weights` and `biases` have the upper
        one. Of the Gauss-Newton part of the loss's Hessian, which is that of a linearised network.
    given : float
        That of the network as it was given.
    weights, biases : tuple of ndarray
        Of the flat network, layer by layer, as `torch.nn.Linear` stores them; it computes the same function.
    rounds : int
        Evaluations of all eigenvalues.
    stop_reason : StopReason
        Whether the tolerance was reached.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> net = ll.networks.ReluNetwork(([[100.0], [0.1]], [[0.01, 0.02], [1.0, 3.0]], [[0.1, 2.0]]))
    >>> found = ll.networks.flattest_rescaling(net, np.linspace(0, 1, 20))
    >>> found.given > 10 * found.upper, found.upper < 1.02 * found.lower
    (True, True)
    """

    lower: float
    upper: float
    given: float
    weights: tuple[Matrix, ...]
    biases: tuple[Vector | None, ...]
    rounds: int
    stop_reason: StopReason

    @property
    def network(self) -> ReluNetwork:
        """The flat network, if it has one output.

        Raises
        ------
        InvalidInputError
            If it has several.
        """
        return ReluNetwork(self.weights, self.biases)

    def largest_step(self) -> tuple[float, float]:
        """Return bounds on the largest step size that is stable at some rescaling: 2 over the sharpness.

        Where the loss has no slope by any output, for squares where the residuals are zero, the Gauss-Newton
        part is the Hessian: gradient descent of a step size beyond the upper end cannot stay at any rescaling
        of this network.
        """
        return step_ends(self.lower, self.upper)

    def _lines(self) -> list[str]:
        low, high = self.largest_step()
        stopped = [] if self.stop_reason is StopReason.CONVERGED else [f"stopped: {self.stop_reason.value}"]
        return [
            f"flattest rescaling: sharpness {self.lower:.6g} to {self.upper:.6g} (Gauss-Newton part), "
            f"{self.given:.6g} as given",
            f"gradient descent is stable up to a step of {low:.6g} to {high:.6g} there",
            *stopped,
        ]


@public("lowland.networks")
def flattest_rescaling(
    network: Any,
    inputs: ArrayLike,
    *,
    loss: str = "squared",
    tolerance: float = 0.01,
    max_rounds: int = 2000,
) -> FlattestRescaling:
    """Return how flat a ReLU network's loss can be made by rescaling its neurons, and by which rescaling.

    Sharpness changes with the scales of a network's neurons, though what it computes does not. The smallest
    value over all scales depends on the function and its activations alone.

    Parameters
    ----------
    network : ReluNetwork, torch.nn.Sequential or its state dictionary
        Fully connected with ReLU between layers, of any depth and number m of outputs.
    inputs : array_like, shape (n, d)
    loss : {"squared", "cross_entropy"}
        Half the mean over points of the squared error, or the mean cross-entropy of classes whose logits the
        outputs are (one output: the logistic loss). Targets do not matter to this part of the Hessian.
    tolerance : float
        Relative width of the bracket.
    max_rounds : int
        Largest number of evaluations.

    Returns
    -------
    FlattestRescaling

    Raises
    ------
    InvalidInputError
        If the network cannot be read, or derivatives overflow.
    TooLargeError
        If the kernel of all points and outputs does not fit.

    Notes
    -----
    An evaluation costs O(N^2 (d_0 + d_1 + ...) + N^3), N = n m. The problem is convex, so that the bracket
    closes. Scales are kept between exp(-12) and exp(12).

    References
    ----------
    The dual bound is that of geometric programs: S. Boyd, S.-J. Kim, L. Vandenberghe, A. Hassibi, A tutorial
    on geometric programming, Optim. Eng. 2007. For one hidden layer and one input: R. Mulayoff, T. Michaeli,
    D. Soudry, The implicit bias of minima stability, NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np, lowland as ll
    >>> net = ll.networks.ReluNetwork(([[10.0], [-10.0]], [0.1, 0.1]))  # |x|
    >>> found = ll.networks.flattest_rescaling(net, np.array([-1.0, 0.5, 1.0]))
    >>> round(found.given, 3), round(found.upper, 3), np.allclose(found.network([-2.0]), 2.0)
    (41.671, 0.833, True)
    """
    check_positive("tolerance", tolerance)
    whole_number(max_rounds, "max_rounds", 1)
    if loss not in LOSSES:
        raise InvalidInputError("loss is unknown", repr(loss), fix=f"use one of {', '.join(LOSSES)}")
    layers = _layers_of(network)
    points = check_inputs(inputs, layers.weights[0].shape[1])
    size = len(points) * len(layers.weights[-1])
    check_fits(4 * 8.0 * size**2, "the kernel of all points and outputs", "pass fewer inputs")
    with np.errstate(over="ignore", invalid="ignore"):
        parts = RescaledKernel(layers, points, _roots(layers.before(points)[-1], loss))
        start = np.zeros(sum(layers.widths))
        given = parts.kernel(start)
    if not np.all(np.isfinite(given)):
        raise InvalidInputError("the numbers are too large", "derivatives beyond floats", fix="rescale")
    search = RescalingSearch(parts, tolerance, int(max_rounds))
    with one_blas_thread(), Interruption() as interruption:
        reason = search.run(start, interruption)
    flat, upper = layers.rescaled(search.best), max(search.upper, 0.0)
    return FlattestRescaling(
        min(search.lower, upper), upper, search.given, flat.weights, flat.biases, search.rounds, reason
    )


def _layers_of(network: Any) -> ReluLayers:
    """Return the layers of a network, or raise InvalidInputError if they cannot be read or do not fit."""
    if isinstance(network, ReluNetwork):
        return ReluLayers(network.weights, network.biases)
    weights, biases = layers_of(network)
    # the last neurons are given an output: what is checked is that of a network of one
    last = np.ones((1, len(weights[-1])))
    closed = ReluNetwork((*weights, last), (*biases, None))
    return ReluLayers(closed.weights[:-1], closed.biases[:-1])


def _roots(outputs: Matrix, loss: str) -> Matrix:
    """Return R per point, shape (n, m, m), with R^T R the Hessian of the loss by the outputs."""
    n, m = outputs.shape
    if loss == "squared":
        return np.broadcast_to(np.eye(m), (n, m, m))
    # one output is the logit of the second of two classes
    logits = np.hstack([np.zeros((n, 1)), outputs]) if m == 1 else outputs
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    roots = np.sqrt(shares)[:, :, None] * (np.eye(shares.shape[1]) - shares[:, None, :])
    # of two classes one logit is free
    return np.asarray(np.sqrt(np.sum(roots[:, :, 1:] ** 2, axis=1))[:, None] if m == 1 else roots)
