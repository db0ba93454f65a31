"""The source of a command's table: a file or a database query."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from lowland.bayes.side_orders import SideOrders, orders_of
from lowland.completion.bayesian.features import SideCovariates
from lowland.completion.plan import CompletionPlan
from lowland.core.cells.observations import Labels, Observations
from lowland.core.errors import InvalidInputError
from lowland.files.covariates import read_covariates
from lowland.files.foreign.databases import DATABASE_ENDINGS
from lowland.files.graphs import read_graph
from lowland.files.queries import load_query
from lowland.files.shapes.layouts import Reading, Table
from lowland.files.tables import load_table


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
            raise InvalidInputError(
                "delimiter, encoding and comment apply only to text files", "a query", fix="omit them"
            )
        return load_query(self.query, self.database, how)


def source_of(table: Path | None, database: str | None, query: str | None) -> Source:
    """Return the one source that the arguments name."""
    if table is not None:
        if query is None:
            return Source(table)
        if table.suffix.lower() in DATABASE_ENDINGS:
            return Source(None, str(table), query)
        raise InvalidInputError("both a table and a query were given", str(table), fix="omit one of them")
    if not database or query is None:
        raise InvalidInputError(
            "no table was given",
            "neither a file nor --database with --query",
            fix="name a file, or give --database and --query",
        )
    return Source(None, database, query)


def orders_from(
    plan: CompletionPlan, graphs: tuple[Path | None, Path | None], table: Observations
) -> SideOrders | None:
    """Return the orders of both sides where a graph is given; None leaves them to the plan."""
    if graphs == (None, None):
        return None
    labels, given = (table.row_labels, table.column_labels), list[Any]()
    for path, own, asked, side in zip(graphs, labels, plan.asked_orders, ("row", "column"), strict=True):
        if path is not None and asked != "auto":
            raise InvalidInputError(
                f"--{side}-graph takes the place of --{side}-order", "both", fix="give one of them"
            )
        graph = None if path is None else read_graph(path).in_order(own, f"{side} in {path.name}")
        given.append(asked if graph is None else graph)
    return orders_of((given[0], given[1]), table.shape, labels)


def read_both_covariates(
    paths: tuple[Path | None, Path | None], labels: tuple[Labels | None, Labels | None]
) -> SideCovariates:
    """Return the covariates of rows and of columns that files hold, in the order of a table's labels."""
    rows, columns = (
        None if path is None else read_covariates(path).in_order(own, f"{side} in {path.name}")
        for path, own, side in zip(paths, labels, ("row", "column"), strict=True)
    )
    return rows, columns
