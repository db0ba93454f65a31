"""Losses in words, with the numbers that say what they are."""

from __future__ import annotations

from lowland.core.promises.protocols import Loss
from lowland.losses.clipped import Clipped


def robust_name(loss: Loss) -> tuple[str, float] | None:
    """Return "huber" or "absolute" and the threshold of a loss that is symmetric and clipped, else None."""
    if not isinstance(loss, Clipped) or loss.lowest != -loss.highest:
        return None
    if loss.width == 1:
        return "huber", loss.highest
    return ("absolute", loss.width) if loss.highest == 1 else None


def in_words(loss: Loss) -> str:
    """Return a loss in words, such as "squared loss" or "huber loss (threshold 0.3)"."""
    named = robust_name(loss)
    if named is not None:
        return f"{named[0]} loss (threshold {named[1]:.4g})"
    if isinstance(loss, Clipped):
        return f"{loss.name} loss (slopes {loss.lowest:.4g} to {loss.highest:.4g} across {loss.width:.4g})"
    return f"{loss.name} loss"
