"""Sentences of a region's report about the network itself."""

from __future__ import annotations

from lowland.core.arrays import Indices

# a loss counts as the best of its region up to this share of it, and as zero up to this share of the data's
AT_BEST, UNFITTED = 1e-6, 1e-12
# data points that are listed
LISTED = 12
NOT_JUDGED = (
    "Whether this network is at a minimum is not judged: the best loss of a region is found only if the "
    "first of two layers is trained. Otherwise the rank decides: if it equals the number of data points, the "
    "loss has no slope only where it is zero."
)


def at_minimum(loss: float, best: float, unfitted: float, *, on_boundary: bool) -> str:
    """Return whether a network is at a minimum, given the best loss of its region.

    Parameters
    ----------
    loss, best : float
        Of the network, and of its region with the other layers as they are.
    unfitted : float
        Loss of predicting the mean.
    on_boundary : bool
        Whether a neuron is at its kink on a data point.
    """
    zero = UNFITTED * unfitted
    if loss - best > AT_BEST * loss + zero:
        return (
            "This network is not at a minimum: by its first layer alone, without leaving the region, the "
            f"loss can fall from {loss:.4g} to {best:.4g}."
        )
    if best <= zero:
        return "This network fits the data."
    if on_boundary:
        return "This network has the best loss of its region, at its boundary: training may go on beyond it."
    return (
        "This network is at a bad minimum, numerically: it does not fit the data, and no first layer of its "
        "region fits better."
    )


def listed(positions: Indices) -> str:
    """Return the first positions in words."""
    if not positions.size:
        return "none"
    more = f" and {positions.size - LISTED} more" if positions.size > LISTED else ""
    return ", ".join(str(k) for k in positions[:LISTED]) + more
