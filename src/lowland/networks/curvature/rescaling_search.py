"""Least largest eigenvalue of a rescaled kernel: smooth maxima above, flows through the network below."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.status import StopReason
from lowland.core.running.interrupt import Interruption
from lowland.core.running.stages import announce
from lowland.networks.curvature.rescaled_kernel import RescaledKernel

# widths of the smooth maximum, as shares of the largest eigenvalue, one after the other
SMOOTHING = (0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 3e-4, 1e-4)
# most steps with one width: the ends are looked at after each
STAGE, LAST_STAGES = 25, 12
# largest logarithm of a factor: neurons that hold no share are rescaled without end
FARTHEST = 12.0
# eigenvalues computed at first, and widths below the largest from which on they count for nothing
FEW, SEEN = 24, 36.0
# eigenvalues with smaller weights in the smooth maximum are left out of the lower end
NEGLIGIBLE = 1e-12


@final
class RescalingSearch:
    """Minimisation of smooth maxima of the eigenvalues, with both ends of what was found."""

    parts: RescaledKernel
    tolerance: float
    most: int
    rounds: int
    lower: float
    upper: float
    given: float

    def __init__(self, parts: RescaledKernel, tolerance: float, most: int) -> None:
        self.parts, self.tolerance, self.most = parts, tolerance, most
        self.lower, self.upper, self.given, self.rounds = 0.0, np.inf, 0.0, 0
        self.best: Vector = np.zeros(sum(parts.widths))

    def run(self, x: Vector, interruption: Interruption) -> StopReason:
        """Search from x; return why it ended."""
        from scipy.optimize import minimize

        self._eigen(x)
        self.given = self.upper
        for smoothing in (*SMOOTHING, *(SMOOTHING[-1],) * LAST_STAGES):
            width = smoothing * self.upper

            def smooth(at: Vector, width: float = width) -> tuple[float, Vector]:
                values, vectors = self._eigen(at, width)
                weights, total = _softmax(values, width)
                slope = 2 * self.parts.excess(at, (vectors * weights) @ vectors.T)
                return float(np.log(total)), slope / total  # whatever its unit

            def stop(_: Any) -> None:
                if interruption.requested or self.rounds >= self.most or self._is_closed():
                    raise StopIteration

            if self.upper > 0:
                minimum = minimize(
                    smooth,
                    x,
                    jac=True,
                    method="L-BFGS-B",
                    bounds=[(-FARTHEST, FARTHEST)] * x.size,
                    callback=stop,
                    options={"maxiter": STAGE, "gtol": 1e-4 * smoothing, "ftol": 1e-12},
                )
                x = minimum.x
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

    def _eigen(self, x: Vector, width: float = 0.0) -> tuple[Vector, Matrix]:
        """Return the eigenvalues that a smooth maximum of a width sees, ascending, and their vectors."""
        from scipy.linalg import eigh

        kernel, n = self.parts.kernel(x), self.parts.rows
        few = max(0, n - FEW)
        values, vectors = eigh(kernel, subset_by_index=(few, n - 1), check_finite=False)
        if few and values[0] > values[-1] - SEEN * width:
            values, vectors = eigh(kernel, check_finite=False)
        self.rounds += 1
        if values[-1] < self.upper:
            self.upper, self.best = float(values[-1]), np.array(x)
        return values, vectors

    def _raise_lower(self, x: Vector, width: float) -> None:
        values, vectors = self._eigen(x, width)
        weights = _softmax(values, max(width, float(np.finfo(float).tiny)))[0]
        kept = weights > NEGLIGIBLE
        whole = np.asarray(weights[kept] / weights[kept].sum())
        shares = self.parts.shares(x, whole, vectors[:, kept])
        self.lower = max(self.lower, least_flow(shares))


def _softmax(values: Vector, width: float) -> tuple[Vector, float]:
    """Return the weights of a smooth maximum, and the maximum."""
    raised = np.exp((values - values[-1]) / width)
    return raised / raised.sum(), float(values[-1] + width * np.log(raised.sum()))


def least_flow(shares: list[Matrix]) -> float:
    """Return a number that the sum of the shares is at least after every rescaling.

    Shares are turned into a flow: what enters a neuron leaves it, in the proportions of its weights. Neurons
    out of which, or into which, nothing flows can be rescaled until they count for nothing.
    """
    live = [share.copy() for share in shares]
    before = -1
    while (count := sum(int(np.count_nonzero(layer)) for layer in live)) != before:
        before = count
        for first, second in pairwise(live):
            d = len(first)
            dead = (second[:, :d].sum(axis=0) == 0) | (first.sum(axis=1) == 0)
            first[dead] = 0.0
            second[:, :d][:, dead] = 0.0
    flows = [live[0]]
    for layer in live[1:]:
        arrives = flows[-1].sum(axis=1)
        leaves = layer[:, : arrives.size].sum(axis=0)
        ratio = np.divide(arrives, leaves, out=np.zeros_like(leaves), where=leaves > 0)
        flows.append(layer * np.r_[ratio, np.ones(layer.shape[1] - arrives.size)])
    total = flows[-1].sum()  # all that flows ends in the output
    if not total > 0:
        return 0.0
    used = [flow > 0 for flow in flows]
    c = np.concatenate([layer[on] for layer, on in zip(live, used, strict=True)])
    # every path counts each of its weights: the sum of all flows is what the means are weighted by
    p = np.concatenate([flow[on] for flow, on in zip(flows, used, strict=True)])
    p = p / p.sum()
    return float(np.exp(p @ np.log(c / p)))
