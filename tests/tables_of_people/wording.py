"""Columns of words: answers, grades, truth values, free text."""

from tables_of_people.cells import LINES, counts, holed, names, prices, words, written
from tables_of_people.entry import WHOLE, WORD
from tables_of_people.text_files import FILLS, priced
from tables_of_people.writers import read_csv, text

LIKERT = ("strongly disagree", "disagree", "agree", "strongly agree")


def answers(name, *levels, kind=WORD, **about):
    """Return an entry with a column of few words, some of them missing."""
    columns = {**prices(), "answer": written(holed(words(*levels), 1), "{}")}
    about = {"fills": {**FILLS, "answer": kind}, "frame": read_csv(), **about}
    return priced(name, text(columns), **about)


def beside(name, cells, what, **about):
    """Return an entry with a column that holds no levels."""
    columns = {**prices(), "note": written(cells, "{}")}
    about = {"passed": ("note",), "said": (f"'note' ({what})",), "frame": read_csv(), **about}
    return priced(name, text(columns), **about)


SENTENCES = [f"The {word} at the corner was {k} minutes late." for k, word in enumerate(names())]
TEN = [f"kind {k % 12}" for k in range(LINES)]

ENTRIES = (
    answers("Likert's answers", *LIKERT),
    answers("yes and no", "no", "yes"),
    answers("Y and N", "N", "Y"),
    answers("TRUE and FALSE", "FALSE", "TRUE"),
    answers("true and false", "false", "true"),
    answers("T and F", "F", "T"),
    answers("zero and one", "0", "1", kind=WHOLE),
    answers("male and female", "male", "female"),
    answers("sizes", "S", "M", "L", "XL"),
    answers("grades", "A", "B", "C", "D"),
    answers("grades with signs", "A-", "A", "A+"),
    answers("words with accents", "große", "kleine", "ärmste"),
    answers("words of other scripts", "да", "нет"),
    answers("words with commas", "red, dark", "red, light"),
    answers("words with quotes", 'the "old"', 'the "new"'),
    answers("words with blanks inside", "New York", "Los Angeles"),
    answers("words in other cases", "Yes", "yes", "no"),
    answers("ticks", "✓", "✗"),
    answers("bounds of ages", "18-29", "30-49", "50+"),
    answers("words with numbers among them", "none", "1 child", "2 or more"),
    answers("roman numbers", "I", "II", "III", "IV"),
    answers("codes of words", "01", "02", "03", frame=read_csv(dtype={"answer": str})),
    priced(
        "codes after a column of words",
        text(
            {
                **prices(),
                "soil": written(holed(words("clay", "sand"), 1), "{}"),
                "code": written(holed(words("01", "02", "03"), 2), "{}"),
            }
        ),
        fills={**FILLS, "soil": WORD, "code": WORD},
        frame=read_csv(dtype={"code": str}),
    ),
    priced(
        "two columns of words",
        text(
            {
                **prices(),
                "soil": written(holed(words("clay", "sand"), 1), "{}"),
                "side": written(holed(words("east", "north", "west"), 2), "{}"),
            }
        ),
        fills={**FILLS, "soil": WORD, "side": WORD},
        said=("columns of words are levels: 'soil', 'side'",),
        frame=read_csv(),
    ),
    priced(
        "words first",
        text({"soil": words("clay", "sand"), **prices()}),
        labels=None,
        passed=("shop",),
        said=("'soil'",),
        frame=read_csv(),
    ),
    priced(
        "words and whole numbers alone",
        text(
            {
                "shop": names(),
                "soil": written(holed(words("clay", "sand")), "{}"),
                "rooms": written(holed(counts(1), 1), "{}"),
            }
        ),
        fills={"soil": WORD, "rooms": WHOLE},
        frame=read_csv(),
    ),
    answers("words with spaces at their edges", " yes", "yes", "no ", "no"),
    answers("bounds alone", "<5", "5", ">5", said=("'<5' as a word (--censored",)),
    priced(
        "free text that is to be data",
        text({**prices(), "note": SENTENCES}),
        typed=("--as-data", "note"),
        refused="column 'note' of table.csv cannot be data, as asked found: text",
    ),
    priced(
        "an empty column that is to be data",
        text({**prices(), "note": [""] * LINES}),
        typed=("--as-data", "note"),
        refused="found: no known cell",
    ),
    beside("free text", SENTENCES, "text"),
    beside("semicolons in free text", [f"{x} So; we left." for x in SENTENCES], "text"),
    beside("free text with gaps", holed(SENTENCES, 2), "text"),
    beside("text in every other line", [x if k % 2 else "" for k, x in enumerate(SENTENCES)], "text"),
    beside("names of streets", names("road"), "text"),
    beside("too many words", TEN, "text"),
    beside(
        "a word in few lines", ["oak" if k == 3 else "elm" if k == 5 else "" for k in range(LINES)], "text"
    ),
)
