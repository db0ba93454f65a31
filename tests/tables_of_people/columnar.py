"""Parquet and Feather: the kinds of columns that they have, and folders of them."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from tables_of_people.cells import LINES, counts, holed, values, words
from tables_of_people.entry import TRUTH, WHOLE, WORD, Entry, File
from tables_of_people.text_files import FILLS, priced

WHOLES = dict.fromkeys(FILLS, WHOLE)


def arrow(columns, kinds=None, *, name="t.parquet", make=None, decimal="."):
    """Return a file of an Arrow table, its columns of the given kinds."""
    kinds = kinds or {}

    def write(path):
        table = pa.table(
            {title: pa.array(list(cells), type=kinds.get(title)) for title, cells in columns.items()}
        )
        save = make or (feather.write_feather if name.endswith(".feather") else pq.write_table)
        save(table, path)

    return File(name, columns, write, decimal=decimal)


def nullable(path):
    """Return a Parquet file as a frame of pandas."""
    return pd.read_parquet(path, dtype_backend="numpy_nullable")


def kept(name, file, **about):
    """Return an entry of shops and prices in Parquet, completed as such."""
    return priced(name, file, **{"output": "o.parquet", "frame": nullable, **about})


def folder(columns):
    """Return a folder of two Parquet files."""

    def write(path):
        path.mkdir()
        for k, part in enumerate((slice(0, 12), slice(12, LINES))):
            table = pa.table({name: list(cells)[part] for name, cells in columns.items()})
            pq.write_table(table, path / f"part-{k}.parquet")

    return File("parts", columns, write)


def indexed(columns):
    """Return a Parquet file that pandas wrote, its index the first column."""

    def write(path):
        pd.DataFrame(columns).set_index("shop").to_parquet(path)

    return File("t.parquet", columns, write)


DAYS = [date(2023, 1, 13) + timedelta(days=9 * k) for k in range(LINES)]
MOMENTS = [datetime(2023, 1, 13, 6, 30) + timedelta(hours=7 * k) for k in range(LINES)]
DECIMALS = {**values(), "tea": [None if x is None else Decimal(f"{x:.2f}") for x in values()["tea"]]}
NUMBERS_AS_TEXT = {**values(), "tea": [None if x is None else f"{x:.2f}" for x in values()["tea"]]}
COMMAS = {**values(), "tea": [None if x is None else f"{x:.2f}".replace(".", ",") for x in values()["tea"]]}
UNITS = {**values(), "tea": [None if x is None else f"{x:.2f} kg" for x in values()["tea"]]}
TRUTHS = holed([word == "y" for word in words("y", "n")], 1)
IDS = [2**60 + 977 * k for k in range(LINES)]
SINGLE = {
    name: [x if x is None or name == "shop" else float(np.float32(x)) for x in cells]
    for name, cells in values().items()
}
TEXT = pa.dictionary(pa.int8(), pa.string())

ENTRIES = (
    kept("Parquet", arrow(values())),
    kept("Parquet in Polars", arrow(values()), frame=pl.read_parquet),
    priced("Parquet, completed as text", arrow(values()), frame=nullable),
    kept(
        "Feather",
        arrow(values(), name="t.feather"),
        output="o.feather",
        frame=lambda path: pd.read_feather(path, dtype_backend="numpy_nullable"),
    ),
    kept("an index of pandas in Parquet", indexed(values()), frame=nullable),
    kept("whole numbers with gaps", arrow(values(counts)), fills=WHOLES),
    kept("whole numbers with gaps in Polars", arrow(values(counts)), fills=WHOLES, frame=pl.read_parquet),
    kept("small whole numbers", arrow(values(counts), dict.fromkeys(FILLS, pa.int8())), fills=WHOLES),
    kept("unsigned whole numbers", arrow(values(counts), dict.fromkeys(FILLS, pa.uint16())), fills=WHOLES),
    kept("single precision", arrow(SINGLE, dict.fromkeys(FILLS, pa.float32()))),
    kept("decimals", arrow(DECIMALS, {"tea": pa.decimal128(9, 2)})),
    kept("decimals in Polars", arrow(DECIMALS, {"tea": pa.decimal128(9, 2)}), frame=pl.read_parquet),
    kept("truth values of Parquet", arrow({**values(), "open": TRUTHS}), fills={**FILLS, "open": TRUTH}),
    kept(
        "words of Parquet",
        arrow({**values(), "soil": holed(words("clay", "sand"), 1)}),
        fills={**FILLS, "soil": WORD},
    ),
    kept(
        "dictionaries",
        arrow({**values(), "soil": holed(words("clay", "sand"), 1)}, {"soil": TEXT}),
        fills={**FILLS, "soil": WORD},
    ),
    kept(
        "categories of digits",
        arrow({**values(), "grade": holed(words("1", "2", "3"), 1)}, {"grade": TEXT}),
        fills={**FILLS, "grade": WORD},
    ),
    kept(
        "categories of digits in Polars",
        arrow({**values(), "grade": holed(words("1", "2", "3"), 1)}, {"grade": TEXT}),
        fills={**FILLS, "grade": WORD},
        frame=pl.read_parquet,
    ),
    kept("decimal commas in Parquet", arrow(COMMAS, decimal=","), said=("decimal commas (--decimal)",)),
    kept("decimal commas in Parquet in Polars", arrow(COMMAS, decimal=","), frame=pl.read_parquet),
    kept("numbers as text in Parquet", arrow(NUMBERS_AS_TEXT)),
    kept("units in Parquet", arrow(UNITS), said=("kg left off the numbers of 'tea'",)),
    kept("units in Parquet in Polars", arrow(UNITS), frame=pl.read_parquet),
    kept("large strings", arrow(values(), {"shop": pa.large_string()})),
    kept("dates of Parquet", arrow({**values(), "when": DAYS}), passed=("when",)),
    kept("moments of Parquet", arrow({**values(), "when": MOMENTS}), passed=("when",)),
    kept(
        "moments with a zone",
        arrow({**values(), "when": [one.replace(tzinfo=UTC) for one in MOMENTS]}),
        passed=("when",),
        output="o.csv",
    ),
    kept("identifiers of 19 digits", arrow({**values(), "tweet": IDS}), passed=("tweet",)),
    kept(
        "a column of nulls",
        arrow({**values(), "wine": [None] * LINES}, {"wine": pa.null()}),
        passed=("wine",),
    ),
    kept(
        "an empty column of numbers",
        arrow({**values(), "wine": [None] * LINES}, {"wine": pa.float64()}),
        passed=("wine",),
    ),
    kept(
        "NaN for missing",
        arrow({name: [float("nan") if x is None else x for x in cells] for name, cells in values().items()}),
    ),
    kept("a folder of Parquet files", folder(values()), frame=None),
    Entry(
        name="lists in cells",
        file=arrow({**values(), "basket": [[k, 2] for k in range(LINES)]}),
        labels="shop",
        fills=FILLS,
        passed=("basket",),
        output="o.parquet",
        frame=None,
    ),
    kept(
        "lists, bytes and times that repeat",
        arrow(
            {
                **values(),
                "basket": holed([[k % 2] for k in range(LINES)], 1),
                "code": holed([b"xy"[k % 2 :] for k in range(LINES)], 1),
                "opens": holed([time(8 + k % 2) for k in range(LINES)], 1),
            }
        ),
        passed=("basket", "code", "opens"),
        frame=None,
    ),
    Entry(
        name="Parquet without names of rows",
        file=arrow({name: cells for name, cells in values().items() if name != "shop"}),
        fills=FILLS,
        output="o.parquet",
        frame=nullable,
    ),
)
