"""The cells of all sheets of a workbook as its parser returns them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import IO, Any, final

from lowland.core.errors import FileFormatError, InvalidInputError, MissingExtraError
from lowland.core.wording import Option, Words
from lowland.files.foreign.apart import apart
from lowland.files.foreign.merged_cells import Range, Rows
from lowland.files.foreign.sheet_cells import XML_BOOKS, Place
from lowland.files.foreign.sheet_extent import near_cells
from lowland.files.sources import Opened


@final
@dataclass(frozen=True, eq=False)
class SheetCells:
    """The cells of a sheet from the first one that holds anything on, which has a place in the sheet."""

    rows: Rows
    ranges: list[Range]
    first: Place

    @property
    def hold(self) -> bool:
        """Whether any of them holds something."""
        return any(cell is not None for row in self.rows for cell in row)


@final
@dataclass(frozen=True, eq=False)
class BookCells:
    """The sheets of a workbook: the names of all, the cells of those that are read, what is said of them."""

    names: tuple[str, ...]
    sheets: dict[str, SheetCells]
    hidden: frozenset[str]
    said: tuple[str, ...] = ()


def read_book(opened: Opened, sheet: str | None) -> BookCells:
    """Return the cells of all sheets, or of one; errors are those of `read_sheet`."""
    try:
        import python_calamine  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"{opened.kind} files need an optional package",
            "python-calamine is not installed",
            fix="pip install 'lowland[excel]', or save the sheet as CSV",
        ) from error
    try:
        if opened.kind in XML_BOOKS:
            with opened.stream() as file:
                near, said = near_cells(file, opened.name, sheet)
                book = replace(_parse(near, sheet), said=tuple(said))
        else:  # how far its cells lie apart is known to the parser alone
            book = apart(_parse_opened, opened, sheet, size=opened.size)
    except InvalidInputError:
        raise
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{opened.name} is not a valid {opened.kind} file", str(error)) from error
    if sheet is not None and sheet not in book.names:
        raise InvalidInputError(
            f"{opened.name} has no sheet {sheet!r}",
            f"sheets {', '.join(book.names)}",
            fix=Words("name one of them: ", Option("sheet", *book.names[:3])),
        )
    return book


def _parse_opened(opened: Opened, sheet: str | None) -> BookCells:
    with opened.stream() as file:
        return _parse(file, sheet)


def _parse(file: IO[bytes], sheet: str | None) -> BookCells:
    """Return the cells of all sheets, or of one; ValueError or OSError of a damaged file."""
    from python_calamine import CalamineError, SheetTypeEnum, SheetVisibleEnum, load_workbook

    try:
        book = load_workbook(file)
        about = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        cells = {
            one.name: _cells_of(book.get_sheet_by_name(one.name))
            for one in about
            if sheet in (None, one.name)
        }
    except CalamineError as error:
        raise ValueError(str(error)) from error
    except BaseException as error:  # a panic of its language is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(str(error)) from error
    hidden = frozenset(one.name for one in about if one.visible != SheetVisibleEnum.Visible)
    return BookCells(tuple(one.name for one in about), cells, hidden)


def sheet_rows(file: IO[bytes], name: str) -> tuple[Place, Rows]:
    """Return the place of the first cell of a sheet of an archive, and all cells from there on."""
    cells = _parse(near_cells(file, name, name)[0], name).sheets[name]
    return cells.first, cells.rows


def _cells_of(sheet: Any) -> SheetCells:
    """Return the cells of a sheet from the first one that holds anything on, and its merged ranges."""
    rows = [[None if cell == "" else cell for cell in row] for row in sheet.to_python()]
    if not rows:
        return SheetCells([], [], (0, 0))
    top, left = sheet.start
    height, width = len(rows), len(rows[0])
    ranges = [
        ((a - top, b - left), (min(c - top, height - 1), min(d - left, width - 1)))
        for (a, b), (c, d) in sheet.merged_cell_ranges or ()
    ]
    # a range that begins outside holds nothing
    ranges = [one for one in ranges if one[0][0] in range(height) and one[0][1] in range(width)]
    return SheetCells(rows, ranges, (top, left))
