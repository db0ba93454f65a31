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
from itertools import pairwise
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.errors import InvalidInputError
from lowland.core.interrupt import Interruption
from lowland.core.memory import check_fits
from lowland.core.parameter_checks import check_positive, whole_number
from lowland.core.shown import Shown
from lowland.core.stages import announce
from lowland.core.status import StopReason
from lowland.kernels.blas_threads import one_blas_thread
from lowland.networks.network import ReluNetwork, check_inputs

# widths of the smooth maximum, as shares of the largest eigenvalue, one after the other
SMOOTHING = (0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 3e-4, 1e-4)
# largest logarithm of a factor: neurons that hold no share are rescaled without end
FARTHEST = 12.0
# eigenvalues with smaller weights in the smooth maximum are left out of the lower end
NEGLIGIBLE = 1e-12


@final
@dataclass(frozen=True, eq=False, repr=False)
class FlattestRescaling(Shown):
    """Ends of the smallest sharpness over all rescalings of a network's neurons.

    Parameters
    ----------
    lower, upper : float
        No rescaling is flatter than the lower end, but for rounding; `network` has the upper one. Of the
        Gauss-Newton part of the Hessian of half the mean square of the residuals.
    given : float
        That of the network as it was given.
    network : ReluNetwork
        It computes the same function.
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
    network: ReluNetwork
    rounds: int
    stop_reason: StopReason

    def largest_step(self) -> tuple[float, float]:
        """Return ends of the largest step size that is stable at some rescaling, 2 over the sharpness.

        Where the residuals are zero the Gauss-Newton part is the Hessian: gradient descent of a step size
        beyond the upper end cannot stay at any rescaling of this network.
        """
        low, high = (2 / end if end > 0 else np.inf for end in (self.upper, self.lower))
        return low, high

    def _lines(self) -> list[str]:
        low, high = self.largest_step()
        stopped = [] if self.stop_reason is StopReason.CONVERGED else [f"stopped: {self.stop_reason.value}"]
        return [
            f"flattest rescaling: sharpness {self.lower:.6g} to {self.upper:.6g} (Gauss-Newton part), "
            f"{self.given:.6g} as given",
            f"gradient descent is stable up to a step of {low:.6g} to {high:.6g} there",
            *stopped,
        ]


def flattest_rescaling(
    network: Any, inputs: Any, *, tolerance: float = 0.01, max_rounds: int = 2000
) -> FlattestRescaling:
    """Return how flat a ReLU network's loss can be made by rescaling its neurons, and a rescaling so flat.

    Sharpness changes with the scales of a network's neurons, though what it computes does not. The smallest
    value over all scales depends on the function and its activations alone.

    Parameters
    ----------
    network : ReluNetwork, torch.nn.Sequential or its state dictionary
        Fully connected, of any depth.
    inputs : array_like, shape (n, d)
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
        If the n x n kernel does not fit.

    Notes
    -----
    An evaluation costs O(n^2 (d_0 + d_1 + ...) + n^3). The problem is convex, so that the bracket closes.
    Scales are kept between exp(-12) and exp(12).

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
    net = network if isinstance(network, ReluNetwork) else ReluNetwork.from_torch(network)
    points = check_inputs(inputs, net.n_inputs)
    check_fits(4 * 8.0 * len(points) ** 2, "the kernel of all points", "pass fewer inputs")
    with np.errstate(over="ignore", invalid="ignore"):
        parts = _Derivatives(net, points)
        start = np.zeros(sum(net.widths))
        given = parts.kernel(start)
    if not np.all(np.isfinite(given)):
        raise InvalidInputError("the numbers are too large", "derivatives beyond floats", fix="rescale")
    search = _Search(parts, tolerance, int(max_rounds))
    with one_blas_thread(), Interruption() as interruption:
        reason = search.run(start, interruption)
    flat = _rescaled(net, np.split(np.exp(search.best), np.cumsum(net.widths)[:-1]))
    upper = max(search.upper, 0.0)
    return FlattestRescaling(min(search.lower, upper), upper, search.given, flat, search.rounds, reason)


