"""`TableFormat`: how a file is written, as far as a person says it; the rest is found out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import final

from lowland.core.doors import public
from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_choice
from lowland.core.wording import Option, Words
from lowland.files.beside_numbers import CENSORED

# the name that a column of row labels without one is given
ROW_LABELS = "row labels"
# what is said of these where a table is no text
TEXT_ONLY = Words(
    *(Option("delimiter"), ", ", Option("encoding"), " and ", Option("comment")),
    *(" apply only to text files, ", Option("skip"), " to sheets as well"),
)
# the way out where a list of cells is taken for a wide table
AS_LIST = Words(
    *("for a list of cells, name its columns by ", Option("row"), ", ", Option("column")),
    *(" and ", Option("value")),
)
SENTINELS = ("error", "missing", "values")
# of day, month and year
ORDERS = ("dmy", "mdy", "ymd")


@public("lowland")
@final
@dataclass(frozen=True, kw_only=True)
class TableFormat:
    r"""How the cells of a table are written; omitted settings are detected, or an error asks for them.

    Parameters
    ----------
    delimiter : str, optional
        What separates the fields of a text file: one character, "::", or " " for runs of white space.
    encoding : str, optional
        Such as "utf-8", "utf-16" or "cp1252".
    header : bool, optional
        Whether the first line of a text file or sheet names the columns. Columns without names are "1", "2",
        ...
    skip : int, optional
        Number of lines of a text file, or of rows of a sheet, that stand above its header. By default titles
        above a header are found.
    comment : str, optional
        Lines of a text file that begin with this are left out. By default those that begin with "#", before
        the first record only.
    decimal : {".", ","}, optional
        Decimal mark.
    thousands : str, optional
        Mark between groups of three digits: one character.
    missing : collection of str
        Further cells that mean missing, besides blanks and the usual marks ("NA", "n/a", "-", "?", ...) in
        columns of numbers.
    words : collection of str
        Cells that are words in columns of words, although they might mean missing, such as "NA".
    sentinels : {"error", "missing", "values"}
        What to do with numbers such as -999 that lie far from all others of their column: refuse the table,
        take them for missing, or keep them.
    censored : {"within", "bound", "missing", "error"}
        What to do with cells that are bounds of numbers, such as "<0.05": fit them as what lies beyond the
        bound, take the bound for the value, leave the cells out of the fit, as they are, or refuse the table.
    sheet : str, optional
        Name of the sheet of a spreadsheet, or of a table in an .RData file; by default the only one that
        holds anything, or the only one of these that is not hidden.
    row_labels : bool, optional
        Whether the first column of a wide table names its rows.
    keep, drop : collection of str
        Names of the columns to read, or of those to leave out.
    as_data : collection of str
        Columns and rows of a wide table that are data although they look like identifiers, such as "zip", or
        like sums or means of others, such as "Total".
    as_is : collection of str
        Columns and rows of a wide table that take no part in a fit, and are written as they are.
    as_total : collection of str
        Rows and columns of a wide table that are sums of others whatever they are called: they take no part
        in a fit, and are filled as sums.
    dates : {"dmy", "mdy", "ymd"}, optional
        The order of day, month and year where dates are three numbers, and their column does not tell.

    Raises
    ------
    InvalidInputError
        If a setting is unknown, or decimal mark and mark of thousands are the same.

    Examples
    --------
    >>> import os, tempfile, lowland as ll
    >>> path = os.path.join(tempfile.mkdtemp(), "prices.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("shop;tea;milk\nnorth;1,50;1.200,00\nsouth;k.A.;0,99\n")
    >>> ll.read_table(path, form=ll.TableFormat(missing=["k.A."])).to_array()
    array([[1.5e+00, 1.2e+03],
           [    nan, 9.9e-01]])
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip: int | None = None
    comment: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    missing: Collection[str] = ()
    words: Collection[str] = ()
    sentinels: str = "error"
    censored: str = "within"
    sheet: str | None = None
    row_labels: bool | None = None
    keep: Collection[str] = ()
    drop: Collection[str] = ()
    as_data: Collection[str] = ()
    as_is: Collection[str] = ()
    as_total: Collection[str] = ()
    dates: str | None = None

    def __post_init__(self) -> None:
        check_choice("sentinels", self.sentinels, SENTINELS)
        check_choice("censored", self.censored, CENSORED)
        if self.skip is not None and (not isinstance(self.skip, int) or self.skip < 0):
            raise InvalidInputError(
                Words(Option("skip"), " must be a number of lines"), repr(self.skip), fix="use 0 or more"
            )
        if self.dates is not None:
            check_choice("dates", self.dates, ORDERS)
        if self.decimal not in (None, ".", ","):
            fix = Words("use ", Option("decimal", ".", ","))
            raise InvalidInputError(Words(Option("decimal"), " is unknown"), repr(self.decimal), fix=fix)
        if self.thousands is not None and (len(self.thousands) != 1 or self.thousands.isalnum()):
            raise InvalidInputError(
                Words(Option("thousands"), " must be one character that is neither letter nor digit"),
                repr(self.thousands),
            )
        if self.thousands is not None and self.thousands == self.decimal:
            raise InvalidInputError(
                "decimal mark and mark of thousands must differ", f"both {self.decimal!r}"
            )
        for name in ("missing", "words", "keep", "drop", "as_data", "as_is", "as_total"):
            words = getattr(self, name)
            if isinstance(words, str):
                raise InvalidInputError(
                    f"{name} must be a list of texts", repr(words), fix=f"pass [{words!r}]"
                )
        if self.keep and self.drop:
            both = Words(Option("keep"), " and ", Option("drop"), " were both given")
            raise InvalidInputError(both, "", fix="pass one of them")
        if self.delimiter is not None and not (len(self.delimiter) == 1 or self.delimiter == "::"):
            raise InvalidInputError(
                "the delimiter must be one character, or '::'", repr(self.delimiter), fix="pass one"
            )

    def with_missing(self, mark: str) -> TableFormat:
        """Return the same with another cell that means missing."""
        return replace(self, missing=(*self.missing, mark))

    @property
    def without_bounds(self) -> TableFormat:
        """The same for numbers of which all must be known: bounds are refused unless something is said."""
        return replace(self, censored="error") if self.censored == "within" else self

    @property
    def describes_text(self) -> bool:
        """Whether a setting was given that applies only to text files."""
        given = (self.delimiter, self.encoding, self.skip, self.comment)
        return any(x is not None for x in given)
