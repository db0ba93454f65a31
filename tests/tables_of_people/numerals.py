"""How people write numbers: marks of decimals and of thousands, signs, units, bounds."""

from tables_of_people.cells import LINES, counts, measures, prices, values, written
from tables_of_people.entry import NUMBER, WHOLE
from tables_of_people.text_files import german, priced
from tables_of_people.writers import read_csv, text


def large(number):
    """Return numbers of thousands and millions, with two decimals."""
    return [round(1000 * x + 1_200_000 * (number == 0), 2) for x in measures(number)]


def wholes(number):
    """Return whole numbers of thousands and millions."""
    return [int(x) for x in large(number)]


def grouped(mark, decimal="."):
    """Return a function that writes a number with a mark between groups of three digits."""
    return lambda x: f"{x:,.2f}".replace(".", "#").replace(",", mark).replace("#", decimal)


def lakhs(number):
    """Return a number with groups of two digits before the last three, as in India."""
    whole, cents = divmod(round(100 * number), 100)
    rest, last = divmod(whole, 1000)
    return f"{rest // 100},{rest % 100:02d},{last:03d}.{cents:02d}"


def sparse(change, every=5):
    """Return columns of prices in which every fifth number is written in another way."""
    columns = prices()
    for name in ("tea", "milk"):
        columns[name] = [change(x) if k % every == 1 and x else x for k, x in enumerate(columns[name])]
    return columns


def many(cell):
    """Return a column with one cell that differs."""
    columns = prices()
    columns["tea"] = [*columns["tea"][:3], cell, *columns["tea"][4:]]
    return columns


WHOLES = {"fills": dict.fromkeys(("tea", "milk", "rice"), WHOLE)}
COUNTED = {name: written(column, "{}") for name, column in values(counts).items()}

