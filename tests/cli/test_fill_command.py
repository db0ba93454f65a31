"""`lowland fill`: tensors with holes from files, into files."""

import json
from inspect import unwrap

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from commands import assert_clean_error, call
from lowland.tensors.filling import candidates

# a given number of components, and no comparison with tables of the same cells
CP = ("--rank", "2", "--model", "cp")
# the same, of which nothing is proved
PLAIN = (*CP, "--no-certify")


@pytest.fixture(autouse=True)
def few_sweeps(request, monkeypatch):
    """Draws begin soon: how well they describe the tensor, and how models are chosen, is tested elsewhere."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(candidates, "COMPARED", (3, 3))
        monkeypatch.setitem(unwrap(ll.complete_tensor).__kwdefaults__, "burn_in", 3)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((length, 2)) for length in (9, 8, 7)))
    cube = np.where(rng.random(truth.shape) < 0.7, truth + 0.05 * rng.standard_normal(truth.shape), np.nan)
    np.save(tmp_path / "cube.npy", cube)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (
            (*PLAIN, "--draws", "10"),
            {"rank": 2, "model": "cp", "n_draws": 10, "certify": False},
        ),
        pytest.param((), {}, marks=pytest.mark.slow),
    ],
)
def test_a_cube_is_filled(folder, options, settings):
    done = call("fill", "cube.npy", "--output", "full.npz", "--seed", "3", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "cells missing" in done.stdout
    assert "held-out cells" in done.stdout
    cube, found = np.load(folder / "cube.npy"), np.load(folder / "full.npz")
    expected = ll.complete_tensor(cube, rng=3, **settings)
    np.testing.assert_array_equal(found["tensor"], expected.completed())
    missing = np.isnan(cube)
    assert np.isnan(found["lower"][~missing]).all()
    assert (found["lower"][missing] < found["tensor"][missing]).all()
    assert (found["tensor"][missing] < found["upper"][missing]).all()
    options = (*PLAIN, "--draws", "5", "--json", "--force")
    told = call("fill", "cube.npy", "--output", "full.npz", *options, cwd=folder)
    data = json.loads(told.stdout)
    assert data["rank"] == 2
    assert data["draws"] == 5
    assert data["held_out"]["cells"] > 10


def test_a_missing_slice_is_filled_along_an_order(folder):
    cube = np.load(folder / "cube.npy")
    cube[:, 3] = np.nan
    np.save(folder / "gap.npy", cube)
    few = (*PLAIN, "--draws", "5")
    told = call("fill", "gap.npy", "--output", "alone.npz", *few, cwd=folder)
    assert "mode 1: 1 slice without a known cell, predicted by the law of the others" in told.stdout
    options = ("--order", "mode 1=line,4", "--json")
    told = call("fill", "gap.npy", "--output", "full.npz", *few, *options, cwd=folder)
    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout)["orders"]) == 3
    found = np.load(folder / "full.npz")
    assert np.isfinite(found["tensor"]).all()
    assert (found["lower"][:, 3] < found["upper"][:, 3]).all()


DAYS = 5


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    """A long table of hourly readings of three sensors; a day is missing."""
    folder = tmp_path_factory.mktemp("readings")
    rng = np.random.default_rng(1)
    times = pd.date_range("2024-03-01", periods=24 * DAYS, freq="h")
    daily = np.tile(np.sin(np.arange(24) / 24 * 2 * np.pi), DAYS)
    wide = pd.DataFrame({name: k + daily for k, name in enumerate("abc")}, index=times)
    long = wide.rename_axis("time").reset_index().melt("time", var_name="sensor", value_name="speed")
    long["speed"] += 0.1 * rng.standard_normal(len(long))
    long = long[(rng.random(len(long)) < 0.8) & (long.time.dt.day != 4)]
    long.to_csv(folder / "long.csv", index=False)
    return folder


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_long_table_is_folded_filled_and_written_with_its_labels(readings, ending):
    read = pd.read_csv if ending == "csv" else pd.read_parquet
    output = f"filled.{ending}"
    done = call(
        *("fill", "long.csv", "--value", "speed", "--fold", "time=day,hour", "--order", "day=line"),
        *(*PLAIN, "--draws", "5", "--output", output),
        cwd=readings,
    )
    assert done.returncode == 0, done.stderr
    filled, known = read(readings / output), pd.read_csv(readings / "long.csv", parse_dates=["time"])
    assert list(filled) == ["day", "hour", "sensor", "speed", "lower", "upper", "observed"]
    assert len(filled) == DAYS * 24 * 3
    assert (filled.observed == 1).sum() == len(known)
    known = known.assign(day=known.time.dt.date.astype(str), hour=known.time.dt.hour)
    both = known.merge(filled, on=["day", "hour", "sensor"], suffixes=("", "_found"))
    assert len(both) == len(known)
    np.testing.assert_allclose(both.speed_found, both.speed)
    assert both.lower.isna().all()
    gap = filled[filled.day == "2024-03-04"]
    assert len(gap) == 24 * 3
    assert ((gap.lower < gap.speed) & (gap.speed < gap.upper)).all()


@pytest.mark.usefixtures("undrawn")
def test_a_page_names_modes_as_the_file_does(readings):
    pytest.importorskip("matplotlib")
    asked = ("fill", "long.csv", "--value", "speed", "--fold", "time=day,hour", *CP, "--draws", 4, "--force")
    done = call(*asked, "--output", "o.csv", "--report", "r.html", "--json", cwd=readings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"] == {"output": "o.csv", "report": "r.html"}
    page = (readings / "r.html").read_text()
    for words in ("A filled cell is off by about", "hour (24)", "all 4 draws made", "lowland fill long.csv"):
        assert words in page
    same = call(*asked, "--output", "o.csv", "--report", "o.csv", cwd=readings)
    assert_clean_error(same, "two results would be written to the same file")


def test_complete_says_that_a_table_could_be_folded(readings):
    options = ("--rank", "1", "--penalty", "1", "--no-certify", "--output", "z.csv", "--force")
    done = call("complete", "long.csv", *options, cwd=readings)
    assert f"24 times of {DAYS - 1} days; lowland fill --value speed --fold time=day,time" in done.stdout, (
        done.stderr
    )
    table = pd.read_csv(readings / "long.csv").pivot(index="sensor", columns="time", values="speed")
    table.to_csv(readings / "wide.csv")
    done = call("complete", "wide.csv", *options, cwd=readings)
    assert f"columns: 24 times of {DAYS - 1} days; lowland fill --fold columns=day,time" in done.stdout, (
        done.stderr
    )


def test_options_of_tables_are_taken(readings):
    table = pd.read_csv(readings / "long.csv")
    table.loc[3, "speed"] = -999
    table = pd.concat([table, table.iloc[[7]]])
    table["speed"] = table["speed"].map(lambda x: f"{x:.3f}".replace(".", ","))
    table.to_csv(readings / "other.csv", index=False, sep=";")
    own = ("other.csv", "--value", "speed", "--fold", "time=day,hour", *PLAIN, "--draws", "2", "--force")
    first = call("fill", *own, "--output", "x.npz", cwd=readings)
    assert_clean_error(first, "-999")
    second = call("fill", *own, "--sentinels", "missing", "--output", "x.npz", cwd=readings)
    assert_clean_error(second, "duplicates mean or last")
    options = ("--sentinels", "missing", "--duplicates", "mean")
    done = call("fill", *own, *options, "--output", "x.csv", cwd=readings)
    assert done.returncode == 0, done.stderr
    assert (pd.read_csv(readings / "x.csv").observed == 1).sum() == len(table) - 2


def test_columns_of_the_output_have_names_of_their_own(readings):
    table = pd.read_csv(readings / "long.csv").rename(columns={"speed": "lower"})
    table.to_csv(readings / "lower.csv", index=False)
    done = call(
        *("fill", "lower.csv", "--value", "lower", "--fold", "time=day,hour", "--output", "y.csv"),
        cwd=readings,
    )
    assert_clean_error(done, "two columns of the output would have the same name")


def test_proofs_of_folded_tables_are_checked_on_them(readings):
    folded = "--value", "speed", "--fold", "time=day,hour"
    for command in (
        ("cp", "--rank", "1", "--starts", "0", "--max-iter", "10"),
        ("tucker", "--ranks", "1,1,1", "--max-iter", "5"),
    ):
        name, *rest = command
        done = call(name, "long.csv", *rest, *folded, "--certificate", f"{name}.json", cwd=readings)
        assert done.returncode == 0, done.stderr
        checked = call("certify", f"{name}.json", "long.csv", *folded, cwd=readings)
        assert checked.returncode == 0, checked.stderr
        assert "0 contradicted" in checked.stdout
    # the same cells, one of them changed
    table = pd.read_csv(readings / "long.csv")
    table.loc[5, "speed"] += 1
    table.to_csv(readings / "other.csv", index=False)
    assert_clean_error(call("certify", "cp.json", "other.csv", *folded, cwd=readings), "other data")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rank", "two"), "--rank must be a positive whole number"),
        (("--rank", "0"), "--rank must be a positive whole number"),
        (("--interval", "2"), "--interval must lie between 0 and 1"),
        (("--draws", "1"), "--draws must be at least 2"),
        (("--order", "1"), "--order must be MODE=ORDER"),
        (("--order", "5=line"), "modes are mode 0, mode 1, mode 2"),
        (("--order", "1=lines"), "--order is unknown"),
        (("--order", "1=coordinates"), "the file has no coordinates of this mode"),
        (("--order", "1=99"), "the period of mode 1"),
        (("--order", "1=line", "--order", "mode 1=4"), "--order names a mode twice"),
        (("--output", "full.txt"), "--output has an unknown file extension"),
        (("--duplicates", "mean"), "none that says how it is a tensor"),
        (("--fold", "rows=7", "--fold", "rows=8"), "--fold names a mode twice"),
        (("--value", "speed"), "no named columns"),
        (("--fold", "time"), "--fold must be MODE=PARTS"),
        (("--fold", "rows=7", "--variable", "x"), "tables have no variables"),
    ],
)
def test_refusals(options, words, folder):
    output = () if "--output" in options else ("--output", "full.npz")
    assert_clean_error(call("fill", "cube.npy", *output, *options, cwd=folder), words)


def test_missing_cells_are_judged(folder):
    options = (*CP, "--draws", "10", "--json", "--certificate", "proof.json", "--require", "covered")
    done = call("fill", "cube.npy", "--output", "full.npz", *options, cwd=folder)
    findings = {one["claim"]: one for one in json.loads(done.stdout)["certificate"]["findings"]}
    assert set(findings) == {"covered", "alike"}
    assert done.returncode == int(findings["covered"]["verdict"] != "proved")
    checked = ll.verify(folder / "proof.json", folder / "cube.npy")
    assert checked["covered"].outcome is ll.Outcome.CONFIRMED
    options = (*CP, "--draws", "5", "--no-certify", "--force")
    told = call("fill", "cube.npy", "--output", "full.npz", *options, cwd=folder)
    assert "covered" not in told.stdout
    refused = call("fill", "cube.npy", "--output", "full.npz", *options, "--require", "covered", cwd=folder)
    assert_clean_error(refused, "--require needs a certificate")
