"""What the observed cells of a table determine, where they are asked line by line."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.certificates.settings import JudgeSettings
from lowland.certificates.uniqueness.completability import core_reach
from lowland.certificates.uniqueness.identifiability_findings import not_unique
from lowland.certificates.uniqueness.patterns import (
    MOST_CORE_UNKNOWNS,
    found_by_core,
    judge_pattern,
    refuted_by_counts,
    short_lines,
    uniqueness_open,
)
from lowland.completion.cells.blocks import Arrays, CellBlock
from lowland.completion.cells.sides import PerLine, PerPartner, TableCells
from lowland.core.arrays import Indices
from lowland.core.cells.observations import Observations
from lowland.core.results.findings import Finding
from lowland.core.results.records import ObservedPattern
from lowland.core.results.status import Verdict
from lowland.kernels.sparse_tables.sparse import multiply_rows
from lowland.models import General

# the cells of smaller tables are gathered, and judged as those of a table in memory
GATHERED = 1_000_000


def judge_line_pattern(
    cells: TableCells, model: General, settings: JudgeSettings, rng: np.random.Generator
) -> list[Finding]:
    """Judge whether observed cells leave finitely many matrices of the model, or one.

    Parameters
    ----------
    cells : TableCells
    model : General
    settings : JudgeSettings
    rng : numpy.random.Generator
        For integer points.

    Returns
    -------
    list of Finding
        On ``determined_by_data`` and ``uniquely_determined``.
    """
    asked, dof = LinePattern(cells), model.degrees_of_freedom
    if cells.size <= GATHERED:
        m, n = cells.shape
        part = asked.part(np.arange(m), np.arange(n)).tocoo()
        rows, columns = part.row.astype(np.intp), part.col.astype(np.intp)
        whole = ObservedPattern(rows, columns, cells.shape, model.rank, model.biases, dof)
        budget = settings.budget(0.0)
        return judge_pattern(whole, nonzero=False, largest=settings.largest_modular, rng=rng, budget=budget)
    short = short_lines((asked.counts(0), asked.counts(1)), model.rank, model.biases)
    counted = refuted_by_counts(cells.size, short, dof)
    largest = min(settings.largest_modular, MOST_CORE_UNKNOWNS)
    reach = core_reach(asked, model.rank, model.biases, largest, rng)
    finite = found_by_core(reach, counted, short, dof, "largest_modular")
    refuted = finite.verdict is Verdict.REFUTED
    return [finite, not_unique(finite) if refuted else uniqueness_open(finite)]


@final
class LinePattern:
    """The pattern of cells that are asked line by line.

    Parameters
    ----------
    cells : TableCells
    """

    def __init__(self, cells: TableCells) -> None:
        self.cells = cells

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (m, n) of the table."""
        return self.cells.shape

    @property
    def size(self) -> int:
        """Number of observed cells."""
        return self.cells.size

    def counts(self, side: int) -> Indices:
        """Return the number of observed cells of each line."""
        return self.cells.sides[side].counts

    def inside(self, side: int, known: NDArray[np.bool_]) -> Indices:
        """Return the number of observed cells of each line in known lines of the other side."""
        (inside,) = self.cells.map(side, _counted_inside, PerPartner(known))
        return inside

    def part(self, rows: Indices, columns: Indices) -> Any:
        """Return the cells of some rows and columns as a sparse array."""
        from scipy.sparse import csr_array

        m, n = self.shape
        places, chosen = np.full(n, -1, np.int32), np.zeros(m, bool)
        places[columns], chosen[rows] = np.arange(columns.size), True
        (found,) = self.cells.map(0, _cells_inside, PerPartner(places), PerLine(chosen))
        counts = np.where(chosen, self.inside(0, places >= 0), 0)
        starts = np.concatenate([[0], np.cumsum(counts[chosen])])
        table = csr_array((np.ones(found.size, np.int64), found, starts), shape=(rows.size, columns.size))
        # rows were found in ascending order
        return table[np.argsort(np.argsort(rows, kind="stable"), kind="stable")]


def observed_in(cells: TableCells, rows: Indices) -> Observations:
    """Return the observed cells of some rows, without their values."""
    asked = np.unique(rows)
    part = LinePattern(cells).part(asked, np.arange(cells.shape[1])).tocoo()
    at = asked[part.row].astype(np.intp)
    return Observations(at, part.col.astype(np.intp), np.ones(at.size), cells.shape)


def observed_lines(block: CellBlock, lines: Indices) -> tuple[Indices, Indices]:
    """Return the observed cells of a block in some lines: the lines, and positions on the other side."""
    own = lines[(lines >= block.first) & (lines < block.first + block.starts.size - 1)] - block.first
    cells = [block.partners[block.starts[k] : block.starts[k + 1]] for k in own]
    partners = np.concatenate([np.zeros(0, np.intp), *cells]).astype(np.intp)
    return np.repeat(own + block.first, [part.size for part in cells]), partners


def _counted_inside(block: CellBlock, known: NDArray[np.bool_]) -> Arrays:
    inside = multiply_rows(block.starts, block.partners, None, known.astype(np.float64)[:, None])
    return (inside[:, 0].astype(np.int64),)


def _cells_inside(block: CellBlock, places: NDArray[np.int32], chosen: NDArray[np.bool_]) -> Arrays:
    """Return the places of the cells in chosen lines and known lines of the other side, line by line."""
    found = places[block.partners]
    return (found[(found >= 0) & np.repeat(chosen, np.diff(block.starts))],)
