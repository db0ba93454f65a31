"""Messages that name settings."""

import pickle

import pytest

from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.wording import InCode, Option, Remedy, Words, written


def dashes(option):
    """Write options as a front end that has "rank" and "loss" only."""
    if option.name not in ("rank", "loss"):
        return None
    return " ".join([f"--{option.name}", *map(str, option.values)])


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (Option("rank"), "rank"),
        (Option("rank", 3), "rank=3"),
        (Option("row_labels", False), "row_labels=False"),
        (Option("duplicates", "mean", "last"), 'duplicates="mean" or "last"'),
        (Option("loss", "a", "b", "c"), 'loss="a", "b" or "c"'),
        (Option("missing", ['3"']), 'missing=["3\\""]'),
        (Option("fold", {"time": ("day", "hour")}), 'fold={"time": ["day", "hour"]}'),
        (Option("--rank", 3), "--rank 3"),
    ],
)
def test_options_in_python(option, text):
    assert str(option) == text


def test_a_remedy_offers_what_the_front_end_has():
    ways = Remedy(
        Words("drop {it}"), Words("pass ", Option("rank", 1)), InCode("pass an array"), Words(Option("sheet"))
    )
    assert str(ways) == "drop {it}, pass rank=1, pass an array, or sheet"
    assert ways.write(dashes) == "drop {it}, or pass --rank 1"
    assert Remedy(InCode("call it")).write(dashes) == ""


def test_words_name_what_the_front_end_lacks():
    assert written(Words(Option("sheet"), " and ", Option("loss")), dashes) == "sheet and --loss"


def test_errors_are_told_in_the_words_of_the_front_end():
    what, fix = Words(Option("rank"), " is wrong"), Words("use ", Option("sheet", "a"))
    error = InvalidInputError(what, "9", fix=fix)
    assert (error.what, error.fix) == ("rank is wrong", 'use sheet="a"')
    assert str(error) == 'rank is wrong\n  found: 9\n  what to do: use sheet="a"'
    assert error.told(dashes) == "--rank is wrong\n  found: 9"
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.told(dashes) == error.told(dashes)


def test_errors_of_plain_text_stay_as_they_are():
    error = FileFormatError("what", "found", "why", "fix")
    assert error.told(dashes) == str(error)
