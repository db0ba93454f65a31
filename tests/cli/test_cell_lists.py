"""Which cells were filled and how sure each is (--mark), and long tables whose values stay as written."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from commands import call
from lowland.completion.informed.marks import NEVER_TOGETHER, NOTHING, WORDS

pytestmark = pytest.mark.usefixtures("light_fits_throughout")

# what is written is looked at, not how well a tuned fit would do
QUICK = ("--quiet", "--no-certify", "--rank", "1", "--refine", "no", "--powers", "no", "--max-iter", "8")


def _complete(file, *arguments):
    done = call("complete", file, *arguments, *QUICK, cwd=file.parent)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """A completed table of a count, a price in decimal commas and a word, with its marks."""
    rng = np.random.default_rng(1)
    size = rng.random(40) + 0.5
    columns = {
        "shop": [f"shop {k}" for k in range(40)],
        "visits": [str(int(30 * x)) for x in size],
        "price": [f"{2 + x:.2f}".replace(".", ",") for x in size],
        "area": [f"{80 * x:.1f}".replace(".", ",") for x in size],
        "kind": np.where(size > 1, "large", "small").tolist(),
    }
    holes = {(k, name) for k in range(2, 40, 5) for name in ("visits", "kind")} | {(4, "price")}
    lines = [[("" if (k, name) in holes else columns[name][k]) for name in columns] for k in range(40)]
    folder = tmp_path_factory.mktemp("shops")
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([list(columns), *lines])
    files = ("--output", folder / "out.csv", "--mark", folder / "mark.csv")
    _complete(folder / "t.csv", *files, "--interval", "0.8")
    return folder, lines, holes


def _lines(path, delimiter=";"):
    with path.open(newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def test_marks_name_each_filled_cell_and_what_fills_it(shops):
    folder, before, holes = shops
    header, *after = _lines(folder / "out.csv")
    for old, new in zip(before, after, strict=True):
        assert all(b == a or not a for a, b in zip(old, new, strict=True))
    titles, *marks = _lines(folder / "mark.csv")
    assert titles == ["row", "column", "value", "lower", "upper", "probability", "informed"]
    assert {(int(row.split()[1]), column) for row, column, *_ in marks} == holes
    for row, column, value, low, high, probability, informed in marks:
        assert informed in WORDS[:2]
        assert after[int(row.split()[1])][header.index(column)] == value
        if column == "kind":
            assert (low, high) == ("", "")
            assert 0.5 <= float(probability.replace(",", ".")) <= 1
        else:
            assert probability == ""
            assert float(low.replace(",", ".")) < float(high.replace(",", "."))
        assert column != "visits" or value.isdigit()


def test_marks_as_parquet_and_of_a_long_table(shops):
    folder, before, holes = shops
    _complete(folder / "t.csv", "--mark", folder / "mark.parquet")
    marks = pd.read_parquet(folder / "mark.parquet")
    assert len(marks) == len(holes)
    assert marks.loc[marks["column"] == "kind", "probability"].notna().all()
    listed = [["shop", "item", "cost"]]
    for line in before:
        cells = (("visits", line[1]), ("area", line[3].replace(",", ".")))
        listed += [[line[0], name, cell] for name, cell in cells]
    gaps = [line for line in listed if not line[2]]
    with (folder / "long.csv").open("w", newline="") as file:
        csv.writer(file).writerows(listed)
    long = ("--row", "shop", "--column", "item", "--value", "cost")
    files = ("--output", folder / "all.csv", "--mark", folder / "gaps.csv")
    _complete(folder / "long.csv", *files, *long)
    known = {(row, column): value for row, column, value in listed[1:] if value}
    written = {(row, column): rest for row, column, *rest in _lines(folder / "all.csv", ",")[1:]}
    # as they are written, 40.0 too
    assert {cell: value for cell, (value, seen) in written.items() if seen == "1"} == known
    marked = {(row, column): value for row, column, value, *_ in _lines(folder / "gaps.csv", ",")[1:]}
    assert set(marked) == {(row, column) for row, column, _ in gaps}
    assert {cell: [value, "0"] for cell, value in marked.items()} == {cell: written[cell] for cell in marked}


def test_lists_with_intervals_keep_observed_cells_as_they_are(shops):
    folder, before, holes = shops
    _complete(folder / "t.csv", "--output", folder / "list.csv", "--interval", "0.8")
    titles, *lines = _lines(folder / "list.csv")
    assert titles == ["row", "column", "value", "lower", "upper", "observed"]
    names = ["shop", "visits", "price", "area", "kind"]
    for row, column, value, low, _, seen in lines:
        k = int(row.split()[1])
        assert seen == str(int((k, column) not in holes))
        assert value == before[k][names.index(column)] or seen == "0"
        assert "." not in value + low
    listed = [["shop", "item", "cost"], *([line[0], "area", line[3].replace(",", ".")] for line in before)]
    listed += [[line[0], "price", line[2].replace(",", ".")] for line in before]
    with (folder / "costs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(listed)
    long = ("--row", "shop", "--column", "item", "--value", "cost")
    _complete(folder / "costs.csv", "--output", folder / "listed.csv", "--interval", "0.8", *long)
    found = {
        (row, column): value
        for row, column, value, *_, seen in _lines(folder / "listed.csv", ",")
        if seen == "1"
    }
    assert found == {(row, column): value for row, column, value in listed[1:] if value}
    _complete(folder / "t.csv", "--output", folder / "list.parquet", "--interval", "0.8")
    made = pd.read_parquet(folder / "list.parquet")
    assert set(map(type, made["value"])) == {str}  # words are among them
    assert made.loc[made["column"] == "kind", "lower"].isna().all()
    assert made.loc[made["column"] != "kind", "lower"].notna().all()


def test_what_marks_refuse(shops):
    folder = shops[0]
    done = call("complete", folder / "t.csv", "--mark", folder / "mark.pdf", *QUICK, cwd=folder)
    assert done.returncode == 2
    assert "--mark has an unknown file extension" in done.stderr
    done = call("complete", folder / "t.csv", "--interval", "0.8", *QUICK, cwd=folder)
    assert done.returncode == 2
    assert "needs --mark or --output" in done.stderr
    files = ("--mark", folder / "same.csv", "--output", folder / "same.csv")
    assert call("complete", folder / "t.csv", *files, *QUICK, cwd=folder).returncode == 2


def test_marks_say_which_cells_nothing_informs(tmp_path):
    """Two halves never seen together, and a column of one cell whose spread no other tells."""
    rng = np.random.default_rng(2)
    table = rng.standard_normal((40, 1)) + 0.2 * rng.standard_normal((40, 5))
    table *= 10.0 ** np.array([0, 0, 4, -4, 0])
    table[:20, :2] = table[20:, 2:4] = table[1:, 4] = np.nan
    frame = pd.DataFrame(table, columns=list("abcde"))
    frame.to_csv(tmp_path / "t.csv", index=False)
    done = call("complete", tmp_path / "t.csv", "--mark", tmp_path / "m.csv", "--json", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    marks = pd.read_csv(tmp_path / "m.csv")
    told = marks.groupby("column")["informed"].agg(set).to_dict()
    assert told == {key: {WORDS[NEVER_TOGETHER]} for key in "abcd"} | {"e": {WORDS[NOTHING]}}
    assert marks.loc[marks["column"] != "e", ["lower", "upper"]].notna().all(axis=None)
    assert marks.loc[marks["column"] == "e", ["lower", "upper"]].isna().all(axis=None)
    listed = call(
        "complete", tmp_path / "t.csv", "-o", tmp_path / "l.csv", "--interval", "0.8", *QUICK, cwd=tmp_path
    )
    assert listed.returncode == 0, listed.stderr
    cells = pd.read_csv(tmp_path / "l.csv")
    assert (
        cells.loc[(cells["column"] == "e") & (cells["observed"] == 0), ["lower", "upper"]]
        .isna()
        .all(axis=None)
    )
    counts = json.loads(done.stdout)["marked"]
    assert counts == {WORDS[NEVER_TOGETHER]: 80, WORDS[NOTHING]: 39}


def test_penalised_fits_say_nothing_of_what_informs(tmp_path):
    table = np.add.outer(np.arange(12.0), np.arange(4.0))
    table[::5, 1] = np.nan
    pd.DataFrame(table).to_csv(tmp_path / "t.csv", index=False)
    arguments = ("--mark", tmp_path / "m.csv", "--json", "--method", "map", "--rank", "1", "--no-certify")
    done = call("complete", tmp_path / "t.csv", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["marked"] is None
    assert pd.read_csv(tmp_path / "m.csv")["informed"].isna().all()
