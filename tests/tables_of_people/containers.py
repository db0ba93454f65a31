"""Names and wrappings of files: compressed, without an ending, with one of another kind."""

import bz2
import gzip
import io
import lzma
import zipfile
from dataclasses import replace

from tables_of_people.cells import names, prices, values
from tables_of_people.entry import File
from tables_of_people.records import json_file, read_json
from tables_of_people.sheets import book
from tables_of_people.text_files import priced
from tables_of_people.writers import read_csv, text


def packed(name, pack):
    """Return a text file after its bytes were packed."""
    plain = text(prices())

    def write(path):
        plain.write(path)
        path.write_bytes(pack(path.read_bytes()))

    return File(name, plain.columns, write)


def zipped(*names):
    """Return a function that packs bytes under these names."""

    def pack(data):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name in names:
                archive.writestr(name, data)
        return made.getvalue()

    return pack


def renamed(file, name):
    """Return a file under another name."""
    return replace(file, name=name)


def sheet_named(name):
    """Return a workbook under the name of another kind of file."""
    plain = book(values())

    def write(path):
        plain.write(path.with_name("t.xlsx"))
        path.with_name("t.xlsx").rename(path)

    return File(name, plain.columns, write)


CSV = text(prices())
TABS = text(prices(), delimiter="\t", out=",")

ENTRIES = (
    priced("gz", packed("t.csv.gz", gzip.compress), frame=read_csv()),
    priced("bz2", packed("t.csv.bz2", bz2.compress), frame=read_csv()),
    priced("xz", packed("t.csv.xz", lzma.compress), frame=read_csv()),
    priced("zip", packed("t.zip", zipped("prices.csv")), frame=read_csv()),
    priced("zip of a Macintosh", packed("t.zip", zipped("prices.csv", "__MACOSX/._prices.csv"))),
    priced("zip of two files", packed("t.zip", zipped("a.csv", "b.csv")), refused="which of its files"),
    priced("no ending", renamed(CSV, "table"), frame=read_csv()),
    priced("the ending .data", renamed(CSV, "t.data"), frame=read_csv()),
    priced("the ending .dat, tabs", renamed(TABS, "t.dat"), frame=read_csv(sep="\t")),
    priced("an ending in capitals", renamed(CSV, "T.CSV"), frame=read_csv()),
    priced("a dot in the name", renamed(CSV, "prices.2024"), frame=read_csv()),
    priced("spaces in the name", renamed(CSV, "the prices of 2024.csv"), frame=read_csv()),
    priced("letters in the name", renamed(CSV, "précis.csv"), frame=read_csv()),
    priced("packed without saying so", packed("t.csv", gzip.compress), frame=read_csv(compression="gzip")),
    priced("text named .gz", renamed(CSV, "t.csv.gz"), refused="cannot be decompressed"),
    priced("a workbook named .csv", sheet_named("t.csv")),
    priced("text named .xls", renamed(TABS, "t.xls"), frame=read_csv(sep="\t")),
    priced("text named .xlsx", renamed(CSV, "t.xlsx"), frame=read_csv()),
    *(
        priced(
            f"text named {ending}",
            renamed(CSV, f"t{ending}"),
            frame=read_csv(),
            said=(f"named {ending}, but text by its contents",),
        )
        for ending in (".parquet", ".feather", ".dta", ".npy", ".json")
    ),
    priced(
        "cp1252 named .parquet",
        renamed(text({**prices(), "shop": names("café")}, encoding="cp1252"), "t.parquet"),
        frame=read_csv(encoding="cp1252"),
    ),
    priced(
        "JSON named .csv",
        renamed(json_file(values()), "t.csv"),
        frame=read_json(),
        said=("named .csv, but JSON by its contents",),
    ),
)
