"""Rows and columns that are sums or statistics are found by name and by value, in files and frames alike."""

import numpy as np
import pandas as pd
import pytest

from lowland.core.errors import InvalidInputError
from lowland.estimators.frames.kinds import read_kinds
from lowland.estimators.frames.totals import totals_of
from lowland.files.columns.summary_names import kind_of
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table

RNG = np.random.default_rng(1)
CELLS = RNG.integers(5, 90, (12, 4)).astype(float)
PRICES = np.column_stack([CELLS[:, :2], np.round(RNG.random(12) * 5 + 1, 2)])
ORDERS = ["orders", "items", "price"]
TOTAL = [("Total", "sum")]
YEARS = ["2019", "2020", "2021"]
SUMMED = ["total"]


def frame(cells, columns="abcdef", names=()):
    made = pd.DataFrame(cells, columns=list(columns)[: cells.shape[1]])
    made.insert(0, "shop", [*names, *(f"s{k:02d}" for k in range(len(names), len(made)))])
    return made


def below(above, **rows):
    """Return a table with further rows below."""
    lines = [[name.replace("_", " "), *cells] for name, cells in rows.items()]
    return pd.concat([above, pd.DataFrame(lines, columns=above.columns)], ignore_index=True)


def holed(above, *places):
    made = above.copy()
    for i, j in places:
        made.iat[i, j] = np.nan
    return made


def gone(cells, *places):
    made = cells.copy()
    for place in places:
        made[place] = np.nan
    return made


def found(totals):
    """Return the rows with what they are, the columns of sums, shares, and columns with cells left empty."""
    if totals is None:
        return [], [], [], []
    rows = [(name, one.kind) for name, one in zip(totals.called, totals.rows, strict=True)]
    shares = [[totals.names[part] for part in one.parts] for one in totals.shares]
    return rows, [totals.names[one.place] for one in totals.columns], shares, totals._empty


def nested():
    """Return subtotals of cities, of which some have one row, of regions, and of all."""
    parts, rows = [RNG.integers(1, 50, (size, 3)).astype(float) for size in (3, 2, 1, 4)], []
    for k, part in enumerate(parts):
        rows += [[f"r{k}{i}", *line] for i, line in enumerate(part)] + [["Total city", *part.sum(0)]]
        if k % 2:
            rows.append([f"Total region {k}", *(parts[k - 1].sum(0) + part.sum(0))])
    rows.append(["Grand total", *sum(part.sum(0) for part in parts)])
    return pd.DataFrame(rows, columns=list("xabc"))


def crossed():
    """Return a cross table with margins, of which a cell is missing."""
    made = pd.DataFrame(CELLS[:, :3], columns=list("xyz"), index=pd.Index(list("abcdefghijkl"), name="k"))
    made["All"] = made.sum(axis=1)
    made.loc["All"] = made.sum()
    made.loc["All", "y"] = np.nan
    return made


def panel():
    """Return countries by year, and the world in each year."""
    years, parts = np.arange(2000, 2006), RNG.integers(5, 90, (4, 6, 2)).astype(float)
    lines = [[name, year, *parts[k, i]] for k, name in enumerate("ABCD") for i, year in enumerate(years)]
    lines += [["World", year, *parts[:, i].sum(0)] for i, year in enumerate(years)]
    return pd.DataFrame(lines, columns=["country", "year", "births", "deaths"])


NESTED = nested()
GAPPED = gone(CELLS, (2, 1), (5, 2))
SUMS = np.column_stack([CELLS[:, :2], CELLS[:, :2].sum(1), CELLS[:, 2:], CELLS[:, 2:].sum(1), CELLS.sum(1)])
MEAN = PRICES[:, 2].mean().round(2)
SIGNED = np.round(RNG.normal(0, 10, (12, 3)), 1)
ROUNDED = RNG.integers(1000, 90000, (8, 3)).astype(float)
SOIL = np.column_stack([np.round(RNG.dirichlet([2, 3, 4], 14) * 100, 1), RNG.random(14) * 3 + 5])
MANY = RNG.integers(5, 90, (5200, 2)).astype(float)
GRADES = RNG.integers(1, 6, (14, 4)).astype(float)
GRADES[3] = 5.0

