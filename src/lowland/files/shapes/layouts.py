"""`Table`, observations with the layout that they came from, and `Reading`, how to read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

from lowland.core.cells.observations import Labels, Observations
from lowland.core.parameter_checks import check_choice
from lowland.files.columns.finding_totals import FoundSums
from lowland.files.columns.table_totals import Totals
from lowland.files.numerals import Numerals
from lowland.files.table_format import TableFormat
from lowland.files.writing.listed import Listed
from lowland.files.writing.original import Original

# of a wide table
SIDES = ("rows", "columns")


@final
@dataclass(frozen=True, eq=False)
class Table:
    """Observations, and the layout of the table that they came from.

    Parameters
    ----------
    observations : Observations
    layout : {"long", "wide", "array"}
    names : tuple of str
        Long: names of the row, column and value columns; pairs without values have none of these. Wide:
        name of the label column, or "".
    levels : mapping of str to tuple of str
        Words of the columns that were read as levels; the position of a word is its number.
    decided : tuple of str
        What was found out about the table, in a few words each, with the option that says otherwise.
    as_is : mapping of str to str
        Columns of a wide table that take no part in a fit, with what they hold.
    merged : bool
        Whether lines of the same label became one row.
    form : TableFormat
        What a person says about how it is written.
    original : Original or None
        The table as it was read, where it is wide and each of its lines is a row.
    listed : Listed or None
        The table as it was read, where it is long and text.
    times : ndarray of str or None
        The date of each row in ISO 8601, where a column of a wide table says it.
    time : pair of str
        The name of that column, and how dates are written in it.
    panel : sparse array or None
        A graph of rows, next to each other in time within each unit.
    totals : Totals or None
        Rows and columns that are sums of others, which are not among the observations.
    numerals : Numerals
        How numbers are written in columns of text.
    """

    observations: Observations
    layout: str
    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    decided: tuple[str, ...] = ()
    as_is: Mapping[str, str] = field(default_factory=dict)
    merged: bool = False
    form: TableFormat = TableFormat()  # noqa: RUF009 - it cannot be changed
    original: Original | None = None
    listed: Listed | None = None
    times: Labels | None = None
    time: tuple[str, str] = ("", "")
    panel: Any = None
    totals: Totals | None = None
    numerals: Numerals = Numerals()  # noqa: RUF009 - it cannot be changed

    @property
    def lists_pairs(self) -> bool:
        """Whether it is a list of pairs without values, whose cells all hold 1."""
        return self.layout == "long" and len(self.names) == 2

    @property
    def known(self) -> Observations:
        """The observations, and the cells of totals."""
        seen = self.observations
        return seen if self.totals is None else self.totals.known(seen)

    @property
    def exact(self) -> Table:
        """The table without its censored cells."""
        totals = None if self.totals is None else self.totals.exact(self.observations)
        return replace(self, observations=self.observations.exact(), totals=totals)

    @property
    def sums(self) -> FoundSums:
        """The columns that are sums of others."""
        return FoundSums.of(self.totals)


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read a table.

    Parameters
    ----------
    row, column, value, layout, duplicates, context, dtype, form
        As in `read_table`.
    pairs : bool
        Whether a list of pairs without values is one of cells that all hold 1, if the layout is "auto".
    two_level : collection of str
        Columns of a wide table that may hold two words instead of numbers.
    words : bool
        Whether columns of a wide table that hold few words, each often, are read as levels without an order.
    truths : collection of str
        Columns of truth values: numbers, and with `words` the levels FALSE and TRUE.
    labelled : collection of str
        Columns of words that are levels if they repeat at all, be they digits.
    others : mapping of str to str
        Columns of kinds of which nothing can be filled, and what they hold.
    """

    row: str | None = None
    column: str | None = None
    value: str | None = None
    layout: str = "auto"
    pairs: bool = False
    duplicates: str = "error"
    context: str = "auto"
    dtype: str = "float64"
    form: TableFormat = TableFormat()  # noqa: RUF009 - it cannot be changed
    two_level: Collection[str] = ()
    words: bool = False
    truths: Collection[str] = ()
    labelled: Collection[str] = ()
    others: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("layout", self.layout, ("auto", "long", "wide", "pairs"))
        check_choice("duplicates", self.duplicates, ("error", "mean", "last"))
        check_choice("dtype", self.dtype, ("float64", "float32"))

    @property
    def names(self) -> tuple[str | None, str | None, str | None]:
        """Names of the row, column and value columns; None if not given."""
        return self.row, self.column, self.value
