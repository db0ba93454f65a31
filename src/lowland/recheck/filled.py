"""What an audit proves of a tensor's missing cells, derived again in the table that the tensor unfolds to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.core.cells.observations import Observations
from lowland.core.errors import FileFormatError
from lowland.core.results.verification import Verification
from lowland.recheck.audits import audit_problem, verify_audit
from lowland.recheck.documents import Document
from lowland.recheck.tensors.documents import PlainCells


def verify_filled(document: Document, cells: PlainCells) -> Verification:
    """Check all findings of a filled tensor's certificate against the known cells.

    Parameters
    ----------
    document : Document
    cells : PlainCells

    Raises
    ------
    FileFormatError
        If the document cannot be read.
    """
    if set(document.problem) != {"audit"}:
        raise FileFormatError("the certificate has unknown settings", ", ".join(sorted(document.problem)))
    shortest = cells.shape.index(min(cells.shape))
    modes = (*cells.shape[:shortest], *cells.shape[shortest + 1 :])
    rows = np.zeros(cells.values.size, dtype=np.intp)
    for mode, length in enumerate(cells.shape):
        if mode != shortest:
            rows = rows * length + cells.positions[:, mode]
    shape = (int(np.prod(modes)), cells.shape[shortest])
    columns = cells.positions[:, shortest].astype(np.intp)
    table = Observations(rows, columns, cells.values.astype(np.float64), shape).in_order()
    problem = audit_problem(document, table)
    if problem is not None:
        problem = replace(problem, modes=modes)
    found = verify_audit(problem, table, document.certificate)
    by = " x ".join(map(str, cells.shape))
    return replace(found, problem=f"an audit of {table.size} cells of a {by} tensor")
