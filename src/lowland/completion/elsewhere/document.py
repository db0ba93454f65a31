"""Documents of what is proved about missing cells of a table that is not in memory."""

from __future__ import annotations

from lowland.cells.pattern import gathered
from lowland.cells.sides import TableCells
from lowland.completion.auditing.document import judged_document
from lowland.completion.elsewhere.pattern import GATHERED
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.fitted import without_certificate
from lowland.core.errors import UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.wording import counted
from lowland.recheck.documents import Document


def document_of_cells(completed: Completed, cells: TableCells, certificate: Certificate | None) -> Document:
    """Return a certificate with what is needed to derive it again: that of the same cells in memory.

    Raises
    ------
    UnsupportedError
        If nothing was judged, a penalised problem was, or the cells are too many: the fingerprint is of all
        of them together, as are the data that a check needs.
    """
    if certificate is None:
        raise without_certificate()
    if cells.size > GATHERED:
        raise UnsupportedError(
            f"certificates are written of tables up to {GATHERED:,} cells, unless these are in memory",
            counted(cells.size, "cell"),
            fix="fit the table in memory",
        )
    return judged_document(completed, certificate, gathered(cells, completed.labels))