class _Derivatives:
    """What derivatives of the outputs by weights are made of, layer by layer."""

    def __init__(self, network: ReluNetwork, inputs: Matrix) -> None:
        before = network.layers(inputs)
        self.widths, self.n = network.widths, len(inputs)
        # shapes (n, d_l): what each layer reads, and the derivatives by its pre-activations
        self.read = [inputs, *(np.maximum(z, 0) for z in before[:-1])]
        self.slopes = [np.ones((self.n, 1))]
        for weights, z in zip(network.weights[:0:-1], before[-2::-1], strict=True):
            self.slopes.insert(0, (self.slopes[0] @ weights) * (z > 0))
        self.biased = [own is not None for own in network.biases]

    def layers(self, x: Vector) -> list[tuple[Matrix, Matrix]]:
        """Return for each layer what it reads (n, d) and its slopes (n, d'), rescaled; biases read ones."""
        logs = [
            np.zeros(self.read[0].shape[1]),
            *np.split(x, np.cumsum(self.widths)[:-1]),
            np.zeros(1),
        ]
        found = []
        for k, (read, slopes) in enumerate(zip(self.read, self.slopes, strict=True)):
            own = read * np.exp(logs[k])
            ones = np.ones((self.n, int(self.biased[k])))
            found.append((np.hstack([own, ones]), slopes * np.exp(-logs[k + 1])))
        return found

    def kernel(self, x: Vector) -> Matrix:
        """Return K / n, shape (n, n)."""
        total = sum((read @ read.T) * (slopes @ slopes.T) for read, slopes in self.layers(x))
        return np.asarray(total / self.n)

    def excess(self, x: Vector, P: Matrix) -> Vector:
        """Return half the derivative of tr(P K) / n by x: what leaves each neuron minus what enters it."""
        into, out = [], []
        for read, slopes in self.layers(x):
            out.append(np.einsum("nj,nj->j", read, (P * (slopes @ slopes.T)) @ read))
            into.append(np.einsum("nj,nj->j", slopes, (P * (read @ read.T)) @ slopes))
        flows = [o[: i.size] - i for o, i in zip(out[1:], into[:-1], strict=True)]
        return np.concatenate(flows) / self.n

    def shares(self, x: Vector, weights: Vector, vectors: Matrix) -> list[Matrix]:
        """Return tr(P g_e g_e^T) / n of every weight and bias, P = sum of weights times vectors."""
        found = []
        for read, slopes in self.layers(x):
            parts = ((slopes * u[:, None]).T @ read for u in vectors.T)
            total = sum(w * part * part for w, part in zip(weights, parts, strict=True))
            found.append(np.asarray(total / self.n))
        return found


