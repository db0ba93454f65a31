"""Steppers and starts of Tucker and CP decompositions."""

from lowland.tensors.search.cp_alternating import CPAlternating
from lowland.tensors.search.filled_iteration import FilledIteration
from lowland.tensors.search.high_order_escape import HighOrderEscape
from lowland.tensors.search.orthogonal_iteration import OrthogonalIteration
from lowland.tensors.search.starts import mode_spectrum, random_start, sequential_start

__all__ = [
    "CPAlternating",
    "FilledIteration",
    "HighOrderEscape",
    "OrthogonalIteration",
    "mode_spectrum",
    "random_start",
    "sequential_start",
]
