"""Tables written back with their holes filled: no observed cell changes, whatever reads and writes them."""

import csv
import datetime
import io
import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from pyarrow import feather, parquet

from lowland.cli.completed_output import column_fills
from lowland.core.errors import InvalidInputError
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.writing.filled import Filled
from lowland.files.writing.listed import Listed
from lowland.files.writing.writing import write_filled

LINES = 12
# how a cell may be written as text, by the kind of its column; the first column names the rows
NUMBERS = {
    "whole": ["4", "12", "0", "7", "1995"],
    "real": ["4.50", "1e3", "-0.25", "12.0", "+3.125"],
    "grouped": ["1,204.50", "3,999.00", "12.5", "2,000.10", "1,111.11"],
    "money": ["$4.50", "$12.25", "$0.99", "$3.10", "$7"],
}
WORDS = {
    "words": ["red", "blue", " red", "blue", "-"],
    "text": ["a, b", 'say "x"', "two\nlines", "c;d", "e\tf"],
}
IDS = {"zip": ["01673", "90210", "00501", "12345", "04567"], "dates": ["2024-01-05", "2024-02-01"]}
KINDS = NUMBERS | WORDS | IDS
# a hole in the sixth of nine lines
NINE = "name,a,b\n" + "".join(f"l{i},{i}.5,{'' if i == 5 else i * 2}\n" for i in range(9))


@st.composite
def text_tables(draw):
    """Yield a header, lines of text cells, and a delimiter."""
    kinds = ["whole", "real", *draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=4))]
    header = ["name", *(f"{kind} {k}" for k, kind in enumerate(kinds))]
    lines = []
    for i in range(LINES):
        cells = [f"line {i}"]
        for kind in kinds:
            # a column has a hole only after all of its kinds of cells have been seen
            hole = kind not in IDS and i > 4 and draw(st.booleans())
            cells.append("" if hole else KINDS[kind][i % len(KINDS[kind])])
        lines.append(cells)
    return header, lines, draw(st.sampled_from([",", ";", "\t"]))


def _fill(path, out, **reading):
    """Read a table, fill its holes by numbers that none of its cells holds, and write it."""
    table = load_table(path, Reading(words=True, **reading))
    filled = np.full(table.observations.shape, 0.123456)
    write_filled(out, Filled(original=table.original, fills=column_fills(table, filled), form=table.form))
    return table


def _data(table):
    return [str(name) for name in table.observations.column_labels.tolist()]


@settings(max_examples=15, deadline=None)
@given(text_tables())
def test_text_keeps_the_characters_of_all_observed_cells(tmp_path_factory, drawn):
    header, lines, delimiter = drawn
    folder = tmp_path_factory.mktemp("text")
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *lines])
    table = _fill(folder / "t.csv", folder / "out.csv")
    with (folder / "out.csv").open(newline="") as file:
        names, *written = csv.reader(file, delimiter="," if delimiter == "\t" else delimiter)
    assert names == header
    data = set(_data(table))
    for before, after in zip(lines, written, strict=True):
        for name, old, new in zip(header, before, after, strict=True):
            assert new == old or (not old and name in data), (name, old, new)
            assert new or name not in data, name
    for ending in ("xlsx", "parquet"):
        _fill(folder / "t.csv", folder / f"out.{ending}")
    sheet = [list(line) for line in load_workbook(folder / "out.xlsx").active.values]
    arrow = parquet.read_table(folder / "out.parquet").to_pylist()
    assert sheet[0] == header
    for before, in_sheet, in_arrow in zip(lines, sheet[1:], arrow, strict=True):
        for name, old, new in zip(header, before, in_sheet, strict=True):
            if old and ("whole" in name or "real" in name):
                assert new == float(old) == in_arrow[name]
            elif old and name.split()[0] in WORDS | IDS:
                assert str(new) == old == str(in_arrow[name])


