"""Text files: what separates the cells, how the text is encoded, how lines end, what else stands there."""

import csv
import re

import pandas as pd

from tables_of_people.cells import LINES, names, prices
from tables_of_people.entry import NUMBER, Entry
from tables_of_people.writers import read_csv, text

FILLS = dict.fromkeys(("tea", "milk", "rice"), NUMBER)


def priced(name, file, **about):
    """Return an entry of shops and prices."""
    return Entry(name=name, file=file, **{"labels": "shop", "fills": FILLS, **about})


def german(number):
    """Return a number with a decimal comma."""
    return f"{number:.2f}".replace(".", ",")


def widths(line):
    """Return a line in columns of equal widths."""
    shop, *cells = line.split(",")
    return f"{shop:<16}" + "".join(f"{cell:>9}" for cell in cells)


def every_line(change):
    """Return a function that changes each line of a text."""
    return lambda whole: "".join(change(line) + "\n" for line in whole.splitlines())


def repeat_header(whole):
    """Return a text as files that are put one after the other."""
    lines = whole.splitlines(keepends=True)
    return "".join([*lines[:9], lines[0], *lines[9:16], lines[0], *lines[16:]])


def drawn(whole):
    """Return a table with bars as Markdown has it."""
    first, *rest = (f"| {line.replace('|', ' | ')} |" for line in whole.splitlines())
    return "\n".join([first, "|---|--:|--:|--:|--:|", *rest, ""])


def single(line):
    """Return a line with all cells in single quotation marks."""
    return ",".join(f"'{cell}'" if cell else "" for cell in line.split(","))


def apart(line):
    """Return a line in columns of equal widths, whose cells hold blanks or nothing."""
    first, *others = line.split(",")
    return first.ljust(14) + "".join(cell.rjust(9) for cell in others)


def as_arff(whole):
    """Return a table as Weka writes it."""
    first, *rest = whole.splitlines()
    named = [f"@attribute {name} {'string' if name == 'shop' else 'numeric'}" for name in first.split(",")]
    lines = [re.sub("(?<=,)(?=,|$)", "?", line) for line in rest]
    return "\n".join(["% prices", "@relation prices", "", *named, "", "@data", *lines, ""])


FRENCH = {**prices(), "shop": names("café")}
RUSSIAN = {**prices(), "shop": names("магазин")}
POLISH = {**prices(), "shop": names("sklep łódź")}
JAPANESE = {**prices(), "shop": names("店")}
EMOJI = {**prices(), "shop": names("🍵")}
SPOKEN = {**prices(), "shop": [f'{name}, the "old" one' for name in names()]}
BROKEN = {**prices(), "shop": [name.replace(" ", "\n", 1) for name in names()]}
NAMELESS = {"": names(), **{name: column for name, column in prices().items() if name != "shop"}}
SPACED = {f" {name} ": column for name, column in prices().items()}
PADDED = {name: [f" {cell}" if cell else cell for cell in column] for name, column in prices().items()}
NO_BLANKS = {**prices(mark="NA"), "shop": [name.replace(" ", "_") for name in names()]}

