"""Rows and columns that are sums or means of others, or are only called so."""

import numpy as np

from tables_of_people.cells import counts, holed, measures, names, written
from tables_of_people.entry import NUMBER, WHOLE
from tables_of_people.shapes import with_line
from tables_of_people.text_files import priced
from tables_of_people.writers import read_csv, text

HOLED = ("orders", "items")
NUMBERS = {**{name: counts(j, mean=40) for j, name in enumerate(HOLED)}, "price": measures(2)}


def bought(*skipped, **rows):
    """Return orders with holes above rows that are computed of all cells, which are not skipped."""
    made = {"shop": names()}
    for j, (name, cells) in enumerate(NUMBERS.items()):
        made[name] = written(cells if name == "price" else holed(cells, j), "{}")
    for title, (compute, how) in rows.items():
        cells = {name: how.format(compute(cells)) for name, cells in NUMBERS.items() if name not in skipped}
        made = with_line(made, shop=title, **cells)
    return made


def soil():
    """Return shares of which some are missing."""
    shares = np.round(np.random.default_rng(0).dirichlet([4, 3, 2], 24) * 100, 1)
    shares[:, 2] = 100 - shares[:, 0] - shares[:, 1]
    columns = {name: holed(shares[:, j].tolist(), j) for j, name in enumerate(("sand", "silt", "clay"))}
    made = {name: written(cells, "{:.1f}") for name, cells in columns.items()}
    return {"shop": names("plot"), **made, "pH": written(measures(1))}


ENTRIES = (
    priced(
        "a total without a sum of prices",
        text(bought("price", Summe=(sum, "{}"))),
        fills=dict.fromkeys(HOLED, WHOLE),
        said=("1 row is the sum of others", "stay empty in 'price'", "--as-total 'Summe'"),
        frame=read_csv(index_col=0),
    ),
    priced(
        "means and counts below",
        text(bought(Mean=(np.mean, "{:.3f}"), N=(len, "{}"))),
        fills=dict.fromkeys(HOLED, NUMBER),
        said=("row 'Mean' holds the mean of others", "row 'N' holds the count of others"),
        frame=read_csv(),
    ),
    priced(
        "a total by another name, and a target",
        text(bought(Everybody=(sum, "{}"), Target=(max, "{}"))),
        typed=("--as-total=Everybody", "--as-is=Target"),
        settings={"as_total": ["Everybody"], "as_is": ["Target"]},
        fills=dict.fromkeys(HOLED, WHOLE),
        said=("sum of others, filled as such: 'Everybody'", "written as they are: 'Target'"),
        frame=read_csv(index_col=0),
    ),
    priced(
        "a shop called total",
        text({**bought(), "shop": ["Total", *names()[1:]]}),
        fills=dict.fromkeys(HOLED, WHOLE),
        said=("'Total' names a row that is not the sum of others: data (--as-is 'Total')",),
        frame=read_csv(),
    ),
    priced(
        "shares of a hundred",
        text(soil()),
        fills=dict.fromkeys(("sand", "silt", "clay"), NUMBER),
        said=("columns 'sand', 'silt', 'clay' add up to 100, and so do fills",),
        whole={("sand", "silt", "clay"): 100.0},
        frame=read_csv(),
    ),
)
