"""The sparse part that a robust fit removes from the observed cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowland.completion.penalised.model import CompletionModel
from lowland.completion.tables.fitted import FittedTable, data_of
from lowland.core.errors import UnsupportedError
from lowland.core.wording import Option, Words

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def outliers(table: FittedTable) -> csr_array:
    """Return residuals beyond the threshold of the Huber loss, less the threshold, shape (m, n)."""
    from scipy.sparse import csr_array

    model = table.model
    if not isinstance(model, CompletionModel) or model.losses is None or "huber" not in model.losses.words():
        raise UnsupportedError(
            "outliers need the Huber loss",
            "a fit with other losses",
            fix=Words("fit with ", Option("loss", "huber")),
        )
    seen = data_of(table, "outliers")
    parts = model.losses.excesses(seen, model.natural(seen.rows, seen.columns).astype(np.float64))
    some = parts != 0
    return csr_array((parts[some], (seen.rows[some], seen.columns[some])), shape=seen.shape)