def _arrow_table(rng):
    holes = rng.random(LINES) < 0.3
    holes[:2] = False, True

    def column(cells, kind):
        return pa.array([None if gap else cell for cell, gap in zip(cells, holes, strict=True)], kind)

    whole = [int(x) for x in rng.integers(0, 90, LINES)]
    real = rng.standard_normal(LINES).tolist()
    days = [datetime.date(2024, 1, 1 + k) for k in range(LINES)]
    return pa.table(
        {
            "name": [f"line {i}" for i in range(LINES)],
            "small": column(whole, pa.int8()),
            "large": column(whole, pa.uint64()),
            "half": column([float(np.float32(x)) for x in real], pa.float32()),
            "real": column(real, pa.float64()),
            "word": column(["red", "blue"] * 6, pa.string()),
            "kind": column(["red", "blue"] * 6, pa.string()).dictionary_encode(),
            "day": pa.array(days, pa.date32()),
            "time": pa.array([datetime.datetime(2024, 1, 1, k) for k in range(LINES)], pa.timestamp("ms")),
            "empty": pa.nulls(LINES, pa.float64()),
        }
    )


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_arrow_keeps_values_and_kinds(tmp_path, rng, ending):
    before = _arrow_table(rng)
    write, read = (
        (parquet.write_table, parquet.read_table)
        if ending == "parquet"
        else (feather.write_feather, feather.read_table)
    )
    write(before, tmp_path / f"t.{ending}")
    table = _fill(tmp_path / f"t.{ending}", tmp_path / f"out.{ending}")
    after = read(tmp_path / f"out.{ending}")
    assert after.schema.names == before.schema.names
    assert after.schema.types == read(tmp_path / f"t.{ending}").schema.types
    for name in before.column_names:
        for old, new in zip(before[name].to_pylist(), after[name].to_pylist(), strict=True):
            assert new == old if old is not None else (new is None) == (name not in _data(table)), name
    assert after["empty"].null_count == LINES


def test_whole_kinds_of_arrow_are_filled_within_their_range_which_is_said(tmp_path):
    cells = [1, None, 100, *range(9)]
    parquet.write_table(
        pa.table({"n": pa.array(cells, pa.int8()), "x": pa.array([0.5] * 12)}), tmp_path / "t.parquet"
    )
    table = load_table(tmp_path / "t.parquet", Reading(layout="wide", form=TableFormat(row_labels=False)))
    for value, means, expected, kind in (
        (300.2, False, 127, pa.int8()),
        (300.2, True, 300.2, pa.float64()),
        (30.2, True, 30.2, pa.float64()),
    ):
        fills = column_fills(table, np.full(table.observations.shape, value))
        filled = Filled(original=table.original, fills=fills, form=table.form, means=means)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            write_filled(tmp_path / "out.parquet", filled)
        assert bool(caught) != means
        column = parquet.read_table(tmp_path / "out.parquet")["n"]
        assert column.to_pylist() == [1, expected, *cells[2:]]
        assert column.type == kind


def test_a_frame_of_pandas_keeps_its_index(tmp_path):
    frame = pd.DataFrame(
        {"a": [1.5, np.nan, 2.5, 3.5], "b": [4, 5, 6, 7.25]}, index=pd.Index(list("wxyz"), name="k")
    )
    frame.to_parquet(tmp_path / "t.parquet")
    _fill(tmp_path / "t.parquet", tmp_path / "out.parquet")
    expected = frame.fillna({"a": 0.1})  # one decimal, as the others
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected)


def test_sheets_keep_values_and_kinds(tmp_path, rng):
    lines = [["name", "whole", "real", "word", "day"]]
    day = datetime.datetime(2024, 3, 1)
    for i in range(LINES):
        hole = i > 3 and rng.random() < 0.4
        lines.append([f"l{i}", None if hole else i, None if hole else i + 0.5, "ab"[i % 2], day])
    pd.DataFrame(lines[1:], columns=lines[0]).to_excel(tmp_path / "t.xlsx", index=False)
    _fill(tmp_path / "t.xlsx", tmp_path / "out.xlsx")
    before, after = (load_workbook(tmp_path / name).active for name in ("t.xlsx", "out.xlsx"))
    for old, new in zip(before.iter_rows(), after.iter_rows(), strict=True):
        for a, b in zip(old, new, strict=True):
            assert b.value is not None
            assert a.value is None or (a.value == b.value and a.data_type == b.data_type)


