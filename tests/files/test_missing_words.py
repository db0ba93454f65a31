"""NA among words: missing where the rest of the table shows it, else a word, and always said."""

import numpy as np
import pandas as pd
import pytest

from lowland.files.columns.marks import na_among_words
from lowland.files.shapes.layouts import Reading
from lowland.files.table_format import TableFormat
from lowland.files.tables import load_table
from lowland.files.text.missing_words import stands_bare

KINDS = ["brick", "wood", "NA", "brick", "wood"] * 6
SAID = "NA means missing among words: "


def _text(tmp_path, words, numbers, *, quote=False, ending="csv"):
    frame = pd.DataFrame({"a": numbers, "b": np.arange(30) % 7 + 0.5, "w": words})
    path = tmp_path / f"t.{ending}"
    if ending == "xlsx":
        frame.to_excel(path, index=False)
        return path
    mark = '"' if quote else ""
    lines = [f"{a},{b},{w if w == 'NA' else mark + w + mark}" for a, b, w in frame.itertuples(index=False)]
    path.write_text("\n".join(["a,b,w", *lines]) + "\n")
    return path


def _numbers(mark=""):
    return [mark if k % 7 == 3 else f"{k % 5 + 0.25}" for k in range(30)]


def _read(path, **form):
    return load_table(path, Reading(words=True, form=TableFormat(**form)))


def _missing(table):
    return int(np.isnan(table.observations.to_array()[:, 2]).sum())


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_na_is_missing_where_the_numbers_of_the_file_use_it(tmp_path, ending):
    path = _text(tmp_path, KINDS, _numbers("NA"), ending=ending)
    table = _read(path)
    assert table.levels["w"] == ("brick", "wood")
    assert _missing(table) == 6
    assert any(words.startswith(SAID + "it does so among numbers") for words in table.decided)
    as_word = _read(path, words=["NA"])
    assert as_word.levels["w"] == ("NA", "brick", "wood")
    assert not any("NA" in words for words in as_word.decided)


def test_na_is_missing_where_it_stands_bare_among_quoted_words(tmp_path):
    table = _read(_text(tmp_path, KINDS, _numbers(), quote=True))
    assert table.levels["w"] == ("brick", "wood")
    assert (
        SAID + "it stands without quotation marks among quoted words (--word NA: it is one)" in table.decided
    )


@pytest.mark.parametrize("mark", ["", "-"])
def test_na_is_a_word_where_nothing_shows_that_it_is_missing(tmp_path, mark):
    table = _read(_text(tmp_path, KINDS, _numbers(mark)))
    assert table.levels["w"] == ("NA", "brick", "wood")
    assert "column 'w' holds 'NA' (6 cells) as words (--na=NA: missing cells)" in table.decided


def test_na_is_a_code_among_codes(tmp_path):
    continents = ["EU", "AS", "NA", "SA", "AF"] * 6
    for path in (
        _text(tmp_path, continents, _numbers("NA")),
        _text(tmp_path, continents, _numbers(), quote=True),
    ):
        assert "NA" in _read(path).levels["w"]


def test_what_decides():
    words, numbers = {"w": ["x", "why", "NA"]}, {"n": ["1", "2,5", "NA"]}
    assert not na_among_words(words)
    assert not na_among_words(numbers, bare=True)
    assert na_among_words(words | numbers)
    assert not na_among_words(words | {"n": ["NA", ""]})
    assert not na_among_words({"w": ["x", "why"]} | numbers)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('1,"x"\nNA,"why"\n', True),
        ('1;"a ""b"", NA"\n2;NA\n', True),
        ('1,"x"\n2,"NA"\n', False),
        ('1,"x"\nNA,why\n', False),
        ('TRUE,"x"\r\nFALSE,NA\r\n', True),
        ("1,x\n2,NA\n", False),
        ('1,"two\nlines"\n2,NA\n', True),
    ],
)
def test_bare_marks_among_quoted_words(text, bare):
    assert stands_bare(text, ";" if ";" in text else ",") is bare
