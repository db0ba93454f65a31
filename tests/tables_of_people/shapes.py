"""Tables of unusual shapes and names: few lines, empty parts, names that repeat, rows that are sums."""

import numpy as np

from tables_of_people.cells import LINES, counts, holed, measures, names, prices, words, written
from tables_of_people.entry import NUMBER, WHOLE, Entry
from tables_of_people.text_files import FILLS, priced
from tables_of_people.writers import read_csv, text

GENES = [f"gene {k}" for k in range(LINES)]


def head(columns, lines):
    """Return the first lines of a table."""
    return {name: cells[:lines] for name, cells in columns.items()}


def with_line(columns, **cells):
    """Return a table with one more line."""
    return {name: [*column, cells.get(name, "")] for name, column in columns.items()}


def total(columns, name="Total"):
    """Return a table with a line of sums of what is known."""
    sums = {
        title: f"{sum(float(x) for x in cells if x):.2f}"
        for title, cells in columns.items()
        if title != "shop"
    }
    return with_line(columns, **{**sums, "shop": name})


def whole_total():
    """Return complete prices, their sum, and holes in a column."""
    full = {name: written(measures(j)) for j, name in enumerate(("tea", "milk", "rice"))}
    made = total({"shop": names(), **full})
    made["milk"] = [x if k not in (3, 11) else "" for k, x in enumerate(made["milk"])]
    return made


def of_genes(name, **more):
    """Return an entry of a file with genes in rows."""
    fills = {f"s{j}": NUMBER for j in range(6)}
    return Entry(name=name, file=text(OMICS), labels="gene", fills=fills, frame=read_csv(), **more)


def summed():
    """Return three columns and their sum, with holes."""
    parts = [counts(j) for j in range(3)]
    whole = [sum(line) for line in zip(*parts, strict=True)]
    columns = {"tea": parts[0], "milk": parts[1], "rice": parts[2], "all": whole}
    return {
        "shop": names(),
        **{name: written(holed(cells, j), "{}") for j, (name, cells) in enumerate(columns.items())},
    }


def omics():
    """Return genes in rows and samples in columns: rows differ by powers of ten."""
    rng = np.random.default_rng(0)
    level = 10.0 ** rng.uniform(0, 5, LINES)
    table = level[:, None] * (1 + 0.3 * rng.standard_normal((LINES, 6)))
    table[rng.random(table.shape) < 0.1] = np.nan
    return {"gene": GENES, **{f"s{j}": ["" if x != x else f"{x:.3f}" for x in table[:, j]] for j in range(6)}}


OMICS = omics()
TWICE = {**prices(), " tea": prices()["salt"]}
EMPTY = {**prices(), "wine": [""] * LINES}
CONSTANT = {**prices(), "tax": ["19"] * LINES}
SPARSE = {**prices(), "gift": ["3.5" if k == 4 else "" for k in range(LINES)]}
FULL = {"shop": names(), **{name: written(measures(j)) for j, name in enumerate(("tea", "milk", "rice"))}}
WIDE = {"shop": names(), **{f"x{j}": written(holed(measures(j), j)) for j in range(40)}}
COUNTED = {"id": [str(k) for k in range(LINES)], **{n: c for n, c in prices().items() if n != "shop"}}

CITIES = [f"city {(5 * k) % 9}" for k in range(LINES)]
AGES = [20 + (7 * k) % 53 for k in range(LINES)]
PEOPLE = {"age": written(AGES, "{}"), "income": written(holed([20_000 + 137 * x for x in AGES]), "{}")}


