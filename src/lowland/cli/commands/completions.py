"""`lowland completions`: several completed tables, for multiple imputation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, final

import typer

from lowland.cli.completed_output import check_completable, describe_table, say_fit, write_filled_table
from lowland.cli.completing import check_table_size, level_kinds, reading_for
from lowland.cli.input import SideOptions, SourceOptions
from lowland.cli.options import RESULTS, FormulasOption, JsonOption, QuietOption, SeedOption
from lowland.cli.output import say, say_json, warn
from lowland.cli.overwriting import check_table
from lowland.cli.plan_options import PlanOptions, checked_plan, options_of
from lowland.cli.reading import TableOptions
from lowland.cli.records import REQUIRED, option, takes_records
from lowland.cli.table_cells import whole_columns
from lowland.completion.plan import CompletionPlan
from lowland.completion.planned_fit import fit_plan
from lowland.completion.settings import MODEL, RUNNING
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.imputations import impute
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.folders import new_folder
from lowland.core.random import make_generator
from lowland.core.results.status import StopReason
from lowland.core.wording import Option, Words
from lowland.files.foreign.columnar import COLUMNAR
from lowland.files.text.text_layout import DELIMITERS
from lowland.files.writing.writing import ENDINGS

# endings of files that are written as they are read
WRITTEN = (*DELIMITERS, *COLUMNAR, *ENDINGS)


@final
@dataclass(frozen=True, kw_only=True)
class DrawnOptions:
    """How many tables are drawn, and where they are written."""

    PANEL: ClassVar = RESULTS
    output: Path = option(
        REQUIRED,
        "Write the completed tables into this new folder, each as the table is written.",
        "--output",
        "-o",
    )
    count: int = option(20, "Number of completed tables.", "--count", "-n")
    means: bool = option(
        False, "Leave draws among whole numbers as they are; otherwise these are whole.", "--means"
    )
    keep_formulas: FormulasOption = False


@final
@dataclass(frozen=True, kw_only=True)
class CompletionsOptions:
    """What `lowland completions` is asked."""

    source: SourceOptions
    fit: Annotated[CompletionPlan, PlanOptions(MODEL)]
    sides: SideOptions
    results: DrawnOptions
    stop: Annotated[CompletionPlan, PlanOptions(RUNNING)]
    seed: SeedOption = 0
    quiet: QuietOption = False
    json: JsonOption = False
    table: TableOptions

    @cached_property
    def plan(self) -> CompletionPlan:
        """What to fit, and when to stop."""
        return checked_plan(self.fit, self.stop)

    def check(self) -> None:
        """Raise, before anything is read, where an option cannot be used, or the fit would have no draws."""
        if self.results.count < 1:
            raise InvalidInputError("--count must be at least 1", str(self.results.count))
        if self.seed < 0:
            raise InvalidInputError("--seed must not be negative", str(self.seed))
        if self.results.output.exists():
            raise InvalidInputError(
                "--output must be a new folder", f"{self.results.output} exists", fix="name another folder"
            )
        if self.plan.decide_method() == "map" and self.plan.squared:
            raise UnsupportedError(
                'method "map" has no draws',
                options_of(self.plan),
                "its predictions have no spread, which completed tables need",
                Words("use ", Option("method", "variational", "gibbs", "gaussian")),
            )

    @property
    def files(self) -> list[str]:
        """The names of the files: that of the table, with their numbers."""
        table = self.source.table
        stem, suffix = "completed", ".csv"
        if table is not None and table.is_file():
            known = table.suffix.lower() in WRITTEN
            stem, suffix = (table.stem, table.suffix) if known else (table.name.split(".")[0], suffix)
        width = len(str(self.results.count))
        return [f"{stem}-{k:0{width}}{suffix}" for k in range(1, self.results.count + 1)]


@takes_records
def completions(asked: CompletionsOptions) -> None:
    """Write several completed tables, whose missing cells are drawn: multiple imputation."""
    asked.check()
    results, plan, files = asked.results, asked.plan, asked.files
    check_table(Path(files[0]), "the table", sheets=True)
    loaded = asked.source.source().load(reading_for(plan, asked.table, "float64"))
    check_completable(loaded)
    seen = loaded.observations
    check_table_size(plan.rank, results.output, seen.shape)
    covariates = asked.sides.covariates((seen.row_labels, seen.column_labels))
    orders = asked.sides.orders(plan, loaded)
    if not asked.json:
        say(describe_table(loaded))
    levels = level_kinds(seen, loaded.levels) if plan.decide_method() != "map" else None
    rng = make_generator(asked.seed)
    whole = whole_columns(loaded) if plan.bounds and not results.means else ()
    table = fit_plan(
        seen, plan, rng=rng, covariates=covariates, orders=orders, levels=levels, whole=whole
    ).table
    if table.stop_reason is StopReason.INTERRUPTED:
        warn("lowland: interrupted; no table was written")
        raise typer.Exit(130)
    _, drawing = Completed(table, asked.seed).own_drawing()
    drawn = impute(drawing, seen, results.count, make_generator(asked.seed))
    said: dict[str, None] = {}
    with new_folder(results.output) as folder:
        for name, filled in zip(files, drawn, strict=True):
            path = folder / name
            with warnings.catch_warnings(record=True) as caught:
                write_filled_table(path, loaded, filled, means=results.means, formulas=results.keep_formulas)
            said |= {str(one.message).replace(str(path), str(results.output)): None for one in caught}
    for words in said:  # once, not of every file
        warn(f"lowland: warning: {words}")
    _say_all(asked, table)


def _say_all(asked: CompletionsOptions, table: Any) -> None:
    folder, names = asked.results.output, asked.files
    if asked.json:
        files = [str(folder / name) for name in names]
        say_json({"shape": list(table.model.shape), "method": table.method, "files": files})
        return
    say_fit(table, None)
    last = "" if len(names) == 1 else f" to {names[-1]}"
    say(f"{len(names)} completed tables: {folder / names[0]}{last}")
    say("what is estimated from each is pooled by Rubin's rules (lowland.pool_estimates)")
