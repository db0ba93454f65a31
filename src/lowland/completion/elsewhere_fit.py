"""The fit of tables whose cells are not in memory: on the disk, or on a cluster."""

from __future__ import annotations

import hashlib

import numpy as np

from lowland.completion.bayesian_table import BayesianTable
from lowland.completion.cell_blocks import Arrays, CellBlock
from lowland.completion.cell_tables import CellTable
from lowland.completion.memory_needs import check_lines_fit
from lowland.completion.plan import OF_MAP, CompletionPlan
from lowland.completion.planned_fit import bayesian_settings
from lowland.completion.posterior_fit import PosteriorFit, SideCovariates, fit_cells
from lowland.core.errors import UnsupportedError
from lowland.core.interrupt import Interruptible
from lowland.search.loop import Checkpoint, Snapshot


def refuse_elsewhere(plan: CompletionPlan, where: str) -> None:
    """Raise where a plan asks for something that is there for tables in memory only.

    Parameters
    ----------
    plan : CompletionPlan
    where : str
        Where the cells are, for errors.

    Raises
    ------
    UnsupportedError
    """
    if not isinstance(plan.loss, str):
        raise UnsupportedError(
            f"there are no losses by column for tables {where}",
            repr(plan.loss),
            fix="fit the table in memory",
        )
    of_map = [name for name in OF_MAP if name in plan.given]
    if plan.method == "map" or of_map:
        found = f"{of_map[0]}={getattr(plan, of_map[0])!r}" if of_map else "method='map'"
        words = f'method "map" is not there for tables {where}'
        raise UnsupportedError(words, found, fix="use a Bayesian method, and none of its settings")


@Interruptible()
def fit_elsewhere(
    table: CellTable,
    plan: CompletionPlan,
    where: str,
    *,
    rng: np.random.Generator,
    covariates: SideCovariates = (None, None),
    checkpoint: Checkpoint | None = None,
    resume: Snapshot | None = None,
) -> tuple[BayesianTable, PosteriorFit]:
    """Fit a table by its cells, wherever they are, as planned.

    Parameters
    ----------
    table : CellTable
    plan : CompletionPlan
    where : str
        Where the cells are, for errors.
    rng : numpy.random.Generator
    covariates : pair of ndarray or None
        Covariates of rows and of columns.
    checkpoint, resume
        As in `lowland.search.run`.

    Returns
    -------
    BayesianTable
        Without its data.
    PosteriorFit

    Raises
    ------
    UnsupportedError
        If something is asked for that is there for tables in memory only.
    """
    refuse_elsewhere(plan, where)
    method = plan.decide_method()
    check_lines_fit(table.cells.shape, table.cells.dtype.itemsize, plan, method)
    fit = fit_cells(
        table.cells,
        table.labels,
        bayesian_settings(plan, method),
        rng=rng,
        covariates=covariates,
        checkpoint=checkpoint,
        resume=resume,
    )
    return BayesianTable(fit.model, covariates=covariates), fit


def cells_fingerprint(table: CellTable) -> str:
    """Return a hash of cells and labels, by which the same data in the same blocks are recognised."""
    digest = hashlib.sha256(repr(table.cells.shape).encode())
    (parts,) = table.cells.map(0, _hash_of_block)
    digest.update(parts.tobytes())
    for labels in (table.labels.rows, table.labels.columns):
        digest.update(b"none" if labels is None else np.ascontiguousarray(labels).tobytes())
    return digest.hexdigest()


def _hash_of_block(block: CellBlock) -> Arrays:
    digest = hashlib.sha256()
    for array in (block.starts, block.partners, block.values):
        digest.update(np.ascontiguousarray(array).data)
    return (np.frombuffer(digest.digest(), np.uint8),)
