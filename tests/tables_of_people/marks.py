"""How people mark what is missing, and words that look like such marks."""

import csv

from tables_of_people.cells import LINES, holed, prices, words, written
from tables_of_people.entry import NUMBER, WORD, Entry
from tables_of_people.text_files import FILLS, priced
from tables_of_people.writers import read_csv, text

USUAL = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "-", "--", "?", ".", "..")
# which of them pandas takes for missing
PANDAS = {"NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None"}


def marked(mark, **about):
    """Return an entry of prices in which a mark stands for what is missing."""
    return priced(
        f"{mark!r} among numbers",
        text(prices(mark=mark)),
        holes={mark},
        frame=read_csv(na_values=[mark]),
        **about,
    )


def worded(name, *levels, blank="", mark="", **about):
    """Return an entry of prices, and of words of which some are missing."""
    some = holed(words(*levels), 1)
    columns = {**prices(), "kind": written(some, "{}", mark)}
    about = {
        "fills": {**FILLS, "kind": WORD},
        "frame": read_csv(keep_default_na=False, na_values=[""]),
        "said": ("columns of words are levels: 'kind'",),
        **about,
    }
    return priced(name, text(columns), **about)


def mixed():
    """Return prices with a different mark in every hole."""
    columns = prices()
    for name in FILLS:
        columns[name] = [x or USUAL[k % len(USUAL)] for k, x in enumerate(columns[name])]
    return columns


CONTINENTS = ("AF", "EU", "NA")
UNQUOTED = written(holed(words("oak", "elm"), 1), "{}", "NA")
USED = {**prices(mark="NA"), "part": UNQUOTED}

TICKS = ["x" if k % 3 else "" for k in range(LINES)]
TICKED = tuple(
    priced(
        f"a mark or nothing, {mark}",
        text({**prices(), "garden": [mark if tick else "" for tick in TICKS]}),
        passed=("garden",),
        said=(f"'garden' ({shown} or nothing: a mark) (--as-data",),
        frame=read_csv(),
    )
    for mark, shown in (("x", "'x'"), ("1", "1"))
)
MIXED = tuple(
    priced(
        f"{one} beside {other}",
        text({**prices(), "deposit": [(one if k % 3 else other) if k % 4 else "" for k in range(LINES)]}),
        **about,
        frame=None,
    )
    for one, other, about in (
        (
            "$4.50",
            "€3.75",
            {"passed": ("deposit",), "refused": "amounts of one currency", "fix": ("--as-is", "deposit")},
        ),
        (
            "0.05",
            "7%",
            {"passed": ("deposit",), "refused": "amounts of one currency", "fix": ("--as-is", "deposit")},
        ),
        ("5%", "0", {"fills": {**FILLS, "deposit": NUMBER}}),
    )
)
ENTRIES = (
    *TICKED,
    *MIXED,
    *(marked(mark) for mark in (*USUAL, "#DIV/0!")),
    priced("every mark in one table", text(mixed()), holes=set(USUAL), frame=read_csv(na_values=list(USUAL))),
    priced("blanks of spaces", text(prices(mark="  ")), holes={"  "}, frame=read_csv(na_values=["  "])),
    priced(
        "-999",
        text(prices(mark="-999")),
        holes={"-999"},
        refused="-999, which may stand for missing",
        fix=("--sentinels", "missing"),
        frame=read_csv(na_values=["-999"]),
    ),
    priced(
        "9999 among years' rain",
        text(prices(mark="9999")),
        holes={"9999"},
        refused="9999, which may stand for missing",
        fix=("--sentinels", "missing"),
        frame=read_csv(na_values=["9999"]),
    ),
    priced(
        "-999 that are values",
        text(prices(mark="-999")),
        typed=("--sentinels", "values"),
        fills={},
        frame=read_csv(),
    ),
    priced(
        "a word of its own",
        text(prices(mark="k.A.")),
        holes={"k.A."},
        refused="'k.A.'",
        fix=("--na", "k.A."),
        frame=read_csv(na_values=["k.A."]),
    ),
    priced(
        "not available",
        text(prices(mark="not available")),
        holes={"not available"},
        refused="'not available'",
        fix=("--na", "not available"),
        frame=read_csv(na_values=["not available"]),
    ),
    priced(
        "ND of a laboratory",
        text(prices(mark="ND")),
        holes={"ND"},
        refused="'ND'",
        fix=("--na", "ND"),
        frame=read_csv(na_values=["ND"]),
    ),
    priced(
        "an asterisk",
        text(prices(mark="*")),
        holes={"*"},
        refused="'*'",
        fix=("--na", "*"),
        frame=read_csv(na_values=["*"]),
    ),
    priced(
        "two words of one's own",
        text({**prices(mark="ND"), "tea": prices(mark="lost")["tea"]}),
        holes={"ND", "lost"},
        typed=("--na", "ND", "--na", "lost"),
        frame=read_csv(na_values=["ND", "lost"]),
    ),
    worded("an HIV test", "-", "+", said=("'-'", "--na")),
    worded("none and mild", "none", "mild", "severe", said=("'none'", "--na")),
    worded("None and Brick", "None", "Brick", "Stone", said=("'None'", "--na")),
    worded("continents", *CONTINENTS, said=("'NA'", "--na")),
    worded("question marks among words", "?", "yes", "no", said=("'?'", "--na")),
    worded(
        "words missing by a mark of one's own",
        "oak",
        "elm",
        mark="lost",
        typed=("--na", "lost"),
        holes={"lost"},
        frame=read_csv(na_values=["lost"]),
    ),
    priced(
        "NA without quotes among quoted words",
        text(
            {**prices(), "part": UNQUOTED},
            quoting=csv.QUOTE_NONNUMERIC,
            change=lambda whole: whole.replace('"NA"', "NA"),
        ),
        holes={"NA"},
        fills={**FILLS, "part": WORD},
        said=("NA means missing among words",),
        frame=read_csv(),
    ),
    priced(
        "NA of numbers and of words",
        text(USED),
        holes={"NA"},
        fills={**FILLS, "part": WORD},
        said=("NA means missing among words",),
        frame=read_csv(),
    ),
    Entry(
        name="marks of unknown among words only",
        file=text({**prices(), "kind": words("unknown", "oak", "elm")}),
        labels="shop",
        fills=FILLS,
        frame=read_csv(),
    ),
    priced(
        "a mark in each cell of a column",
        text({**prices(), "wine": ["NA"] * LINES}),
        passed=("wine",),
        said=("'wine' (no known cell)",),
        frame=read_csv(),
    ),
)
