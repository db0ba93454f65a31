"""Tables as people have them: each is read right, or refused with what to say; none is misread in silence.

One row per input: the file, and either the reading that is right (labels, values, and what is said about it)
or words of the refusal. Values are compared with those that the file was written from.
"""

import bz2
import csv
import gzip
import io
import json
import sqlite3
import zipfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.cli.input import describe_table
from lowland.core.errors import InvalidInputError
from lowland.core.running.stages import listening
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table

RNG = np.random.default_rng(0)
# a table of 12 rows and 5 columns, and a list of about 280 ratings by 30 users of 20 films
CELLS = np.round(RNG.normal(size=(12, 1)) @ RNG.normal(size=(1, 5)) + 0.1 * RNG.normal(size=(12, 5)), 2)
CELLS[RNG.random(CELLS.shape) < 0.15] = np.nan
CITIES, YEARS, NAMES = [f"c{k}" for k in range(12)], list(range(2001, 2013)), list("abcde")
RATED = [(u, i, int(RNG.integers(1, 6))) for u in range(1, 31) for i in range(100, 120) if RNG.random() < 0.5]
RATINGS = np.full((30, 20), np.nan)
for user, film, stars in RATED:
    RATINGS[user - 1, film - 100] = stars
USERS, FILMS = list(range(1, 31)), list(range(100, 120))


def wide(labels, first="city", names=NAMES, sep=",", gap="", write=lambda x: f"{x:.2f}", cells=CELLS):
    lines = [sep.join([first, *map(str, names)])]
    for label, row in zip(labels, cells, strict=True):
        lines.append(sep.join([str(label), *(gap if np.isnan(x) else write(x) for x in row)]))
    return "\n".join(lines) + "\n"


def long(header, write):
    return "".join([header, *(write(u, i, r) + "\n" for u, i, r in RATED)])


