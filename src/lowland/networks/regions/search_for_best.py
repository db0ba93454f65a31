"""The search for the best network of an activation region, or why it is not made."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Matrix, Vector, out_of_scale
from lowland.core.errors import MissingExtraError
from lowland.core.running.progress import OnProgress, Reporter
from lowland.networks.network import ReluNetwork
from lowland.networks.regions.activation import Activation
from lowland.networks.regions.patterns import augmented
from lowland.networks.regions.program import RegionOptimum, region_optimum, with_inner_minimum

# beyond this size (data points times neurons) the best loss is left open, because it would take minutes
MOST_PAIRS = 60_000


def try_optimum(
    net: ReluNetwork,
    points: Matrix,
    values: Vector,
    region: Activation,
    rank: int,
    on_progress: OnProgress | None,
) -> tuple[RegionOptimum | None, str]:
    """Return the best network of the region, or why it is not known."""
    if out_of_scale(points) or out_of_scale(values) or out_of_scale(net.weights[1]):
        return None, "The best loss of the region was not computed: the data are out of scale."
    try:
        optimum = _optimum(net, points, values, region, on_progress)
    except MissingExtraError as error:
        return None, f"The best loss of the region was not computed: {error.found}; {error.fix}."
    if optimum is None:
        large = "the network lies on a boundary" if region.on_boundary else "the region is too large"
        return None, f"The best loss of the region was not computed: {large}."
    # the network itself lies in the region: a solver that ends above it has failed
    network_loss = 0.5 * float(np.mean((net(points) - values) ** 2))
    if network_loss < optimum.loss * (1 - 1e-6) and not optimum.is_zero:
        return None, "The best loss of the region was not found: the solver ended above the network's own."
    return with_inner_minimum(optimum, rank), ""


def _optimum(
    net: ReluNetwork,
    points: Matrix,
    values: Vector,
    region: Activation,
    on_progress: OnProgress | None,
) -> RegionOptimum | None:
    if region.patterns[0].size > MOST_PAIRS or region.on_boundary:
        return None
    offset = net.biases[1]
    return region_optimum(
        augmented(points, net.biases[0] is not None),
        values,
        net.weights[1][0],
        region.patterns[0],
        offset=0.0 if offset is None else float(offset[0]),
        on_step=Reporter(on_progress, what="steps to the best loss of the region"),
    )
