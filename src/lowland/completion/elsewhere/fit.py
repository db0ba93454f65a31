"""The fit of tables whose cells are not in memory: on the disk, or on a cluster."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.cells.block import Arrays, CellBlock
from lowland.cells.labels import TableLabels
from lowland.cells.sides import CellTable, TableCells
from lowland.completion.auditing.audit import Audit
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.bayesian.sweeps import BayesianFit, fit_cells
from lowland.completion.bayesian.table import BayesianTable
from lowland.completion.bayesian.words import about_certificate, describe_method, describe_search
from lowland.completion.elsewhere.penalised_fit import LineFit, certify_lines, certify_posterior, fit_lines
from lowland.completion.fit_checks import refuse_covariates
from lowland.completion.memory_needs import check_lines_fit
from lowland.completion.penalised.table import PenalisedTable, describe_sweeps
from lowland.completion.plan import SETTINGS, CompletionPlan
from lowland.completion.planned_fit import bayesian_settings, penalised_settings
from lowland.completion.tables.fitted import FittedTable
from lowland.core.errors import UnsupportedError
from lowland.core.random import peek
from lowland.core.results.findings import Certificate
from lowland.core.results.records import SearchResult
from lowland.core.running.interrupt import Interruptible
from lowland.core.wording import Option, Remedy, Words
from lowland.search.loop import Checkpoint, Snapshot

# recipes of fingerprints, which did not say so at first
STORED = (1,)


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
    fix = "fit the table in memory"
    if plan.loss != "squared":
        given = Words(Option("loss", plan.loss))
        raise UnsupportedError(f"losses must be squared for tables {where}", given, fix=fix)
    for name in (one.name for one in SETTINGS if not one.elsewhere):
        if name in plan.given and getattr(plan, name) is not False:
            given = Words(Option(name, getattr(plan, name)))
            what = Words(Option(name), f" is not there for tables {where}")
            raise UnsupportedError(what, given, fix=fix)
    if plan.decide_method() == "map" and (plan.rank is None or plan.penalty is None):
        raise UnsupportedError(
            f'rank and penalty of method "map" cannot be chosen for tables {where}',
            Words(
                *(Option("rank", plan.rank or "auto"), ", "),
                Option("penalty", "auto" if plan.penalty is None else plan.penalty),
            ),
            "their choice compares many fits",
            Remedy(
                Words("give both ", Option("rank"), " and ", Option("penalty")),
                Words("use ", Option("method", "variational", "gibbs")),
                fix,
            ),
        )


@final
@dataclass(frozen=True, eq=False)
class LabelledCells:
    """A table by its cells, and its labels."""

    cells: TableCells
    labels: TableLabels


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class CellRequest:
    """All that is asked of a fit, so that other cells of the same table can be fitted as these were.

    Parameters
    ----------
    plan, where, covariates
        As of `fit_elsewhere`.
    labels : TableLabels
    seed : int
        For whatever holds out cells later: fixed before anything is fitted.
    """

    plan: CompletionPlan
    where: str
    covariates: SideCovariates
    labels: TableLabels
    seed: int

    def fit(self, cells: TableCells, rng: np.random.Generator) -> FittedTable:
        """Return the fit of other cells."""
        table = LabelledCells(cells, self.labels)
        return fit_elsewhere(table, self.plan, self.where, rng=rng, covariates=self.covariates).table


@final
@dataclass(frozen=True, eq=False)
class ElsewhereFit:
    """A fit of a table whose cells are not in memory.

    Parameters
    ----------
    table : BayesianTable or PenalisedTable
        Without its data.
    fit : BayesianFit or LineFit
    cells : TableCells
        With their own values.
    request : CellRequest
        What was asked of the fit.
    audit : Audit or None
        Cells that were held out of another fit, if it was judged.
    """

    table: FittedTable
    fit: BayesianFit | LineFit
    cells: TableCells
    request: CellRequest
    audit: Audit | None = None

    @property
    def search(self) -> SearchResult:
        """The search; of a Bayesian fit, the variational sweeps."""
        return self.fit.search

    @property
    def last_search(self) -> SearchResult:
        """The search that ended last."""
        return self.fit.last_search

    def certify(self, rng: np.random.Generator, effort: str) -> tuple[ElsewhereFit, Certificate]:
        """Return the fit, refined if it is penalised, and what is proved about a penalised problem.

        Of a Bayesian fit that is the one that its posterior implies. An effort
        of "auto" is the default of the method.
        """
        if isinstance(self.fit, LineFit):
            better, certificate = certify_lines(self.fit, rng, "standard" if effort == "auto" else effort)
            return replace(self, table=PenalisedTable(better.model), fit=better), certificate
        effort = "quick" if effort == "auto" else effort
        return self, certify_posterior(self.cells, self.fit, rng, effort)

    def describe(self) -> list[str]:
        """Return the method and how its search ended, in lines of words."""
        last = self.last_search
        stopped = last.ending
        if isinstance(self.fit, LineFit):
            return [stopped, describe_sweeps(self.search)]
        return [describe_method(self.fit), stopped, *describe_search(self.fit)]

    def describe_certificate(self) -> str:
        """Return what the certificate is about; empty if it is about the fit itself."""
        return "" if isinstance(self.fit, LineFit) else about_certificate(self.fit)


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
) -> ElsewhereFit:
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
    ElsewhereFit

    Raises
    ------
    UnsupportedError
        If something is asked for that is there for tables in memory only.
    """
    seed = peek(rng)
    refuse_elsewhere(plan, where)
    method = plan.decide_method()
    request = CellRequest(plan=plan, where=where, covariates=covariates, labels=table.labels, seed=seed)
    check_lines_fit(table.cells.shape, table.cells.size, table.cells.dtype.itemsize, plan, method)
    if method == "map":
        refuse_covariates(covariates)
        lines = fit_lines(
            table.cells,
            table.labels,
            penalised_settings(plan),
            rng=rng,
            checkpoint=checkpoint,
            resume=resume,
        )
        return ElsewhereFit(PenalisedTable(lines.model), lines, table.cells, request)
    fit = fit_cells(
        table.cells,
        table.labels,
        bayesian_settings(plan, method),
        rng=rng,
        covariates=covariates,
        checkpoint=checkpoint,
        resume=resume,
    )
    return ElsewhereFit(BayesianTable(fit.model, covariates=covariates), fit, table.cells, request)


def cells_fingerprint(table: CellTable) -> str:
    """Return the fingerprint of cells and labels; the same data in other blocks have another."""
    digest = hashlib.sha256(repr(table.cells.shape).encode())
    (parts,) = table.cells.map(0, _hash_of_block)
    digest.update(parts.tobytes())
    for labels in (table.labels.rows, table.labels.columns):
        digest.update(b"none" if labels is None else np.ascontiguousarray(labels).tobytes())
    return f"{STORED[-1]}:{digest.hexdigest()}"


def _hash_of_block(block: CellBlock) -> Arrays:
    digest = hashlib.sha256()
    for array in (block.starts, block.partners, block.values):
        digest.update(np.ascontiguousarray(array).data)
    return (np.frombuffer(digest.digest(), np.uint8),)
