"""What `lowland complete` reads: a table, from a file or a database, and files about its rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np

from lowland.bayes.side_orders import SideOrders, orders_of
from lowland.cli.options import READING
from lowland.cli.records import argument, option
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.plan import CompletionPlan
from lowland.completion.settings import MODEL
from lowland.core.arrays import check_rank
from lowland.core.cells.observations import Labels
from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Remedy, Words, counted
from lowland.files.columns.roles import listed, may_be_data
from lowland.files.columns.times import NO_ORDER
from lowland.files.covariates import read_covariates
from lowland.files.foreign.databases import database_kind
from lowland.files.graphs import read_graph
from lowland.files.numerals import is_number
from lowland.files.queries import load_query
from lowland.files.shapes.layouts import SIDES, Reading, Table
from lowland.files.table_format import TEXT_ONLY
from lowland.files.tables import load_table
from lowland.tensors.reading.time_parts import days_by_times

# beyond this many cells, predicting the cells of interest beats writing the whole table
LARGEST_OUTPUT = 20_000_000
# labels that tell whether rows are named by numbers
TELLING = 5


@final
@dataclass(frozen=True)
class Source:
    """A file, or a query to a database.

    Parameters
    ----------
    file : Path or None
    database, query : str
        Used if there is no file.
    """

    file: Path | None
    database: str = ""
    query: str = ""

    @property
    def name(self) -> str:
        """The name used in titles."""
        return "a query" if self.file is None else self.file.name

    def load(self, how: Reading) -> Table:
        """Read the table."""
        if self.file is not None:
            return load_table(self.file, how)
        if how.form.describes_text:
            raise InvalidInputError(TEXT_ONLY, "a query", fix="omit them")
        return load_query(self.query, self.database, how)


@final
@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Where a table is."""

    PANEL: ClassVar = READING
    table: Path | None = argument(
        "CSV, TSV, Excel, JSON, Parquet, Feather, Stata, SPSS, R, Matrix Market, NPY or NPZ; a folder of CSV "
        "or Parquet files, or a pattern such as 'parts/*.csv'; long or wide.",
        default=None,
    )
    database: str | None = option(
        None,
        "Read from a database instead of TABLE: postgresql://user@host/name, sqlite:///path, or the path of "
        "a .db file.",
        envvar="LOWLAND_DATABASE",
    )
    query: str | None = option(None, "SQL query for --database; its result is long or wide.")

    def source(self) -> Source:
        """Return the one source that they name."""
        table, query = self.table, self.query
        if table is not None:
            if query is None:
                return Source(table)
            if database_kind(table):
                return Source(None, str(table), query)
            raise InvalidInputError("both a table and a query were given", str(table), fix="omit one of them")
        if not self.database or query is None:
            raise InvalidInputError(
                "no table was given",
                "neither a file nor --database with --query",
                fix="name a file, or give --database and --query",
            )
        return Source(None, self.database, query)


@final
@dataclass(frozen=True, kw_only=True)
class SideOptions:
    """Files about the rows and the columns of a table."""

    PANEL: ClassVar = MODEL
    row_covariates: Path | None = option(
        None, "Covariates of rows: a table with one line per row, its label first."
    )
    column_covariates: Path | None = option(
        None, "Covariates of columns: a table with one line per column, its label first."
    )
    row_graph: Path | None = option(
        None,
        "Graph of rows, in place of their order: a list of edges, two labels and maybe a weight each.",
    )
    column_graph: Path | None = option(None, "Graph of columns, in the same way.")

    def covariates(self, labels: tuple[Labels | None, Labels | None]) -> SideCovariates:
        """Return the covariates of rows and of columns, in the order of a table's labels."""
        paths = (self.row_covariates, self.column_covariates)
        rows, columns = (
            None if path is None else read_covariates(path).in_order(known, path.name)
            for path, known in zip(paths, labels, strict=True)
        )
        return rows, columns

    def orders(self, plan: CompletionPlan, loaded: Table) -> SideOrders | None:
        """Return the orders of both sides where a graph, dates or a panel say them; else the plan does.

        Parameters
        ----------
        plan : CompletionPlan
        loaded : Table
            Dates of its rows take the place of their labels.
        """
        table, times, panel = loaded.observations, loaded.times, loaded.panel
        graphs, labels = (self.row_graph, self.column_graph), (table.row_labels, table.column_labels)
        asked, given = plan.asked_orders, list[Any]()
        if graphs == (None, None) and times is None and panel is None:
            return None
        in_panel = panel is not None and self.row_graph is None and asked[0] is not None
        for path, known, order, side in zip(graphs, labels, asked, ("row", "column"), strict=True):
            if path is not None and order != "auto":
                raise InvalidInputError(
                    f"--{side}-graph takes the place of --{side}-order", "both", fix="give one of them"
                )
            graph = None if path is None else read_graph(path).in_order(known, f"{side} in {path.name}")
            given.append(order if graph is None else graph)
        dated = labels[0] if times is None else times, labels[1]
        orders = orders_of((None if in_panel else given[0], given[1]), table.shape, dated)
        return orders.with_row_graph(panel, asked=asked[0] != "auto") if in_panel else orders