def zipped(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inner.csv", text)
    return out.getvalue()


def zst(text):
    import pyarrow as pa

    return pa.Codec("zstd").compress(text.encode(), asbytes=True)


def frame(labels=CITIES, index=True):
    table = pd.DataFrame(CELLS, columns=NAMES, index=labels)
    return table if index else table.reset_index(drop=True)


def parquet(table, **options):
    out = io.BytesIO()
    table.to_parquet(out, **options)
    return out.getvalue()


def sheet(rows):
    """Return an Excel file of one sheet, written by hand: the test needs no library for it."""
    from xml.sax.saxutils import escape

    def cell(x):
        if x is None or x == "":
            return "<c/>"
        return (
            f'<c t="inlineStr"><is><t>{escape(x)}</t></is></c>'
            if isinstance(x, str)
            else f"<c><v>{x}</v></c>"
        )

    data = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main, office = (
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://schemas.openxmlformats.org",
    )
    relations = f"{office}/officeDocument/2006/relationships"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        '<sheet name="data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{office}/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{data}</sheetData></worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


@dataclass
class Input:
    """A file, and what is right."""

    name: str
    content: Any
    refused: str = ""
    cells: Any = None
    rows: Any = None
    columns: Any = None
    said: tuple[str, ...] = ()
    how: dict[str, Any] = field(default_factory=dict)


def a_table(name, content, *said, rows=CITIES, columns=NAMES, cells=CELLS, **how):
    return Input(name, content, "", cells, rows, columns, said, how)


def ratings(name, content, *said, rows=USERS, columns=FILMS, **how):
    return Input(name, content, "", RATINGS, rows, columns, said, how)


def refused(name, content, words, **how):
    return Input(name, content, words, how=how)


PRICES = [(f"city{k}", RNG.uniform(1, 9), RNG.uniform(10, 99)) for k in range(24)]
PRICE_CELLS = np.array([[round(p, 2), round(s, 1)] for _, p, s in PRICES])
DOSES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]
SURVEY = RNG.integers(1, 6, size=(200, 3)).astype(float)
PANEL = [(c, y, round(RNG.normal(), 2)) for c in "abcde" for y in range(2000, 2010)]
COMMA = lambda x: f"{x:.2f}".replace(".", ",")  # noqa: E731
LINE = "{},{},{}".format
INPUTS = [
    # what was misread in silence
    a_table(
        "prices.csv",
        "city,price,sales\n" + "".join(f"{c},{p:.2f},{s:.1f}\n" for c, p, s in PRICES),
        "nothing is missing",
        rows=[c for c, _, _ in PRICES],
        columns=["price", "sales"],
        cells=PRICE_CELLS,
    ),
    ratings(
        "ratings.csv",
        long("userId,movieId,rating,timestamp\n", lambda u, i, r: f"{u},{i},{r}.0,{964982703 + u}"),
        "by the names of its columns",
        "'timestamp' (times, seconds since 1970) says when cells were observed",
    ),
    a_table("year.csv", wide(YEARS, "year"), "'year' names the rows", rows=YEARS),
    a_table(
        "id.csv",
        wide([7, 3, 99, 12, 4, 58, 31, 2, 80, 41, 65, 77], "id"),
        "'id' names the rows",
        rows=[7, 3, 99, 12, 4, 58, 31, 2, 80, 41, 65, 77],
    ),
    a_table("unnamed.csv", wide(range(12), ""), "names the rows", rows=list(range(12))),
    a_table("pandas.csv", wide(CITIES, "")),
    ratings("headerless.csv", long("", LINE), "no header line", "no pair of its first two columns repeats"),
    ratings(
        "headerless_words.csv",
        long("", lambda u, i, r: f"u{u:02d},i{i},{r}"),
        "no header line",
        rows=[f"u{u:02d}" for u in USERS],
        columns=[f"i{i}" for i in FILMS],
    ),
    refused("sentinel.csv", wide(YEARS, "year", gap="-999"), "holds -999, which may stand for missing"),
    refused(
        "sentinel_long.csv",
        long("user,item,rating\n", lambda u, i, r: f"{u},{i},{999 if u == i - 99 else r}"),
        "holds 999",
    ),
    a_table("sentinel_said.csv", wide(CITIES, gap="-999"), "taken as missing", form={"sentinels": "missing"}),
    a_table("sentinel_marked.csv", wide(CITIES, gap="-999.00"), form={"missing": ["-999"]}),
    a_table(
        "sentinel_kept.csv",
        wide(CITIES, gap="-999"),
        cells=np.where(np.isnan(CELLS), -999, CELLS),
        form={"sentinels": "values"},
    ),
    a_table(
        "full.csv", wide(CITIES, cells=np.nan_to_num(CELLS)), "nothing is missing", cells=np.nan_to_num(CELLS)
    ),
    # layouts
    ratings(
        "other_order.csv", long("movieId,userId,rating\n", lambda u, i, r: f"{i},{u},{r}"), "row 'userId'"
    ),
    ratings("value_first.csv", long("rating,item,user\n", lambda u, i, r: f"{r},{i},{u}"), "value 'rating'"),
    ratings("named.csv", long("a,b,c,d\n", lambda u, i, r: f"{r},{i},{u},x"), row="c", column="b", value="a"),
    ratings("u.data", long("", lambda u, i, r: f"{u}\t{i}\t{r}\t{881250949 + u}"), "the fourth holds times"),
    ratings("ratings.dat", long("", lambda u, i, r: f"{u}::{i}::{r}::{978300760 + u}"), "delimiter '::'"),
    ratings("no_names.csv", long("a,b,c\n", LINE), "no pair of its first two columns repeats"),
    a_table(
        "survey.csv",
        "q1,q2,q3\n" + "".join(",".join(f"{x:g}" for x in row) + "\n" for row in SURVEY),
        rows=None,
        columns=["q1", "q2", "q3"],
        cells=SURVEY,
    ),
    a_table(
        "small_grid.csv",
        "ward,shift,load\neast,1,5.5\neast,2,4.1\neast,3,2.2\nwest,1,7.5\nwest,2,6.0\nwest,3,3.9\n",
        "because no pair of its first two columns repeats",
        rows=["east", "west"],
        columns=[1, 2, 3],
        cells=np.array([[5.5, 4.1, 2.2], [7.5, 6.0, 3.9]]),
    ),
    refused("few_lines.csv", "a,b,c\n1,2,3\n2,2,4\n2,1,4\n1,1,5\n", "may be a long table or a wide one"),
    a_table(
        "panel.csv",
        "country,year,births\n" + "".join(f"{c},{y},{v}\n" for c, y, v in PANEL),
        rows=list("abcde"),
        columns=list(range(2000, 2010)),
        cells=np.array([v for _, _, v in PANEL]).reshape(5, 10),
    ),
    a_table(
        "panel_of_two.csv",
        "country,year,x,y\n" + "".join(f"{c},{y},{v},{v}\n" for c, y, v in PANEL),
        "'country' (names, which repeat)",
        rows=None,
        columns=["year", "x", "y"],
        cells=np.array([[y, v, v] for _, y, v in PANEL]),
    ),
    refused(
        "keys_of_two.csv",
        "zone,month,x,y\n" + "".join(f"{ord(c)},{y},{v},{v}\n" for c, y, v in PANEL),
        "may be a long table or a wide one",
    ),
    refused(
        "series.csv",
        wide(DOSES, "series"),
        "may name the rows or be data",
    ),
    a_table(
        "doses.csv",
        wide(DOSES, "dose"),
        "'dose' is measured, not a name of rows: data (--row-labels)",
        rows=None,
        columns=["dose", *NAMES],
        cells=np.column_stack([DOSES, CELLS]),
    ),
    a_table(
        "doses_said.csv",
        wide(DOSES, "dose"),
        rows=DOSES,
        form={"row_labels": True},
    ),
    a_table(
        "spectra.csv",
        wide([f"{400 + k / 2:.1f}" for k in range(12)], "nm"),
        "'nm' names the rows",
        rows=[f"{400 + k / 2:.1f}" for k in range(12)],
    ),
    a_table(
        "years_above.csv",
        wide(CITIES, "country", range(2001, 2006)),
        columns=[str(y) for y in range(2001, 2006)],
    ),
    a_table("ends_of_lines.csv", wide(CITIES).replace("\n", ",\n").replace(",\n", "\n", 1)),
    a_table("positions_above.csv", wide(CITIES, "", range(5)), columns=list("01234")),
    a_table("no_header_wide.csv", wide(CITIES).split("\n", 1)[1], "no header line", columns=list("23456")),
    # numbers
    a_table("german.csv", wide(CITIES, sep=";", write=COMMA), "delimiter semicolon", "decimal commas"),
    a_table("german_tab.tsv", wide(CITIES, sep="\t", write=COMMA), "decimal commas"),
    a_table(
        "german_groups.csv",
        wide(CITIES, sep=";", write=lambda x: f"{x * 1e4:,.1f}".translate(str.maketrans(",.", ".,"))),
        "decimal commas",
        cells=CELLS * 1e4,
    ),
    a_table(
        "groups.csv",
        wide(CITIES, sep=";", write=lambda x: f"{x * 1e4:,.1f}"),
        "between thousands",
        cells=CELLS * 1e4,
    ),
    a_table(
        "groups_in_quotes.csv", wide(CITIES, write=lambda x: f'"{x * 1e7:,.0f}"'), cells=np.round(CELLS * 1e7)
    ),
    a_table(
        "groups_of_spaces.csv",
        wide(CITIES, write=lambda x: f"{x * 1e4:,.0f}".replace(",", "\u202f")),
        cells=np.round(CELLS * 1e4),
    ),
    refused(
        "unclear.csv",
        wide(CITIES, sep=";", write=lambda x: f"{1000 + round(abs(x) * 100):,}"),
        "may be decimal marks, or stand between thousands",
    ),
    a_table(
        "clear.csv",
        wide(CITIES, sep=";", write=lambda x: f"{1000 + round(abs(x) * 100):,}"),
        cells=1000 + np.round(np.abs(CELLS) * 100),
        form={"thousands": ","},
    ),
    refused("mixed_marks.csv", "city;x;y\na;1,5;2\nb;1,234.5;3\nc;4;5\n", "text where numbers are needed"),
    a_table("percent.csv", wide(CITIES, write=lambda x: f"{x:.2f} %"), "% left off"),
    a_table(
        "dollars.csv", wide(CITIES, write=lambda x: f"{'-' if x < 0 else ''}${abs(x):.2f}"), "$ left off"
    ),
    a_table("euros.csv", wide(CITIES, sep=";", write=lambda x: COMMA(x) + " €"), "€ left off"),
    a_table("minus.csv", wide(CITIES, write=lambda x: f"{x:.2f}".replace("-", "\u2212"))),
    *(
        a_table(f"mark{k}.csv", wide(CITIES, gap=mark))
        for k, mark in enumerate(["NA", "n/a", "-", "?", ".", "none", "#N/A", "NULL", "nan", "\u2013"])
    ),
    a_table("own_mark.csv", wide(CITIES, gap="k.A."), form={"missing": ["k.A."]}),
    refused("unknown_mark.csv", wide(CITIES, gap="k.A."), "'k.A.' in column"),
    # text files
    a_table("tabs.csv", wide(CITIES, sep="\t"), "delimiter tab"),
    a_table("pipes.txt", wide(CITIES, sep="|"), "delimiter '|'"),
    a_table("spaces.txt", wide(CITIES, sep="   ", gap="NA"), "delimiter white space"),
    a_table(
        "utf16.csv",
        wide([f"ö{c}" for c in CITIES]).encode("utf-16"),
        "UTF-16",
        rows=[f"ö{c}" for c in CITIES],
    ),
    a_table("utf16_bare.csv", wide(CITIES).encode("utf-16-le"), "UTF-16"),
    a_table("bom.csv", wide(CITIES).encode("utf-8-sig")),
    a_table(
        "latin1.csv",
        wide([f"ö{c}" for c in CITIES]).encode("latin-1"),
        "Latin-1",
        rows=[f"ö{c}" for c in CITIES],
    ),
    refused(
        "cyrillic.csv",
        wide(["Москва", "Казань", "Омск"], "город", cells=CELLS[:3]).encode("cp1251"),
        "encoding of .* cannot be told",
    ),
    a_table(
        "cyrillic_said.csv",
        wide([f"Омск{k}" for k in range(12)]).encode("cp1251"),
        rows=[f"Омск{k}" for k in range(12)],
        form={"encoding": "cp1251"},
    ),
    a_table("comments.csv", "# made by\n# a machine\n\n" + wide(CITIES)),
    a_table(
        "comments_within.csv", wide(CITIES).replace("c3,", "% checked until here\nc3,"), form={"comment": "%"}
    ),
    a_table("numpy.txt", "# " + wide(YEARS, "year", sep=" ", gap="nan"), rows=YEARS),
    a_table("excel_sep.csv", "sep=;\n" + wide(CITIES, sep=";")),
    a_table("trailing.csv", wide(CITIES).replace("\n", ",\n")),
    a_table("windows.csv", wide(CITIES).replace("\n", "\r\n")),
    a_table(
        "quoted_header.csv", wide(CITIES).replace("city,a", 'city,"a\nof it"'), columns=["a\nof it", *"bcde"]
    ),
    refused("ragged.csv", wide(CITIES) + "c99,1\n", "not a regular text table"),
    refused("one_field.csv", "a\n1\n2\n", "single column"),
    refused("empty.csv", "", "is empty"),
    refused("header_only.csv", "a,b,c\n", "is empty"),
    refused("binary.csv", bytes(range(256)), "not a text file"),
    refused("twice.csv", wide([*CITIES[:11], "c0"]), "'c0' in column 'city', data lines 1 and 12"),
    a_table("repeated_names.csv", wide(["a", "b"] * 6), "'city' (names, which repeat)", rows=None),
    a_table(
        "twice_mean.csv",
        wide([*CITIES, *CITIES], cells=np.vstack([CELLS, CELLS + 1])),
        cells=CELLS + 0.5,
        duplicates="mean",
    ),
    a_table(
        "twice_last.csv",
        wide([*CITIES, *CITIES], cells=np.vstack([CELLS, CELLS + 1])),
        cells=CELLS + 1,
        duplicates="last",
    ),
    a_table(
        "words.csv",
        "city,x,note,y,when\n" + "".join(f"c{k},{k},hi,{k},2020-01-0{k + 1}\n" for k in range(5)),
        "'when' (dates, the order of the rows), 'note' (1 word without an order)",
        rows=CITIES[:5],
        columns=["x", "y"],
        cells=np.array([[k, k] for k in range(5)], float),
    ),
    a_table(
        "words_dropped.csv",
        wide(CITIES, names=["a", "note", *"cde"], write=lambda x: f"{x:.2f}"),
        columns=["a", *"cde"],
        cells=CELLS[:, [0, 2, 3, 4]],
        form={"drop": ["note"]},
    ),
    a_table(
        "kept.csv",
        wide(CITIES),
        columns=["a", "e"],
        cells=CELLS[:, [0, 4]],
        form={"keep": ["city", "a", "e"]},
    ),
    refused("unknown_drop.csv", wide(CITIES), "no column 'z'", form={"drop": ["z"]}),
    # what a review found
    a_table(
        "wide_genes.csv",
        "sample,"
        + ",".join(f"ENSG{k:011d}" for k in range(9000))
        + "\n"
        + "s0"
        + ",0.5" * 9000
        + "\ns1"
        + ",1.5" * 9000
        + "\n",
        rows=["s0", "s1"],
        columns=[f"ENSG{k:011d}" for k in range(9000)],
        cells=np.repeat([[0.5], [1.5]], 9000, axis=1),
    ),
    refused(
        "open_quote.tsv",
        'artist\ta\tb\nabba\t1\t2\n"x\t2\t3\nmid\t3\t4\n"y\t4\t5\n',
        "quotation mark that is not closed",
    ),
    ratings(
        "index_and_ratings.csv",
        long(",userId,movieId,rating\n", lambda u, i, r: f"{100 * u + i},{u},{i},{r}"),
    ),
    ratings(
        "keys.csv",
        long("rating_id,user_id,movie_id,rating\n", lambda u, i, r: f"{100 * u + i},{u},{i},{r}"),
        "value 'rating'",
    ),
    a_table(
        "comma_and_space.txt",
        "400,5 123\n401,0 130\n401,5 141\n402,0 150\n402,7 160\n",
        rows=None,
        columns=["1", "2"],
        cells=np.array([[400.5, 123], [401, 130], [401.5, 141], [402, 150], [402.7, 160]]),
    ),
    a_table(
        "tabs_in.csv",
        "x\t1,5\ny\t2,5\nz\t3,5\n",
        rows=list("xyz"),
        columns=["2"],
        cells=np.array([[1.5], [2.5], [3.5]]),
    ),
    a_table(
        "title.csv",
        "Messung, Juni\nort;a;b\nBerlin;1,5;1\nBonn;2,5;2\nUlm;3,5;2\n",
        "left out above the table",
        rows=["Berlin", "Bonn", "Ulm"],
        columns=["a", "b"],
        cells=np.array([[1.5, 1], [2.5, 2], [3.5, 2]]),
    ),
    a_table(
        "padded_title.csv",
        "Population (thousands),,,\n"
        + wide(CITIES[:5], "country", ["2001", "2002", "2003"], cells=CELLS[:5, :3] + 1),
        "left out above the table",
        rows=CITIES[:5],
        columns=["2001", "2002", "2003"],
        cells=CELLS[:5, :3] + 1,
    ),
    refused(
        "one_odd_cell.csv",
        "temp,hum,p\n21.5,40,1000\n21.7,41,1001\nerr,42,1002\n22.9,43,1003\n",
        "may name the rows or be data",
    ),
    a_table(
        "total.csv",
        "id,x,y\n1,5,6\n2,6,7\n3,8,8\nTotal,19,21\n",
        "totals among them",
        "'Total'",
        rows=["1", "2", "3", "Total"],
        columns=["x", "y"],
        cells=np.array([[5, 6], [6, 7], [8, 8], [np.nan, np.nan]]),
    ),
    a_table(
        "units.csv",
        "depth,ratio,temp\nm,-,\n1,0.5,3\n2,0.6,4\n3,.7,5\n",
        "left out below the header: 'm -'",
        "'depth' names the rows",
        rows=[1, 2, 3],
        columns=["ratio", "temp"],
        cells=np.array([[0.5, 3], [0.6, 4], [0.7, 5]]),
    ),
    a_table(
        "spectra_above.csv",
        wide(CITIES, "sample", ["400.5", "401.0", "401.5", "402.0", "402.5"]),
        columns=["400.5", "401.0", "401.5", "402.0", "402.5"],
    ),
    a_table(
        "positions_of_genes.csv",
        wide(CITIES, "gene", [101, 205, 33, 7, 12]),
        columns=["101", "205", "33", "7", "12"],
    ),
    a_table(
        "years_in_no_order.csv",
        wide(CITIES, "country", [2020, 2015, 2010, 2018, 2001]),
        columns=["2020", "2015", "2010", "2018", "2001"],
    ),
    refused(
        "word_above.csv", wide(CITIES, "thing", [101, 205, 33, 7, 12]), "may name the columns or be data"
    ),
    refused("rankings.csv", "1,2,3,4\n2,1,4,3\n4,3,2,1\n2,3,1,4\n", "may name the columns or be data"),
    refused(
        "points.csv",
        "Stadt;Einwohner;Autos\nBerlin;12.645;1.200\nUlm;900;400\nDorf;12.500;7.250\n",
        "points of .* may be decimal",
    ),
    a_table(
        "points_decided.csv",
        "Stadt;Einwohner;Autos\nBerlin;3.645.000;1.200\nUlm;900;400\nDorf;12.500;7.250\n",
        rows=["Berlin", "Ulm", "Dorf"],
        columns=["Einwohner", "Autos"],
        cells=np.array([[3645000, 1200], [900, 400], [12500, 7250.0]]),
    ),
    a_table(
        "three_decimals.csv",
        wide(CITIES, sep=";", write=lambda x: f"{1.5 + abs(x):.3f}"),
        cells=np.round(1.5 + np.abs(CELLS), 3),
    ),
    a_table(
        "ids_in_no_order.csv",
        wide([7157, 672, 675, 1956, 3845, 4609, 5290, 7422, 207, 1029, 5728, 5925], "GeneID"),
        rows=[7157, 672, 675, 1956, 3845, 4609, 5290, 7422, 207, 1029, 5728, 5925],
    ),
    refused(
        "ids_twice.csv", wide([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 5, 11], "id"), "may name the rows or be data"
    ),
    refused(
        "few_of_u.data",
        "".join(f"{u}\t{100 + u}\t3\t{881250949 + u}\n" for u in range(1, 30)),
        "may be a long table or a wide one",
    ),
    a_table(
        "r.txt", wide([f'"{c}"' for c in CITIES], '"city"', [f'"{n}"' for n in NAMES], sep=" ", gap="NA")
    ),
    ratings(
        "blank_after_comma.csv",
        long("user, item, rating\n", lambda u, i, r: f'"{u:02d}u", "{i}i", {r}'),
        rows=[f"{u:02d}u" for u in USERS],
        columns=[f"{i}i" for i in FILMS],
    ),
    a_table(
        "two_sentinels.csv",
        "city,a,b\n" + "".join(f"c{k},{k % 5},{(-999, -9999, 1, 2, 3, 4)[k]}\n" for k in range(6)),
        "taken as missing",
        rows=[f"c{k}" for k in range(6)],
        columns=["a", "b"],
        form={"sentinels": "missing"},
        cells=np.array([[0, np.nan], [1, np.nan], [2, 1], [3, 2], [4, 3], [0, 4]]),
    ),
    refused(
        "codes.csv",
        "q1,q2,q3\n"
        + "".join(f"{1 + k % 5},{1 + k % 4},{(98, 99, 1, 2, 3, 4, 5)[k % 7]}\n" for k in range(140)),
        "may stand for missing",
    ),
    refused(
        "stamps_only.csv",
        "userId,movieId,timestamp\n" + "".join(f"{u},{i},{964982703 + u}\n" for u, i, _ in RATED),
        "lists pairs without values",
    ),
    # containers
    a_table("t.csv.gz", gzip.compress(wide(CITIES).encode())),
    a_table("t.csv.bz2", bz2.compress(wide(CITIES).encode())),
    a_table("t.csv.zst", zst(wide(CITIES))),
    a_table("t.zip", zipped(wide(CITIES))),
    refused("not.csv.gz", wide(CITIES), "cannot be decompressed"),
    ratings(
        "records.jsonl",
        long("", lambda u, i, r: json.dumps({"user": u, "item": i, "rating": r})),
        "by the names",
    ),
    ratings("records.json", json.dumps([{"user": u, "item": i, "rating": r} for u, i, r in RATED], indent=1)),
    refused("nested.json", '{"a": [1, 2]}', "holds a list where a number"),
    refused("object.json", '{\n"a": 1,\n"b": 2}', "not JSON of records"),
    a_table("index.parquet", parquet(frame())),
    a_table(
        "ids.parquet",
        parquet(frame([7157, 672, 675, 1956, 3845, 4609, 5290, 7422, 207, 1029, 5728, 5925])),
        "its index 'row labels' names the rows",
        rows=[7157, 672, 675, 1956, 3845, 4609, 5290, 7422, 207, 1029, 5728, 5925],
    ),
    a_table("no_index.parquet", parquet(frame(index=False)), rows=None),
    a_table(
        "sheet.xlsx",
        sheet(
            [
                ["city", *NAMES],
                *(
                    [c, *(None if np.isnan(x) else x for x in row)]
                    for c, row in zip(CITIES, CELLS, strict=True)
                ),
            ]
        ),
    ),
    refused("broken.xlsx", b"PK\x03\x04 nothing", "not a valid .xlsx file"),
    a_table("unknown.foo", wide(CITIES)),
    refused("bytes.foo", bytes(range(256)), "unknown file extension, and contents of no known kind"),
]


