"""Completed tables in the workbooks they came from: nothing but the filled cells differs, byte by byte."""

import re
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowland.core.errors import InvalidInputError
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.writing.filled import ColumnFills, Filled
from lowland.files.writing.writing import write_filled

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("python_calamine")

SHEET, BOOK = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
WORDS = Reading(words=True)
# the hole in the column of shares has no cell at all
LINES = [[f"s{k}", k + 0.25, None if k == 3 else k / 10, "ab"[k % 2]] for k in range(8)]


def made(path, lines=LINES, change=None, header=("shop", "tea", "share", "word")):
    """Write a workbook whose column of shares is shown as per cent."""
    book = openpyxl.Workbook()
    book.active.append(header)
    for line in lines:
        book.active.append(line)
    for row in book.active.iter_rows(2, 9, 3, 3):
        row[0].number_format = "0.0%"
    if change is not None:
        change(book, book.active)
    book.save(path)
    return path


def rewritten(path, **parts):
    """Replace texts in parts of a workbook: pairs of what is found and what takes its place."""
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    names = {"sheet": SHEET, "book": BOOK, "types": "[Content_Types].xml"}
    for key, (pattern, text) in parts.items():
        files[names[key]], count = re.subn(pattern, text, files[names[key]])
        assert count, key
    with zipfile.ZipFile(path, "w") as new:
        for name, data in files.items():
            new.writestr(name, data)
    return path


def filled(path, out, reading=WORDS, **fills):
    """Complete a workbook by values in the lines of its columns."""
    table = load_table(path, reading)
    columns = {
        name: ColumnFills(np.array(lines), np.array(numbers, float), tuple(words))
        for name, (lines, numbers, *words) in fills.items()
    }
    write_filled(out, Filled(original=table.original, fills=columns, form=table.form))
    return openpyxl.load_workbook(out)


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def furnished(book, sheet):
    """Add what people have in their workbooks."""
    from openpyxl.chart import LineChart, Reference
    from openpyxl.comments import Comment
    from openpyxl.formatting.rule import ColorScaleRule
    from openpyxl.styles import PatternFill
    from openpyxl.worksheet.table import Table

    chart = LineChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=9), titles_from_data=True)
    sheet.add_chart(chart, "H2")
    sheet["B4"].comment = Comment("by hand", "me")
    sheet["A2"].fill = PatternFill("solid", fgColor="FFFF00")
    sheet.conditional_formatting.add("B2:B9", ColorScaleRule("min", None, "FFFFFF", "max", None, "FF0000"))
    sheet.add_table(Table(displayName="Prices", ref="A1:D9"))
    sheet.freeze_panes, sheet.column_dimensions["B"].width = "B2", 33
    other = book.create_sheet("calculated")
    other["A1"] = "=SUM(Sheet!C2:C9)"


def test_every_part_of_a_workbook_but_the_filled_cells_is_copied(tmp_path):
    path = rewritten(made(tmp_path / "t.xlsx", change=furnished), sheet=(b'<c r="C5"[^>]*/>', b""))
    form = Reading(words=True, form=TableFormat(sheet="Sheet"))
    book = filled(path, tmp_path / "out.xlsx", form, share=([3], [0.345678]))
    before, after = parts_of(path), parts_of(tmp_path / "out.xlsx")
    assert list(before) == list(after)
    assert {name for name in before if before[name] != after[name]} == {SHEET, BOOK}
    style = re.search(rb'<c r="C4" s="(\d+)"', before[SHEET])[1]
    cell = b'<c r="C5" s="' + style + b'"><v>0.35</v></c>'  # with the decimals of its column
    assert after[SHEET].replace(cell, b"") == before[SHEET]
    assert re.sub(rb' ?fullCalcOnLoad="1"', b"", after[BOOK]) == re.sub(
        rb' ?fullCalcOnLoad="1"', b"", before[BOOK]
    )
    assert book["Sheet"]["C5"].value == 0.35
    assert book["Sheet"]["C5"].number_format == "0.0%"
    assert book["calculated"]["A1"].value == "=SUM(Sheet!C2:C9)"


def test_a_workbook_without_formulas_is_not_to_be_calculated(tmp_path):
    path = made(tmp_path / "t.xlsx")
    filled(path, tmp_path / "out.xlsx", share=([3], [0.5]))
    assert parts_of(path)[BOOK] == parts_of(tmp_path / "out.xlsx")[BOOK]


