"""What `lowland complete` is asked, and the fit of a table in memory with progress and checkpoints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, ClassVar, final

import numpy as np

from lowland.bayes.side_orders import SideOrders
from lowland.cli.input import SideOptions, SourceOptions, check_completable, check_table_size, describe_table
from lowland.cli.options import (
    JUDGING,
    RESULTS,
    CertificateOption,
    EffortOption,
    FileOptions,
    FormulasOption,
    ReportOption,
    RequireOption,
    SeedOption,
)
from lowland.cli.output import check_claim, say
from lowland.cli.overwriting import check_outputs, check_table
from lowland.cli.plan_options import PlanOptions, checked_plan
from lowland.cli.reading import TableOptions
from lowland.cli.records import option
from lowland.cli.store import identity_of, load_checkpoint, save_checkpoint
from lowland.cli.table_cells import whole_columns
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.encoded.levels import LevelKind
from lowland.completion.fit_checks import check_effort
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import PlannedFit, fit_plan
from lowland.completion.settings import MODEL, RUNNING
from lowland.completion.tables.intervals import INTERVAL_METHODS
from lowland.core.atomic import is_same_file
from lowland.core.cells.fingerprints import is_fingerprint
from lowland.core.cells.observations import Observations
from lowland.core.errors import InvalidInputError
from lowland.core.results.claims import OF_CELLS
from lowland.files.shapes.layouts import Reading, Table
from lowland.files.sources import is_among


@final
@dataclass(frozen=True, kw_only=True)
class ResultOptions:
    """What is written of a completion."""

    PANEL: ClassVar = RESULTS
    output: Path | None = option(
        None,
        "Write the completed table here (CSV, TSV, Parquet, Feather, JSON, Excel, Stata, SPSS).",
        "--output",
        "-o",
    )
    mark: Path | None = option(
        None, "Write here which cells were filled, and how sure each is: one line per filled cell."
    )
    interval: float | None = option(
        None,
        "Level of prediction intervals: those of --mark (there 0.9 by default), else --output has one line "
        "per cell.",
    )
    interval_method: str = option(
        "auto", "auto (the method's own), conformal, or conformal_gaps if whole runs of cells are missing."
    )
    means: bool = option(
        False,
        "Fill whole numbers by means; otherwise fills among whole numbers are whole.",
        "--means",
    )
    model: Path | None = option(None, "Write the fitted model here (.npz).")
    held_out: bool = option(
        False,
        "Say how wrong filled cells are, by another fit without a tenth of the cells; --report does so too.",
        "--held-out",
    )
    model_data: bool = option(
        True, "Keep the table's cells in the model, for updates, certificates and rankings."
    )
    keep_formulas: FormulasOption = False
    report: ReportOption = None
    certificate: CertificateOption = None

    @property
    def lists_cells(self) -> bool:
        """Whether --output has one line per cell."""
        return self.interval is not None and self.mark is None

    def check(self, table: Path | None, *, force: bool) -> None:
        """Raise unless all files can be written and differ from the table and from each other."""
        paths = {
            "--output": self.output,
            "--mark": self.mark,
            "--model": self.model,
            "--report": self.report,
            "--certificate": self.certificate,
        }
        for name, path in paths.items():
            if path is not None and table is not None and is_same_file(path, table):
                raise InvalidInputError(
                    f"{name} would overwrite the table", str(path), fix="name another file"
                )
        if self.output is not None and table is not None and is_among(self.output, table):
            raise InvalidInputError(
                "--output would be one of the files that are read the next time",
                f"{self.output}, and the table is {table}",
                fix="name a file elsewhere",
            )
        check_outputs(*paths.values(), force=force)
        check_table(self.output, "--output", sheets=not self.lists_cells)
        check_table(self.mark, "--mark")

    def check_interval(self) -> None:
        """Raise unless intervals can be made and written."""
        if self.interval_method not in INTERVAL_METHODS:
            choices = ", ".join(INTERVAL_METHODS)
            raise InvalidInputError(
                "--interval-method is unknown", self.interval_method, fix=f"use {choices}"
            )
        if self.interval is not None and not 0 < self.interval < 1:
            raise InvalidInputError("--interval must lie between 0 and 1", f"{self.interval:g}")
        if self.interval is not None and self.mark is None and self.output is None:
            raise InvalidInputError(
                "--interval needs --mark or --output", "neither of them", fix="name a file"
            )


@final
@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Where the cells are kept, if not in memory."""

    PANEL: ClassVar = RUNNING
    spill: Path | None = option(
        None,
        "Keep the cells of Parquet files on the disk, in this new folder (or one that an earlier run made, "
        "to which new files are added), for tables larger than memory.",
    )
    workers: int = option(0, "Fit Parquet files by so many worker processes on this machine.")
    scheduler: str | None = option(
        None, "Fit Parquet files on the Dask cluster of this scheduler, such as tcp://host:8786."
    )

    def check(self) -> bool:
        """Return whether anything is asked for; raise if it is more than one thing."""
        if self.workers < 0:
            raise InvalidInputError("--workers must not be negative", str(self.workers))
        if self.scheduler is not None and not self.scheduler.strip():
            raise InvalidInputError("--scheduler is empty", repr(self.scheduler), fix="name an address")
        given = [name for name in ("spill", "workers", "scheduler") if getattr(self, name)]
        if len(given) > 1:
            words = " and ".join(f"--{name}" for name in given)
            raise InvalidInputError("cells are kept in one place", words, fix="give one of them")
        return bool(given)

    @property
    def where(self) -> str:
        """Where the cells are, in words."""
        return "on a cluster" if self.spill is None else "on the disk"


