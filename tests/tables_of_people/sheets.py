"""Workbooks of Excel: kinds of cells, blank parts, merged cells, sheets."""

from datetime import datetime, time, timedelta
from pathlib import Path

import openpyxl
import pandas as pd

from tables_of_people.cells import LINES, counts, holed, names, prices, values, words
from tables_of_people.entry import TRUTH, WHOLE, WORD, Entry, File
from tables_of_people.text_files import FILLS, priced
from tables_of_people.writers import lines_of


def book(columns, change=None, *, headed=True, above=(), below=(), name="t.xlsx", **about):
    """Return a workbook of one sheet; `change` is called with the book and the sheet."""

    def write(path: Path) -> None:
        made = openpyxl.Workbook()
        sheet = made.active
        for line in above:
            sheet.append(list(line))
        if headed:
            sheet.append(list(columns))
        for line in (*lines_of(columns), *below):
            sheet.append(list(line))
        if change:
            change(made, sheet)
        made.save(path)

    return File(name, columns, write, headed=headed, **about)


# by the number of their column in a sheet
UNITS = (None, None, "Stück", "€", "pcs")


def read_excel(**how):
    """Return a function that reads a workbook as pandas does."""
    return lambda path: pd.read_excel(path, engine="calamine", dtype_backend="numpy_nullable", **how)


def sheet(name, file, **about):
    """Return an entry of shops and prices in a workbook, completed as one."""
    return priced(name, file, **{"output": "o.xlsx", **about})


def another(book, _):
    """Add a sheet of notes."""
    book.create_sheet("notes").append(["written by hand"])


def blank(book, _):
    """Add a sheet of nothing."""
    book.create_sheet("empty")


def moved(_, sheet):
    """Move the table down and to the right."""
    sheet.insert_rows(1, 3)
    sheet.insert_cols(1, 2)


def beside(_, sheet):
    """Write another table to the right."""
    for k, row in enumerate([("town", "staff"), *((f"town {k}", 10 * k) for k in range(6))], 1):
        sheet.cell(k, 8, row[0])
        sheet.cell(k, 9, row[1])


def stacked(_, sheet):
    """Write another table below."""
    for row in ([], ["Staff"], ["town", "staff", "hours"], *([f"town {k}", k, 30.5 + k] for k in range(6))):
        sheet.append(row)


def hidden(_, sheet):
    """Hide a row and a column."""
    sheet.row_dimensions[4].hidden = True
    sheet.column_dimensions["C"].hidden = True


def lists(book, _):
    """Add a hidden sheet of words."""
    book.create_sheet("lists").append(["yes", "no"])
    book["lists"].sheet_state = "hidden"


def calculated(book, sheet):
    """Add formulas beside the table."""
    sheet["J40"], sheet["J41"] = "=SUM(B2:B25)", "=AVERAGE(C2:C25)"


def formula(_, sheet):
    """Put a formula into the table, whose value nobody has calculated."""
    sheet["C5"] = "=B5*2"


def errors(_, sheet):
    """Write errors of formulas into the holes of the column of milk."""
    for row in sheet.iter_rows(min_row=2, min_col=3, max_col=3):
        for cell in row:
            if cell.value is None:
                cell.value = "#DIV/0!"
                cell.data_type = "e"


def merged(_, sheet):
    """Merge the cells of each group of six shops."""
    # what stands in the first of merged cells stands for all
    for start in range(2, LINES + 2, 6):
        sheet.merge_cells(start_row=start, end_row=start + 5, start_column=1, end_column=1)


def percents(_, sheet):
    """Show a column as per cent."""
    for row in sheet.iter_rows(min_row=2, min_col=2, max_col=2):
        row[0].number_format = "0.0%"