# the table; rows, columns of sums, shares, and columns in which a sum stays empty
FOUND = {
    "below": (holed(below(frame(CELLS), Total=CELLS.sum(0)), (3, 1)), TOTAL),
    "index": (below(frame(CELLS), Total=CELLS.sum(0)).set_index("shop"), TOTAL),
    "top": (below(frame(CELLS), Total=CELLS.sum(0)).iloc[[12, *range(12)]].reset_index(drop=True), TOTAL),
    "middle": (below(frame(CELLS), Total=CELLS.sum(0), x=CELLS[0] + 3, y=CELLS[1] + 1), TOTAL),
    "nested": (NESTED, [(name, "sum") for name in NESTED["x"] if "otal" in name]),
    "without a name": (below(frame(CELLS), _=CELLS.sum(0)).replace(" ", None), [("(line 13)", "sum")]),
    "a number without a row": (
        below(frame(CELLS), Total=CELLS.sum(0)).assign(nr=[*range(7, 19), None]).iloc[:, [5, 0, 1, 2, 3, 4]],
        TOTAL,
    ),
    "regions called N": (
        pd.concat([frame(CELLS), below(frame(CELLS[:0]), Total=CELLS.sum(0))])
        .assign(region=[*"NNNNNNSSSSSS", ""])
        .iloc[:, [5, 0, 1, 2, 3, 4]]
        .reset_index(drop=True),
        TOTAL,
    ),
    "a panel": (holed(panel(), (3, 2), (26, 3)), [("World", "sum")] * 6),
    "margins": (crossed(), [("All", "sum")], ["All"]),
    "sums of sums": (
        frame(SUMS, ["a", "b", "sum1", "c", "d", "sum2", "grand total"]),
        [],
        ["sum1", "sum2", "grand total"],
    ),
    "a sum before its parts": (
        holed(frame(SUMS[:, 4::-1][:, 2:], ["total", "b", "a"]), (2, 2)),
        [],
        ["total"],
    ),
    "negative": (below(frame(SIGNED), Total=np.round(SIGNED.sum(0), 1)), TOTAL),
    "thousands": (below(frame(ROUNDED.round(-3)), Total=ROUNDED.sum(0).round(-3)), TOTAL),
    "statistics": (
        below(
            frame(CELLS),
            Total=CELLS.sum(0),
            Mean=CELLS.mean(0).round(2),
            Std=CELLS.std(0, ddof=1).round(2),
            Median=np.median(CELLS, 0),
            Min=CELLS.min(0),
            Max=CELLS.max(0),
            N=[12] * 4,
        ),
        [
            *TOTAL,
            *(("Mean", "mean"), ("Std", "deviation"), ("Median", "median"), ("Min", "minimum")),
            *(("Max", "maximum"), ("N", "count")),
        ],
    ),
    "a mean of known cells": (
        below(frame(GAPPED), Durchschnitt=np.nanmean(GAPPED, 0).round(3)),
        [("Durchschnitt", "mean")],
    ),
    "a mean of cells now missing": (
        below(frame(GAPPED), Average=CELLS.mean(0).round(2)),
        [("Average", "mean")],
    ),
    "no sum of prices": (
        below(frame(PRICES, ORDERS), Total=[*PRICES[:, :2].sum(0), np.nan]),
        TOTAL,
        [],
        [],
        ["price"],
    ),
    "a mean of prices with a gap": (
        below(
            frame(gone(PRICES, (4, 2)), ORDERS), Total=[*PRICES[:, :2].sum(0), PRICES[:, 2].mean().round(2)]
        ),
        TOTAL,
    ),
    "more means than sums": (
        below(
            frame(PRICES[:, [0, 2, 2]] + [0, 0, 1], ["orders", "cost", "price"]),
            Total=[PRICES[:, 0].sum(), MEAN, MEAN + 1],
        ),
        TOTAL,
    ),
    "years": (
        below(frame(CELLS[:, :3], YEARS), Total=[*CELLS[:, :2].sum(0), np.nan]),
        TOTAL,
    ),
    "sums of known cells": (below(frame(GAPPED), Total=np.nansum(GAPPED, 0)), TOTAL),
    "shares": (
        holed(frame(SOIL, ["sand", "silt", "clay", "pH"]), (2, 1), (3, 2), (5, 1), (5, 2)),
        [],
        [],
        [["sand", "silt", "clay"]],
    ),
    "a name beside numbers": (
        below(frame(CELLS), Total=CELLS.sum(0)).assign(id=range(101, 114)).iloc[:, [5, 0, 1, 2, 3, 4]],
        TOTAL,
    ),
    "far below": (below(frame(MANY), Total=MANY.sum(0)), TOTAL),
    # names alone are no evidence
    "people": (frame(CELLS, names=["Max", "Min", "N", "Sd", "Average", "Total", "All"]), []),
    "the best": (frame(GRADES, names=["s", "t", "u", "Max"]), []),
    "a sum by chance": (frame(np.column_stack([CELLS[:, :2], CELLS[:, 2]]), ["a", "b", "total"]), []),
    "a level that is left out": (
        pd.DataFrame({"x": ["yes", "-", "no", ""] * 5, "y": np.arange(20.0), "z": np.arange(20.0) % 7}),
        [],
    ),
    "names of measures": (frame(CELLS, ["count", "mean", "total_price", "overall"]), []),
    "marks to 100": (frame(RNG.integers(0, 101, (20, 4)).astype(float)), []),
    "halves": (frame(np.column_stack([np.full((12, 2), 50.0), CELLS[:, :2]])), []),
    "a row of rates": (below(frame(CELLS), World=CELLS.mean(0) + 0.37), []),
}


