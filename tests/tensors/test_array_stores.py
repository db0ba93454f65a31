"""Tensors in files of named arrays."""

import sys

import h5py
import numpy as np
import pytest
import scipy.io
import xarray
import zarr

import lowland as ll
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.files.foreign import apart as apart_file
from lowland.tensors import read_tensor


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4, 3, 5))
    return np.where(rng.random(values.shape) < 0.2, np.nan, values)


def same(found, table):
    np.testing.assert_array_equal(found.observations.array(), table)


@pytest.fixture
def read_here(monkeypatch):
    """Read all files in this process alone, where it is not another one that is tested."""
    stores = "lowland.tensors.reading.array_stores"
    monkeypatch.setattr(f"{stores}.apart", lambda parse, *given, size: parse(*given))
    monkeypatch.setattr(f"{stores}.check_hdf5", lambda *_: None)


def test_matlab_files_old_and_new(table, tmp_path):
    scipy.io.savemat(tmp_path / "old.mat", {"X": table, "axis": np.arange(5.0), "note": "spectra"})
    same(read_tensor(tmp_path / "old.mat"), table)
    # from version 7.3 on: HDF5 behind a header of 512 bytes, arrays by columns
    with h5py.File(tmp_path / "new.mat", "w", userblock_size=512) as file:
        file["X"] = table.T
        file["axis"] = np.arange(5.0)
    with (tmp_path / "new.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")
    same(read_tensor(tmp_path / "new.mat"), table)


