"""Tensors from files, and `lowland tucker`."""

import json
import re

import numpy as np
import pytest
import xarray

import lowland as ll
from commands import assert_clean_error, call
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.tensors.reading.files import read_tensor


@pytest.fixture(scope="module")
def holes():
    rng = np.random.default_rng(0)
    factors = tuple(rng.standard_normal((length, 2)) for length in (9, 8, 7))
    truth = ll.TuckerTensor(rng.standard_normal((2, 2, 2)), factors).tensor()
    return truth, np.where(rng.random(truth.shape) < 0.3, np.nan, truth)


def test_every_format_gives_the_same_cells(holes, tmp_path):
    _, table = holes
    np.save(tmp_path / "a.npy", table)
    np.savez(tmp_path / "b.npz", cube=np.nan_to_num(table), observed=~np.isnan(table))
    at = np.argwhere(~np.isnan(table))
    values = table[tuple(at.T)]
    np.savez(tmp_path / "c.npz", positions=at, values=values, shape=table.shape)
    lines = [
        " ".join(map(str, cell + 1)) + f" {value!r}" for cell, value in zip(at, values.tolist(), strict=True)
    ]
    (tmp_path / "d.tns").write_text("# comment\n" + "\n".join(lines))
    xarray.Dataset({"cube": (("row", "column", "day"), table)}).to_netcdf(
        tmp_path / "e.nc", engine="h5netcdf"
    )
    expected = ll.TensorObservations.from_array(table)
    for name in ("a.npy", "b.npz", "c.npz", "d.tns", "e.nc"):
        found = read_tensor(tmp_path / name).observations
        np.testing.assert_array_equal(found.positions, expected.positions)
        np.testing.assert_array_equal(found.values, expected.values)
    assert read_tensor(tmp_path / "e.nc").names == ("row", "column", "day")


def test_bad_files_are_named(holes, tmp_path):
    (tmp_path / "a.tns").write_text("0 1 1 3.0\n")
    with pytest.raises(FileFormatError, match="from one"):
        read_tensor(tmp_path / "a.tns")
    (tmp_path / "b.tns").write_text("1 1 2.0\n")
    with pytest.raises(FileFormatError, match="not a tensor"):
        read_tensor(tmp_path / "b.tns")
    np.savez(tmp_path / "c.npz", one=np.ones((2, 2, 2)), two=np.ones((2, 2, 2)))
    with pytest.raises(InvalidInputError, match="which array"):
        read_tensor(tmp_path / "c.npz")
    assert read_tensor(tmp_path / "c.npz", variable="one").observations.is_full
    with pytest.raises(InvalidInputError, match="file type is unknown"):
        read_tensor(tmp_path / "d.csv")
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_tensor(tmp_path / "nothing.npy")


def test_the_command_completes_a_tensor(holes, tmp_path):
    truth, table = holes
    np.save(tmp_path / "cube.npy", table)
    found = call(
        "tucker", "cube.npy", "--ranks", "2", "--output", "out.npz", "--report", "page.html",
        "--require", "globally_optimal", cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert "Proved" in found.stdout
    assert "tensor of" in found.stdout
    with np.load(tmp_path / "out.npz") as stored:
        np.testing.assert_allclose(stored["tensor"], truth, atol=1e-8)
        assert stored["core"].shape == (2, 2, 2)
        assert stored["factor_0"].shape == (9, 2)
    text = (tmp_path / "page.html").read_text()
    assert "<svg" in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_the_command_as_json_and_by_tolerance(holes, tmp_path):
    # two of four components are below a tenth of the tensor
    rng = np.random.default_rng(1)
    small = ll.TuckerTensor(
        0.02 * rng.standard_normal((2, 2, 2)), tuple(rng.standard_normal((n, 2)) for n in (9, 8, 7))
    )
    np.save(tmp_path / "full.npy", holes[0] + small.tensor())
    found = call("tucker", "full.npy", "--tolerance", "0.1", "--json", "--effort", "quick", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    data = json.loads(found.stdout)
    assert data["relative_error"] <= 0.1
    assert data["shape"] == [9, 8, 7]
    assert data["certificate"]["findings"]


def test_bad_commands(holes, tmp_path):
    np.save(tmp_path / "cube.npy", holes[1])
    assert_clean_error(call("tucker", "cube.npy", cwd=tmp_path), "ranks are missing")
    assert_clean_error(call("tucker", "cube.npy", "--ranks", "a,b", cwd=tmp_path), "not numbers")
    assert_clean_error(call("tucker", "cube.npy", "--ranks", "9,9,9", cwd=tmp_path), "mode 1 is larger")
    assert_clean_error(call("tucker", "cube.npy", "--tolerance", "0.1", cwd=tmp_path), "every cell known")


def test_the_solver_is_chosen(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", np.einsum("i,j,k->ijk", *(rng.standard_normal(4) for _ in range(3))))
    told = call("tucker", "a.npy", "--ranks", "1", "--solver", "gradient", cwd=tmp_path).stdout
    assert "random, gradient" in told
    refused = call("tucker", "a.npy", "--ranks", "1", "--solver", "sgd", cwd=tmp_path)
    assert_clean_error(refused, "--solver auto, gradient")


@pytest.mark.usefixtures("undrawn")
def test_page_console_and_json_say_the_same_of_a_polished_search(holes, tmp_path):
    """Gradient steps on noisy cells stall or end short of the minimum, and their end is polished."""
    noisy = holes[1] + 0.1 * np.random.default_rng(1).standard_normal(holes[1].shape)
    np.save(tmp_path / "cube.npy", noisy)
    asked = (
        "tucker",
        "cube.npy",
        "--ranks",
        "2",
        "--solver",
        "gradient",
        "--starts",
        "1",
        "--max-iter",
        "100",
    )
    told = call(*asked, "--report", "page.html", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    found = json.loads(call(*asked, "--json", cwd=tmp_path).stdout)
    starts, lines = found["starts"], told.stdout.splitlines()
    assert [own["solver"] for own in starts] == ["gradient", "gradient"]
    page = (tmp_path / "page.html").read_text()
    rows = re.findall(r"<tr>\s*<td[^>]*>(\d)</td>(.*?)</tr>", page, re.DOTALL)
    for k, own in enumerate(starts):
        line = next(text for text in lines if text.startswith(f"start {k} "))
        reason = own["stop_reason"].replace("_", " ")
        assert f"after {own['steps']:,} steps; stopped: {reason}, " in line
        assert rows[k][0] == str(k)
        for shown in (str(own["steps"]), reason, f"{own['objective']:.4g}"):
            assert f">{shown}</td>" in rows[k][1]
    best = min(starts, key=lambda own: own["objective"])
    assert found["own_end"] == {name: best[name] for name in ("solver", "objective", "stop_reason")}
    assert found["objective"] < best["objective"]
    ended = f"{best['objective']:.4g} after {best['steps']:,} steps"
    polished = f"polished: gradient ended at objective {ended}, "
    assert any(line.startswith(polished) for line in lines)
    assert polished in page
    assert f"stopped: {found['stop_reason']}, {found['message']}" in lines
    assert f"stopped: {found['stop_reason']}, {found['message']}" in page
    assert f"The objective over {best['steps']:,} gradient steps, before their end was polished." in page