def both(table, path, form=TableFormat()):  # noqa: B008 - it cannot be changed
    """Return what is found in a file and in a data frame."""
    table.to_csv(path, index=table.index.name is not None)
    kinds = read_kinds(table, form).with_words()
    in_frame = totals_of(table, kinds.levels, kinds.untouched, form, kinds.written)[0]
    return load_table(path, Reading(words=True, form=form)).totals, in_frame


@pytest.mark.parametrize("name", FOUND)
def test_files_and_frames_find_the_same(name, tmp_path):
    table, *expected = FOUND[name]
    for totals in both(table, tmp_path / "t.csv"):
        assert found(totals) == (*expected, *[[]] * (4 - len(expected)))


def test_sums_in_a_list_of_cells_are_found_by_their_labels(tmp_path):
    table = below(frame(CELLS[:, :3], YEARS), Total=CELLS[:, :3].sum(0)).assign(
        all=lambda t: t[YEARS].sum(axis=1)
    )
    listed = table.melt("shop", var_name="year", value_name="value")
    listed = listed.drop(index=[4, 12 + 13, 3 * 13 + 5])  # of a part, of the total of a year, and of a shop's
    listed.to_csv(tmp_path / "t.csv", index=False)
    read = load_table(tmp_path / "t.csv")
    assert (read.layout, read.observations.shape) == ("long", (13, 3))
    assert found(read.totals)[:2] == (TOTAL, ["all"])
    place = {str(name): i for i, name in enumerate(read.known.row_labels.tolist())}
    made = read.totals.complete(np.ones((13, 3)))
    columns = [read.totals.names.index(name) for name in (*YEARS, "all")]
    assert (
        made[[place[name] for name in table["shop"]]][:, columns].tolist()
        == table.iloc[:, 1:].to_numpy().tolist()
    )
    data = load_table(tmp_path / "t.csv", Reading(form=TableFormat(as_data=["Total", "all"])))
    assert data.observations.shape == (13, 4)
    with pytest.raises(InvalidInputError, match="column or row"):
        load_table(tmp_path / "t.csv", Reading(form=TableFormat(as_is=["Sum"])))


