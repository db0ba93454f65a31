"""`lowland cp`: components of tensors in files, their report, and whether they are unique."""

import json

import numpy as np
import pytest

import lowland as ll
from commands import call


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(3)
    truth = [rng.random((length, 2)) for length in (9, 8, 7)]
    cube = np.einsum("ir,jr,kr->ijk", *truth) + 0.01 * rng.standard_normal((9, 8, 7))
    np.save(tmp_path / "cube.npy", np.where(rng.random(cube.shape) < 0.8, cube, np.nan))
    np.savez(tmp_path / "truth.npz", *truth)
    return tmp_path


def test_components_their_page_and_their_proof(folder):
    done = call(
        "cp", "cube.npy", "--rank", "2", "--nonnegative", "all", "--output", "parts.npz",
        "--report", "page.html", "--certificate", "proof.json", "--require", "unique_decomposition",
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "core consistency" in done.stdout
    assert "unique decomposition" in done.stdout
    parts, truth = np.load(folder / "parts.npz"), np.load(folder / "truth.npz")
    cube = np.load(folder / "cube.npy")
    fit = ll.decompose_cp(cube, 2, nonnegative=True, rng=0)
    np.testing.assert_array_equal(parts["factor_1"], fit.factors[1])
    np.testing.assert_array_equal(parts["tensor"][~np.isnan(cube)], cube[~np.isnan(cube)])
    assert fit.congruence([truth[f"arr_{n}"] for n in range(3)]).min() > 0.99
    page = (folder / "page.html").read_text()
    assert "No other components of this number add up to the fitted tensor" in page
    assert page.count("Factor: mode") >= 3
    assert ll.verify(folder / "proof.json", cube).is_confirmed
    told = call("cp", "cube.npy", "--rank", "1", "--starts", "0", "--json", cwd=folder)
    data = json.loads(told.stdout)
    assert data["rank"] == 1
    assert {finding["claim"] for finding in data["certificate"]["findings"]} >= {"unique_decomposition"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rank", "0"), "rank"),
        (("--rank", "2", "--nonnegative", "mode 7"), "--nonnegative names no mode"),
        (("--rank", "2", "--output", "parts.csv"), "--output must be a new .npz file"),
        (("--rank", "2", "--require", "nothing"), "--require"),
        (("--rank", "2", "--output", "one.npz", "--report", "one.npz"), "written to the same file"),
        (("--rank", "2", "--report", "one.html", "--certificate", "./one.html"), "written to the same file"),
        ((), "--rank"),
    ],
)
def test_refusals(options, words, folder):
    done = call("cp", "cube.npy", *options, cwd=folder)
    assert done.returncode == 2
    assert words in done.stderr


def test_components_that_are_not_unique_are_said(folder):
    rng = np.random.default_rng(0)
    factors = [rng.integers(1, 9, (length, 2)).astype(float) for length in (4, 3, 5)]
    factors[1] = np.ones((3, 2))  # a matrix of rank two in every slice
    np.save(folder / "mixed.npy", np.einsum("ir,jr,kr->ijk", *factors))
    done = call("cp", "mixed.npy", "--rank", "2", "--require", "unique_decomposition", cwd=folder)
    assert done.returncode not in (0, 2)
