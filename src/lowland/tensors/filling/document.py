"""Documents of what is proved about the missing cells of a tensor: who was held out, and their intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.results.findings import Certificate
from lowland.core.wording import Option, Words
from lowland.recheck.documents import Document
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.cells.plain import plain_cells
from lowland.tensors.cells.protocol import KnownCells
from lowland.tensors.filling.audited import Audited
from lowland.trials.audits.covered import LEVEL

LARGEST = float(np.finfo(np.float64).max)


def filled_document(data: KnownCells, audit: Audited | None, certificate: Certificate | None) -> Document:
    """Return a certificate with what is needed to derive it again, but without the data.

    Parameters
    ----------
    data : KnownCells
    audit : Audited or None
    certificate : Certificate or None

    Raises
    ------
    InvalidInputError
        If there is no certificate.
    UnsupportedError
        If the cells are on the disk.

    Notes
    -----
    An audit uses no weights, so that the fingerprint is of cells and values alone.
    """
    if certificate is None:
        raise InvalidInputError(
            "there is no certificate to save",
            Words("the fit was made with ", Option("certify", False)),
            fix=Words("fit with ", Option("certify", True)),
        )
    if not isinstance(data, TensorObservations):
        raise UnsupportedError("a certificate needs cells in memory", "cells on the disk")
    cells = plain_cells(replace(data, weights=None).in_double())
    if audit is None:
        return Document("filled", cells.fingerprint(), {"audit": None}, {}, certificate)
    plan, held = audit.plan, audit.held
    factor = float(certificate["covered"].witness.get("factor", 1.0))
    settings = {"seed": audit.seed, "scheme": plan.scheme, "longest": plan.longest, "words": []}
    names = ("low", "high", "wide_low", "wide_high")
    ends = zip(names, (*audit.reaches(LEVEL), *audit.reaches(LEVEL, factor)), strict=True)
    arrays = {"rows": held.rows.astype(float), "columns": held.columns.astype(float)}
    arrays |= {name: np.nan_to_num(end, nan=-LARGEST if "high" in name else LARGEST) for name, end in ends}
    point = {f"audit_{name}": array for name, array in arrays.items()}
    return Document("filled", cells.fingerprint(), {"audit": settings}, point, certificate)
