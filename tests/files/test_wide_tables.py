"""Columns of words in files: marks of missing cells are words there, whatever the file."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from commands import call
from lowland.core.errors import InvalidInputError
from lowland.files.numerals import MISSING
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from workbooks import write_sheet

MARKS = [mark for mark in MISSING if mark]


def _cells(row):
    return [None if cell != cell else cell for cell in row.tolist()]


WRITERS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "json": lambda frame, path: path.write_text(json.dumps(json.loads(frame.to_json(orient="records")))),
    "parquet": lambda frame, path: frame.to_parquet(path),
    "xlsx": lambda frame, path: write_sheet(path, [list(frame), *map(_cells, frame.to_numpy(object))]),
}


def _frame(words):
    numbers = np.random.default_rng(0).standard_normal((len(words), 2)).round(3)
    return pd.DataFrame(numbers, columns=["a", "b"]).assign(w=words)


def _words(table):
    """Return the words that a table was read as holding, None where it is missing."""
    words, column = table.levels["w"], table.observations.to_array()[:, 2]
    return [None if np.isnan(code) else words[int(code)] for code in column]


@pytest.mark.parametrize("ending", WRITERS)
def test_all_marks_among_words_are_words_in_all_kinds_of_file(tmp_path, ending):
    for mark in MARKS:
        words = [mark, "+", None, mark, mark] * 6
        WRITERS[ending](_frame(words), tmp_path / f"t.{ending}")
        table = load_table(tmp_path / f"t.{ending}", Reading(words=True))
        assert _words(table) == words, mark
        said = f"column 'w' holds {mark!r} (18 cells) as words (--na={mark}: missing cells)"
        assert said in table.decided


def test_all_marks_of_a_column_of_words_are_named(tmp_path):
    _frame(["n/a", "low", "high", "-", "low", "high"] * 4).to_csv(tmp_path / "t.csv", index=False)
    said = load_table(tmp_path / "t.csv", Reading(words=True)).decided
    assert any("'n/a' (4 cells) as words (--na=- --na=n/a: missing cells)" in words for words in said)


@pytest.mark.parametrize("with_arrow", [True, False])
def test_columns_of_marks_alone(tmp_path, monkeypatch, with_arrow):
    if not with_arrow:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    for words in (["-", None, "none", "-", "none"], ["?", "?", None, "?", "?"]):
        _frame(words * 6).to_csv(tmp_path / "t.csv", index=False)
        assert _words(load_table(tmp_path / "t.csv", Reading(words=True))) == words * 6
    _frame(["NA", None, "nan", "NA", "NaN"] * 6).to_csv(tmp_path / "t.csv", index=False)
    table = load_table(tmp_path / "t.csv", Reading(words=True))
    assert not table.levels
    assert table.as_is == {"w": "no known cell"}


@pytest.mark.parametrize("reading", [Reading(words=True), Reading(two_level=["w"])], ids=["words", "two"])
def test_marks_that_are_named_are_missing(tmp_path, reading):
    _frame(["NA", "yes", "no", "NA", None] * 6).to_csv(tmp_path / "t.csv", index=False)
    form = TableFormat(missing=["NA"])
    table = load_table(tmp_path / "t.csv", replace(reading, form=form))
    assert _words(table) == [None, "yes", "no", None, None] * 6


def test_marks_among_numbers_are_missing(tmp_path):
    for mark in MARKS:
        _frame([mark, "1", "2", "3.5", mark] * 6).to_csv(tmp_path / "t.csv", index=False)
        column = load_table(tmp_path / "t.csv").observations.to_array()[:, 2]
        np.testing.assert_array_equal(column, [np.nan, 1, 2, 3.5, np.nan] * 6)


# what is written is looked at, not how well a fit would do
PLAIN = ("--no-certify", "--refine", "no", "--powers", "no", "--max-iter", 10, "--quiet")


def test_the_command_line_writes_words_back_as_they_were(tmp_path):
    words = ["-", "+", None, "-", "+"] * 6
    _frame(words).to_csv(tmp_path / "t.csv", index=False)
    quick = ("--rank", 1, *PLAIN)
    for extra in ((), ("--interval", 0.9)):
        done = call("complete", "t.csv", "--output", "o.csv", "--force", *quick, *extra, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "begin as formulas" not in done.stderr
        found = pd.read_csv(tmp_path / "o.csv", dtype=str, keep_default_na=False)
        found = found["w"] if not extra else found[found["column"] == "w"]["value"]
        known = [(old, new) for old, new in zip(words, found, strict=True) if old is not None]
        assert all(old == new for old, new in known)
        assert set(found) == {"-", "+"}


def _lines(words):
    return "a,b,x\n" + "".join(f"{k / 7:.4f},{k * k / 3:.4f},{word}\n" for k, word in enumerate(words))


@pytest.mark.parametrize("gap", [(), ("",)])
@pytest.mark.parametrize("with_arrow", [True, False])
def test_whole_numbers_of_too_many_digits_are_no_data(tmp_path, monkeypatch, gap, with_arrow):
    """They were rounded without a word, and told apart no longer."""
    if not with_arrow:
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "t.csv").write_text(_lines([*(str(2**53 + 1 + 2 * k) for k in range(12)), *gap]))
    assert "16 digits or more" in load_table(tmp_path / "t.csv").as_is["x"]
    data = Reading(form=TableFormat(as_data=["x"]))
    refused = r"more digits than a number(.|\n)*9007199254740993 in column 'x'"
    with pytest.raises(InvalidInputError, match=refused):
        load_table(tmp_path / "t.csv", data)
    # those that a double holds are numbers if they are said to be
    (tmp_path / "t.csv").write_text(_lines([*(str(10**17 + 1024 * k) for k in range(12)), *gap]))
    values = load_table(tmp_path / "t.csv", data).observations.to_array()[:12, 2]
    assert [int(x) for x in values] == [10**17 + 1024 * k for k in range(12)]


def test_a_fit_in_single_precision_writes_observed_cells_in_full(tmp_path):
    (tmp_path / "t.csv").write_text(_lines([*(f"{k / 9 + 0.123456789012:.12f}" for k in range(20)), ""]))
    how = ("--rank", 1, *PLAIN, "--dtype", "float32")
    done = call("complete", "t.csv", "--output", "o.csv", *how, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    old, new = (pd.read_csv(tmp_path / name) for name in ("t.csv", "o.csv"))
    known = old["x"].notna()
    assert (old["x"] == new["x"])[known].all()
    assert (old[["a", "b"]] == new[["a", "b"]]).all().all()
