"""Tensors on the disk: the bits of tensors in memory, and nothing left behind."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.cells import line_bounds
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError
from lowland.files.bundle import load_bundle, save_bundle
from lowland.tensors.cells import stored as stored_tensor
from lowland.tensors.cells.stored_contents import cells_file
from lowland.tensors.cells.unfoldings import positions_of
from lowland.tensors.filling import candidates, rank_choice
from lowland.tensors.filling import sampling as cp_sampling
from lowland.tensors.filling.objective import BayesianCP
from lowland.tensors.filling.sampling import sampled

SHAPE = (14, 11, 9)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(line_bounds, "BLOCK", 100)
    monkeypatch.setattr(candidates, "COMPARED", (2, 2))
    monkeypatch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 3)
    monkeypatch.setattr(rank_choice, "RANKS", (1, 2))


@pytest.fixture
def cells(rng):
    """Cells in any order, with values."""
    factors = [rng.standard_normal((length, 2)) for length in SHAPE]
    truth = np.einsum("ir,jr,kr->ijk", *factors) + 5
    at = rng.permutation(np.argwhere(rng.random(SHAPE) < 0.5))
    return at, truth[tuple(at.T)] + 0.1 * rng.standard_normal(len(at))


@pytest.fixture
def stored(cells, tmp_path):
    at, values = cells
    batches = ((at[k : k + 100], values[k : k + 100]) for k in range(0, len(at), 100))
    return ll.StoredTensor.from_batches(batches, tmp_path / "cells")


def test_the_fit_has_the_bits_of_that_in_memory(cells, stored):
    known = ll.TensorObservations.from_cells(*cells, shape=SHAPE)
    assert (stored.shape, stored.size) == (known.shape, known.size)
    np.testing.assert_array_equal(stored.array(), known.array())
    settings = {"rng": 0, "burn_in": 4, "n_draws": 3, "model": "cp"}
    here, there = (ll.complete_tensor(own, **settings) for own in (known, stored))
    assert len(list(there.model.unfoldings[0].blocks)) > 5
    assert here.rank == there.rank
    np.testing.assert_array_equal(here.calibration.scores, there.calibration.scores)
    asked = np.argwhere(np.ones(SHAPE))
    np.testing.assert_array_equal(here.predict(asked), there.predict(asked))
    np.testing.assert_array_equal(here.interval(asked, 0.5), there.interval(asked, 0.5))
    np.testing.assert_array_equal(here.completed(), there.completed())


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_noise_by_slices_has_the_bits_of_that_in_memory(mode, cells, stored):
    known = ll.TensorObservations.from_cells(*cells, shape=SHAPE)
    found = [
        sampled(BayesianCP(own, 2, None, mode), 2, 2, np.random.default_rng(0)).theta
        for own in (known, stored)
    ]
    np.testing.assert_array_equal(*found)
    assert np.ptp(found[0][-SHAPE[mode] :]) > 0


def test_cells_left_out_of_one_mode_are_left_out_of_all(cells, stored):
    known = ll.TensorObservations.from_cells(*cells, shape=SHAPE)
    places = np.array([0, 3, 4, 5, 90, 91, 400, known.size - 1])
    part = stored.without(places)
    assert part.size == known.size - 8
    np.testing.assert_array_equal(stored.cells(places)[0], known.cells(places)[0])
    for mode in range(3):
        full = np.full(SHAPE, np.nan)
        for block in part.unfoldings()[mode].blocks:
            full[tuple(positions_of(block, mode).T)] = block.values
        np.testing.assert_array_equal(full, known.without(places).array())
        np.testing.assert_array_equal(part.slice_counts()[mode], known.without(places).slice_counts()[mode])


def test_parquet_files(cells, stored, tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    at, values = cells
    monkeypatch.setattr(stored_tensor, "TOGETHER", 70)
    values = np.append(values, np.nan)  # a missing value is no cell
    at = np.vstack([at, [0, 0, 0]])
    table = pa.table({"hour": at[:, 1], "sensor": at[:, 0].astype(np.uint64), "day": at[:, 2], "y": values})
    for k in range(2):
        parquet.write_table(
            table[k * 300 : (k + 1) * 300 if k == 0 else None], tmp_path / f"part-{k}.parquet"
        )
    names = {"modes": ("sensor", "hour", "day"), "value": "y"}
    read = ll.StoredTensor.from_parquet(tmp_path, tmp_path / "again", **names)
    np.testing.assert_array_equal(read.array(), stored.array())
    single = ll.StoredTensor.from_parquet(tmp_path, tmp_path / "single", dtype="float32", **names)
    np.testing.assert_array_equal(single.array(), stored.array().astype(np.float32))
    for wrong, words in (
        ({"modes": ("sensor", "hour", "week"), "value": "y"}, "no column 'week'"),
        ({"modes": ("sensor", "hour", "y"), "value": "y"}, "must hold positions"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            ll.StoredTensor.from_parquet(tmp_path, tmp_path / "wrong", **wrong)
    assert not list(tmp_path.glob("*wrong*"))


@pytest.mark.parametrize(
    ("batches", "options", "words"),
    [
        ([], {}, "empty"),
        ([([[0, 0]], [1.0])], {}, "three modes"),
        ([([[0, 0, 0]], [1.0, 2.0])], {}, "do not match"),
        ([([[0, 0, -1]], [1.0])], {}, "counted from zero"),
        ([([[0, 0, 0.5]], [1.0])], {}, "do not match"),
        ([([[0, 0, 0]], [np.inf])], {}, "finite"),
        ([([[0, 0, 0]], [1.0]), ([[0, 0, 0]], [2.0])], {}, "listed twice"),
        ([([[0, 0, 0]], [1.0]), ([[0, 0, 0, 0]], [2.0])], {}, "numbers of modes"),
        ([([[0, 0, 2]], [1.0])], {}, "no known cell"),
        ([([[0, 0, 2]], [1.0])], {"shape": (1, 1, 2)}, "outside the shape"),
        ([([[0, 0, 0]], [1.0])], {"shape": (1, 1, 2)}, "no known cell"),
        ([([[0, 0, 0]], [1e300])], {"dtype": "float32"}, "too large"),
        ([([[0, 0, 0], [0, 0, 1]], [1e300, 2e300])], {}, "out of scale"),
        ([([[2_000_000_000, 0, 0]], [1.0])], {"shape": (6, 5, 4)}, "outside the shape"),
        ([([[0, 0, 0]], [1.0])], {"dtype": "int8"}, "dtype is unknown"),
    ],
)
def test_bad_input_leaves_nothing(batches, options, words, tmp_path):
    with pytest.raises(InvalidInputError, match=words):
        ll.StoredTensor.from_batches(batches, tmp_path / "cells", **options)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_its_own(cells, stored, tmp_path):
    with pytest.raises(InvalidInputError, match="exists"):
        ll.StoredTensor.from_batches([cells], tmp_path / "cells")
    assert ll.StoredTensor.open(tmp_path / "cells").size == stored.size
    assert {path.name for path in (tmp_path / "cells").iterdir()} == {"tensor.npz"} | {
        f"mode-{k}-{name}.npy" for k in range(3) for name in ("others", "values")
    }
    (tmp_path / "cells" / "notes.txt").write_text("not the tensor's")
    stored.delete()
    assert [path.name for path in (tmp_path / "cells").iterdir()] == ["notes.txt"]
    with pytest.raises(InvalidInputError, match="is gone"):
        ll.complete_tensor(stored, 1, rng=0)
    with pytest.raises(InvalidInputError, match="holds no stored tensor"):
        ll.StoredTensor.open(tmp_path / "cells")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_tensor_grows(dtype, cells, tmp_path):
    at, values = cells
    first = at[:, 1] < 7  # whose shape is smaller
    part = ll.StoredTensor.from_batches([(at[first], values[first])], tmp_path / "part", dtype=dtype)
    later = np.flatnonzero(~first)
    grown = part.add((at[k], values[k]) for k in np.array_split(later, 3))
    whole = ll.StoredTensor.from_batches([cells], tmp_path / "whole", dtype=dtype)
    assert part.shape != grown.shape == whole.shape
    for name in ("others", "values"):
        for mode in range(3):
            found, expected = (np.load(cells_file(own.folder, mode, name)) for own in (grown, whole))
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(ll.StoredTensor.open(tmp_path / "part").array(), whole.array())
    with pytest.raises(InvalidInputError, match="another one by now"):
        part.add([cells])
    with pytest.raises(InvalidInputError, match="listed twice"):
        grown.add([(at[:1], values[:1])])
    (grown.folder / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match="not its own"):
        grown.add([(np.array([[14, 11, 9]]), [1.0])])
    np.testing.assert_array_equal(grown.array(), whole.array())
    assert {path.name for path in tmp_path.iterdir()} == {"part", "whole"}


def beyond(folder):
    others = np.load(cells_file(folder, 1, "others"))
    others[7, 0] = 99
    np.save(cells_file(folder, 1, "others"), others)


def disordered(folder):
    others = np.load(cells_file(folder, 2, "others"))
    np.save(cells_file(folder, 2, "others"), others[::-1].copy())


def missing_value(folder):
    values = np.load(cells_file(folder, 0, "values"))
    values[3] = np.nan
    np.save(cells_file(folder, 0, "values"), values)


def shorter(folder):
    np.save(cells_file(folder, 0, "values"), np.load(cells_file(folder, 0, "values"))[:-1])


def counted_wrongly(folder):
    header, arrays = load_bundle(folder / "tensor.npz", "stored tensor")
    arrays["mode_1_counts"][0] += 1
    save_bundle(folder / "tensor.npz", "stored tensor", {k: header[k] for k in ("modes", "dtype")}, arrays)


def flipped(folder):
    path = cells_file(folder, 1, "values")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


def broken_header(folder):
    path = cells_file(folder, 0, "others")
    data = bytearray(path.read_bytes())
    data[21] ^= 64
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage", [flipped, broken_header, beyond, disordered, missing_value, shorter, counted_wrongly]
)
def test_damage_is_found_when_a_tensor_is_opened(damage, stored):
    damage(stored.folder)
    with pytest.raises(FileFormatError):
        ll.StoredTensor.open(stored.folder)


def test_what_the_disk_does_not_offer_is_refused(stored):
    for options in ({"weights": np.ones(SHAPE)}, {"observed": np.ones(SHAPE)}):
        with pytest.raises(UnsupportedError, match="on the disk take no"):
            ll.complete_tensor(stored, 1, **options)


def test_draws_that_memory_cannot_hold_are_refused_at_once(cells):
    known = ll.TensorObservations.from_cells(*cells, shape=SHAPE)
    with pytest.raises(ll.errors.LowlandError, match="draws"):
        ll.complete_tensor(known, 2, n_draws=10**12)
