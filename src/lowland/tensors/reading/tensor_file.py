"""`TensorFile`: a tensor as a file or a table gives it, with the names of its modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.doors import public
from lowland.tensors.cells.observations import TensorObservations


@public("lowland.tensors")
@final
@dataclass(frozen=True, eq=False)
class TensorFile:
    """A tensor read from a file.

    Parameters
    ----------
    observations : TensorObservations
    names : tuple of str
        Names of the modes.
    coordinates : tuple of ndarray or None
        Coordinates along each mode, if the file holds them.

    Examples
    --------
    >>> import os, tempfile, numpy as np, lowland as ll
    >>> path = os.path.join(tempfile.mkdtemp(), "cube.npy")
    >>> np.save(path, np.arange(24.0).reshape(2, 3, 4))
    >>> cube = ll.tensors.read_tensor(path)
    >>> cube.observations.shape, cube.names
    ((2, 3, 4), ('mode 0', 'mode 1', 'mode 2'))
    """

    observations: TensorObservations
    names: tuple[str, ...]
    coordinates: tuple[NDArray[Any] | None, ...] = ()

    @property
    def labels(self) -> tuple[NDArray[Any], ...]:
        """The coordinates along each mode, or positions counted from zero where it has none."""
        shape = self.observations.shape
        axes = self.coordinates or (None,) * len(shape)
        return tuple(
            np.arange(size) if axis is None else axis for axis, size in zip(axes, shape, strict=True)
        )
