"""Lists of pairs without values are refused in words; tables of two columns are read."""

import numpy as np
import pytest

from commands import assert_clean_error, call
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table

RNG = np.random.default_rng(0)
PAIRS = [(u, i) for u in range(1, 31) for i in range(100, 120) if RNG.random() < 0.5]


def text(header, line, pairs=PAIRS):
    return header + "".join(line(u, i) + "\n" for u, i in pairs)


@pytest.mark.parametrize(
    "content",
    [
        text("userId,movieId\n", lambda u, i: f"{u},{i}"),
        text("item,user\n", lambda u, i: f"i{i},u{u}", PAIRS[:40]),
        text("who,when,what\n", lambda u, i: f"a{u},{881250949 + u},b{i}"),
        text("user,item,timestamp\n", lambda u, i: f"{u},{i},{881250949 + u}"),
        text("", lambda u, i: f"{u},{i}"),
        text("", lambda u, i: f"name {u},thing {i}", [(u, u + k) for u in range(30) for k in (3, 5, 8)]),
    ],
    ids=["named", "few", "times between", "times", "numbers", "words"],
)
def test_pairs_without_values_are_refused_in_words(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(ValueError, match="lists pairs without values"):
        load_table(tmp_path / "t.csv")


def test_pairs_are_read_when_they_have_values(tmp_path):
    (tmp_path / "t.csv").write_text(text("user,item\n", lambda u, i: f"{u},{i}"))
    result = call("complete", "t.csv", "--output", "o.csv", cwd=tmp_path)
    assert_clean_error(result, "lists pairs without values", "add a column of values")
    (tmp_path / "t.csv").write_text(text("user,item,bought\n", lambda u, i: f"{u},{i},{(u + i) % 2}"))
    assert load_table(tmp_path / "t.csv").layout == "long"


@pytest.mark.parametrize(
    "content",
    [
        "".join(f"{RNG.integers(1, 6)},{RNG.integers(1, 6)}\n" for _ in range(60)),
        "height,weight\n" + "".join(f"{170 + k},{60 + k}\n" for k in range(20)),
        "height,weight\n" + "".join(f"{170 + k % 7}.5,{60 + k % 5}.5\n" for k in range(20)),
        "q1,q2\n" + "".join(f"{RNG.integers(1, 6)},{RNG.choice(['', '3', '4'])}\n" for _ in range(60)),
    ],
    ids=["grades", "distinct", "real", "gaps"],
)
def test_tables_of_two_columns_are_no_pairs(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    assert load_table(tmp_path / "t.csv", Reading(layout="auto")).layout == "wide"
