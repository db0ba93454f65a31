"""What the observed cells of a table determine, where they are asked line by line."""

from __future__ import annotations

import numpy as np

from lowland.cells.pattern import LinePattern
from lowland.cells.sides import TableCells
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
from lowland.core.results.findings import Finding
from lowland.core.results.records import ObservedPattern
from lowland.core.results.status import Verdict
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