ORIENTS = ["records", "columns", "index", "split", "table", "values"]


@pytest.mark.parametrize("orient", [*ORIENTS, "lines", "indented", "without gaps", "named"])
def test_json_keeps_all_but_holes(tmp_path, orient):
    """Whatever the way in which the table is written, the text is that which was read."""
    frame = pd.DataFrame({"name": [f"café {k}" for k in range(9)], "a": np.arange(9) + 0.25, "b": range(9)})
    frame["b"] = frame["b"].astype(object).where(frame["b"] != 5, None)
    frame["a"] = frame["a"].where(frame["a"] != 3.25)
    how = {"orient": orient} if orient in ORIENTS else {"orient": "records"}
    if orient == "named":
        how, frame = {"orient": "columns"}, frame.set_index("name")
    text = frame.to_json(lines=orient == "lines", indent=2 if orient == "indented" else None, **how)
    if orient == "without gaps":
        text = json.dumps([{name: x for name, x in one.items() if x is not None} for one in json.loads(text)])
    (tmp_path / "t.json").write_text(text)
    layout = {"form": TableFormat(row_labels=False)} if orient in ("columns", "values") else {}
    _fill(tmp_path / "t.json", tmp_path / "out.json", **layout)
    written = (tmp_path / "out.json").read_text()
    if orient == "without gaps":
        found = json.loads(written)
        assert (found[3].pop("a"), found[5].pop("b")) == (0.12, 0)
        assert found == json.loads(text)
        return
    assert written.strip() == text.replace("null", "0.12", 1).replace("null", "0", 1).strip()
    _fill(tmp_path / "t.json", tmp_path / "out.jsonl", **layout)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(lines) == 9
    assert all(None not in line.values() for line in lines)


def test_text_is_written_as_json_records(tmp_path):
    (tmp_path / "t.csv").write_text(
        "name,a,b\n" + "".join(f"0{i},{i}.5,{'' if i == 5 else i}\n" for i in range(9))
    )
    _fill(tmp_path / "t.csv", tmp_path / "out.json")
    expected = [{"name": f"0{i}", "a": i + 0.5, "b": 0 if i == 5 else i} for i in range(9)]
    assert json.loads((tmp_path / "out.json").read_text()) == expected


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet", "json", "dta"])
def test_a_changed_cell_stops_the_writer_and_leaves_no_file(tmp_path, monkeypatch, ending):
    (tmp_path / "t.csv").write_text(
        "name,a,b\n" + "".join(f"l{i},{i}.5,{'' if i == 5 else i * 2}\n" for i in range(9))
    )
    lines = Filled.lines

    def tampered(self):
        for k, line in enumerate(lines(self)):
            yield [*line[:-1], "6"] if k == 4 else line

    monkeypatch.setattr(Filled, "lines", tampered)
    with pytest.raises(
        InvalidInputError, match=r"an observed cell would be changed(.|\n)*column 'b', data line 5"
    ):
        _fill(tmp_path / "t.csv", tmp_path / f"out.{ending}")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_cell_that_holds_something_is_not_filled(tmp_path):
    (tmp_path / "t.csv").write_text(
        "name,a,b\n" + "".join(f"l{i},{i}.5,{'' if i == 5 else i * 2}\n" for i in range(9))
    )
    table = load_table(tmp_path / "t.csv", Reading(words=True))
    fills = column_fills(table, np.full(table.observations.shape, 1.0))
    fills["b"].lines[0] = 2
    with pytest.raises(InvalidInputError, match="column 'b', data line 3"):
        write_filled(tmp_path / "out.csv", Filled(original=table.original, fills=fills, form=TableFormat()))
    assert not (tmp_path / "out.csv").exists()