SEPARATORS = (
    priced("commas", text(prices()), frame=read_csv()),
    priced("semicolons", text(prices(), delimiter=";"), frame=read_csv(sep=";")),
    priced(
        "semicolons and decimal commas",
        text(prices(german), delimiter=";", decimal=","),
        frame=read_csv(sep=";", decimal=","),
        said=("decimal commas (--decimal)",),
    ),
    priced(
        "commas and quoted decimal commas",
        text(prices(german), decimal=","),
        frame=read_csv(decimal=","),
    ),
    priced("tabs", text(prices(), "t.tsv", delimiter="\t"), output="o.tsv", frame=read_csv(sep="\t")),
    priced("tabs in a .txt", text(prices(), "t.txt", delimiter="\t", out=","), frame=read_csv(sep="\t")),
    priced("tabs in a .csv", text(prices(), delimiter="\t", out=","), frame=read_csv(sep="\t")),
    priced(
        "tabs and decimal commas",
        text(prices(german), "t.tab", delimiter="\t", decimal=",", out=";"),
        frame=read_csv(sep="\t", decimal=","),
    ),
    priced("commas in a .tsv", text(prices(), "t.tsv"), frame=read_csv()),
    priced("bars", text(prices(), "t.txt", delimiter="|"), frame=read_csv(sep="|")),
    priced(
        "carets, said",
        text(prices(), "t.txt", delimiter="^"),
        typed=("--delimiter", "^"),
        frame=read_csv(sep="^"),
    ),
    priced("spaces", text(NO_BLANKS, "t.txt", delimiter=" ", out=","), holes={"NA"}, frame=read_csv(sep=" ")),
    priced(
        "columns of equal widths",
        text(NO_BLANKS, "t.txt", change=every_line(widths)),
        holes={"NA"},
        frame=read_csv(sep=r"\s+"),
    ),
    priced(
        "a separator that Excel is told",
        text(prices(), delimiter=";", before="sep=;\n"),
        frame=read_csv(sep=";", skiprows=1),
    ),
    priced(
        "a separator at each line's end",
        text({**prices(), "": [""] * LINES}),
        nothing=("",),
        frame=read_csv(usecols=range(5)),
    ),
)
DRAWN = (
    priced(
        "a table of Markdown",
        text(prices(), "t.txt", delimiter="|", change=drawn),
        said=("lines that draw the table are left out",),
    ),
    priced(
        "columns of equal widths with phrases and gaps",
        text(prices(), "t.txt", change=every_line(apart), out=","),
        said=("cells stand one below the other",),
    ),
    priced("ARFF", text(prices(), "t.arff", change=as_arff), said=("ARFF",)),
    Entry(
        name="a page of HTML",
        file=text({"<html><table><tr><td>": ["5</td>"]}),
        refused="is a page of HTML",
    ),
    Entry(
        name="a document of LaTeX",
        file=text({"\\begin{tabular}{lr}": ["a & 5 \\\\"]}),
        refused="is a document of LaTeX",
    ),
)
QUOTES = (
    priced(
        "quotation marks after backslashes",
        text(SPOKEN, change=lambda whole: whole.replace('""', '\\"')),
        said=("quotation marks after backslashes are parts of cells",),
    ),
    priced(
        "single quotation marks",
        text(prices(), change=every_line(single)),
        said=("cells are in single quotation marks",),
    ),
    priced(
        "names that begin with an apostrophe",
        text({**prices(), "shop": [f"'s {name}" for name in names()]}),
        frame=read_csv(),
    ),
    priced("all quoted", text(prices(), quoting=csv.QUOTE_ALL), frame=read_csv()),
    priced("words quoted", text(prices(), quoting=csv.QUOTE_NONNUMERIC), frame=read_csv()),
    priced("quotes and commas within quotes", text(SPOKEN), frame=read_csv()),
    priced("line ends within quotes", text(BROKEN), frame=read_csv()),
    priced("spaces around cells", text(PADDED), frame=read_csv()),
    priced(
        "spaces around names",
        text(SPACED),
        labels=" shop ",
        fills={f" {name} ": NUMBER for name in FILLS},
        frame=read_csv(),
    ),
)
ENCODINGS = (
    priced("UTF-8 with a mark", text(prices(), encoding="utf-8-sig"), frame=read_csv()),
    priced("UTF-16", text(prices(), encoding="utf-16"), frame=read_csv(encoding="utf-16")),
    priced(
        "UTF-16 of Excel, tabs",
        text(FRENCH, "t.txt", encoding="utf-16", delimiter="\t", out=","),
        frame=read_csv(encoding="utf-16", sep="\t"),
    ),
    priced(
        "UTF-16 without a mark", text(prices(), encoding="utf-16-le"), frame=read_csv(encoding="utf-16-le")
    ),
    priced("cp1252", text(FRENCH, encoding="cp1252"), frame=read_csv(encoding="cp1252")),
    priced(
        "cp1252, euros and semicolons",
        text(
            {**prices(lambda x: german(x) + " €"), "shop": names("café")},
            delimiter=";",
            decimal=",",
            encoding="cp1252",
        ),
        frame=None,
    ),
    priced(
        "cp1251",
        text(RUSSIAN, encoding="cp1251"),
        refused="cp1251",
        fix=("--encoding", "cp1251"),
        frame=read_csv(encoding="cp1251"),
    ),
    priced(
        "Latin 2",
        text(POLISH, encoding="cp1250"),
        refused="cp1250",
        fix=("--encoding", "cp1250"),
        frame=read_csv(encoding="cp1250"),
    ),
    priced(
        "Shift JIS",
        text(JAPANESE, encoding="shift_jis"),
        refused="--encoding",
        fix=("--encoding", "shift_jis"),
        frame=read_csv(encoding="shift_jis"),
    ),
    priced("Cyrillic in UTF-8", text(RUSSIAN), frame=read_csv()),
    priced("emoji", text(EMOJI), frame=read_csv()),
)
LINE_ENDS = (
    priced("Windows line ends", text(prices(), end="\r\n"), frame=read_csv()),
    priced("old Macintosh line ends", text(prices(), end="\r"), frame=read_csv()),
    priced(
        "mixed line ends",
        text(prices(), change=lambda whole: whole.replace("\n", "\r\n", 9)),
        frame=read_csv(),
    ),
    priced("no end of the last line", text(prices(), change=lambda whole: whole[:-1]), frame=read_csv()),
    priced("blank lines at the end", text(prices(), after="\n\n"), frame=read_csv()),
    priced(
        "blank lines between",
        text(prices(), change=every_line(lambda line: line + "\n")),
        said=("left out: blank lines",),
        frame=read_csv(),
    ),
    priced("blank lines above", text(prices(), before="\n\n"), frame=read_csv()),
    priced(
        "lines of commas at the end",
        text(prices(), after=",,,,\n,,,,\n"),
        frame=lambda path: pd.read_csv(path, dtype_backend="numpy_nullable").dropna(how="all"),
    ),
)
HEADERS = (
    priced("no name of the first column", text(NAMELESS), labels="", frame=read_csv(index_col=0)),
    priced(
        "R's write.table",
        text(
            prices(mark="NA"),
            "t.txt",
            delimiter=" ",
            quoting=csv.QUOTE_NONNUMERIC,
            out=",",
            change=lambda whole: whole.replace('"shop" ', "", 1),
            short=True,
        ),
        holes={"NA"},
        frame=read_csv(sep=" "),
    ),
    priced(
        "comments above",
        text(prices(), before="# prices of 2024\n# by the city\n"),
        frame=read_csv(comment="#"),
    ),
    priced(
        "comments of per cent signs",
        text(prices(), before="% prices\n"),
        typed=("--comment", "%"),
        frame=read_csv(comment="%"),
    ),
    priced("a title above", text(prices(), before="Prices of the year 2024\n\n"), frame=read_csv(skiprows=1)),
    priced(
        "a preamble of the World Bank",
        text(
            prices(),
            before='"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-06-28",\n\n',
        ),
        frame=read_csv(skiprows=3),
    ),
    priced(
        "a preamble, skipped",
        text(prices(), before="Prices\nby the city\n"),
        typed=("--skip", "2"),
        frame=read_csv(skiprows=2),
    ),
    priced(
        "a source below",
        text(prices(), after="Source: the city's office of statistics\n"),
        frame=lambda path: pd.read_csv(path, dtype_backend="numpy_nullable", skipfooter=1, engine="python"),
    ),
    priced(
        "a header that repeats",
        text(prices(), change=repeat_header),
        said=("left out: lines that repeat the header",),
    ),
    Entry(
        name="a header without names of most columns",
        file=text({"shop": names(), "tea": prices()["tea"], "": prices()["milk"], " ": prices()["rice"]}),
        labels="shop",
        fills={"tea": NUMBER, "": NUMBER, " ": NUMBER},
    ),
    Entry(
        name="names with blanks alone",
        file=text({"name": names()}),
        refused="has a single column found: 'name', separated by comma",
    ),
    priced("no header", text(prices(), headed=False), frame=read_csv(header=None)),
    priced(
        "a row of units",
        text(prices(), under=("", "EUR/kg", "EUR/l", "EUR/kg", "EUR/kg")),
        frame=lambda path: pd.read_csv(path, dtype_backend="numpy_nullable", skiprows=[1]),
    ),
)
ENTRIES = (*SEPARATORS, *DRAWN, *QUOTES, *ENCODINGS, *LINE_ENDS, *HEADERS)
