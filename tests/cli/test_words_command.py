"""Files with columns of words: levels on the command line, from the first look to predictions."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import call
from lowland.core.errors import InvalidInputError
from lowland.files.shapes.layouts import Reading
from lowland.files.tables import load_table

# sweeps that are enough for two species so different
FEW = ("--max-iter", "40", "--powers", "no")


@pytest.fixture(scope="module")
def birds():
    """Two species that differ in length, and an island that says little."""
    rng = np.random.default_rng(0)
    species = rng.choice(["Adelie", "Gentoo"], 120)
    frame = pd.DataFrame(
        {
            "species": species,
            "island": rng.choice(["Biscoe", "Dream", "Torgersen"], 120),
            "length": np.where(species == "Gentoo", 47.0, 39.0) + rng.standard_normal(120),
            "mass": np.where(species == "Gentoo", 5.0, 3.7) + 0.3 * rng.standard_normal(120),
        }
    )
    holes = frame.mask(rng.random(frame.shape) < 0.1)
    return frame, holes


@pytest.fixture
def file(birds, tmp_path):
    birds[1].to_csv(tmp_path / "birds.csv", index=False)
    return tmp_path / "birds.csv"


@pytest.fixture
def run(tmp_path):
    def command(*arguments, code=0):
        given = ("--quiet",) if arguments[0] == "complete" else ()
        if given and "--refine" not in arguments:
            # what words become is looked at, not how well a tuned fit would do
            given += ("--refine", "no", "--powers", "no", "--max-iter", "10")
        done = call(*arguments, *given, cwd=tmp_path)
        assert code is None or done.returncode == code, done.stderr
        return done

    return command


def test_words_are_completed_by_the_likeliest(birds, file, run, tmp_path):
    frame, holes = birds
    output = ("--output", tmp_path / "filled.csv")
    result = run("complete", file, *output, "--no-certify", "--held-out", "--refine", "auto", *FEW)
    assert "'species' holds few words, which repeat: data (--row-labels)" in result.stdout
    assert "columns of words are levels: 'species', 'island'" in result.stdout
    filled = pd.read_csv(tmp_path / "filled.csv")
    assert list(filled.columns) == list(frame.columns)
    gaps = holes["species"].isna() & holes["length"].notna()
    assert (filled["species"] == frame["species"])[gaps].mean() > 0.9
    known = holes.notna()
    assert (filled["island"] == frame["island"])[known["island"]].all()
    assert set(filled["island"]) == {"Biscoe", "Dream", "Torgersen"}
    lines = {line.split(":")[0]: line for line in result.stdout.splitlines() if line.startswith("column ")}
    assert "right on" in lines["column species"]
    assert "off by" in lines["column length"]


def test_a_python_fit_of_the_frame_gives_the_same(birds, file, run, tmp_path):
    _, holes = birds
    output = tmp_path / "filled.csv"
    # forests of a few hold-outs depend more on random numbers than the rest does
    run("complete", file, "--output", output, "--no-certify", "--no-row-labels", "--refine", "no")
    filled = ll.MatrixCompletion(certify=False, random_state=0, refine=False).fit(holes).fill(holes)
    found = pd.read_csv(output)
    np.testing.assert_allclose(found["length"], filled["length"], rtol=3e-3)  # other random numbers
    assert (found["island"] == filled["island"]).mean() > 0.95


def test_models_predict_words(birds, file, run, tmp_path):
    _, holes = birds
    run("complete", file, "--model", tmp_path / "m.npz", "--no-certify")
    row = int(np.flatnonzero(holes["species"].notna() & holes["length"].notna())[0])
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(f"row,column\n{row},species\n{row},length\n")
    told = run("predict", tmp_path / "m.npz", pairs).stdout.splitlines()
    assert told[0] == "row,column,prediction,probability,unknown"
    assert told[1].startswith(f"{row},species,{holes['species'][row]},")
    model = ll.MatrixCompletion.load(tmp_path / "m.npz")
    likely = model.level_probabilities([row], "species").max()
    assert float(told[1].split(",")[3]) == pytest.approx(likely)
    assert float(told[2].split(",")[2]) == pytest.approx(holes["length"][row], abs=1)
    # and what they lean on: the parts of a sum, as `explain` has them
    told = run("predict", "m.npz", pairs, "--explain", "--json").stdout
    lines = json.loads(told)["rows"]
    for name in ("species", "length"):
        parts = {(part, by): (held, number) for _, of, part, by, held, number, _ in lines if of == name}
        why = model.explain(row, name)
        for by, held, number in zip(why.columns, why.values, why.contributions, strict=True):
            assert parts["known", by] == (held, number)
        total = parts.pop(("prediction", ""))[1]
        chance = parts.pop(("probability", ""), None)
        assert (chance is None) == (name == "length")
        assert sum(number for _, number in parts.values()) == pytest.approx(total)
    assert lines[0][-1] == f"score of level {holes['species'][row]!r}"
    refused = run("predict", "m.npz", pairs, "--explain", "--interval", 0.9, code=2)
    assert "--explain lists no intervals" in refused.stderr
    run("complete", file, "--model", "n.npz", "--no-model-data", "--no-certify")
    assert "without --no-model-data" in run("predict", "n.npz", pairs, "--explain", code=2).stderr


def test_intervals_and_json(file, run, tmp_path):
    result = run("complete", file, "--no-certify", "--held-out", "--json")
    held = json.loads(result.stdout)["held_out"]
    assert set(held["by_column"]) == {"length", "mass"}
    assert held["levels_right"]["species"] > 0.8
    run("complete", file, "--output", tmp_path / "cells.csv", "--interval", 0.9, "--no-certify")
    cells = pd.read_csv(tmp_path / "cells.csv")
    words = cells[cells["column"] == "island"]
    assert set(words["value"]) == {"Biscoe", "Dream", "Torgersen"}
    assert words["lower"].isna().all()
    assert cells[cells["column"] == "mass"]["lower"].notna().all()


@pytest.mark.usefixtures("undrawn")
def test_pages_name_words(file, run, tmp_path):
    run("complete", file, "--report", tmp_path / "page.html", "--no-certify")
    page = (tmp_path / "page.html").read_text()
    assert "Gentoo" in page
    assert "right by the commonest level" in page
    # filled cells with how sure they are: numbers and words alike
    filled = page.partition("Some of the filled cells")[2].partition("</table>")[0]
    assert "90% interval, or probability" in filled
    assert re.search(r"(Gentoo|Adelie|Biscoe|Dream|Torgersen)</td>\s*<td[^>]*>probability \d+%", filled)
    assert re.search(r"\d to \d", filled)


def test_row_labels_that_are_asked_for_stay_labels(file, run):
    result = run("complete", file, "--row-labels", "--no-certify", code=None)
    assert result.returncode == 2
    assert "empty label" in result.stderr or "names a row twice" in result.stderr


def test_other_text_is_no_data_and_numbers_with_words_among_them_are_refused(tmp_path):
    def read(cells):
        frame = pd.DataFrame({"a": np.arange(30) % 4, "b": np.arange(30) ** 2 % 7, "note": cells})
        frame.to_csv(tmp_path / "t.csv", index=False)
        return load_table(tmp_path / "t.csv", Reading(words=True))

    assert read([f"name {k}" for k in range(30)]).as_is == {"note": "text"}
    with pytest.raises(InvalidInputError, match="correct the cell"):
        read(["7", "8", "x"] * 10)


def test_words_are_levels_only_where_they_are_asked_for(file):
    with pytest.warns(UserWarning, match="columns that hold no data are left out: .*words without an order"):
        ll.read_table(file)


def test_blanks_and_named_marks_are_no_words(tmp_path):
    rng = np.random.default_rng(0)
    kinds = rng.choice(["low", "high", "none given", "NA", " low"], 60)
    frame = pd.DataFrame({"x": rng.standard_normal(60).round(3), "kind": kinds})
    frame.to_csv(tmp_path / "t.csv", index=False)
    form = ll.TableFormat(missing=("none given",))
    table = load_table(tmp_path / "t.csv", Reading(words=True, form=form))
    assert table.levels == {"kind": ("NA", "high", "low")}
    seen = table.observations.to_array()[:, 1]
    assert np.isnan(seen).sum() == (kinds == "none given").sum()


def test_a_column_of_one_word_is_filled_by_it(run, tmp_path):
    rng = np.random.default_rng(0)
    flags = np.where(np.arange(40) % 4 == 0, "x", "")
    frame = pd.DataFrame({"a": rng.standard_normal(40), "b": rng.standard_normal(40), "flag": flags})
    frame.to_csv(tmp_path / "flag.csv", index=False)
    options = ("--as-data", "flag", "--no-certify")  # as it is, it may be ticks, whose blanks are an answer
    run("complete", "flag.csv", "--output", "o.csv", "--model", "m.npz", *options)
    assert set(pd.read_csv(tmp_path / "o.csv")["flag"]) == {"x"}
    run("complete", "flag.csv", "--output", "i.csv", "--interval", 0.9, *options)
    cells = pd.read_csv(tmp_path / "i.csv")
    assert cells.loc[cells["column"] == "flag", "lower"].isna().all()
    (tmp_path / "pairs.csv").write_text("row,column\n1,flag\n")
    assert run("predict", "m.npz", "pairs.csv").stdout.splitlines()[1] == "1,flag,x,"


def test_repeated_rows_that_are_to_be_merged_stay_labels(run, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((40, 4)), columns=list("abcd"))
    frame.insert(0, "station", [f"s{k % 5}" for k in range(40)])
    frame.to_csv(tmp_path / "stations.csv", index=False)
    run("complete", "stations.csv", "--duplicates", "mean", "--output", "o.csv", "--no-certify")
    assert pd.read_csv(tmp_path / "o.csv")["station"].tolist() == [f"s{k}" for k in range(5)]


def test_words_without_a_header_are_asked_for(run, tmp_path):
    rng = np.random.default_rng(0)
    lines = [
        ",".join(rng.choice(own) for own in (["a", "b"], ["u", "v"], ["k", "l"], ["y", "n"]))
        for _ in range(60)
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert "may name the columns or be data" in run("complete", "t.csv", "--no-certify", code=2).stderr
    assert "60 rows" in run("complete", "t.csv", "--no-certify", "--no-header").stdout


def test_levels_among_other_requests(birds, file, run, tmp_path):
    _, holes = birds
    run("complete", file, "--model", "m.npz", "--no-certify")
    (tmp_path / "pairs.csv").write_text("row,column\n0,species\n0,mass\n999,species\n")
    told = run("predict", "m.npz", "pairs.csv", "--interval", 0.9).stdout.splitlines()
    assert told[1].split(",")[3:5] == ["", ""]
    assert all(told[2].split(",")[2:5])
    assert told[3] == "999,species,,,,,row"
    row = int(np.flatnonzero(holes["mass"].isna())[0])
    assert run("top", "m.npz", row).stdout.splitlines()[1].split(",")[2] in ("mass", "length")
    run("complete", file, "--model", "n.npz", "--no-model-data", "--no-certify")
    assert "mass" in run("top", "n.npz", row, "--table", file).stdout
