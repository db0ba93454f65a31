"""`Graph`: edges between labelled rows or columns, from a list of edges."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.arrays import Vector
from lowland.core.cells.labels import find_labels, label_places
from lowland.core.cells.observations import Labels
from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.wording import InCode, Remedy
from lowland.files.table_format import ROW_LABELS
from lowland.files.tables import read_columns


@public("lowland")
@final
@dataclass(frozen=True, eq=False)
class Graph:
    """Weighted edges between labels.

    Parameters
    ----------
    first, second : ndarray, shape (k,)
        Labels that each edge joins, in either order.
    weights : ndarray, shape (k,)
        Not negative.

    Examples
    --------
    >>> import pandas as pd, lowland as ll
    >>> roads = ll.read_graph(pd.DataFrame({"from": ["a", "b"], "to": ["b", "c"], "lanes": [2, 1]}))
    >>> roads.weights
    array([2., 1.])
    """

    first: NDArray[Any]
    second: NDArray[Any]
    weights: Vector

    def in_order(self, labels: Labels | None, what: str) -> Any:
        """Return the weights between the rows (or columns) of a table, as a sparse array, shape (n, n).

        Edges to labels that the table does not have are left out, with a warning.

        Parameters
        ----------
        labels : ndarray or None
            Labels of the rows or columns.
        what : str
            Name of one of them in error messages.

        Raises
        ------
        InvalidInputError
            If the table has no labels, or there is no edge between two of them.
        """
        from scipy.sparse import csr_array

        if labels is None:
            raise InvalidInputError(
                f"{what}: the graph has labels, the table has none",
                f"{self.weights.size} edges",
                fix=Remedy("label the table", InCode("pass a sparse array in its order")),
            )
        places = label_places(labels)
        ends = [find_labels(nodes, places, what, unknown=-1) for nodes in (self.first, self.second)]
        known = (ends[0] >= 0) & (ends[1] >= 0)
        if not known.any():
            raise InvalidInputError(
                f"{what}: the graph has no edge between two labels of the table",
                f"edges such as {self.first[0]!r} to {self.second[0]!r}, labels such as {labels[0]!r}",
                fix="name rows or columns as the table does",
            )
        if not known.all():
            warnings.warn(
                f"{what}: {np.sum(~known)} of {known.size} edges lead to labels that the table does not "
                "have, and are left out",
                UserWarning,
                stacklevel=2,
            )
        n = len(labels)
        # an edge that is listed several times counts once, with its largest weight
        joined = np.minimum(*ends)[known] * n + np.maximum(*ends)[known]
        order = np.lexsort((-self.weights[known], joined))
        pairs, at = np.unique(joined[order], return_index=True)
        weights = self.weights[known][order][at]
        return csr_array((weights, np.divmod(pairs, n)), shape=(n, n))


@public("lowland")
def read_graph(source: Any) -> Graph:
    """Read a graph of rows or columns from a list of edges.

    Parameters
    ----------
    source : path or data frame
        One line per edge: the labels that it joins in the first two columns, and a third one of weights, if
        there is one; without, all weights are 1. CSV, TSV, Parquet or Feather; or a data frame.

    Returns
    -------
    Graph
        For `row_order` or `column_order` of `MatrixCompletion.fit`.

    Raises
    ------
    InvalidInputError
        If there are not two or three columns, a label is missing, or a weight is no number, negative or
        infinite.

    Examples
    --------
    >>> import pandas as pd, lowland as ll
    >>> ll.read_graph(pd.DataFrame({"from": ["Bonn", "Rome"], "to": ["Rome", "Oslo"]})).second.tolist()
    ['Rome', 'Oslo']
    """
    columns, where = read_columns(source, (0, 1))
    columns.pop(ROW_LABELS, None)  # an index without a name only numbers the lines
    if len(columns) not in (2, 3):
        raise InvalidInputError(
            f"{where} is no list of edges",
            f"columns {', '.join(columns)}",
            fix="write two columns of labels, and maybe one of weights",
        )
    first, second, *rest = columns.values()
    weights = np.asarray(rest[0]) if rest else np.ones(len(first))
    if weights.dtype.kind not in "biuf" or not (np.isfinite(weights) & (weights >= 0)).all():
        raise InvalidInputError(
            f"{where} has weights that are not finite and at least 0", f"column {list(columns)[2]!r}"
        )
    if not len(first):
        raise InvalidInputError(f"{where} has no edge", "no line")
    return Graph(np.asarray(first), np.asarray(second), weights.astype(np.float64))
