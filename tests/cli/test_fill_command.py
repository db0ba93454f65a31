"""`lowland fill`: tensors with holes from files, into files."""

import json

import numpy as np
import pytest

import lowland as ll
from commands import assert_clean_error, call


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((length, 2)) for length in (9, 8, 7)))
    cube = np.where(rng.random(truth.shape) < 0.7, truth + 0.05 * rng.standard_normal(truth.shape), np.nan)
    np.save(tmp_path / "cube.npy", cube)
    return tmp_path


def test_a_cube_is_filled(folder):
    done = call("fill", "cube.npy", "--output", "full.npz", "--seed", "3", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "cells missing" in done.stdout
    assert "held-out cells" in done.stdout
    cube, found = np.load(folder / "cube.npy"), np.load(folder / "full.npz")
    expected = ll.complete_tensor(cube, rng=3)
    np.testing.assert_array_equal(found["tensor"], expected.completed())
    missing = np.isnan(cube)
    assert np.isnan(found["lower"][~missing]).all()
    assert (found["lower"][missing] < found["tensor"][missing]).all()
    assert (found["tensor"][missing] < found["upper"][missing]).all()
    told = call(
        "fill",
        "cube.npy",
        "--output",
        "full.npz",
        "--rank",
        "2",
        "--draws",
        "5",
        "--json",
        "--force",
        cwd=folder,
    )
    data = json.loads(told.stdout)
    assert data["rank"] == 2
    assert data["draws"] == 5
    assert data["held_out"]["cells"] > 10


def test_a_missing_slice_is_filled_along_an_order(folder):
    cube = np.load(folder / "cube.npy")
    cube[:, 3] = np.nan
    np.save(folder / "gap.npy", cube)
    assert_clean_error(
        call("fill", "gap.npy", "--output", "full.npz", cwd=folder), "a slice has no known cell"
    )
    told = call("fill", "gap.npy", "--output", "full.npz", "--order", "mode 1=line,4", "--json", cwd=folder)
    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout)["orders"]) == 3
    found = np.load(folder / "full.npz")
    assert np.isfinite(found["tensor"]).all()
    assert (found["lower"][:, 3] < found["upper"][:, 3]).all()


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
        (("--output", "full.csv"), "--output must be a new .npz file"),
    ],
)
def test_refusals(options, words, folder):
    output = () if "--output" in options else ("--output", "full.npz")
    assert_clean_error(call("fill", "cube.npy", *output, *options, cwd=folder), words)
