"""Linear maps from matrices to numbers, with their adjoints."""

from lowland.measure.dense import Dense, gaussian
from lowland.measure.entries import Entries
from lowland.measure.linear import Linear

__all__ = ["Dense", "Entries", "Linear", "gaussian"]
