"""Numbers and texts that name things, which are no data, and numbers that only look like names."""

from tables_of_people.cells import LINES, counts, holed, names, prices, written
from tables_of_people.entry import NUMBER, WHOLE, Entry
from tables_of_people.text_files import FILLS, priced
from tables_of_people.writers import read_csv, text

PRICES = {name: column for name, column in prices().items() if name != "shop"}
ANY = [(7919 * (k + 1)) % 9973 for k in range(LINES)]  # whole numbers of up to four digits, in no order


def scattered(low):
    """Return different whole numbers, all as long as the lowest of them."""
    return [low + x for x in ANY]


def first(name, cells, **about):
    """Return an entry in which a column of identifiers comes first."""
    columns = {name: written(cells, "{}"), **PRICES}
    said = (f"{name!r} names the rows", "(--no-row-labels)")
    about = {"fills": FILLS, "labels": name, "said": said, **about}
    return Entry(name=f"{name} first", file=text(columns), frame=read_csv(), **about)


def further(name, cells, **about):
    """Return an entry in which a column of identifiers stands among the data."""
    columns = {**prices(), name: written(cells, "{}")}
    about = {"passed": (name,), "said": (f"'{name}' (identifiers", "--as-data"), **about}
    how = read_csv(dtype={name: str}) if about.pop("as_text", False) else read_csv()
    return priced(f"{name} among the data", text(columns), frame=how, **about)


