"""Parametrisations of matrices: points, tangents, gauges and starts."""

from lowland.core.promises.protocols import Model
from lowland.models.general import General
from lowland.models.psd import Psd

__all__ = ["General", "Psd"]

# the type checker holds each of these to the protocol; a test, each exported class to this table
MODELS: tuple[type[Model], ...] = (General, Psd)
