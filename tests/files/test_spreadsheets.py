"""Sheets as people have them: truth values, errors, merged cells, dates and identifiers."""

import datetime
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from commands import call
from lowland.core.errors import InvalidInputError
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.writing.filled import ColumnFills, Filled
from lowland.files.writing.writing import write_filled

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("python_calamine")

WORDS = Reading(words=True)
SMOKER = [None if k % 5 == 0 else k % 2 == 1 for k in range(12)]
LINES = [[f"{k:05d}", 1.5 * k, None if k == 4 else 3 * k, SMOKER[k]] for k in range(12)]


def write_book(path, rows, merged=(), **sheets):
    """Write an Excel file of a sheet, and further ones by name."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    for name, more in sheets.items():
        sheet = book.create_sheet(name)
        for row in more:
            sheet.append(row)
    book.save(path)
    return path


def cells_of(path):
    return [list(row) for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True)]


def fill(table, path, **fills):
    """Write a table with numbers or words in the lines of its columns, and return the cells of the file."""
    columns = {
        name: ColumnFills(np.array(lines), np.array(values, float), words)
        for name, (lines, values, words) in fills.items()
    }
    write_filled(path, Filled(original=table.original, fills=columns, form=table.form))
    return cells_of(path) if path.suffix == ".xlsx" else path.read_text().splitlines()


def test_truth_values_are_two_levels_and_are_filled_as_such(tmp_path):
    path = write_book(tmp_path / "t.xlsx", [["zip", "x", "y", "smoker"], *LINES])
    result = call(
        *("complete", path, "--output", tmp_path / "out.xlsx", "--rank", "1", "--no-certify"), cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert "columns of words are levels: 'smoker'" in result.stdout
    header, *lines = cells_of(tmp_path / "out.xlsx")
    assert header == ["zip", "x", "y", "smoker"]
    for line, before in zip(lines, LINES, strict=True):
        assert type(line[3]) is bool
        assert all(was in (None, now) for was, now in zip(before, line, strict=True))


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "jsonl"])
def test_truth_values_of_all_kinds_of_files(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    frame = pd.DataFrame(LINES, columns=["zip", "x", "y", "smoker"])
    frame["smoker"] = frame["smoker"].astype("boolean")
    if ending == "xlsx":
        write_book(path, [list(frame.columns), *LINES])
    elif ending == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)
    table = load_table(path, WORDS)
    assert table.levels == {"smoker": ("FALSE", "TRUE")}
    held = table.observations.to_array()[:, 2]
    np.testing.assert_array_equal(held, [np.nan if one is None else float(one) for one in SMOKER])
    assert load_table(path).levels == {}  # numbers for methods without levels
    np.testing.assert_array_equal(load_table(path).observations.to_array()[:, 2], held)


def test_numbers_fitted_to_truth_values_are_written_as_truth_values(tmp_path):
    table = load_table(write_book(tmp_path / "t.xlsx", [["zip", "x", "y", "smoker"], *LINES]))
    cells = fill(table, tmp_path / "out.xlsx", smoker=([0, 5, 10], [0.43, 0.5, 1.2], ()))
    assert [cells[k + 1][3] for k in (0, 5, 10)] == [False, True, True]


def test_a_truth_value_among_numbers_is_none(tmp_path):
    rows = [["id", "x", "y"], *([f"p{k}", k + 0.5, True if k == 3 else 2.0 * k] for k in range(6))]
    with pytest.raises(ValueError, match="'True' in column 'y', data line 4"):
        load_table(write_book(tmp_path / "t.xlsx", rows))


def test_cells_with_errors_are_missing_and_said(tmp_path):
    lines = [list(line) for line in LINES]
    lines[3][1], lines[7][2] = "#N/A", "#DIV/0!"
    path = write_book(tmp_path / "t.xlsx", [["zip", "x", "y", "smoker"], *lines])
    table = load_table(path, WORDS)
    assert "cells with errors, such as #N/A or #DIV/0!, are missing: 2" in table.decided
    assert np.argwhere(np.isnan(table.observations.to_array()[:, :2])).tolist() == [[3, 0], [4, 1], [7, 1]]


def test_names_over_several_columns_are_joined_with_those_below(tmp_path):
    head = [[None, "height", None, "year", None], ["id", "before", "after", 2020, 2021]]
    rows = [[f"p{k}", 170 + k, None if k == 3 else 171 + k, k, k + 1] for k in range(6)]
    path = write_book(tmp_path / "t.xlsx", [*head, *rows], ["B1:C1", "D1:E1"])
    table = load_table(path)
    names = ["height before", "height after", "year 2020", "year 2021"]
    assert table.observations.column_labels.tolist() == names
    assert "names of columns from 2 rows, because cells are merged" in table.decided
    assert fill(table, tmp_path / "out.csv")[0] == ",".join(["id", *names])
    assert fill(table, tmp_path / "out.xlsx")[:2] == head


def test_a_title_over_the_whole_table_is_no_part_of_its_names(tmp_path):
    rows = [["Heights of 2020", None, None], ["id", "x", "y"], *([f"p{k}", k, k * 2.5] for k in range(6))]
    table = load_table(write_book(tmp_path / "t.xlsx", rows, ["A1:C1"]))
    assert table.observations.column_labels.tolist() == ["x", "y"]


def test_merged_cells_hold_the_same_in_all_of_their_range(tmp_path):
    rows = [["A" if k == 0 else "B" if k == 6 else None, 1.5 * k, 3 if k == 2 else k] for k in range(12)]
    rows[3][2] = None
    path = write_book(tmp_path / "t.xlsx", [["land", "x", "y"], *rows], ["A2:A7", "A8:A13", "C4:C5"])
    table = load_table(path, WORDS)
    assert table.levels["land"] == ("A", "B")
    assert table.observations.to_array()[:, 0].tolist() == [0.0] * 6 + [1.0] * 6
    assert table.observations.to_array()[3, 2] == 3.0
    assert "merged cells: 3 ranges, each holding the same in all of its cells" in table.decided


def test_dates_and_identifiers_are_written_back(tmp_path):
    start = datetime.datetime(2020, 1, 1)
    rows = [
        [start.date() + datetime.timedelta(k), f"{k:05d}", start + datetime.timedelta(hours=k * k), k, 2.5]
        for k in range(8)
    ]
    table = load_table(write_book(tmp_path / "t.xlsx", [["day", "zip", "seen", "x", "y"], *rows]), WORDS)
    out = fill(table, tmp_path / "out.xlsx")
    assert out[1:] == [[datetime.datetime.combine(row[0], datetime.time()), *row[1:]] for row in rows]
    text = fill(table, tmp_path / "out.csv")
    assert text[1] == "2020-01-01,00000,2020-01-01,0,2.5"
    assert text[2] == "2020-01-02,00001,2020-01-01 01:00:00,1,2.5"


def test_a_sheet_is_chosen_by_its_name(tmp_path):
    path = write_book(tmp_path / "t.xlsx", [["id", "x", "y"], ["a", 1, 2]], more=[["id", "x"], ["b", 7]] * 2)
    with pytest.raises(ValueError, match="several sheets with data"):
        load_table(path)
    table = load_table(path, Reading(form=TableFormat(sheet="Sheet")))
    assert table.observations.to_array().tolist() == [[1.0, 2.0]]


def test_a_sheet_without_names_is_written_without(tmp_path):
    path = write_book(tmp_path / "t.xlsx", [[k + 0.25, 2.5 * k, 3.5 + k * k] for k in range(6)])
    table = load_table(path)
    assert fill(table, tmp_path / "out.csv")[0] == "0.25,0,3.5"


NAMES = ["shop", "tea", "milk", "bread", "oil"]
PRICES = [[f"s{k}", *(None if (k + j) % 5 == 0 else k + j + 0.25 for j in range(4))] for k in range(8)]
AROUND = {
    "a title": ([["Prices of 2024"], NAMES, *PRICES], "above the table: 'Prices of 2024' (--skip)"),
    "a title with a date": (
        [["Prices", None, None, "as of 2024"], [], NAMES, *PRICES],
        "above the table: 'Prices as of 2024'",
    ),
    "two titles of two cells": (
        [["Author", "Meier"], ["Date", datetime.date(2024, 1, 1)], [], NAMES, *PRICES],
        "above the table: 'Author Meier' and 1 more line",
    ),
    "a title that a blank row ends": (
        [["Report", "Prices", "2024"], [], NAMES, *PRICES],
        "above the table: 'Report Prices 2024' (--skip)",
    ),
    "a source below": ([NAMES, *PRICES, ["Source: World Bank"]], "below the table: 'Source: World Bank'"),
    "signs of notes": ([NAMES, *PRICES, ["* by hand"], ["1) see annex"]], "below the table: '* by hand'"),
    "words below a blank row": (
        [NAMES, *PRICES, [], ["Prices in thousands of euros"], ["Provisional"]],
        "below the table: 'Prices in thousands of euros' and 1 more line",
    ),
    "units": ([NAMES, [None, "EUR", "EUR/l", "EUR", "EUR/l"], *PRICES], "below the header: 'EUR EUR/l EUR"),
    "descriptions": (
        [NAMES, ["its name", "price of tea", "price of milk", "price of bread", "price of oil"], *PRICES],
        "below the header: 'its name price of tea",
    ),
}


@pytest.mark.parametrize("kind", AROUND)
def test_what_stands_around_a_table_is_no_data_and_is_said(tmp_path, kind):
    rows, said = AROUND[kind]
    table = load_table(write_book(tmp_path / "t.xlsx", rows), WORDS)
    assert table.observations.column_labels.tolist() == NAMES[1:]
    assert table.observations.row_labels.tolist() == [line[0] for line in PRICES]
    assert f"left out {said}" in " ".join(table.decided)


def test_words_that_are_merged_across_a_row_below_are_a_note(tmp_path):
    table = load_table(write_book(tmp_path / "t.xlsx", [NAMES, *PRICES, ["Provisional"]], ["A10:E10"]))
    assert table.observations.shape == (8, 4)
    assert table.decided == ("left out below the table: 'Provisional'",)


@pytest.mark.parametrize(
    "last",
    [
        [["Bonn"]],  # a row of which nothing is known
        [["South Georgia and South Sandwich"]],
        [[], [7.0]],  # far below, but a number
        [[], ["Source: A", 1.5, 2.5, 3.5, 4.5]],
    ],
)
def test_a_last_row_that_may_be_data_stays(tmp_path, last):
    table = load_table(write_book(tmp_path / "t.xlsx", [NAMES, *PRICES, *last]), WORDS)
    assert table.observations.shape[0] == 9
    assert not any("left out" in words for words in table.decided)


def test_questions_with_letters_are_no_notes(tmp_path):
    lines = [
        [f"{letter}) how do you feel", "py"[k % 2], "uv"[k % 3 == 0]] for k, letter in enumerate("abcdef")
    ]
    for holes in (0, 3):
        for line in lines[:holes]:
            line[2] = None
        table = load_table(write_book(tmp_path / "t.xlsx", [["question", "x", "y"], *lines]), WORDS)
        assert table.observations.shape[0] == 6


def test_two_rows_of_names_are_joined_with_or_without_units(tmp_path):
    groups = [None, "drinks", None, "food", None]
    names = ["drinks tea", "drinks milk", "food bread", "food oil"]
    units = [None, "EUR", "EUR", "kg", "kg"]
    for more in ([], [units]):
        table = load_table(write_book(tmp_path / "t.xlsx", [groups, NAMES, *more, *PRICES]))
        assert table.observations.column_labels.tolist() == names
        assert "names of columns from 2 lines" in table.decided
        merged = load_table(
            write_book(tmp_path / "t.xlsx", [groups, NAMES, *more, *PRICES], ["B1:C1", "D1:E1"])
        )
        assert merged.observations.column_labels.tolist() == names
        assert merged.observations.shape == table.observations.shape == (8, 4)
    assert fill(table, tmp_path / "out.csv")[:3] == [
        ",drinks,,food,",
        "shop,tea,milk,bread,oil",
        ",EUR,EUR,kg,kg",
    ]
    three = [line[:4] for line in (groups, NAMES, *PRICES)]  # of which one spans columns
    table = load_table(write_book(tmp_path / "t.xlsx", three))
    assert table.observations.column_labels.tolist() == names[:3]


def test_columns_of_pandas_with_two_levels(tmp_path):
    columns = pd.MultiIndex.from_product([["p", "q"], ["x", "y"]])
    frame = pd.DataFrame(np.arange(24.0).reshape(6, 4) + 0.5, pd.Index(list("abcdef"), name="id"), columns)
    frame.to_excel(tmp_path / "t.xlsx")
    table = load_table(tmp_path / "t.xlsx")
    assert table.names == ("id",)
    assert table.observations.column_labels.tolist() == ["p x", "p y", "q x", "q y"]
    np.testing.assert_array_equal(table.observations.to_array(), frame.to_numpy())


def test_rows_above_a_table_may_be_counted(tmp_path):
    """Rows of the sheet, blank ones among them, where titles look like names of groups."""
    path = write_book(tmp_path / "t.xlsx", [[], ["Report", "Prices", "2024"], NAMES, *PRICES])
    assert load_table(path).observations.column_labels.tolist()[0] == "Prices tea"
    table = load_table(path, Reading(form=TableFormat(skip=2)))
    assert table.observations.column_labels.tolist() == NAMES[1:]
    assert table.decided == ("left out above the table: 'Report Prices 2024' (--skip)",)
    with pytest.raises(ValueError, match="no row with data"):
        load_table(path, Reading(form=TableFormat(skip=200)))


def test_hidden_rows_and_sheets_are_said(tmp_path):
    path = write_book(tmp_path / "t.xlsx", [NAMES, *PRICES], lists=[["a"], ["b"]])
    book = openpyxl.load_workbook(path)
    book.active.row_dimensions[4].hidden = True
    book.active.column_dimensions["C"].hidden = True
    book["lists"].sheet_state = "hidden"
    book.save(path)
    table = load_table(path)
    assert table.observations.shape == (8, 4)
    assert "sheet 'Sheet'; left out, as they are hidden: 'lists' (--sheet)" in table.decided
    assert "hidden in the sheet, and read like others: 1 row and 1 column" in table.decided


@pytest.mark.parametrize(
    ("texts", "numbers", "said", "fill_of"),
    [
        (["1,25", "2,50", "3,75", "0,40"], [1.25, 2.5, 3.75, 0.4], "decimal commas", "7,50"),
        (["1.234,50 €", "0,99 €", "12,00 €"], [1234.5, 0.99, 12.0], "€ left off", "7,50 €"),
        (["63.6 kg", "58.1 kg", "70.0 kg"], [63.6, 58.1, 70.0], "kg left off the numbers of 'tea'", "7.5 kg"),
        (["12 %", "31 %", "8 %"], [12.0, 31.0, 8.0], "% left off numbers", "8 %"),
        (["$4.50", "$12.25", "$0.99"], [4.5, 12.25, 0.99], "$ left off numbers", "$7.50"),
    ],
    ids=["decimal commas", "thousands and currency", "a unit", "per cent", "a sign before"],
)
def test_numbers_as_text_are_numbers_and_filled_as_such_text(tmp_path, texts, numbers, said, fill_of):
    cells = [*texts * 3, None]
    rows = [[f"s{k}", cell, 2.5 * k] for k, cell in enumerate(cells)]
    table = load_table(write_book(tmp_path / "t.xlsx", [["shop", "tea", "oil"], *rows]), WORDS)
    assert said in " ".join(table.decided)
    np.testing.assert_array_equal(table.observations.to_array()[:, 0], [*numbers * 3, np.nan])
    out = fill(table, tmp_path / "out.xlsx", tea=([len(cells) - 1], [7.5], ()))
    assert out[1:] == [*rows[:-1], [rows[-1][0], fill_of, rows[-1][2]]]


def test_decimal_commas_as_text_beside_numbers(tmp_path):
    rows = [[f"s{k}", (f"{k},25", k + 0.25, None)[k % 3], k] for k in range(9)]
    table = load_table(write_book(tmp_path / "t.xlsx", [["shop", "tea", "oil"], *rows]), WORDS)
    expected = [np.nan if k % 3 == 2 else k + 0.25 for k in range(9)]
    np.testing.assert_array_equal(table.observations.to_array()[:, 0], expected)
    out = fill(table, tmp_path / "out.xlsx", tea=([2], [7.5], ()))
    assert out[1:] == [*rows[:2], ["s2", 7.5, 2], *rows[3:]]  # a number, where some are


def test_numbers_beside_words_are_numbers_where_texts_have_decimal_commas(tmp_path):
    rows = [[f"s{k}", f"1.23{k},50 €", "n/a" if k == 3 else 0.1 + k, f"{k} x"] for k in range(9)]
    names = ["shop", "tea", "share", "note"]
    table = load_table(write_book(tmp_path / "t.xlsx", [names, *rows]), WORDS)
    expected = [np.nan if k == 3 else 0.1 + k for k in range(9)]
    np.testing.assert_array_equal(table.observations.to_array()[:, 1], expected)
    rows[5][2] = "lost"  # the word is what is refused, not a number above it
    with pytest.raises(InvalidInputError, match="'lost' in column 'share', data line 6"):
        load_table(write_book(tmp_path / "t.xlsx", [names, *rows]), WORDS)


def test_units_of_some_cells_alone_are_asked_about(tmp_path):
    """1 gram among numbers of milligrams, or of grams: nothing tells."""
    rows = [[f"s{k}", "1 gram" if k == 3 else None if k == 5 else 250.0 * k, k] for k in range(9)]
    with pytest.raises(InvalidInputError, match="'1 gram' in column 'dose'"):
        load_table(write_book(tmp_path / "t.xlsx", [["patient", "dose", "age"], *rows]), WORDS)


def test_losses_in_brackets_beside_numbers(tmp_path):
    rows = [[f"s{k}", "(1.5)" if k == 3 else None if k == 5 else 2.5 * k, k] for k in range(9)]
    table = load_table(write_book(tmp_path / "t.xlsx", [["shop", "gain", "size"], *rows]), WORDS)
    assert table.observations.to_array()[3, 0] == -1.5
    assert "1 numbers of 'gain' in brackets are below zero" in table.decided


def test_bounds_in_a_sheet_are_read_as_is_said(tmp_path):
    rows = [[f"s{k}", "<0.5" if k == 3 else None if k == 4 else k + 0.5, k] for k in range(8)]
    path = write_book(tmp_path / "t.xlsx", [["well", "lead", "depth"], *rows])
    with pytest.raises(InvalidInputError, match="what bounds mean"):
        load_table(path, Reading(form=TableFormat(censored="error")))
    within = load_table(path, WORDS)
    assert "1 censored cell of 'lead', fitted as what lies beyond" in " ".join(within.decided)
    assert within.observations.exact().size == within.observations.size - 1
    bound = load_table(path, Reading(form=TableFormat(censored="bound")))
    assert bound.observations.to_array()[3, 0] == 0.5
    kept = load_table(path, Reading(form=TableFormat(censored="missing")))
    assert np.isnan(kept.observations.to_array()[3, 0])
    assert list(kept.original.kept()) == [(3, "lead")]


def test_formulas_in_another_sheet_or_beside_the_table_do_not_matter(tmp_path):
    path = write_book(tmp_path / "t.xlsx", [NAMES, *PRICES], notes=[["=1+1"]])
    book = openpyxl.load_workbook(path)
    book["Sheet"]["H20"] = "=SUM(B2:B9)"
    book.save(path)
    table = load_table(path, Reading(form=TableFormat(sheet="Sheet")))
    assert table.observations.shape == (8, 4)
    book["Sheet"]["B3"] = "=C3*2"
    book.save(path)
    with pytest.raises(InvalidInputError, match=r"formulas without values(.|\n)*1 cells, such as B3"):
        load_table(path, Reading(form=TableFormat(sheet="Sheet")))


def test_formulas_without_values_are_refused_and_with_values_read(tmp_path):
    """Programs that do not calculate write formulas alone: as missing cells, they would be overwritten."""
    book = openpyxl.Workbook()
    for line in [["shop", "a", "b"], *([f"s{k}", k + 0.5, f"=B{k + 2}*2"] for k in range(8))]:
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InvalidInputError, match=r"formulas without values(.|\n)*8 cells"):
        load_table(tmp_path / "t.xlsx")
    set_values(tmp_path / "t.xlsx", tmp_path / "u.xlsx", b"3.5")
    table = load_table(tmp_path / "u.xlsx")
    assert table.observations.to_array()[:, 1].tolist() == [3.5] * 8
    assert "formulas: 8 cells, read as the values that were saved with them" in table.decided
    assert "beside blank cells" not in " ".join(table.decided)
    book.active["B4"] = None
    book.save(tmp_path / "t.xlsx")
    set_values(tmp_path / "t.xlsx", tmp_path / "u.xlsx", b"3.5")
    said = "formulas beside blank cells, which most of them take for 0 (--as-is 'b': no data)"
    assert said in load_table(tmp_path / "u.xlsx").decided
    assert said not in load_table(tmp_path / "u.xlsx", Reading(form=TableFormat(as_is=["b"]))).decided
    # as XlsxWriter leaves them, which asks programs to calculate them
    set_values(tmp_path / "t.xlsx", tmp_path / "u.xlsx", b"0")
    with pytest.raises(InvalidInputError, match=r"formulas without values(.|\n)*8 cells"):
        load_table(tmp_path / "u.xlsx")


def test_formulas_that_give_no_text_have_a_value(tmp_path):
    book = openpyxl.Workbook()
    for line in [["shop", "a", "b"], *([f"s{k}", k + 0.5, f'=IF(B{k + 2}>3,1,"")'] for k in range(8))]:
        book.active.append(line)
    book.save(tmp_path / "t.xlsx")
    set_values(tmp_path / "t.xlsx", tmp_path / "u.xlsx", b"", kind=b' t="str"')
    assert load_table(tmp_path / "u.xlsx", WORDS).as_is == {"b": "no known cell"}


def set_values(path, out, value, kind=b""):
    """Write a workbook with a value of each formula, as programs that calculate save them."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sheet1.xml"):
                data = re.sub(
                    rb'(<c r="\w+")([^>]*><f>.*?</f>)<v ?/?>(</v>)?', rb"\1 KIND\2<v>VALUE</v>", data
                )
                data = data.replace(b" KIND", kind).replace(b"VALUE", value)
            new.writestr(name, data)


def test_whole_numbers_of_sheets_are_whole_in_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [["a", "n", "x", "few"], *([f"s{k}", k % 5, 0.5 + k, None if k else 2] for k in range(12))]
    table = load_table(write_book(tmp_path / "t.xlsx", rows), WORDS)
    write_filled(tmp_path / "t.parquet", Filled(original=table.original, fills={}, form=table.form))
    kinds = [str(field.type) for field in parquet.read_schema(tmp_path / "t.parquet")]
    assert kinds == ["string", "int64", "double", "int64"]


def test_a_sheet_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    write_book(tmp_path / "t.xlsx", [["a", "b"], [1, 2]])
    with pytest.raises(InvalidInputError, match="no sheet 'Shet'") as refused:
        load_table(tmp_path / "t.xlsx", Reading(form=TableFormat(sheet="Shet")))
    assert 'name one of them: sheet="Sheet"' in str(refused.value)
