"""Texts that are no usual CSV are written anew; usual ones are left as they are."""

import pytest

from lowland.files.opening import open_table
from lowland.files.table_format import TableFormat

USUAL = {
    "apostrophes that begin names": "city,x\n's Graveland,1\n's Heer,2\n'tWoudt,3\n",
    "words in single marks": "word,x\n'one',1\n'two',2\n'three',3\n",
    "paths that end in a backslash": 'path,x\n"C:\\a\\",1\n"C:\\b\\",2\n"C:\\c\\",3\n',
    "inches": 'pipe,x\n5" wide,1\n6" wide,2\n7" wide,3\n',
    "dashes": "a|b\n--|1\n--|2\nx|3\n",
    "bars": "a|b\nx|1\ny|2\nz|3\n",
    "numbers apart by blanks": "a  b\n1  2\n3  4\n5   6\n",
    "phrases": "one two three\nfour five\nsix seven eight\n",
    "short lines": "x\n1\n",
    "names that reach on": "my name   depth  t\nthe one   1.5    2\nthe other11.5    3\nmy ox     4\n",
    "at signs": "@relation,x\na,1\nb,2\nc,3\n",
}


@pytest.mark.parametrize("text", USUAL.values(), ids=USUAL)
def test_usual_texts_are_left_as_they_are(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    opened = open_table(tmp_path / "t.csv")
    assert (opened.path, opened.said) == (tmp_path / "t.csv", ())


OTHERS = {
    "drawn by a database": (
        " a | b\n---+--\n x |  \n y | 2\n(2 rows)\n",
        "a|b\nx|\ny|2\n",
    ),
    "in a frame": ("+--+--+\n| a | b |\n+--+--+\n| x | 1 |\n| y | 2 |\n+--+--+\n", "a|b\nx|1\ny|2\n"),
    "quotation marks after backslashes": (
        'a,b\n"x \\"y\\" z",1\n"C:\\\\",2\n',
        'a,b\n"x ""y"" z",1\n"C:\\\\",2\n',
    ),
    "single marks": ("'a','b'\n'x','1'\n'it''s','2'\n", '"a","b"\n"x","1"\n"it\'s","2"\n'),
    "aligned": (
        "a name  a b\nmy x    1 2\nmy y      3\nthe z   4 5\n",
        "a name\ta\tb\nmy x\t1\t2\nmy y\t\t3\nthe z\t4\t5\n",
    ),
    "ARFF": (
        "@RELATION r\n@attribute 'a b' numeric\n@attribute c {x,y}\n% no\n@DATA\n1,x\n?,'y'\n% no\n3,?\n",
        'a b,c\n1,x\n,"y"\n3,\n',
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_texts_are_written_anew_and_said(tmp_path, kind):
    text, usual = OTHERS[kind]
    (tmp_path / "t.txt").write_text(text)
    opened = open_table(tmp_path / "t.txt")
    assert opened.head(1000).decode() == usual
    assert len(opened.said) == 1


def test_a_delimiter_that_is_named_separates_cells_that_stand_one_below_the_other(tmp_path):
    (tmp_path / "t.txt").write_text(OTHERS["aligned"][0])
    assert not open_table(tmp_path / "t.txt", TableFormat(delimiter=" ")).said