@pytest.mark.parametrize("written", [b"", b'<calcPr calcId="7"/>', b'<calcPr fullCalcOnLoad="0"></calcPr>'])
def test_formulas_are_to_be_calculated_anew_when_the_workbook_is_opened(tmp_path, written):
    def total(_, sheet):
        sheet["H20"] = "=SUM(C2:C9)"

    path = rewritten(made(tmp_path / "t.xlsx", change=total), book=(rb"<calcPr[^>]*/>", written))
    book = filled(path, tmp_path / "out.xlsx", share=([3], [0.5]))
    text = parts_of(tmp_path / "out.xlsx")[BOOK]
    assert text.count(b'fullCalcOnLoad="1"') == text.count(b"<calcPr ") == 1
    assert text.index(b"</sheets>") < text.index(b"<calcPr")
    assert book.calculation.fullCalcOnLoad
    assert book.active["H20"].value == "=SUM(C2:C9)"


def test_filled_cells_look_as_their_column_does(tmp_path):
    from openpyxl.styles import PatternFill

    def looks(_, sheet):
        sheet["C5"].fill = PatternFill("solid", fgColor="FFFF00")  # a hole of its own, in the same format
        sheet["B6"].number_format = "yyyy-mm-dd"  # a number here would be a date
        sheet["D7"].number_format = "@"

    lines = [[a, None if k == 4 else b, c, None if k == 5 else d] for k, (a, b, c, d) in enumerate(LINES)]
    path = made(tmp_path / "t.xlsx", lines, looks)
    fills = {"tea": ([4], [2.5]), "share": ([3], [0.5]), "word": ([5], [1.0], "a", "b")}
    sheet = filled(path, tmp_path / "out.xlsx", **fills).active
    assert (sheet["C5"].value, sheet["C5"].number_format, sheet["C5"].fill.fgColor.rgb) == (
        *(0.5, "0.0%"),
        "00FFFF00",
    )
    assert (sheet["B6"].value, sheet["B6"].number_format) == (2.5, "General")
    assert sheet["D7"].value == "b"


@pytest.mark.parametrize("word", ["<&>\"' ü ", "two\nlines", "two_x000D_lines", "a_x005F_x0041_"])
def test_words_and_truth_values_are_filled_as_such(tmp_path, word):
    """Codes such as _x000D_ stand for characters in sheets; readers of them see these."""
    lines = [[f"s{k}", k, k / 10, (word, "other")[k % 2], k % 3 == 0] for k in range(8)]
    lines[3][3] = lines[4][4] = None
    path = made(tmp_path / "t.xlsx", lines, header=("shop", "tea", "share", "word", "open"))
    levels = load_table(path, WORDS).levels["word"]
    assert len(levels) == 2
    seen = next(one for one in levels if one != "other")
    fills = {"word": ([3], [0.0], seen), "open": ([4], [1.0], "FALSE", "TRUE")}
    assert filled(path, tmp_path / "out.xlsx", **fills).active["E6"].value is True
    again = load_table(tmp_path / "out.xlsx", WORDS)
    assert again.levels["word"] == levels
    assert levels[int(again.observations.to_array()[3, 2])] == seen


def test_formulas_that_give_nothing_or_an_error_stay(tmp_path):
    lines = [[a, b, "=B2" if k in (1, 4) else c, d] for k, (a, b, c, d) in enumerate(LINES)]
    path = rewritten(
        made(tmp_path / "t.xlsx", lines),
        sheet=(rb'<c r="C(3|6)"([^>]*)><f>B2</f><v ?/?>(</v>)?', rb'<c r="C\1"\2 t="e"><f>B2</f><v>#N/A</v>'),
    )
    table = load_table(path, WORDS)
    assert "cells with errors, such as #N/A or #DIV/0!, are missing: 2" in table.decided
    assert "formulas that give nothing or an error stay in a completed workbook: 2" in table.decided
    sheet = filled(path, tmp_path / "out.xlsx", share=([1, 3, 4], [0.5, 0.6, 0.7])).active
    assert [sheet[f"C{k}"].value for k in (3, 5, 6)] == ["=B2", 0.6, "=B2"]


def test_only_the_first_of_merged_cells_is_filled(tmp_path):
    lines = [[a, b, None if k == 4 else c, d] for k, (a, b, c, d) in enumerate(LINES)]
    path = made(tmp_path / "t.xlsx", lines, lambda _, sheet: sheet.merge_cells("C5:C6"))
    sheet = filled(path, tmp_path / "out.xlsx", share=([3, 4], [0.5, 0.6])).active
    assert sheet["C5"].value == 0.5
    assert parts_of(tmp_path / "out.xlsx")[SHEET].count(b"0.6<") == 1  # that of a known cell