@pytest.mark.parametrize("columns", [list("abcd"), [2019, 2020, 2021, 2022]], ids=["text", "numbers"])
def test_names_of_rows_beside_numbers_in_an_index(columns):
    table = pd.DataFrame(CELLS, columns=columns)
    table.loc["Total"] = table.sum()
    (one,) = totals_of(table, {}, (), TableFormat(), {})[0].rows
    assert one.place == 12
    table.index = pd.MultiIndex.from_product([["north"], table.index])
    assert totals_of(table, {}, (), TableFormat(), {})[0].called == ("Total",)


@pytest.mark.parametrize(
    ("said", "rows", "columns"),
    [
        ({"as_data": ["Total", "turnover", "Mean"]}, [], []),
        ({"as_is": ["s03", "Total"]}, [("s03", "left"), ("Total", "left"), ("Mean", "mean")], []),
        ({"as_total": ["turnover"]}, [*TOTAL, ("Mean", "mean")], ["turnover"]),
        ({"as_total": ["Everybody"]}, [("Everybody", "sum"), ("Mean", "mean")], []),
    ],
    ids=str,
)
def test_a_person_may_say_what_rows_and_columns_are(said, rows, columns, tmp_path):
    cells = np.column_stack([CELLS[:, :3], CELLS[:, :3].sum(1)])
    table = below(frame(cells, ["a", "b", "c", "turnover"]), Total=cells.sum(0), Mean=cells.mean(0).round(3))
    table = table.replace("Total", said.get("as_total", [""])[0]) if "Everybody" in str(said) else table
    for totals in both(table, tmp_path / "t.csv", TableFormat(**said)):
        assert found(totals)[:2] == (rows, columns)


def test_a_total_as_asked_is_filled_where_nothing_speaks_against_it(tmp_path):
    table = below(frame(PRICES, ORDERS), Total=[*PRICES[:, :2].sum(0), np.nan], Whole=[np.nan] * 3)
    for totals in both(table, tmp_path / "t.csv", TableFormat(as_total=["Total", "Whole"])):
        made = totals.complete(PRICES[[*range(12), 0, 0]])
        assert made[12:, 2] == pytest.approx(PRICES[:, 2].sum())
        assert made[13, 0] == PRICES[:, 0].sum()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"as_total": ["s03"]}, "is not the sum"),
        ({"as_total": ["b"]}, "is not the sum"),
        ({"as_total": ["Sum"]}, "column or row"),
        ({"as_data": ["Sum"]}, "column or row"),
        ({"as_is": ["Sum"]}, "column or row"),
    ],
    ids=str,
)
def test_what_a_person_says_of_lines_must_be_so(said, words, tmp_path):
    table, form = below(frame(CELLS), Total=CELLS.sum(0)), TableFormat(**said)
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InvalidInputError, match=words):
        load_table(tmp_path / "t.csv", Reading(words=True, form=form))
    with pytest.raises(InvalidInputError, match=words):
        totals_of(table, {}, ["shop"], form, {})


def test_a_line_without_a_name_that_is_no_sum_is_refused_and_not_left_out(tmp_path):
    table = below(frame(CELLS), _=CELLS.mean(0)).replace(" ", None)
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InvalidInputError, match="empty label"):
        load_table(tmp_path / "t.csv", Reading(words=True))
    assert totals_of(table, {}, ["shop"], TableFormat(), {}) == (None, [])


def test_what_is_known_of_statistics_is_filled_and_said():
    cells = CELLS + 0.25
    means = cells.mean(0).round(3)
    means[[0, 1]] = np.nan
    table = below(frame(gone(cells, (2, 1))), Mean=means)
    totals = totals_of(table, {}, ["shop"], TableFormat(), {})[0]
    made = totals.complete(np.zeros((13, 4)))
    assert made[12, 0] == pytest.approx(cells[:, 0].mean())
    assert np.isnan(made[12, 1])  # of which a cell is not known
    assert totals.words == [
        "row 'Mean' holds the mean of others: no part in the fit, empty in 'b' (--as-data 'Mean')"
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("合計", "sum"),
        ("Total général", "sum"),
        ("Column average", "mean"),
        ("n", "count"),
        ("N1", ""),
        ("Maxine", ""),
        ("minimum wage", ""),
    ],
)
def test_kinds_of_names(name, kind):
    assert kind_of(name) == kind
