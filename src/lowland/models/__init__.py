"""Parameters of matrices: points, tangents, gauges and starts."""

from lowland.models.general import General
from lowland.models.psd import Psd

__all__ = ["General", "Psd"]