@final
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a fit runs."""

    PANEL: ClassVar = RUNNING
    resume: bool = option(
        False, "Resume an interrupted fit, whose checkpoint lies beside what was to be written.", "--resume"
    )
    dtype: str = option("float64", "Precision of the fit: float64 or float32.")
    stop: Annotated[CompletionPlan, PlanOptions(RUNNING)]
    seed: SeedOption = 0

    def check(self) -> None:
        """Raise where an option is out of range."""
        if self.seed < 0:
            raise InvalidInputError("--seed must not be negative", str(self.seed))
        if self.dtype not in ("float64", "float32"):
            raise InvalidInputError("--dtype is unknown", self.dtype, fix="use float64 or float32")


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FitInput:
    """A table that is to be fitted, as it was read and in the precision of the fit, and what is beside it."""

    loaded: Table
    observations: Observations
    covariates: SideCovariates
    orders: SideOrders | None


@dataclass(frozen=True, kw_only=True)
class FitOptions(ABC):
    """What commands are asked that fit a table in memory."""

    source: SourceOptions
    fit: Annotated[CompletionPlan, PlanOptions(MODEL)]
    sides: SideOptions
    run: RunOptions
    table: TableOptions

    @abstractmethod
    def check(self) -> None:
        """Raise, before anything is read, where an option cannot be used, alone or with the others."""

    @cached_property
    def plan(self) -> CompletionPlan:
        """What to fit, and when to stop."""
        return checked_plan(self.fit, self.run.stop)

    @property
    def reading(self) -> Reading:
        """How to read the table."""
        loss = self.plan.loss  # columns of a logistic loss may hold two words instead of numbers
        named = () if isinstance(loss, str) else loss.items()
        reading, bayesian = self.table.reading, self.plan.decide_method() != "map"
        if not bayesian and reading.form.censored == "within":  # which is said
            reading = replace(reading, form=replace(reading.form, censored="bound"))
        return replace(
            reading,
            pairs=self.plan.unlisted is not None,
            dtype=self.run.dtype,
            two_level=[str(column) for column, word in named if word == "logistic"],
            words=bayesian,  # Bayesian methods fit levels as numbers
        )

    def read(self, output: Path | None, *, quiet: bool) -> FitInput:
        """Return the table, of which all cells are written to an output; say what it is, unless `quiet`."""
        # observed cells are written as they were read
        loaded = self.source.source().load(replace(self.reading, dtype="float64"))
        check_completable(loaded)
        seen = loaded.observations.in_precision(self.run.dtype)
        check_table_size(self.plan.rank, output, seen.shape)
        given = FitInput(
            loaded=loaded,
            observations=seen,
            covariates=self.sides.covariates((seen.row_labels, seen.column_labels)),
            orders=self.sides.orders(self.plan, loaded),
        )
        if not quiet:
            say(describe_table(loaded, self.plan.row_order))
        return given

    def fitted(
        self, given: FitInput, rng: np.random.Generator, kept_at: Path | None, *, means: bool
    ) -> PlannedFit:
        """Return the fit, whose checkpoints are kept in a file.

        Parameters
        ----------
        given : FitInput
        rng : numpy.random.Generator
        kept_at : Path or None
        means : bool
            Whether cells among whole numbers are filled by others.
        """
        loaded, seen, plan = given.loaded, given.observations, self.plan
        loaded.sums.check_settings(plan.by_column)
        identity = identity_of(seen.fingerprint(), plan, given.covariates, self.run.seed, given.orders)
        return fit_plan(
            seen,
            plan,
            rng=rng,
            covariates=given.covariates,
            orders=given.orders,
            levels=level_kinds(seen, loaded.levels) if plan.decide_method() != "map" else None,
            checkpoint=None if kept_at is None else partial(save_checkpoint, kept_at, identity=identity),
            resume=load_checkpoint(kept_at, identity, partial(is_fingerprint, table=seen))
            if kept_at and self.run.resume
            else None,
            whole=whole_columns(loaded) if plan.bounds and not means else (),
        )


@final
@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """What is judged of a fit."""

    certify: bool = option(
        True,
        "Prove how many missing cells lie in their intervals, by another fit without some known ones.",
        panel=JUDGING,
    )
    companion: bool = option(
        False, "Judge the penalised problem that averages imply, too.", "--companion", panel=JUDGING
    )
    effort: EffortOption = "auto"
    require: RequireOption = None


@final
@dataclass(frozen=True, kw_only=True)
class CompleteOptions(FitOptions):
    """What `lowland complete` is asked."""

    results: ResultOptions
    place: Elsewhere
    judging: JudgeOptions
    files: FileOptions

    @property
    def effort(self) -> str | None:
        """The effort of the certificate, None for none."""
        return self.judging.effort if self.judging.certify else None

    @property
    def judges_companion(self) -> bool:
        """Whether what averages imply is judged: the penalised problem or one of its claims is asked for."""
        return self.judging.companion or self.judging.require not in (None, *OF_CELLS)

    def check(self) -> None:
        """Raise, before anything is read, where an option cannot be used, alone or with the others."""
        check_claim(self.judging.require)
        check_effort(self.judging.effort)
        self.run.check()
        self.plan.decide_method()
        self.results.check(self.source.table, force=self.files.force)
        for name, asked in (("--require", self.judging.require), ("--certificate", self.results.certificate)):
            if asked is not None and not self.judging.certify:
                raise InvalidInputError(f"{name} needs a certificate", "--no-certify", fix="omit one of them")
        if self.run.resume and self.results.model is None:
            raise InvalidInputError(
                "--resume needs --model", "no --model", fix="give the --model of the interrupted fit"
            )
        self.results.check_interval()


def level_kinds(table: Observations, levels: Mapping[str, tuple[str, ...]]) -> dict[int, LevelKind]:
    """Return the columns of words by position; of one word, they are constants."""
    labels = [] if table.column_labels is None else [str(name) for name in table.column_labels.tolist()]
    return {
        place: LevelKind(len(levels[name]), ordered=False)
        for place, name in enumerate(labels)
        if len(levels.get(name, ())) > 1
    }
