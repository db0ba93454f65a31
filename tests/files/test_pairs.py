"""Lists of pairs without values are refused in words; tables of two columns are read."""

import json

import numpy as np
import pytest

from commands import assert_clean_error, call
from lowland.core.errors import InvalidInputError
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
    assert_clean_error(result, "lists pairs without values", "--unlisted 0", "add a column of values")
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


def read(tmp_path, content, **how):
    (tmp_path / "t.csv").write_text(content)
    return load_table(tmp_path / "t.csv", Reading(pairs=True, **how))


@pytest.mark.parametrize(
    ("content", "roles"),
    [
        (text("userId,movieId\n", lambda u, i: f"{u},{i}"), ("userId", "movieId")),
        (text("who,when,what\n", lambda u, i: f"a{u},{881250949 + u},b{i}"), ("who", "what")),
        (text("", lambda u, i: f"{u},{i}"), None),
    ],
    ids=["named", "times between", "numbers"],
)
def test_where_they_are_asked_for_each_pair_holds_one(tmp_path, content, roles):
    table = read(tmp_path, content)
    assert table.layout == "long"
    assert roles is None or table.names == roles
    seen = table.observations
    assert np.array_equal(seen.values, np.ones(len(PAIRS)))
    names = zip(seen.row_labels[seen.rows], seen.column_labels[seen.columns], strict=True)
    assert {(str(u).strip("a"), str(i).strip("b")) for u, i in names} == {(str(u), str(i)) for u, i in PAIRS}


def test_pairs_that_repeat_count_once(tmp_path):
    content = text("user,film\n", lambda u, i: f"{u},{i}") + f"1,{PAIRS[0][1]}\n" * 2
    table = read(tmp_path, content)
    assert table.observations.size == len(PAIRS)
    assert "2 lines repeat a pair, which counts once" in "; ".join(table.decided)


def test_other_tables_are_read_as_without(tmp_path):
    """Ratings keep their values, wide tables their shape, and what is ambiguous is asked about."""
    table = read(tmp_path, text("user,item,stars\n", lambda u, i: f"{u},{i},{(u + i) % 5}"))
    assert set(table.observations.values) == set(range(5))
    assert read(tmp_path, "height,weight\n" + "170,60\n180,\n" * 9).layout == "wide"
    three = text("shop,user,item\n", lambda u, i: f"s{u % 3},u{u},i{i}")
    table = read(tmp_path, three, row="user", column="item")
    assert np.array_equal(table.observations.values, np.ones(len(PAIRS)))
    with pytest.raises(InvalidInputError, match="which two of its columns name a pair"):
        read(tmp_path, three, layout="pairs")
    assert read(tmp_path, "a,b\n" + "1,2\n1,3\n2,2\n" * 2, layout="pairs").observations.size == 3


def test_lists_are_fitted_ranked_and_certified(tmp_path):
    """The command line takes a list of pairs from the first fit to what is proved about it."""
    rng = np.random.default_rng(0)
    alike = rng.integers(2, size=(60, 1)) == np.arange(20) % 2
    listed = np.argwhere(rng.random(alike.shape) < np.where(alike, 0.5, 0.05))
    (tmp_path / "clicks.csv").write_text("user,film\n" + "".join(f"u{i},film {j}\n" for i, j in listed))
    asked = ("--rank", 3, "--penalty", 2, "--unlisted", 0, "--unlisted-weight", 0.3)
    files = ("--model", "m.npz", "--certificate", "c.json", "--held-out")
    done = call("complete", "clicks.csv", *asked, *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert f"each of the other {alike.size - len(listed):,} counts as 0 with weight 0.3" in told
    assert "pairs that are listed, whose cells all hold 1" in told
    best = call("top", "m.npz", "u0", "--table", "clicks.csv", "-k", 3, "--json", cwd=tmp_path)
    assert best.returncode == 0, best.stderr
    known = {f"film {j}" for i, j in listed if i == 0}
    assert not known & {line[2] for line in json.loads(best.stdout)["rows"]}
    proved = call("certify", "c.json", "clicks.csv", cwd=tmp_path)
    assert proved.returncode == 0, proved.stderr
    assert "0 contradicted, 0 not checked" in proved.stdout + proved.stderr
    document = json.loads((tmp_path / "c.json").read_text())
    document["problem"]["unlisted"]["weight"] = 0.2
    (tmp_path / "c.json").write_text(json.dumps(document))
    changed = call("certify", "c.json", "clicks.csv", cwd=tmp_path)
    assert "contradicted" in changed.stdout + changed.stderr
    assert "0 contradicted" not in changed.stdout + changed.stderr