class _Search:
    """Minimisation of smooth maxima of the eigenvalues, with both ends of what was found."""

    def __init__(self, parts: _Derivatives, tolerance: float, most: int) -> None:
        self.parts, self.tolerance, self.most = parts, tolerance, most
        self.lower, self.upper, self.given, self.rounds = 0.0, np.inf, 0.0, 0
        self.best: Vector = np.zeros(sum(parts.widths))

    def run(self, x: Vector, interruption: Interruption) -> StopReason:
        from scipy.optimize import minimize

        self._eigen(x)
        self.given = self.upper
        for smoothing in SMOOTHING:
            width = smoothing * self.upper

            def smooth(at: Vector, width: float = width) -> tuple[float, Vector]:
                values, vectors = self._eigen(at)
                weights, total = _softmax(values, width)
                slope = 2 * self.parts.excess(at, (vectors * weights) @ vectors.T)
                return total, slope

            def stop(_: Any) -> None:
                if interruption.requested or self.rounds >= self.most or self._is_closed():
                    raise StopIteration

            if self.upper > 0:
                found = minimize(
                    smooth,
                    x,
                    jac=True,
                    method="L-BFGS-B",
                    bounds=[(-FARTHEST, FARTHEST)] * x.size,
                    callback=stop,
                    options={"maxiter": 300, "gtol": 1e-4 * width, "ftol": 1e-12},
                )
                x = found.x
            self._raise_lower(x, width)
            announce(
                "rounds of rescaling", self.rounds, note=f"sharpness {self.lower:.5g} to {self.upper:.5g}"
            )
            if self._is_closed():
                return StopReason.CONVERGED
            if interruption.requested:
                return StopReason.INTERRUPTED
            if self.rounds >= self.most:
                return StopReason.ITERATION_LIMIT
        return StopReason.STALLED

    def _is_closed(self) -> bool:
        return self.upper - self.lower <= self.tolerance * self.upper

    def _eigen(self, x: Vector) -> tuple[Vector, Matrix]:
        values, vectors = np.linalg.eigh(self.parts.kernel(x))
        self.rounds += 1
        if values[-1] < self.upper:
            self.upper, self.best = float(values[-1]), np.array(x)
        return values, vectors

    def _raise_lower(self, x: Vector, width: float) -> None:
        values, vectors = self._eigen(x)
        weights = _softmax(values, max(width, float(np.finfo(float).tiny)))[0]
        kept = weights > NEGLIGIBLE
        whole = np.asarray(weights[kept] / weights[kept].sum())
        shares = self.parts.shares(x, whole, vectors[:, kept])
        self.lower = max(self.lower, _least_flow(shares))


def _softmax(values: Vector, width: float) -> tuple[Vector, float]:
    """Return the weights of a smooth maximum, and the maximum."""
    raised = np.exp((values - values[-1]) / width)
    return raised / raised.sum(), float(values[-1] + width * np.log(raised.sum()))


def _least_flow(shares: list[Matrix]) -> float:
    """Return a number that the sum of the shares is at least after every rescaling.

    Shares are turned into a flow: what enters a neuron leaves it, in the proportions of its weights. Neurons
    out of which, or into which, nothing flows can be rescaled until they count for nothing.
    """
    live = [own.copy() for own in shares]
    before = -1
    while (count := sum(int(np.count_nonzero(own)) for own in live)) != before:
        before = count
        for first, second in pairwise(live):
            d = len(first)
            dead = (second[:, :d].sum(axis=0) == 0) | (first.sum(axis=1) == 0)
            first[dead] = 0.0
            second[:, :d][:, dead] = 0.0
    flows = [live[0]]
    for own in live[1:]:
        arrives = flows[-1].sum(axis=1)
        leaves = own[:, : arrives.size].sum(axis=0)
        ratio = np.divide(arrives, leaves, out=np.zeros_like(leaves), where=leaves > 0)
        flows.append(own * np.r_[ratio, np.ones(own.shape[1] - arrives.size)])
    total = flows[-1].sum()  # all that flows ends in the output
    if not total > 0:
        return 0.0
    used = [flow > 0 for flow in flows]
    c = np.concatenate([own[on] for own, on in zip(live, used, strict=True)])
    # every path counts each of its weights: the sum of all flows is what the means are weighted by
    p = np.concatenate([flow[on] for flow, on in zip(flows, used, strict=True)])
    p = p / p.sum()
    return float(np.exp(p @ np.log(c / p)))


def _rescaled(network: ReluNetwork, factors: list[Vector]) -> ReluNetwork:
    weights, biases = [], []
    before: Vector = np.ones(network.n_inputs)
    for own, bias, factor in zip(network.weights, network.biases, [*factors, np.ones(1)], strict=True):
        weights.append(own * factor[:, None] / before)
        biases.append(None if bias is None else bias * factor)
        before = factor
    return ReluNetwork(tuple(weights), tuple(biases))
