"""Tables by their cells, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from lowland.completion.cells.labels import TableLabels
    from lowland.completion.cells.sides import TableCells


@runtime_checkable
class CellTable(Protocol):
    """A table by its cells, wherever they are, and its labels."""

    @property
    def cells(self) -> TableCells:
        """The cells."""

    @property
    def labels(self) -> TableLabels:
        """Names of rows and columns."""