def test_cells_without_places_and_with_prefixes(tmp_path):
    path = made(
        tmp_path / "t.xlsx", [[a, b, "NA" if k == 3 else c, d] for k, (a, b, c, d) in enumerate(LINES)]
    )
    plain = parts_of(path)[SHEET]
    data = re.sub(rb' r="[A-Z]*\d+"', b"", plain)
    data = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", data.replace(b"xmlns=", b"xmlns:x="))
    rewritten(path, sheet=(re.escape(plain), data.replace(b"\\", rb"\\")))
    before = load_table(path, WORDS).observations.to_array()
    sheet = filled(path, tmp_path / "out.xlsx", share=([3], [0.5])).active
    assert [sheet[f"C{k}"].value for k in (4, 5, 6)] == [0.2, 0.5, 0.4]
    again = load_table(tmp_path / "out.xlsx", WORDS).observations.to_array()
    np.testing.assert_array_equal(np.where(np.isnan(before), 0.5, before), again)


def test_workbooks_with_macros_and_columns_that_are_left_out_become_new_ones(tmp_path):
    path = made(tmp_path / "t.xlsx")
    drop = Reading(words=True, form=TableFormat(drop=["tea"]))
    with pytest.warns(UserWarning, match=r"out.xlsx is a new workbook of the values alone"):
        book = filled(path, tmp_path / "out.xlsx", drop, share=([3], [0.5]))
    assert [cell.value for cell in book.active[1]] == ["shop", "share", "word"]
    rewritten(
        path,
        types=(
            b"openxmlformats-officedocument.spreadsheetml.sheet.main",
            b"ms-excel.sheet.macroEnabled.main",
        ),
    )
    path = path.rename(tmp_path / "t.xlsm")
    with pytest.warns(UserWarning, match=r"out.xlsx is a new workbook of the values alone"):
        book = filled(path, tmp_path / "out.xlsx", share=([3], [0.5]))
    assert book.active["C5"].value == 0.5
    assert b"macroEnabled" not in parts_of(tmp_path / "out.xlsx")["[Content_Types].xml"]


@pytest.mark.parametrize("missing", [b"</worksheet>", None])
def test_damaged_workbooks_are_said_to_be_so_and_become_new_ones(missing, tmp_path):
    parts = parts_of(made(tmp_path / "whole.xlsx"))
    if missing is None:
        del parts["[Content_Types].xml"]
    else:
        parts[SHEET] = parts[SHEET].replace(missing, b"")
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert any("the workbook is damaged" in words for words in load_table(path, WORDS).decided)
    with pytest.warns(UserWarning, match=r"out.xlsx is a new workbook of the values alone"):
        book = filled(path, tmp_path / "out.xlsx", share=([3], [0.5]))
    assert book.active["C5"].value == 0.5


def test_a_changed_cell_stops_the_writer_and_leaves_no_file(tmp_path, monkeypatch):
    path = made(tmp_path / "t.xlsx")
    lines = Filled.lines
    monkeypatch.setattr(Filled, "lines", lambda self: ([*line[:-1], "c"] for line in lines(self)))
    with pytest.raises(InvalidInputError, match=r"an observed cell would be changed(.|\n)*D2"):
        filled(path, tmp_path / "out.xlsx", share=([3], [0.5]))
    monkeypatch.undo()
    target = "lowland.files.writing.workbooks._written"
    monkeypatch.setattr(target, lambda *_: b'<c r="C5"><v>7</v></c><c r="D5"><v>7</v></c>')
    with pytest.raises(InvalidInputError, match=r"an observed cell would be changed(.|\n)*C5"):
        filled(path, tmp_path / "out.xlsx", share=([3], [0.5]))
    assert [one.name for one in tmp_path.iterdir()] == ["t.xlsx"]


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_all_holes_are_filled_and_nothing_else_wherever_they_are(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("book")
    holes = data.draw(st.sets(st.tuples(st.integers(2, 9), st.integers(1, 2)), max_size=9))
    top, left = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 30))
    lines = [[f"s{k}", *(None if (k, j) in holes else k * j + 0.25 for j in (1, 2)), "x"] for k in range(10)]
    rows = [["shop", "tea", "oil", "note"], *lines]

    book = openpyxl.Workbook()
    for i, row in enumerate(rows, top + 1):
        for j, cell in enumerate(row, left + 1):
            if cell is not None or data.draw(st.booleans()):  # with a cell that holds nothing, or without
                book.active.cell(i, j, cell).number_format = "0.00"
    book.save(folder / "t.xlsx")
    fills = {
        name: (sorted(k for k, j in holes if j == number), [7.5] * sum(j == number for _, j in holes))
        for number, name in ((1, "tea"), (2, "oil"))
    }
    out = filled(folder / "t.xlsx", folder / "out.xlsx", **fills).active
    cells = [list(row) for row in out.iter_rows(top + 1, None, left + 1, None, values_only=True)]
    assert cells == [[7.5 if cell is None else cell for cell in row] for row in rows]
