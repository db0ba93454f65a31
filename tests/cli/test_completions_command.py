"""`lowland completions`: several completed tables in files like that of the table."""

import json

import numpy as np
import pandas as pd
import pytest

from commands import assert_clean_error, call
from lowland.completion.files.models import load_model
from lowland.completion.tables.completed import Completed
from lowland.completion.tables.imputations import impute
from lowland.core.running.stages import listening

PLAIN = ("--quiet", "--refine", "no", "--powers", "no")
NUMBERS, MIXED, SHEET = "numbers.csv", "mixed.csv", "mixed.xlsx"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables of numbers and of mixed columns, the latter as a spreadsheet as well, and a list of cells."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("tables")
    cells = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 5)) + 0.1 * rng.standard_normal((30, 5))
    frame = pd.DataFrame(cells.round(3), columns=list("abcde"), index=[f"r{k}" for k in range(30)])
    frame = frame.mask(rng.random(frame.shape) < 0.2)
    frame.to_csv(folder / NUMBERS, index_label="name")
    sex, kids = rng.choice(["f", "m"], 60), rng.integers(0, 4, 60)
    mixed = pd.DataFrame({"sex": sex, "kids": kids.astype(object), "income": 1000.0 + 300 * kids})
    mixed["income"] += rng.normal(0, 50, 60).round(2)
    mixed = mixed.mask(rng.random(mixed.shape) < 0.2)
    mixed.insert(0, "id", np.arange(100, 160))
    mixed.to_csv(folder / MIXED, index=False)
    mixed.to_excel(folder / SHEET, index=False)
    listed = [f"{'=' * (k == 0)}u{k // 6},f{k % 6},{k % 5}" for k in range(60) if k % 7]
    (folder / "list.csv").write_text("user,film,stars\n=u,f0,3\n" + "\n".join(listed) + "\n")
    return folder


