"""Pointwise losses and the penalties on factors."""

from lowland.core.promises.protocols import Loss, Penalty
from lowland.losses.balancing import Balancing
from lowland.losses.binomial import Binomial
from lowland.losses.clipped import Clipped
from lowland.losses.log_poisson import LogPoisson
from lowland.losses.mixed import Mixed
from lowland.losses.ordinal import Ordinal
from lowland.losses.poisson import Poisson
from lowland.losses.ridge import BiasRidge, Ridge
from lowland.losses.squared import Squared
from lowland.losses.words import in_words, robust_name

__all__ = [
    "LOSSES",
    "PENALTIES",
    "POINTWISE",
    "Balancing",
    "BiasRidge",
    "Binomial",
    "Clipped",
    "LogPoisson",
    "Mixed",
    "Ordinal",
    "Poisson",
    "Ridge",
    "Squared",
    "in_words",
    "robust_name",
]

# losses of measurements by the names that users pass
LOSSES = {loss.name: loss for loss in (Squared, Poisson, Binomial)}

# the type checker holds each of these to its protocol; a test, each exported class to one of the tables
POINTWISE: tuple[type[Loss], ...] = (Binomial, Clipped, LogPoisson, Mixed, Ordinal, Poisson, Squared)
PENALTIES: tuple[type[Penalty], ...] = (Balancing, BiasRidge, Ridge)