def describe_table(table: Table, row_order: bool | None = None) -> str:
    """Return the size of a table and what was decided of it, with what a person says of its order."""
    seen = table.observations
    m, n = seen.shape
    text = f"read as {table.layout}: {counted(m, 'row')}, {counted(n, 'column')}, "
    share, others = f"{seen.size / (m * n):.1%}", f"{m * n - seen.size:,} missing"
    text += (
        f"{counted(seen.size, 'pair')} listed ({share})"
        if table.lists_pairs
        else f"{counted(seen.size, 'observed cell')} ({share}), {others}"
    )
    empty_rows, empty_columns = int((seen.row_counts() == 0).sum()), int((seen.column_counts() == 0).sum())
    empty_rows -= 0 if table.totals is None else len(table.totals.rows)
    empty = [counted(k, side) for k, side in ((empty_rows, "row"), (empty_columns, "column")) if k]
    if empty:
        are = "is" if empty_rows + empty_columns == 1 else "are"
        text += f"; {' and '.join(empty)} without observations {are} predicted from biases alone"
    told = [words for words in table.decided if row_order is not False or not words.endswith(NO_ORDER)]
    lines = [text, *(f"  {words.removesuffix(NO_ORDER) if row_order else words}" for words in told)]
    lines += _folds(table)
    if seen.size == m * n:
        lines.append("  nothing is missing: all cells are kept; the fit describes the table by fewer numbers")
    return "\n".join(lines)


def _folds(table: Table) -> list[str]:
    """Return which side holds times of several days, and the command that takes them for a tensor."""
    seen, lines = table.observations, []
    if table.lists_pairs:
        return []
    names, value = (table.names, f"--value {table.names[2]} ") if table.layout == "long" else (SIDES, "")
    for name, labels in zip(names, (seen.row_labels, seen.column_labels), strict=False):
        grid = None if labels is None else days_by_times(np.asarray(labels))
        if grid is not None:
            lines.append(
                f"  {name}: {grid[1]} times of {grid[0]} days; lowland fill {value}--fold {name}=day,time "
                "also learns what days have in common"
            )
    return lines


def check_table_size(rank: int | None, output: Path | None, shape: tuple[int, int]) -> None:
    """Raise unless the rank fits a table, or if it would be too large to be of use when it is completed."""
    if rank is not None:
        check_rank(rank, shape, name="--rank")
    if output is not None and shape[0] * shape[1] > LARGEST_OUTPUT:
        raise InvalidInputError(
            "--output would be too large",
            f"{shape[0]} x {counted(shape[1], 'cell')}",
            fix="save the model with --model, and use lowland predict for the cells that you need",
        )


def check_completable(table: Table) -> None:
    """Raise if a table has a single row or column, from which nothing can be learned about others."""
    m, n = table.observations.shape
    if min(m, n) < 2:
        kind = "row" if m < 2 else "column"
        left = f"; no data: {listed(table.as_is)}" if table.as_is else ""
        ways = [name for name, what in table.as_is.items() if may_be_data(what)]
        first = table.names[0] if m > 1 and table.layout == "wide" and _are_numbers(table) else ""
        raise InvalidInputError(
            f"a table with a single {kind} of data cannot be completed from others",
            f"{counted(m, 'row')}, {counted(n, 'column')}, read as {table.layout}{left}",
            fix=Remedy(
                "pass a table with at least two rows and two columns of data",
                *([Words(f"take {first!r} for data (", Option("row_labels", False), ")")] if first else []),
                *([Words("say that columns are data by ", Option("as_data", ways))] if ways else []),
            ),
        )


def _are_numbers(table: Table) -> bool:
    """Return whether the rows of a table are named by numbers."""
    labels = table.observations.row_labels
    return labels is not None and all(is_number(str(label)) for label in labels[:TELLING])