ENTRIES = (
    priced("whole numbers", text(COUNTED), **WHOLES, frame=read_csv(), spelt=r"\d+"),
    priced(
        "whole numbers, one with a point",
        text({**COUNTED, "tea": [*COUNTED["tea"][:-1], "4.5"]}),
        fills={**WHOLES["fills"], "tea": NUMBER},
        frame=read_csv(),
    ),
    priced(
        "whole numbers written 4.0",
        text({**COUNTED, "tea": prices("{:.1f}", make=counts)["tea"]}),
        **WHOLES,
        frame=read_csv(dtype={"tea": float}),
        said=("all whole, and filled by whole numbers: 'tea' (--means)",),
        spelt=r"\d+(\.0)?",
    ),
    priced("means of whole numbers, asked for", text(COUNTED), typed=("--means",)),
    priced(
        "whole numbers below zero",
        text({**COUNTED, "tea": prices("{}", make=lambda j: [c - 9 for c in counts(j)])["tea"]}),
        **WHOLES,
        frame=read_csv(),
    ),
    priced(
        "thousands by commas",
        text(prices(grouped(","), make=large)),
        frame=read_csv(thousands=","),
        spelt=r"\d{1,3}(,\d{3})*\.\d\d",
    ),
    priced(
        "thousands by points",
        text(prices(grouped(".", ","), make=large), decimal=",", delimiter=";"),
        frame=read_csv(thousands=".", decimal=",", sep=";"),
        spelt=r"\d{1,3}(\.\d{3})*,\d\d",
    ),
    priced(
        "thousands by spaces",
        text(prices(grouped(" "), make=large), delimiter=";"),
        frame=read_csv(sep=";", thousands=" "),
        spelt=r"\d{1,3}( \d{3})*\.\d\d",
    ),
    priced(
        "thousands by narrow spaces",
        text(prices(grouped("\u202f", ","), make=large), decimal=",", delimiter=";"),
        frame=read_csv(sep=";", thousands="\u202f", decimal=","),
        spelt=r"\d{1,3}( \d{3})*,\d\d",
    ),
    priced(
        "thousands by fixed spaces",
        text(prices(grouped("\u00a0"), make=large)),
        frame=read_csv(thousands="\u00a0"),
    ),
    priced(
        "thousands by thin spaces",
        text(prices(grouped("\u2009"), make=large)),
        frame=read_csv(thousands="\u2009"),
    ),
    priced(
        "thousands as the Swiss write them",
        text(prices(grouped("'"), make=large)),
        frame=read_csv(thousands="'"),
        spelt=r"\d{1,3}('\d{3})*\.\d\d",
    ),
    priced(
        "whole thousands by commas",
        text(prices("{:,}", make=wholes)),
        **WHOLES,
        frame=read_csv(thousands=","),
        spelt=r"\d{1,3}(,\d{3})*",
    ),
    priced(
        "whole thousands by points alone",
        text(
            prices(lambda x: f"{x:,}".replace(",", "."), make=lambda j: [x // 40 for x in wholes(j)]),
            delimiter=";",
            decimal=",",
        ),
        refused="may be decimal marks, or stand between thousands",
        fix=("--thousands", "."),
        **WHOLES,
        frame=read_csv(thousands=".", sep=";"),
        spelt=r"\d{1,3}(\.\d{3})*",
    ),
    priced("per cent", text(prices("{:.1f}%")), said=("% left off numbers",), spelt=r"\d+\.\d%"),
    priced("per cent after a space", text(prices("{:.1f} %")), spelt=r"\d+\.\d %"),
    priced("dollars", text(prices("${:.2f}")), said=("$ left off numbers",), spelt=r"\$\d+\.\d\d"),
    priced("dollars and thousands", text(prices("${:,.2f}", make=large)), spelt=r"\$\d{1,3}(,\d{3})*\.\d\d"),
    priced(
        "thousands and millions by letters",
        text({**prices(), "sold": [f"${k + 1}.5{'KM'[k % 2]}" for k in range(LINES)]}),
        passed=("sold",),
        said=("no data, written as they are: 'sold' (text)",),
        frame=read_csv(),
    ),
    priced("dollars below zero", text(sparse(lambda x: f"-${x}")), spelt=r"-?\$?\d+\.\d\d"),
    priced("euros after the number", text(prices("{:.2f} €")), spelt=r"\d+\.\d\d €"),
    priced("letters of a currency", text(prices("{:.2f} EUR")), spelt=r"\d+\.\d\d EUR"),
    priced("pounds before the number", text(prices("£{:.2f}")), spelt=r"£\d+\.\d\d"),
    priced("rupees in lakhs", text(prices(lakhs, make=large)), spelt=r"\d{1,2}(,\d\d)*,\d{3}\.\d\d"),
    priced("losses in brackets", text(sparse(lambda x: f"({x})"))),
    priced("exponents", text(prices("{:.3e}")), frame=read_csv(), spelt=r"\d\.\d{3}e\+\d\d"),
    priced(
        "exponents of Fortran",
        text(prices(lambda x: f"{x:.3E}".replace("E", "D"))),
        spelt=r"\d\.\d{3}D\+\d\d",
    ),
    priced("units", text(prices("{:.1f} kg")), said=("kg",), spelt=r"\d+\.\d kg"),
    priced("units without a space", text(prices("{:.1f}ml")), said=("ml",), spelt=r"\d+\.\dml"),
    priced("degrees", text(prices("{:.1f} °C")), spelt=r"\d+\.\d °C"),
    priced("a plus before numbers", text(prices("{:+.2f}")), frame=read_csv(), spelt=r"\+\d+\.\d\d"),
    priced("the minus of typesetters", text(sparse(lambda x: f"\u2212{x}"))),
    priced(
        "no zero before the point",
        text(prices(lambda x: f"{x:.2f}".lstrip("0"), make=lambda j: [x / 40 % 1 for x in measures(j)])),
        frame=read_csv(),
        spelt=r"\.\d\d",
    ),
    priced(
        "bounds of a detector",
        text(sparse(lambda x: "<" + x)),
        said=("censored cells of 'tea', 'milk', fitted as what lies beyond",),
        frame=read_csv(),
    ),
    priced(
        "bounds of a detector, taken for values",
        text(sparse(lambda x: "<" + x)),
        typed=("--censored", "bound"),
        frame=read_csv(),
        settings={"censored": "bound"},
        said=("whose bounds are taken for values",),
    ),
    priced(
        "bounds on both sides",
        text(sparse(lambda x: ("<" if float(x) < 20 else ">") + x)),
        typed=("--censored", "missing"),
        frame=read_csv(),
        settings={"censored": "missing"},
        said=("left out of the fit, as they are",),
    ),
    priced("marks of notes", text(sparse(lambda x: x + "*")), said=("'*'",), spelt=r"\d+\.\d\d"),
    priced("marks of estimates", text(sparse(lambda x: x + " e")), said=("'e'",)),
    priced("an approximate number", text(many("~22")), refused="'~22' in column 'tea'"),
    priced("a range", text(many("18-22")), refused="'18-22' in column 'tea'"),
    priced("a misprint", text(many("2O.5")), refused="'2O.5' in column 'tea'"),
    priced("a fraction", text(many("1/2")), refused="'1/2' in column 'tea'"),
    priced("an infinity", text(many("inf")), refused="infinite"),
    priced(
        "two kinds of decimal marks",
        text({**prices(), "tea": prices(german)["tea"]}),
        refused="text where numbers are needed",
    ),
    priced(
        "huge numbers",
        text(prices("{:.6e}", make=lambda j: [x * 1e200 for x in measures(j)])),
        refused="out of scale",
    ),
    priced(
        "tiny numbers",
        text(prices("{:.6e}", make=lambda j: [x * 1e-200 for x in measures(j)])),
        refused="out of scale",
    ),
    priced(
        "columns of unlike sizes",
        text(
            {
                **prices(),
                "tea": prices("{:.6e}", make=lambda j: [x * 1e-9 for x in measures(j)])["tea"],
                "milk": prices("{:.0f}", make=lambda j: [x * 1e9 for x in measures(j)])["milk"],
            }
        ),
        fills={"tea": NUMBER, "milk": WHOLE, "rice": NUMBER},
        frame=read_csv(),
    ),
    priced("seventeen digits", text(prices(lambda x: repr(x / 3))), frame=read_csv()),
    priced("zeros at the end", text(prices("{:.6f}")), frame=read_csv(), spelt=r"\d+\.\d{6}"),
)
