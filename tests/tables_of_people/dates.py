"""Dates and times as people write them, beside the data, first in the table, and of panels."""

from datetime import date, datetime, timedelta

from tables_of_people.cells import LINES, measures, prices, written
from tables_of_people.entry import NUMBER, WHOLE, Entry
from tables_of_people.text_files import FILLS, priced
from tables_of_people.writers import read_csv, text

PRICES = {name: column for name, column in prices().items() if name != "shop"}
DAYS = [date(2023, 1, 13) + timedelta(days=(29 * k) % 331) for k in range(LINES)]
SORTED = [date(2023, 1, 3) + timedelta(days=9 * k) for k in range(LINES)]
HOURS = [datetime(2023, 1, 13, 6) + timedelta(hours=7 * k) for k in range(LINES)]


def beside(name, cells, **about):
    """Return an entry with a column of dates among the data."""
    about = {"passed": ("when",), "frame": read_csv(), **about}
    return priced(f"{name}, beside the data", text({**prices(), "when": written(cells, "{}")}), **about)


def first(name, cells, **about):
    """Return an entry whose lines are days."""
    columns = {"when": written(cells, "{}"), **PRICES}
    about = {"labels": "when", "fills": FILLS, "frame": read_csv(), **about}
    return Entry(name=f"{name}, first", file=text(columns), **about)


WAYS = {
    "ISO dates": "%Y-%m-%d",
    "dd.mm.yyyy": "%d.%m.%Y",
    "mm/dd/yyyy": "%m/%d/%Y",
    "dd/mm/yy": "%d/%m/%y",
    "13 Jan 2023": "%d %b %Y",
    "Jan 13, 2023": "%b %d, %Y",
    "13-Jan-23": "%d-%b-%y",
    "yyyymmdd": "%Y%m%d",
    "yyyy/mm/dd": "%Y/%m/%d",
    "weekday and date": "%a %d %B %Y",
}
TIMES = {
    "ISO times": "%Y-%m-%dT%H:%M:%S",
    "times with zones": "%Y-%m-%d %H:%M:%S+01:00",
    "times of spreadsheets": "%m/%d/%Y %H:%M",
    "Unix seconds": "%s",
}
LINED = [day.strftime("%Y-%m") for day in (date(2021 + k // 12, 1 + k % 12, 1) for k in range(LINES))]
STARTS = [date(2021 + k // 12, 1 + k % 12, 1) for k in range(LINES)]
MONTHS = {
    name: [day.strftime(how) for day in STARTS]
    for name, how in {
        "yyyymm": "%Y%m",
        "mm/yyyy": "%m/%Y",
        "mm.yyyy": "%m.%Y",
        "yymmdd": "%y%m%d",
        "weeks": "%G-W%V",
        "stamps of minutes": "%Y%m%d0915",
    }.items()
}
SHUFFLED = {name: [cells[(7 * k) % LINES] for k in range(LINES)] for name, cells in MONTHS.items()}


def reads(name):
    """Return a reader that keeps what pandas would take for a number and not give back as it is written."""
    return read_csv(dtype={"when": str}) if name == "mm.yyyy" else read_csv()


YEARS = [2000 + k for k in range(LINES)]
QUARTERS = [f"{2010 + k // 4}Q{1 + k % 4}" for k in range(LINES)]
CLOCK = [f"{6 + k // 2:02d}:{30 * (k % 2):02d}" for k in range(LINES)]
PANEL = {
    "country": [("Chad", "Mali", "Togo")[k // 8] for k in range(LINES)],
    "year": [str(2010 + k % 8) for k in range(LINES)],
    **PRICES,
}


def seconds(moment):
    """Return Unix seconds, wherever the test runs."""
    return str(int((moment - datetime(1970, 1, 1)).total_seconds()))


def said(moment, how):
    """Return a moment as it is written."""
    return seconds(moment) if how == "%s" else moment.strftime(how)


ENTRIES = (
    *(beside(name, [day.strftime(how) for day in DAYS]) for name, how in WAYS.items()),
    *(beside(name, [said(hour, how) for hour in HOURS]) for name, how in TIMES.items()),
    *(first(name, [day.strftime(how) for day in SORTED]) for name, how in WAYS.items()),
    *(first(name, [said(hour, how) for hour in HOURS]) for name, how in TIMES.items()),
    *(
        first(
            f"{name} that order the lines",
            [day.strftime(how) for day in SORTED],
            frame=None,
            typed=("--row-order=auto",),
            said=("order",),
        )
        for name, how in WAYS.items()
        if name in ("dd.mm.yyyy", "mm/dd/yyyy")
    ),
    beside("months", LINED),
    beside("quarters", QUARTERS),
    beside("times of day", CLOCK),
    priced(
        "years, beside the data",
        text({**prices(), "built": written([1900 + (37 * k) % 120 for k in range(LINES)], "{}")}),
        frame=read_csv(),
    ),
    priced(
        "years with gaps",
        text(
            {
                **prices(),
                "built": written([None if k % 6 == 1 else 1900 + (37 * k) % 120 for k in range(LINES)], "{}"),
            }
        ),
        fills={**FILLS, "built": WHOLE},
        frame=read_csv(),
    ),
    *(beside(name, SHUFFLED[name], frame=reads(name)) for name in SHUFFLED),
    *(first(name, MONTHS[name], frame=reads(name)) for name in MONTHS),
    priced(
        "days that spreadsheets count",
        text({**prices(), "order date": written([44927 + (7 * k) % 29 for k in range(LINES)], "{}")}),
        passed=("order date",),
        said=("'order date' (dates, days since 1899-12-30", "--as-data makes them data"),
        frame=read_csv(),
    ),
    priced(
        "months that are data when asked",
        text({**prices(), "when": SHUFFLED["yyyymm"]}),
        typed=("--as-data", "when"),
        frame=read_csv(),
        settings={"as_data": ["when"]},
    ),
    first("years", YEARS),
    first("months", LINED),
    first("quarters", QUARTERS),
    first("times of day", CLOCK),
    Entry(
        name="a panel of countries and years",
        file=text(PANEL),
        fills=FILLS,
        said=("in the order of 'year' within 'country'",),
        typed=("--row-order=auto",),
        frame=read_csv(),
    ),
    Entry(
        name="years in columns",
        file=text(
            {
                "country": [f"land {k}" for k in range(LINES)],
                **{
                    str(2015 + j): written(
                        [None if (k + j) % 7 == 2 else x for k, x in enumerate(measures(j))], "{:.2f}"
                    )
                    for j in range(4)
                },
            }
        ),
        labels="country",
        fills={str(2015 + j): NUMBER for j in range(4)},
        frame=read_csv(),
    ),
)
