"""JSON in the usual shapes, databases, and what other programs keep tables in."""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pandas as pd

from tables_of_people.cells import LINES, PRICES, counts, holed, values, words
from tables_of_people.entry import NUMBER, TRUTH, WHOLE, WORD, Entry, File
from tables_of_people.text_files import FILLS, priced
from tables_of_people.writers import lines_of


def records(columns):
    """Return the lines of a table as objects."""
    return [dict(zip(columns, line, strict=True)) for line in lines_of(columns)]


def json_file(columns, name="t.json", make=None):
    """Return a file of JSON."""

    def write(path):
        text = json.dumps(records(columns)) if make is None else make(columns)
        path.write_text(text)

    return File(name, columns, write)


def by_lines(columns):
    """Return one object per line."""
    return "\n".join(map(json.dumps, records(columns)))


def without_gaps(columns):
    """Return objects that leave out what is missing."""
    return json.dumps([{name: x for name, x in one.items() if x is not None} for one in records(columns)])


def oriented(orient):
    """Return a function that writes as pandas does."""
    return lambda columns: pd.DataFrame(columns).to_json(orient=orient)


def read_json(**how):
    """Return a function that reads JSON as pandas does."""
    return lambda path: pd.read_json(path, dtype_backend="numpy_nullable", **how)


def database(columns, tables=("prices",)):
    """Return an SQLite file."""

    def write(path):
        with sqlite3.connect(path) as opened:
            for table in tables:
                pd.DataFrame(columns).to_sql(table, opened, index=False)
        opened.close()

    return File("t.db", columns, write)


def saved(columns, name, save):
    """Return a file that another program keeps."""
    return File(name, columns, lambda path: save(pd.DataFrame(columns), path))


# an array has no names: its columns are counted
ARRAY = {str(k): values()[name] for k, name in enumerate(PRICES)}
ARRAYS = {
    "t.npy": lambda frame, path: np.save(path, frame.to_numpy(float)),
    "t.npz": lambda frame, path: np.savez(path, table=frame.to_numpy(float)),
}
WHOLES = dict.fromkeys(FILLS, WHOLE)
TRUTHS = holed([word == "y" for word in words("y", "n")], 1)

ENTRIES = (
    priced("JSON records", json_file(values()), frame=read_json()),
    priced("JSON lines", json_file(values(), "t.jsonl", by_lines), frame=read_json(lines=True)),
    priced("JSON lines in a .json", json_file(values(), "t.json", by_lines), frame=read_json(lines=True)),
    priced("JSON records that leave gaps out", json_file(values(), make=without_gaps), frame=read_json()),
    priced("JSON, completed as such", json_file(values()), frame=read_json(), output="o.json"),
    priced("JSON of whole numbers", json_file(values(counts)), fills=WHOLES, frame=read_json()),
    priced(
        "JSON of truth values",
        json_file({**values(), "open": TRUTHS}),
        fills={**FILLS, "open": TRUTH},
        frame=read_json(),
    ),
    priced(
        "JSON of words",
        json_file({**values(), "soil": holed(words("clay", "sand"), 1)}),
        fills={**FILLS, "soil": WORD},
        frame=read_json(),
    ),
    priced(
        "JSON of ids as text",
        json_file({**values(), "zip": [f"{37 * k:05d}" for k in range(LINES)]}),
        passed=("zip",),
    ),
    priced(
        "JSON of long ids",
        json_file({**values(), "tweet": [2**60 + 977 * k for k in range(LINES)]}),
        passed=("tweet",),
    ),
    priced(
        "JSON of columns, pandas' default", json_file(values(), make=oriented("columns")), frame=read_json()
    ),
    priced("JSON by index", json_file(values(), make=oriented("index")), frame=read_json(orient="index")),
    priced("JSON split", json_file(values(), make=oriented("split")), frame=read_json(orient="split")),
    priced("JSON table", json_file(values(), make=oriented("table")), labels="shop"),
    priced(
        "JSON values",
        replace(json_file(values(), make=oriented("values")), headed=False),
        frame=read_json(orient="values"),
    ),
    priced(
        "JSON with an object in a cell",
        json_file({**values(), "place": [{"x": 1}] * LINES}),
        refused="flatten the records",
    ),
    priced(
        "SQLite, one table",
        database(values()),
        typed=(),
        refused="--query",
        fix=("--query", "select * from prices"),
    ),
    priced(
        "Stata",
        saved(values(), "t.dta", lambda frame, path: frame.to_stata(path, write_index=False)),
        frame=pd.read_stata,
    ),
    *(
        Entry(name=f"an array in {name}", file=saved(ARRAY, name, save), fills=dict.fromkeys("012", NUMBER))
        for name, save in ARRAYS.items()
    ),
    priced(
        "a pickle",
        saved(values(), "t.pkl", lambda frame, path: frame.to_pickle(path)),
        refused="unknown file extension",
    ),
    priced(
        "HTML",
        saved(values(), "t.html", lambda frame, path: frame.to_html(path, index=False)),
        refused="a page of HTML",
    ),
)