def _long(text, tmp_path, **reading):
    (tmp_path / "t.csv").write_text(text)
    return load_table(tmp_path / "t.csv", Reading(layout="long", **reading))


def test_long_tables_keep_the_characters_of_their_values(tmp_path):
    cells = {("b", "y"): "4,50", ("a", "x"): "1", ("b", "x"): "-2,0", ("a", "z"): "", ("a", "y"): "0,25"}
    text = "row;column;value\n" + "".join(f"{i};{j};{cell}\n" for (i, j), cell in cells.items())
    table = _long(text, tmp_path)
    assert isinstance(table.listed, Listed)
    assert table.listed.delimiter == ";"
    seen = table.observations
    names = zip(seen.row_labels[seen.rows], seen.column_labels[seen.columns], strict=True)
    assert dict(zip(names, table.listed.values(seen), strict=True)) == {k: v for k, v in cells.items() if v}


def test_merged_lines_of_long_tables_are_numbers(tmp_path):
    text = "row,column,value\na,x,1.50\na,x,2.50\nb,x,3.0\nb,y,4.00\na,y,-999\n"
    form = TableFormat(missing=["-999"])
    mean = _long(text, tmp_path, duplicates="mean", form=form)
    assert mean.listed.values(mean.observations).tolist() == [2.0, "3.0", "4.00"]
    last = _long(text, tmp_path, duplicates="last", form=form)
    assert last.listed.values(last.observations).tolist() == ["2.50", "3.0", "4.00"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_text_keeps_all_bytes_but_those_of_holes(tmp_path, encoding, end):
    text = NINE.replace("l3", "café").replace("\n", end)
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    _fill(tmp_path / "t.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == text.replace("l5,5.5,", "l5,5.5,0").encode(encoding)


QUOTED = {
    "all": lambda cells: [f'"{cell}"' for cell in cells],
    "as R does": lambda cells: [
        f'"{cells[0]}"',
        *cells[1:-1],
        cells[-1] if cells[-1] == "NA" else f'"{cells[-1]}"',
    ],
    "where it must be": lambda cells: [f'"{cell}"' if "," in cell else cell for cell in cells],
}


@pytest.mark.parametrize("how", QUOTED)
def test_text_keeps_its_quotation_marks(tmp_path, how):
    lines = [[f"l{i}", f"{i}.5", "" if i == 5 else str(i * 2), ["NA", "x, y", "z"][i % 3]] for i in range(9)]
    header = ["name", "a", "b", "note"]
    quoted = [QUOTED[how](line) for line in lines]
    titles = [f'"{name}"' for name in header] if how != "where it must be" else header
    text = "\n".join(map(",".join, [titles, *quoted])) + "\n"
    (tmp_path / "t.csv").write_text(text)
    _fill(tmp_path / "t.csv", tmp_path / "out.csv", form=TableFormat(as_is=["note"]))
    filled = '"l5","5.5","0"' if how == "all" else f"{quoted[5][0]},5.5,0"
    assert (tmp_path / "out.csv").read_text() == text.replace(",".join(quoted[5][:3]), filled)


def test_text_without_a_header_or_of_blanks(tmp_path):
    text = "1.50 2 3.0\n4.0 NA 6.25\n7.5 8 9.0\n1.0 5 2.0\n"
    (tmp_path / "t.txt").write_text(text)
    _fill(tmp_path / "t.txt", tmp_path / "out.csv", layout="wide", form=TableFormat(row_labels=False))
    written = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_text())))
    expected = [line.split() for line in text.splitlines()]
    expected[1][1] = "0"
    assert written == expected


def test_names_that_repeat_in_parquet_are_told(tmp_path):
    parquet.write_table(pa.table([[1.0], [2.0]], names=["x", "x"]), tmp_path / "t.parquet")
    with pytest.raises(InvalidInputError, match="names a column twice\n  found: 'x'"):
        load_table(tmp_path / "t.parquet")