def write(folder, one):
    path = folder / one.name
    path.write_bytes(one.content if isinstance(one.content, bytes) else one.content.encode())
    return path


def reading(how):
    return Reading(**{**how, "form": TableFormat(**how.get("form", {}))})


# what is read as one field by a delimiter that the file has not, is longer than Python's csv takes
LONG_NAMES = [f"ENSG{k:011d}{'_variant' * 16}" for k in range(1000)]
assert len(",".join(LONG_NAMES)) > csv.field_size_limit()
INPUTS.append(
    a_table(
        "long_genes.csv",
        "".join(
            ",".join([name, *cells]) + "\n"
            for name, cells in (
                ("sample", LONG_NAMES),
                ("s0", ["0.5"] * len(LONG_NAMES)),
                ("s1", ["1.5"] * len(LONG_NAMES)),
            )
        ),
        rows=["s0", "s1"],
        columns=LONG_NAMES,
        cells=np.repeat([[0.5], [1.5]], len(LONG_NAMES), axis=1),
    )
)
# files whose many columns take seconds
MANY = {"wide_genes.csv"}


@pytest.mark.parametrize(
    "one",
    [pytest.param(one, marks=[pytest.mark.slow] * (one.name in MANY)) for one in INPUTS],
    ids=[one.name for one in INPUTS],
)
def test_input(tmp_path, one):
    path = write(tmp_path, one)
    if one.refused:
        with pytest.raises(InvalidInputError, match=one.refused):
            load_table(path, reading(one.how))
        return
    table = load_table(path, reading(one.how))
    seen, told = table.observations, describe_table(table)
    np.testing.assert_allclose(seen.to_array(), one.cells, atol=1e-9)
    labels = (seen.row_labels, seen.column_labels)
    for found, right in zip(labels, (one.rows, one.columns), strict=True):
        assert (None if found is None else found.tolist()) == right
    for words in one.said:
        assert words in told


