"""Linear maps from matrices to numbers, with their adjoints."""

from lowland.core.promises.protocols import Measurement
from lowland.measure.dense import Dense, gaussian
from lowland.measure.entries import Entries
from lowland.measure.fourier import Fourier
from lowland.measure.linear import Linear
from lowland.measure.pauli import Pauli
from lowland.measure.rank_one import RankOne, blind_deconvolution, coded_diffraction
from lowland.measure.real_parts import RealParts
from lowland.measure.stacked import Stacked
from lowland.measure.tomography import pauli_outcomes

__all__ = [
    "MEASUREMENTS",
    "Dense",
    "Entries",
    "Fourier",
    "Linear",
    "Pauli",
    "RankOne",
    "RealParts",
    "Stacked",
    "blind_deconvolution",
    "coded_diffraction",
    "gaussian",
    "pauli_outcomes",
]

# the type checker holds each of these to the protocol; a test, each exported class to this table
MEASUREMENTS: tuple[type[Measurement], ...] = (
    Dense,
    Entries,
    Fourier,
    Linear,
    Pauli,
    RankOne,
    RealParts,
    Stacked,
)
