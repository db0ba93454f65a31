"""The beginning of a table as HTML for notebooks."""

from __future__ import annotations

from typing import Any

from lowland.core.arrays import Indices, Vector
from lowland.core.notebooks import table_html
from lowland.core.wording import counted

# rows and columns that are shown
ROWS, COLUMNS = 10, 8
# characters of a label that are shown
LABEL = 24


def preview_html(
    at: tuple[Indices, Indices], values: Vector, shape: tuple[int, int], labels: tuple[Any, Any]
) -> str:
    """Return the first rows and columns of a table; missing cells are empty, dots stand for the rest.

    Parameters
    ----------
    at : (ndarray of int, ndarray of int), shape (p,) each
        Rows and columns of the known cells.
    values : ndarray, shape (p,)
    shape : tuple of int
    labels : pair of ndarray or None
        Of rows and columns.
    """
    (rows, columns), (m, n) = at, shape
    shown = (rows < ROWS) & (columns < COLUMNS)
    cells = [[""] * min(n, COLUMNS) for _ in range(min(m, ROWS))]
    for i, j, value in zip(rows[shown], columns[shown], values[shown], strict=True):
        cells[i][j] = f"{value:.6g}"
    names = [
        _names(side, min(length, most))
        for side, length, most in zip(labels, shape, (ROWS, COLUMNS), strict=True)
    ]
    more = ["..."] * (n > COLUMNS)
    lines = [[name, *line, *more] for name, line in zip(names[0], cells, strict=True)]
    header = ["", *names[1], *more]
    lines += [["..."] * len(header)] * (m > ROWS)
    size, known = f"{counted(m, 'row')}, {counted(n, 'column')}", counted(values.size, "cell")
    caption = f"{size}: {known} known, {m * n - values.size:,} missing"
    return table_html(header, lines, caption, numbers=True)


def _names(labels: Any, count: int) -> list[str]:
    """Return the first labels of a side as text, positions if there are none."""
    names = [str(k) if labels is None else str(labels[k]) for k in range(count)]
    return [name if len(name) <= LABEL else f"{name[: LABEL - 3]}..." for name in names]
