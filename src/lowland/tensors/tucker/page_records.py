"""What the page of a decomposition reads, so that it need not know the record that imports it."""

from __future__ import annotations

from typing import Protocol

from lowland.core.arrays import Matrix, Vector
from lowland.core.results.findings import Certificate
from lowland.core.results.records import Attempt, SearchResult
from lowland.tensors.tucker.cell_errors import NewCellError
from lowland.tensors.tucker.objective import TuckerObjective
from lowland.tensors.tucker.ranks import RankChoice
from lowland.tensors.tucker_tensor import TuckerTensor


class DecomposedTensor(Protocol):
    """A Tucker decomposition with how it was found."""

    @property
    def parts(self) -> TuckerTensor:
        """Core and factors."""

    @property
    def objective(self) -> TuckerObjective:
        """The problem that was solved."""

    @property
    def search(self) -> SearchResult:
        """The best search."""

    @property
    def certificate(self) -> Certificate | None:
        """What is proved; None if not asked for."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every start, in order, and how it ended."""

    @property
    def escapes(self) -> tuple[int, ...]:
        """Orders of the saddles that the best search left by a change invisible to the Hessian."""

    @property
    def choice(self) -> RankChoice | None:
        """How the ranks were chosen, if by held-out cells."""

    @property
    def core(self) -> Matrix:
        """The core."""

    @property
    def factors(self) -> tuple[Matrix, ...]:
        """One factor per mode."""

    @property
    def ranks(self) -> tuple[int, ...]:
        """One rank per mode."""

    @property
    def relative_error(self) -> float:
        """Error on the known cells, relative to their norm."""

    @property
    def compression_ratio(self) -> float:
        """Number of cells per parameter."""

    def new_cell_error(self) -> NewCellError:
        """Return the expected error of an unseen cell."""

    def spectra(self) -> tuple[Vector, ...]:
        """Return the singular values of the unfoldings."""