DAYS = [datetime(2023, 1, 13) + timedelta(days=9 * k) for k in range(LINES)]
TRUTHS = [word == "y" for word in words("y", "n")]
TEXT_IDS = [f"{17 * k:05d}" for k in range(LINES)]
GROUPS = {"town": [("Kiel", "Bonn", "Jena", "Ulm")[k // 6] for k in range(LINES)], **values()}
WITH_UNITS = {
    **values(),
    "tea": [x or None for x in prices(lambda x: f"{x:.2f} €".replace(".", ","))["tea"]],
    "milk": [x or None for x in prices(lambda x: f"{x:.1f} kg".replace(".", ","))["milk"]],
}
BOUNDED = {**values(), "tea": [f"<{x}" if x and k % 5 == 1 else x for k, x in enumerate(values()["tea"])]}
NUMBERS_AS_TEXT = {**values(), "tea": [None if x == "" else x for x in prices()["tea"]]}

ENTRIES = (
    sheet("a workbook", book(values()), frame=read_excel()),
    priced("a workbook, completed as text", book(values()), frame=read_excel()),
    sheet(
        "bounds among the numbers of a workbook",
        book(BOUNDED),
        frame=read_excel(),
        said=("censored cells of 'tea', fitted as what lies beyond",),
    ),
    sheet(
        "whole numbers of a workbook",
        book(values(counts)),
        fills=dict.fromkeys(FILLS, WHOLE),
        frame=read_excel(),
    ),
    sheet("a workbook without header", book(values(), headed=False), typed=("--no-header",)),
    sheet(
        "a table away from the corner",
        book(values(), moved, corner="C4"),
        frame=read_excel(skiprows=3, usecols="C:G"),
    ),
    *(
        sheet(
            f"another table {where}",
            book(values(), change),
            refused="several tables",
            fix=("--sheet", f"Sheet!A1:E{LINES + 1}"),
            frame=read_excel(usecols="A:E", nrows=LINES),
        )
        for where, change in (("beside a sheet", beside), ("below a sheet", stacked))
    ),
    sheet("a sheet of nothing beside", book(values(), blank), frame=read_excel()),
    sheet(
        "two sheets",
        book(values(), another),
        refused="several sheets with data",
        fix=("--sheet", "Sheet"),
        frame=read_excel(),
    ),
    sheet(
        "a hidden sheet beside",
        book(values(), lists),
        said=("sheet 'Sheet'; left out, as they are hidden: 'lists' (--sheet)",),
        frame=read_excel(),
    ),
    sheet(
        "formulas beside a table", book(values(), calculated), frame=read_excel(usecols="A:E", nrows=LINES)
    ),
    sheet(
        "a formula without a value",
        book(values(), formula),
        refused="formulas without values",
    ),
    sheet(
        "numbers of a workbook as text with units",
        book(WITH_UNITS, decimal=","),
        said=("decimal commas", "€ left off numbers", "kg left off the numbers of 'milk'"),
    ),
    sheet(
        "hidden rows and columns",
        book(values(), hidden),
        said=("hidden in the sheet, and read like others: 1 row and 1 column",),
        frame=read_excel(),
    ),
    sheet("errors of formulas", book(values(), errors), frame=read_excel(na_values=["#DIV/0!"])),
    sheet("per cent of a workbook", book(values(), percents), frame=read_excel()),
    sheet(
        "truth values",
        book({**values(), "open": holed(TRUTHS, 1)}),
        fills={**FILLS, "open": TRUTH},
        said=("'open'",),
        frame=read_excel(),
    ),
    sheet("truth values without gaps", book({**values(), "open": TRUTHS}), frame=read_excel()),
    sheet(
        "words of a workbook",
        book({**values(), "soil": holed(words("clay", "sand"), 1)}),
        fills={**FILLS, "soil": WORD},
        frame=read_excel(),
    ),
    sheet("dates of a workbook", book({**values(), "when": DAYS}), passed=("when",), frame=read_excel()),
    Entry(
        name="dates of a workbook first",
        file=book({"when": DAYS, **{name: column for name, column in values().items() if name != "shop"}}),
        labels="when",
        fills=FILLS,
        output="o.xlsx",
        frame=read_excel(),
    ),
    sheet(
        "times of day that repeat",
        book({**values(), "opens": holed([time(8 + k % 2) for k in range(LINES)], 1)}),
        passed=("opens",),
    ),
    sheet(
        "ids as text in a workbook",
        book({**values(), "code": TEXT_IDS}),
        passed=("code",),
        frame=read_excel(dtype={"code": str}),
    ),
    sheet("numbers as text in a workbook", book(NUMBERS_AS_TEXT), frame=read_excel()),
    sheet(
        "text that begins like a formula",
        book({**values(), "shop": [f"'{name}" for name in names("=shop")]}),
        frame=read_excel(),
    ),
    sheet(
        "an empty column of a workbook",
        book({**values(), "wine": [None] * LINES}),
        passed=("wine",),
        frame=read_excel(),
    ),
    sheet(
        "a title above a sheet",
        book(values(), above=[["Prices of the year 2024"], []], corner="A3"),
        said=("left out above the table: 'Prices of the year 2024' (--skip)",),
        frame=read_excel(skiprows=2),
    ),
    sheet(
        "merged cells",
        book(GROUPS, merged),
        passed=("shop",),
        labels=None,
    ),
    sheet(
        "notes below a sheet",
        book(values(), below=[["Source: the shops"], [], ["Prices are those of a Monday"]]),
        said=("left out below the table: 'Source: the shops' and 1 more line",),
        frame=read_excel(skipfooter=3),
    ),
    sheet(
        "two rows of headers",
        book(values(), above=[[None, "drinks", None, "food", None]], corner="A2"),
        said=("names of columns from 2 lines",),
        frame=read_excel(header=1),
    ),
    sheet(
        "a row of units in a workbook",
        book(
            values(),
            lambda _, sheet: (sheet.insert_rows(2), [sheet.cell(2, k, "EUR") for k in range(2, 6)]),
            under=(None, "EUR", "EUR", "EUR", "EUR"),
        ),
        said=("left out below the header: 'EUR EUR EUR EUR'",),
        frame=read_excel(skiprows=[1]),
    ),
    sheet(
        "units of other words in a workbook",
        book(
            values(),
            lambda _, sheet: (sheet.insert_rows(2), [sheet.cell(2, k, UNITS[k]) for k in (2, 3, 4)]),
            under=(None, *UNITS[2:], None),
        ),
        said=("left out below the header: 'Stück € pcs'",),
        frame=read_excel(skiprows=[1]),
    ),
)
