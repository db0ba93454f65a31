"""`lowland regions --sharpness`: how curved the loss is at a network, and at its flattest rescaling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from lowland.core.arrays import Matrix, Vector
from lowland.networks.curvature.page import sharpness_notes, sharpness_table
from lowland.networks.curvature.rescaling import FlattestRescaling, flattest_rescaling
from lowland.networks.curvature.sharpness import SharpnessEstimate, sharpness
from lowland.networks.network import ReluNetwork
from lowland.report.page import TableEntry


@final
@dataclass(frozen=True)
class NetworkSharpness:
    """Half the mean squared error by all weights and biases: its curvature here, and over rescalings.

    Parameters
    ----------
    found : SharpnessEstimate or None
        None without targets, on which the Hessian depends.
    flat : FlattestRescaling
    """

    found: SharpnessEstimate | None
    flat: FlattestRescaling

    @classmethod
    def of(cls, network: ReluNetwork, inputs: Matrix, targets: Vector | None, seed: int) -> NetworkSharpness:
        """Measure both."""
        found = None if targets is None else sharpness(network, (inputs, targets), "squared", rng=seed)
        return cls(found, flattest_rescaling(network, inputs))

    def lines(self) -> list[str]:
        """Return what is printed."""
        return [str(one) for one in (self.found, self.flat) if one is not None]

    def notes(self) -> list[str]:
        """Return what limits the numbers, in sentences for the page."""
        return sharpness_notes(self.found, self.flat)

    def table(self) -> TableEntry:
        """Return the table of the page."""
        return sharpness_table(self.found, self.flat)

    def as_data(self) -> dict[str, Any]:
        """Return the same for JSON; null is infinite."""
        found, flat = self.found, self.flat
        here = None
        if found is not None:
            here = {
                "lower": found.lower,
                "upper": found.upper,
                "failure_probability": found.failure_probability,
                "smallest": list(found.smallest),
                "largest_step": _finite(found.largest_step()),
                "loss": found.loss,
                "gradient_norm": found.gradient_norm,
                "parameters": found.direction.size,
                "products": found.products,
                "stop_reason": found.stop_reason.value,
            }
        rescaled = {
            "given": flat.given,
            "lower": flat.lower,
            "upper": flat.upper,
            "largest_step": _finite(flat.largest_step()),
            "rounds": flat.rounds,
            "stop_reason": flat.stop_reason.value,
        }
        return {"sharpness": here, "flattest_rescaling": rescaled}


def _finite(ends: tuple[float, float]) -> list[float | None]:
    return [end if np.isfinite(end) else None for end in ends]
