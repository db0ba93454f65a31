"""Pointwise losses and the penalties on factors."""

from lowland.losses.balancing import Balancing
from lowland.losses.ridge import Ridge
from lowland.losses.squared import Squared

__all__ = ["Balancing", "Ridge", "Squared"]