TWEETS = [1604601006741022700 + 1001 * x for x in ANY]
PHONES = scattered(4930100000)
ZIPS = [f"{x:05d}" for x in scattered(1000)]
ISBNS = [9780140000000 + 10 * x for x in ANY]
UUIDS = [f"{x:08x}-7f3a-4c1e-9d2b-{x * 77:012x}" for x in ANY]
MAILS = [f"person{k}@example.org" for k in range(LINES)]
CODES = [f"A{100 + k}" for k in range(LINES)]
TWICE = [1000 + k // 2 for k in range(LINES)]

KEPT = (
    first("tweet", TWEETS),
    first("phone", PHONES),
    first("employee", scattered(20000)),
    first("accountnumber", scattered(70100000)),
    first("isbn", ISBNS),
    first("nr", range(1, LINES + 1)),
    first("line", range(LINES)),
    first("from the last", range(LINES, 0, -1)),
    first("x", scattered(50000)),
    further("zip", ZIPS, as_text=True),
    further("plz", scattered(20000)),
    further("customer_id", TWICE),
    further("CustomerID", TWICE),
    further("code", [f"{k:03d}" for k in range(LINES)], as_text=True),
    further("tweet_id", TWEETS),
    further("card", [4111111111111111 + 7 * x for x in ANY]),
    further("mobile", PHONES),
    further("uuid", UUIDS, said=("'uuid' (text)",)),
    further("e-mail", MAILS, said=("'e-mail' (text)",)),
    further("article", CODES, said=("'article' (text)",)),
    further("address", [f"http://example.org/{k}" for k in range(LINES)], said=("'address' (text)",)),
    further("hexadecimal", [f"0x{x:04X}" for x in ANY], said=("'hexadecimal' (text)",)),
    further("hexadecimal with gaps", holed([hex(x) for x in ANY]), said=("'hexadecimal with gaps' (text)",)),
    further("IP", [f"10.0.{k}.7" for k in range(LINES)], said=("'IP' (text)",)),
    further("IBAN", [f"DE{k:02d} 3704 0044 0532 0130 00" for k in range(LINES)], said=("'IBAN' (text)",)),
)
NAMED = (
    Entry(
        name="names first",
        file=text({"name": names("Ann"), **PRICES}),
        labels="name",
        fills=FILLS,
        frame=read_csv(),
    ),
    Entry(
        name="codes first", file=text({"code": CODES, **PRICES}), labels="code", fills=FILLS, frame=read_csv()
    ),
    Entry(
        name="leading zeros first",
        file=text({"ward": [f"{k:04d}" for k in range(LINES)], **PRICES}),
        labels="ward",
        fills=FILLS,
        frame=read_csv(dtype={"ward": str}),
    ),
    Entry(
        name="an index of pandas",
        file=text({"": written(range(LINES), "{}"), **PRICES}),
        labels="",
        fills=FILLS,
        frame=None,
    ),
    Entry(
        name="names that repeat",
        file=text({"name": [f"Ann {k // 2}" for k in range(LINES)], **PRICES}),
        refused="names a row twice",
        fix=("--as-is", "name"),
        passed=("name",),
        fills=FILLS,
    ),
    Entry(
        name="names that are missing",
        file=text({"name": written(holed(names("Ann")), "{}"), **PRICES}),
        refused="empty label",
        fix=("--as-is", "name"),
        passed=("name",),
        fills=FILLS,
    ),
    Entry(name="no column of names", file=text(PRICES), fills=FILLS, frame=read_csv()),
)
DATA = (
    *(
        Entry(
            name=f"{name} first, in order",
            file=text({name: written(cells, "{}"), **PRICES}),
            fills=FILLS,
            said=(f"{name!r} is measured, not a name of rows: data (--row-labels)",),
            frame=read_csv(),
        )
        for name, cells in {
            "temperature": range(-5, LINES - 5),
            "dose": [k / 2 for k in range(LINES)],
            "miles driven": [k * k + 7 for k in range(LINES)],
            "depth (m)": range(10, 10 * LINES + 1, 10),
        }.items()
    ),
    *(
        Entry(
            name=f"{name} first, in no order",
            file=text({name: written([10000 + 8 * x for x in ANY], "{}"), **PRICES}),
            fills=FILLS,
            frame=read_csv(),
        )
        for name in ("lum", "steps", "x")
    ),
    Entry(
        name="populations first",
        file=text({"population": written(scattered(100000), "{}"), **PRICES}),
        fills=FILLS,
        frame=read_csv(),
    ),
    Entry(
        name="prices first",
        file=text({"price": written([100 * x for x in scattered(10000)], "{}"), **PRICES}),
        fills=FILLS,
        frame=read_csv(),
    ),
    Entry(
        name="counts first",
        file=text({"children": written(counts(2), "{}"), **PRICES}),
        fills=FILLS,
        frame=read_csv(),
    ),
    Entry(
        name="counts with gaps first",
        file=text({"children": written(holed(counts(2), 3), "{}"), **PRICES}),
        fills={**FILLS, "children": WHOLE},
        frame=read_csv(),
    ),
    Entry(
        name="numbers with points first",
        file=text({"price": written(scattered(10000), "{:.1f}"), **PRICES}),
        fills=FILLS,
        frame=read_csv(),
    ),
    Entry(
        name="identifiers with gaps are data",
        file=text({"reading": written(holed(scattered(20000)), "{}"), **PRICES}),
        fills={**FILLS, "reading": WHOLE},
        frame=read_csv(),
    ),
    priced(
        "populations further right",
        text({**prices(), "population": written(scattered(100000), "{}")}),
        frame=read_csv(),
    ),
    priced(
        "identifiers that are data when asked",
        text({**prices(), "zip": written(scattered(20000), "{}")}),
        typed=("--as-data", "zip"),
        frame=read_csv(),
        settings={"as_data": ["zip"]},
    ),
    priced(
        "data that are to be left out",
        text(prices()),
        typed=("--as-is", "rice"),
        passed=("rice",),
        fills={"tea": NUMBER, "milk": NUMBER},
        frame=read_csv(),
        settings={"as_is": ["rice"]},
    ),
    priced(
        "paid, acid and valid are no ids",
        text({**prices(), "paid": written(counts(1), "{}"), "acid": written(counts(3), "{}")}),
        frame=read_csv(),
    ),
    priced(
        "latitudes and longitudes",
        text(
            {
                **prices(),
                "lat": [f"{50 + k / 7:.4f}" for k in range(LINES)],
                "lon": [f"{7 - k / 3:.4f}" for k in range(LINES)],
            }
        ),
        frame=read_csv(),
    ),
    priced(
        "ages and scores",
        text(
            {
                **prices(),
                "age": written(holed([20 + x % 60 for x in ANY], 2), "{}"),
                "score": written([x % 100 for x in ANY], "{}"),
            }
        ),
        fills={**FILLS, "age": WHOLE},
        frame=read_csv(),
    ),
)
ENTRIES = (*KEPT, *NAMED, *DATA)
