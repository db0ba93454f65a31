"""`lowland completions`: several completed tables, for multiple imputation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

import typer

from lowland.cli.completed_output import say_counts, say_fit, write_filled_table
from lowland.cli.completing import FitOptions
from lowland.cli.options import RESULTS, FormulasOption, JsonOption, QuietOption
from lowland.cli.output import say, say_json, warn
from lowland.cli.overwriting import check_table
from lowland.cli.plan_options import options_of
from lowland.cli.records import REQUIRED, option, takes_records
from lowland.cli.store import checkpoint_path, forget
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.imputations import impute
from lowland.core.atomic import check_writable
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.folders import new_folder
from lowland.core.random import make_generator
from lowland.core.results.status import StopReason
from lowland.core.wording import Option, Words, counted
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
class CompletionsOptions(FitOptions):
    """What `lowland completions` is asked."""

    results: DrawnOptions
    quiet: QuietOption = False
    json: JsonOption = False

    def check(self) -> None:
        """Raise, before anything is read, where an option cannot be used, or the fit would have no draws."""
        if self.results.count < 1:
            raise InvalidInputError("--count must be at least 1", str(self.results.count))
        self.run.check()
        if self.results.output.exists():
            raise InvalidInputError(
                "--output must be a new folder", f"{self.results.output} exists", fix="name another folder"
            )
        check_writable(self.results.output)
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
    results, files, kept_at = asked.results, asked.files, checkpoint_path(asked.results.output)
    check_table(Path(files[0]), "the table", sheets=True)
    given = asked.read(results.output, quiet=asked.json)
    rng = make_generator(asked.run.seed)
    table = asked.fitted(given, rng, kept_at, means=results.means).table
    if table.stop_reason is StopReason.INTERRUPTED:
        sweeps = counted(table.last_search.iterations, "sweep")
        warn(f"lowland: interrupted after {sweeps}; the search is in {kept_at}; --resume continues from it")
        raise typer.Exit(130)
    _, drawing = Completed(table, asked.run.seed).own_drawing()
    drawn = impute(drawing, given.loaded.observations, results.count, make_generator(asked.run.seed))
    said, formulas = dict[str, None](), results.keep_formulas
    with new_folder(results.output) as folder:
        for name, filled in zip(files, drawn, strict=True):
            path = folder / name
            with warnings.catch_warnings(record=True) as caught:
                how = {"means": results.means, "formulas": formulas, "drawn": True}
                write_filled_table(path, given.loaded, filled, table.model, **how)
            said |= {str(one.message).replace(str(path), str(results.output)): None for one in caught}
    forget(kept_at)
    for words in said:  # once, not of every file
        warn(f"lowland: warning: {words}")
    if not asked.json:
        say_counts(given.loaded, means=results.means)
    _say_all(asked, table)


def _say_all(asked: CompletionsOptions, table: Any) -> None:
    folder, names = asked.results.output, asked.files
    if asked.json:
        files = [str(folder / name) for name in names]
        say_json({"shape": list(table.model.shape), "method": table.method, "files": files})
        return
    say_fit(table)
    last = "" if len(names) == 1 else f" to {names[-1]}"
    say(f"{counted(len(names), 'completed table')}: {folder / names[0]}{last}")
    count = 0 if table.observations is None else table.observations.size - table.observations.exact().size
    if count:
        say(f"in each, {counted(count, 'censored cell')} drawn beyond the bounds")
    say("what is estimated from each is pooled by Rubin's rules (lowland.pool_estimates)")