def test_the_tables_are_draws_of_the_fit_that_complete_makes(folder):
    asked = ("completions", NUMBERS, "-o", "drawn", "-n", 3, "--method", "gibbs", "--draws", 6, "--seed", 4)
    done = call(*asked, *PLAIN, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "all 6 draws made" in done.stdout
    assert "3 completed tables: drawn/numbers-1.csv to numbers-3.csv" in done.stdout
    fitted = call("complete", NUMBERS, "--no-certify", "--model", "m.npz", *asked[6:], *PLAIN, cwd=folder)
    assert fitted.returncode == 0, fitted.stderr
    seen, drawing = Completed(load_model(folder / "m.npz")[0]).own_drawing()
    expected = impute(drawing, seen, 3, np.random.default_rng(4))
    for k, table in enumerate(expected, 1):
        found = pd.read_csv(folder / "drawn" / f"numbers-{k}.csv", index_col="name")
        np.testing.assert_allclose(found.to_numpy(), table, rtol=0, atol=0.5001e-3)  # of three decimals
    again = call(*asked, *PLAIN, cwd=folder)
    assert_clean_error(again, "--output must be a new folder")


def text_cells(path):
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    return pd.read_excel(path, dtype=str, keep_default_na=False, engine="openpyxl")


@pytest.mark.parametrize("name", [MIXED, SHEET])
def test_observed_cells_are_as_they_were_and_others_drawn(name, folder):
    asked = ("completions", name, "-o", f"of {name}", "-n", 2, "--draws", 8, "--method", "gaussian", *PLAIN)
    done = call(*asked, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    stem, ending = name.split(".")
    assert told["files"] == [f"of {name}/{stem}-{k}.{ending}" for k in (1, 2)]
    given = text_cells(folder / name)
    one, other = (text_cells(folder / path) for path in told["files"])
    known = given.to_numpy() != ""
    for drawn in (one, other):
        assert list(drawn) == list(given)
        np.testing.assert_array_equal(drawn.to_numpy()[known], given.to_numpy()[known])
        assert set(drawn["sex"]) == {"f", "m"}
        assert drawn["kids"].str.fullmatch(r"\d+").all()
    assert not one.equals(other)


def test_draws_lie_within_bounds(folder):
    """Those of a column of whole numbers are the whole numbers within; what is asked is said of the fit."""
    income = pd.read_csv(folder / MIXED)["income"]
    low, high = income.min() - 1, income.max() + 1
    bounds = ("--bounds", f"income={low}:{high}", "--bounds", "kids=:3.4", "--predictors", "income=kids")
    asked = ("completions", MIXED, "-o", "within", "-n", 3, "--draws", 8, *PLAIN)
    done = call(*asked, *bounds, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "2 of 3 columns within bounds" in done.stdout
    assert "1 of 4 columns predicted from some others" in done.stdout
    for k in (1, 2, 3):
        drawn = pd.read_csv(folder / "within" / f"mixed-{k}.csv")
        assert drawn["income"].between(low, high).all()
        assert drawn["kids"].max() == 3
    free = call(*asked[:3], "free", *asked[4:], "--method", "gaussian", cwd=folder)
    assert free.returncode == 0, free.stderr
    drawn = pd.concat(pd.read_csv(folder / "free" / f"mixed-{k}.csv") for k in (1, 2, 3))
    assert not drawn["income"].between(low, high).all()
    assert drawn["kids"].max() > 3


def test_lists_of_cells_keep_their_layout_and_are_warned_of_once(folder):
    asked = ("completions", "list.csv", "-o", "lists", "-n", 12, "--draws", 4, "--method", "gibbs", *PLAIN)
    done = call(*asked, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("begin as formulas do") == 1
    assert "in lists an apostrophe" in done.stderr
    files = sorted(path.name for path in (folder / "lists").iterdir())
    assert files == [f"list-{k:02}.csv" for k in range(1, 13)]
    header, *lines = (folder / "lists" / "list-12.csv").read_text().splitlines()
    assert header.startswith("user,film,stars")
    assert len(lines) == 11 * 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--method", "map"), ('method "map" has no draws', "--method variational, gibbs or gaussian")),
        (("--penalty", "2"), ('method "map" has no draws', "--penalty 2")),
        (("-n", "0"), ("--count must be at least 1",)),
        (("--seed", "-1"), ("--seed must not be negative",)),
        (("--draws", "1"), ("--draws must be at least 2",)),
        (("--dtype", "half"), ("--dtype is unknown", "use float64 or float32")),
        (("-o", "no/where"), ("no/where", "no folder")),
        (("--bounds", "a=5"), ("--bounds must be COLUMN=LOW:HIGH", "'a=5'", "COLUMN=0:")),
        (("--bounds", "a=0,5:1"), ("with numbers", "'0,5'")),
        (("--bounds", "a=2:1"), ("ends of --bounds must ascend", "2 to 1 of column 'a'")),
        (("--bounds", "aa=1:2"), ("no such column", "'aa'", "that it has: 'a'")),
        (("--bounds", "a=0:", "--method", "map"), ("--bounds is not used", "--bounds a=0:", "truncate")),
        (("--predictors", "a"), ("--predictors must be COLUMN=OTHER,OTHER",)),
        (("--predictors", "a=b,f"), ("no such column", "'f'")),
        (("--predictors", "a=b", "--refine", "yes"), ("forests", "--refine yes with --predictors")),
    ],
)
def test_refusals(options, words, folder):
    assert_clean_error(call("completions", NUMBERS, "-o", "none", *options, cwd=folder), *words)
    assert not (folder / "none").exists()


def test_losses_of_columns_are_drawn(folder):
    """Of the penalised method, fits whose losses are not all squared have draws."""
    asked = ("completions", MIXED, "-o", "losses", "-n", 2, "--loss", "kids=poisson", "--drop", "sex")
    done = call(*asked, "--rank", 1, "--penalty", 5, "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert text_cells(folder / "losses" / "mixed-1.csv")["kids"].str.fullmatch(r"\d+").all()


def test_an_interrupt_leaves_the_fit_alone_which_is_resumed(folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    calls = []

    def write(path, *given, **how):
        calls.append(path)
        (interrupted if len(calls) == 2 else original)(path, *given, **how)

    from lowland.cli.commands import completions

    original = completions.write_filled_table
    monkeypatch.setattr(completions, "write_filled_table", write)
    asked = ("completions", NUMBERS, "-o", "half", "-n", 3, "--method", "gaussian", "--draws", 4, *PLAIN)
    done = call(*asked, cwd=folder)
    assert done.returncode == 130
    assert "written before: half.checkpoint; --resume continues" in done.stderr
    assert [path.name for path in folder.iterdir() if "half" in path.name] == ["half.checkpoint"]
    monkeypatch.undo()
    assert_clean_error(call(*asked, "--resume", "--seed", 1, cwd=folder), "another fit", "seed was 0, is 1")
    resumed, whole = [], []
    with listening(lambda path: resumed.append(path[-1].what)):
        done = call(*asked, "--resume", cwd=folder)
    assert done.returncode == 0, done.stderr
    with listening(lambda path: whole.append(path[-1].what)):
        done = call(*asked[:3], "at once", *asked[4:], cwd=folder)
    assert done.returncode == 0, done.stderr
    sweep = "augmentation iteration"
    assert sweep in whole
    assert sweep not in resumed
    for k in (1, 2, 3):
        assert (folder / "half" / f"numbers-{k}.csv").read_bytes() == (
            folder / "at once" / f"numbers-{k}.csv"
        ).read_bytes()
    assert not (folder / "half.checkpoint").exists()
    assert_clean_error(call(*asked[:3], "other", *asked[4:], "--resume", cwd=folder), "nothing to resume")