def test_hdf5_with_and_without_scales(table, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("group/cube", data=table)
        wavelengths = file.create_dataset("nm", data=np.linspace(400, 700, 5))
        wavelengths.make_scale("nm")
        data.dims[2].attach_scale(wavelengths)
        data.dims[0].label = "sample"
        file["flat"] = np.ones((2, 2))
    found = read_tensor(tmp_path / "a.h5")
    same(found, table)
    assert found.names == ("sample", "mode 1", "nm")
    assert found.coordinates[:2] == (None, None)
    np.testing.assert_array_equal(found.coordinates[2], np.linspace(400, 700, 5))
    np.testing.assert_array_equal(found.labels[1], np.arange(3))


def test_zarr_with_and_without_names(table, tmp_path):
    named = xarray.Dataset({"cube": (("sample", "row", "nm"), table)}, {"nm": np.linspace(400, 700, 5)})
    named.to_zarr(tmp_path / "named.zarr", consolidated=False)
    found = read_tensor(tmp_path / "named.zarr")
    same(found, table)
    assert found.names == ("sample", "row", "nm")
    np.testing.assert_array_equal(found.coordinates[2], np.linspace(400, 700, 5))
    zarr.save_array(tmp_path / "one.zarr", table)
    same(read_tensor(tmp_path / "one.zarr"), table)
    zarr.save_group(tmp_path / "several.zarr", cube=table, axis=np.arange(5.0))
    same(read_tensor(tmp_path / "several.zarr"), table)


def test_arrays_are_chosen_by_name(table, tmp_path, read_here):
    scipy.io.savemat(tmp_path / "two.mat", {"X": table, "Y": 2 * table})
    with pytest.raises(InvalidInputError, match="which array"):
        read_tensor(tmp_path / "two.mat")
    same(read_tensor(tmp_path / "two.mat", variable="Y"), 2 * table)
    with h5py.File(tmp_path / "none.h5", "w") as file:
        file["flat"] = np.ones((2, 2))
    with pytest.raises(InvalidInputError, match="which array"):
        read_tensor(tmp_path / "none.h5")


@pytest.mark.parametrize("name", ["a.mat", "a.h5", "a.nc", "a.zarr"])
def test_damaged_files_and_missing_ones_are_named(name, tmp_path):
    with pytest.raises(InvalidInputError, match="no such file"):
        read_tensor(tmp_path / name)
    if name.endswith("zarr"):
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(b"MATLAB 5.0 MAT-file" + bytes(range(256)) * 3)
    with pytest.raises(FileFormatError, match="not a valid"):
        read_tensor(tmp_path / name)


def cuts(whole):
    return range(0, len(whole) - 100, len(whole) // 25)


def refused(whole, end, path):
    """Assert that the start of a file is refused."""
    path.write_bytes(whole[:end])
    with pytest.raises(InvalidInputError):
        read_tensor(path)


def test_files_cut_anywhere_are_refused(table, tmp_path, read_here):
    scipy.io.savemat(tmp_path / "whole.mat", {"X": table})
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file["X"] = table
    for kind in ("mat", "h5"):
        whole = (tmp_path / f"whole.{kind}").read_bytes()
        for end in cuts(whole):
            refused(whole, end, tmp_path / f"cut.{kind}")


def test_cut_files_are_refused_by_their_own_process_too(table, tmp_path):
    scipy.io.savemat(tmp_path / "whole.mat", {"X": table})
    whole = (tmp_path / "whole.mat").read_bytes()
    refused(whole, cuts(whole)[12], tmp_path / "cut.mat")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on time")
def test_a_file_on_which_its_library_does_not_come_back_is_refused(table, tmp_path, monkeypatch):
    monkeypatch.setattr(apart_file, "LEAST_SECONDS", 2)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["X"], file["t"] = table, np.arange(float(table.shape[0]))
        file["t"].make_scale()
        file["X"].dims[0].attach_scale(file["t"])
    assert read_tensor(path).observations.shape == table.shape
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL") + 16  # free space of no bytes, of which the library has skipped none
    data[heap : heap + 2], data[heap + 8 : heap + 16] = bytes(2), bytes(8)
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="did not come to an end"):
        read_tensor(path)


def test_numbers_that_are_not_real_are_refused(tmp_path, read_here):
    scipy.io.savemat(tmp_path / "complex.mat", {"X": np.ones((2, 2, 2)) * 1j})
    with pytest.raises(InvalidInputError, match="real numbers"):
        read_tensor(tmp_path / "complex.mat")


def test_what_is_read_is_decomposed(table, tmp_path, read_here):
    scipy.io.savemat(tmp_path / "full.mat", {"X": np.nan_to_num(table)})
    read = read_tensor(tmp_path / "full.mat")
    assert ll.decompose_tucker(read.observations, [2, 2, 2], rng=0).core.shape == (2, 2, 2)


def test_text_scales_fill_values_and_netcdf_by_another_name(table, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("cube", data=np.where(np.isnan(table), -9999.0, table))
        data.attrs["_FillValue"] = -9999.0
        names = file.create_dataset("site", data=["north", "south", "east", "west"])
        names.make_scale("site")
        data.dims[0].attach_scale(names)
    found = read_tensor(tmp_path / "a.h5")
    same(found, table)
    assert found.coordinates[0].tolist() == ["north", "south", "east", "west"]
    days = np.array(["2024-05-01", "2024-05-02", "2024-05-03"], "M8[ns]")
    named = xarray.Dataset({"cube": (("site", "day", "nm"), table)}, {"day": days})
    named.to_netcdf(tmp_path / "b.h5", engine="h5netcdf")
    found = read_tensor(tmp_path / "b.h5")
    same(found, table)
    assert found.names == ("site", "day", "nm")
    assert found.coordinates[0] is None
    np.testing.assert_array_equal(found.coordinates[1], days)


def test_old_matlab_files_of_several_arrays_name_them(table, tmp_path):
    scipy.io.savemat(tmp_path / "two.mat", {"X": table, "Y": table})
    with pytest.raises(InvalidInputError, match=r"two.mat does not say which array is the tensor") as error:
        read_tensor(tmp_path / "two.mat")
    assert "X, Y" in error.value.found
    same(read_tensor(tmp_path / "two.mat", variable="Y"), table)