ENTRIES = (
    priced("one line", text(head(prices(), 1)), refused="a table with a single row"),
    priced("two lines", text(head(prices(), 2)), fills={}, frame=read_csv()),
    priced("three lines", text(head(prices(), 3)), fills={"tea": NUMBER}, frame=read_csv()),
    Entry(name="one column", file=text({"tea": prices()["tea"]}), refused="single column"),
    Entry(
        name="one column beside names",
        file=text({"shop": names(), "tea": prices()["tea"]}),
        refused="a table with a single column",
    ),
    Entry(
        name="two columns",
        file=text({"tea": prices()["tea"], "milk": prices()["milk"]}),
        fills={"tea": NUMBER, "milk": NUMBER},
        frame=read_csv(),
    ),
    priced("a header only", text(head(prices(), 0)), refused="empty"),
    priced("nothing at all", text({"a": []}, headed=False), refused="empty"),
    priced(
        "nothing known", text({"shop": names(), "tea": [""] * LINES, "milk": [""] * LINES}), refused="empty"
    ),
    priced("everything known", text(FULL), fills={}, said=("nothing is missing",), frame=read_csv()),
    priced(
        "an empty column", text(EMPTY), passed=("wine",), said=("'wine' (no known cell)",), frame=read_csv()
    ),
    priced(
        "an empty line",
        text(with_line(prices(), shop="shop of nothing")),
        fills={**FILLS, "salt": NUMBER},
        frame=read_csv(),
        said=("1 row without observations is",),
    ),
    priced("a column of one number", text(CONSTANT), frame=read_csv()),
    priced("a column of one known cell", text(SPARSE), fills={**FILLS, "gift": NUMBER}, frame=read_csv()),
    priced("many columns", text(WIDE), fills={f"x{j}": NUMBER for j in range(40)}, frame=read_csv()),
    priced(
        "a name that repeats",
        text(prices(), change=lambda whole: whole.replace("salt", "tea", 1)),
        refused="twice",
    ),
    priced("names that differ by a space", text(TWICE), refused="names a column twice"),
    priced(
        "names that are numbers",
        text({"shop": names(), **{str(j): prices()[n] for j, n in enumerate(("tea", "milk", "rice"))}}),
        fills={str(j): NUMBER for j in range(3)},
        frame=read_csv(),
    ),
    priced(
        "a name with a comma and quotes",
        text({**prices(), 'salt, "fine"': prices()["salt"]}),
        frame=read_csv(),
    ),
    priced("names with line ends", text({**prices(), "salt\nfine": prices()["salt"]}), frame=read_csv()),
    priced("a very long name", text({**prices(), "x" * 300: prices()["salt"]}), frame=read_csv()),
    priced("names like options", text({**prices(), "--rank": prices()["salt"]}), frame=read_csv()),
    priced(
        "names of our own",
        text({**prices(), "row labels": prices()["salt"], "observed": ["1"] * LINES}),
        frame=read_csv(),
    ),
    priced(
        "a column without a name among the data",
        text({"shop": names(), "tea": prices()["tea"], "": prices()["milk"], "rice": prices()["rice"]}),
        fills={"tea": NUMBER, "": NUMBER, "rice": NUMBER},
    ),
    priced(
        "a line with a cell too few",
        text(prices(), change=lambda whole: whole.replace(",29.92\n", "\n", 1)),
        refused="regular",
    ),
    priced("a line with a cell too many", text(prices(), after="shop z,1,2,3,4,5\n"), refused="regular"),
    priced("a total below", text(whole_total()), fills={"milk": NUMBER}, said=("'Total'",), frame=read_csv()),
    priced(
        "a column that is the sum of others",
        text(summed()),
        fills=dict.fromkeys(("tea", "milk", "rice", "all"), WHOLE),
        sums={"all": ("tea", "milk", "rice")},
        said=("'all' is the sum of 'tea', 'milk', 'rice'",),
        frame=read_csv(),
    ),
    of_genes("variables in rows", said=("each row in a unit of its own, as rows look like variables",)),
    of_genes("variables in rows that share a unit", typed=("--row-units=no",), settings={"row_units": False}),
    Entry(
        name="a number of lines and one measured column",
        file=text({"x": written(range(LINES), "{}"), "y": prices()["tea"]}),
        refused="single column of data",
        fix=("--no-row-labels",),
        fills={"y": NUMBER},
    ),
    Entry(
        name="years that repeat, months and days",
        file=text(
            {
                "YEAR": ["2023"] * LINES,
                "MO": [f"{1 + k // 12:02d}" for k in range(LINES)],
                "DY": [f"{1 + k % 12:02d}" for k in range(LINES)],
                **{name: column for name, column in prices().items() if name != "shop"},
            }
        ),
        fills=FILLS,
        passed=("MO", "DY"),
        said=("its first column 'YEAR' repeats, so that it names no rows",),
    ),
    Entry(
        name="a table that counts its lines", file=text(COUNTED), labels="id", fills=FILLS, frame=read_csv()
    ),
    Entry(
        name="cities that repeat, ages and incomes",
        file=text({"city": CITIES, **PEOPLE}),
        passed=("city",),
        fills={"income": WHOLE},
        frame=read_csv(),
    ),
    Entry(
        name="two columns of words that repeat, and a price",
        file=text(
            {"meal": words("noon", "night"), "day": words("Sat", "Sun", "Fri"), "bill": prices()["tea"]}
        ),
        fills={"bill": NUMBER},
        said=("columns of words are levels: 'meal', 'day'",),
        frame=read_csv(),
    ),
    Entry(
        name="cities, ages with gaps and incomes",
        file=text({"city": CITIES, "years": written(holed(AGES, 1), "{}"), "income": PEOPLE["income"]}),
        passed=("city",),
        fills={"years": WHOLE, "income": WHOLE},
        frame=read_csv(),
    ),
    Entry(
        name="cities that repeat, and two columns of numbers of no known name",
        file=text({"city": CITIES, "x": written([x // 5 for x in AGES], "{}"), "y": PEOPLE["income"]}),
        refused="may be a long table or a wide one",
        fix=("--layout", "wide"),
        passed=("city",),
        fills={"y": WHOLE},
    ),
)
