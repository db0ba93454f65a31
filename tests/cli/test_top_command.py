"""`lowland top`: rankings of new rows, and what is similar."""

import json

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import assert_clean_error, call

PLAIN = ("--quiet", "--no-certify", "--max-iter", 5, "--refine", "no", "--powers", "no")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of a list of ratings, of a mixed table, and of one without labels."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("models")
    stars = np.clip(np.rint(3 + rng.standard_normal((30, 1)) * rng.standard_normal(9)), 1, 5)
    users, films = np.nonzero(rng.random(stars.shape) < 0.7)
    lines = [f"u{i},film {j},{stars[i, j]:g}" for i, j in zip(users, films, strict=True)]
    (folder / "ratings.csv").write_text("user,film,stars\n" + "\n".join(lines) + "\n")
    people = pd.DataFrame(rng.standard_normal((40, 3)).round(2), columns=["tall", "heavy", "old"])
    people.insert(0, "smokes", np.where(people["heavy"] > 0, "yes", "no"))
    people.mask(rng.random(people.shape) < 0.1).to_csv(folder / "people.csv", index=False)
    np.save(folder / "bare.npy", np.where(rng.random(stars.shape) < 0.7, stars, np.nan))
    for name in ("ratings.csv", "people.csv", "bare.npy"):
        asked = ("complete", name, "--model", f"{name.split('.')[0]}.npz", "--method", "variational")
        done = call(*asked, "--rank", 2, *PLAIN, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


PROFILES = {
    "a list": "film,stars\nfilm 1,5\nfilm 3,1\nfilm 4,\n",
    "a list without header": "film 1,5\nfilm 3,1\n",
    "a line": "film 1,film 3,film 4\n5,1,\n",
    "a line with its label": "user,film 1,film 3\nnew,5,1\n",
}


@pytest.mark.parametrize("name", PROFILES)
def test_columns_of_a_new_row_are_ranked(name, folder):
    (folder / "somebody.csv").write_text(PROFILES[name])
    done = call("top", "ratings.npz", "--profile", "somebody.csv", "-k", 4, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["columns"] == ["row", "rank", "column", "prediction", "unclipped", "known"]
    best = ll.MatrixCompletion.load(folder / "ratings.npz").top({"film 1": 5.0, "film 3": 1.0}, 4)
    assert told["rows"] == [["new" if "label" in name else "somebody", *one] for one in lines_of(best)]


def lines_of(best):
    """Return what a ranking says, line by line."""
    parts = best.columns, best.predictions, best.scores, best.known
    return [[rank, *one] for rank, one in enumerate(zip(*map(np.ndarray.tolist, parts), strict=True), 1)]


@pytest.mark.parametrize("by", ["chance", "lower", "value"])
def test_columns_are_ranked_as_asked(by, folder):
    asked = ("top", "ratings.npz", "u3", "u4", "-k", 3, "--rank-by", by, "--include-observed")
    told = json.loads(call(*asked, "--json", cwd=folder).stdout)
    assert told["columns"][4:] == [{"value": "unclipped", "lower": "lower end"}.get(by, by), "known"]
    model = ll.MatrixCompletion.load(folder / "ratings.npz")
    rankings = {row: model.top(row, 3, rank_by=by, exclude_observed=False) for row in ("u3", "u4")}
    assert told["rows"] == [[row, *line] for row, best in rankings.items() for line in lines_of(best)]
    said = call(*asked, cwd=folder)
    assert {"chance": "chance that a row lists", "value": "predicted value", "lower": "lower end"}[
        by
    ] in said.stderr + said.stdout.splitlines()[0]


def test_chances_of_a_model_without_its_data_are_learnt_from_the_table(folder):
    plain = ll.MatrixCompletion.load(folder / "ratings.npz")
    plain.save(folder / "bare_ratings.npz", data=False)
    asked = ("top", "bare_ratings.npz", "u3", "--include-observed", "--rank-by", "chance", "--json")
    assert_clean_error(call(*asked, cwd=folder), "chances are learnt from what rows have", "--rank-by value")
    told = json.loads(call(*asked, "--table", "ratings.csv", cwd=folder).stdout)
    best = plain.top("u3", 10, rank_by="chance", exclude_observed=False)
    assert [line[2] for line in told["rows"]] == best.columns.tolist()
    assert_clean_error(
        call(*asked[:-2], "stars", cwd=folder),
        "--rank-by is unknown",
        "use --rank-by auto, chance, value or lower",
    )


SEVERAL = {
    "lines": ("user,film 1,film 3,film 4\nann,5,1,\nbob,,2,4\n", ["ann", "bob"]),
    "lines without names": ("film 1,film 3,film 4\n5,1,\n,2,4\n", ["somebody 1", "somebody 2"]),
    "a list": ("who,film,stars\nann,film 1,5\nbob,film 3,2\nann,film 3,1\nbob,film 4,4\n", ["ann", "bob"]),
    "a list without header": ("1,film 1,5\n1,film 3,1\n2,film 3,2\n2,film 4,4\n", ["1", "2"]),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_columns_of_several_new_rows_are_ranked(name, folder):
    text, names = SEVERAL[name]
    (folder / "somebody.csv").write_text(text)
    done = call("top", "ratings.npz", "--profile", "somebody.csv", "-k", 2, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    model = ll.MatrixCompletion.load(folder / "ratings.npz")
    known = {"film 1": 5.0, "film 3": 1.0}, {"film 3": 2.0, "film 4": 4.0}
    assert json.loads(done.stdout)["rows"] == [
        [row, *line]
        for row, values in zip(names, known, strict=True)
        for line in lines_of(model.top(values, 2))
    ]


def test_what_is_known_of_a_new_row_may_be_ranked_too(folder):
    (folder / "somebody.csv").write_text(PROFILES["a list"])
    (folder / "few.csv").write_text("film,year\nfilm 1,1999\nfilm 2,2001\n")
    asked = ("top", "ratings.npz", "--profile", "somebody.csv", "--candidates", "few.csv")
    alone = call(*asked, cwd=folder).stdout.splitlines()
    assert [line.split(",")[2] for line in alone[1:]] == ["film 2"]
    both = call(*asked, "--include-observed", cwd=folder).stdout.splitlines()
    assert {line.split(",")[2] for line in both[1:]} == {"film 1", "film 2"}


def test_words_of_a_new_row_are_levels(folder):
    """A new row is known by words and numbers; only columns of numbers are ranked."""
    numbers = {}
    for word in ("yes", "no"):
        (folder / "somebody.csv").write_text(f"column,value\nsmokes,{word}\nold,0.5\n")
        done = call("top", "people.npz", "--profile", "somebody.csv", "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
        numbers[word] = {column: number for _, _, column, number, *_ in json.loads(done.stdout)["rows"]}
    assert set(numbers["yes"]) == {"tall", "heavy"}
    assert numbers["yes"]["heavy"] > numbers["no"]["heavy"]


def test_the_decimal_mark_beside_words_is_asked_for(folder):
    (folder / "somebody.csv").write_text('column,value\nsmokes,yes\nold,"0,5"\n')
    asked = ("top", "people.npz", "--profile", "somebody.csv")
    assert_clean_error(
        call(*asked, cwd=folder), "column 'old' cannot have", "name the decimal mark by --decimal"
    )
    assert call(*asked, "--decimal", ",", cwd=folder).returncode == 0


def test_similar_columns_and_rows(folder):
    asked = ("top", "ratings.npz", "-k", 3, "--json", "--like")
    films, correlations = ll.MatrixCompletion.load(folder / "ratings.npz").similar("film 2", 3)
    told = json.loads(call(*asked, "film 2", cwd=folder).stdout)
    assert told["columns"] == ["like", "rank", "column", "correlation"]
    assert [line[2] for line in told["rows"]] == films.tolist()
    np.testing.assert_allclose([line[3] for line in told["rows"]], correlations)
    told = json.loads(call(*asked, "u4", cwd=folder).stdout)
    assert told["columns"] == ["like", "rank", "row", "correlation"]
    model = ll.MatrixCompletion.load(folder / "ratings.npz")
    parts = (model.row_factors_ @ model.column_factors_.T).astype(float)
    parts -= parts.mean(axis=1, keepdims=True)  # over the columns
    own = np.corrcoef(parts)[model.row_labels_.tolist().index("u4")]
    for _, _, row, correlation in told["rows"]:
        assert np.isclose(own[model.row_labels_.tolist().index(row)], correlation)


def test_models_without_labels_take_positions(folder):
    (folder / "somebody.csv").write_text("column,value\n1,5\n3,1\n")
    done = call("top", "bare.npz", "--profile", "somebody.csv", "-k", 2, cwd=folder)
    assert done.returncode == 0, done.stderr
    columns, _ = ll.MatrixCompletion.load(folder / "bare.npz").top({1: 5.0, 3: 1.0}, 2)
    assert [line.split(",")[2] for line in done.stdout.splitlines()[1:]] == [str(j) for j in columns]
    alike = call("top", "bare.npz", "--like", "4", "--output", "alike.csv", cwd=folder)
    assert "8 lines for 1 row: alike.csv" in alike.stdout
    assert_clean_error(call("top", "bare.npz", "--like", "x", cwd=folder), "have no labels")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", ("--like", "nothing"), ("the model has no such column", "'nothing'")),
        ("", ("u1", "--like", "film 1"), ("rows and --like",)),
        ("", ("--like", "film 1", "--include-observed"), ("--include-observed has no effect",)),
        ("film,stars\nfilm 1,5\n", ("--table", "ratings.csv"), ("--table has no effect", "ratings.csv")),
        ("film,stars\nfilm 1,good\n", (), ("column 'film 1' cannot have", "'good'")),
        ("film,stars\nfilm 99,5\n", (), ("the model has no such column", "film 99")),
        ("film,stars\nfilm 1,5\nfilm 1,4\n", (), ("names a column twice",)),
        ("a,b,c\n1,2,3\n", (), ("does not say what is known of a new row",)),
        ("film 1,film 2\nfilm 3,2\n", (), ("may be a list", "--no-header or --header")),
        ("user,film 1\nann,2\nann,4\n", (), ("names a row twice", "'ann'")),
        ("u,film,stars\nann,film 1,2\nann,film 1,4\n", (), ("names a column twice", "'film 1'")),
    ],
)
def test_refusals(text, options, words, folder):
    (folder / "p.csv").write_text(text)
    asked = options if "--like" in options else ("--profile", "p.csv", *options)
    result = call("top", "ratings.npz", *asked, cwd=folder)
    assert_clean_error(result, *words)
    assert "PosixPath" not in result.stderr