def test_there_are_enough():
    assert len(INPUTS) >= 60
    assert len({one.name for one in INPUTS}) == len(INPUTS)


@pytest.mark.parametrize("one", [one for one in INPUTS if not one.how][::6], ids=lambda one: one.name)
def test_on_the_command_line(tmp_path, one):
    """A reading is printed with exit code 0; a refusal is one message with exit code 2."""
    done = call("diagnose", write(tmp_path, one).name, "--rank", "1", cwd=tmp_path)
    if one.refused:
        assert_clean_error(done, "what to do" if "xlsx" not in one.name else "found")
        return
    assert done.returncode == 0, done.stderr
    for words in one.said:
        assert words in done.stdout


def test_standard_input(tmp_path, monkeypatch):
    content = long("user,item,rating\n", LINE).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    done = call("diagnose", "-", "--rank", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "30 rows, 20 columns" in done.stdout


@pytest.mark.parametrize("kind", ["db", "duckdb"])
def test_database_files(tmp_path, kind):
    path = tmp_path / f"shop.{kind}"
    rows = [(f"u{u:02d}", f"i{i}", float(r)) for u, i, r in RATED]
    if kind == "db":
        with sqlite3.connect(path) as connection:
            connection.execute("create table sold (who text, what text, stars real)")
            connection.executemany("insert into sold values (?, ?, ?)", rows)
        connection.close()
    else:
        duckdb = pytest.importorskip("duckdb")
        with duckdb.connect(str(path)) as connection:
            connection.execute("create table sold (who text, what text, stars double)")
            connection.executemany("insert into sold values (?, ?, ?)", rows)
    asked = call("complete", path.name, cwd=tmp_path)
    assert_clean_error(asked, "needs a query", "tables sold", "select * from sold")
    query = ["--query", "select * from sold"]
    done = call("complete", path.name, *query, "--method", "map", "--rank", "1", "--no-certify", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "30 rows, 20 columns" in done.stdout
    bad = call("complete", path.name, "--query", "select * from nothing", cwd=tmp_path)
    assert_clean_error(bad, "the query to")
    writing = call("complete", path.name, "--query", "with a as (select 1) delete from sold", cwd=tmp_path)
    assert_clean_error(writing, "the query to")


@pytest.mark.parametrize("content", ["city,x\na,1\nb,2\nc,\n", "city,x,y,z\na,1,2,\n"], ids=["column", "row"])
def test_a_single_row_or_column_is_not_completed(tmp_path, content):
    (tmp_path / "thin.csv").write_text(content)
    assert_clean_error(call("complete", "thin.csv", cwd=tmp_path), "cannot be completed from others")


def test_reading_announces_itself(tmp_path):
    (tmp_path / "some.csv").write_text("a,b\n1,2\n3,4\n5,7\n")
    told = []
    with listening(lambda path: told.append(str(path[0]))):
        ll.read_table(tmp_path / "some.csv")
    assert "reading the table" in told
