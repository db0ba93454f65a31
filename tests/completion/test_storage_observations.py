"""Tables on the disk: the bits of tables in memory, and nothing left behind."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.cells.stored import mapped
from lowland.completion.elsewhere import penalised_fit as line_fit
from lowland.completion.storage import observations as stored_observations
from lowland.completion.storage.contents import read_contents
from lowland.core.cells import line_bounds
from lowland.core.errors import FileFormatError, InterruptedWarning, InvalidInputError, UnsupportedError
from lowland.core.folders import reserve
from lowland.core.results.claims import OF_CELLS
from lowland.core.results.findings import Certificate
from lowland.estimators import table_fits
from lowland.files.bundle import load_bundle, save_bundle

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
COLUMNS = {"row": "user", "column": "film", "value": "stars"}
# fits elsewhere are not refined
PLAIN = {"certify": False, "refine": False}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(line_bounds, "BLOCK", 250)
    monkeypatch.setattr(stored_observations, "TOGETHER", 300)


def grades(rng):
    """Return grades in any order; one of them is missing, and all of one row."""
    full = rng.standard_normal((120, 2)) @ rng.standard_normal((2, 30)) + 3
    rows, columns = np.nonzero(rng.random(full.shape) < 0.25)
    order = rng.permutation(rows.size)
    stars = np.clip(np.rint(full[rows, columns]), 1, 5)[order]
    stars[7] = stars[rows[order] == 5] = np.nan
    names = np.array([f"film {k:02}" for k in range(30)])
    return pa.table({"user": rows[order] + 7, "film": names[columns[order]], "stars": stars})


@pytest.fixture
def ratings(rng):
    return grades(rng)


@pytest.fixture
def stored(ratings, tmp_path):
    for k in range(2):
        pa.parquet.write_table(ratings[k * 500 : (k + 1) * 500], tmp_path / f"part-{k}.parquet")
    return ll.StoredObservations.from_parquet(tmp_path, tmp_path / "cells", dtype="float64", **COLUMNS)


@pytest.mark.parametrize(
    ("described", "method"),
    [
        (True, "variational"),
        (False, "gibbs"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((False, "variational"), (True, "gibbs"))),
    ],
)
def test_fits_have_the_bits_of_those_in_memory(method, described, ratings, stored, rng):
    assert min(side.bounds.size for side in stored.cells.sides) > 3
    settings = {
        "method": method,
        "rank": 2,
        "random_state": 0,
        "max_iter": 4,
        "certify": False,
        "refine": False,
    }
    settings |= {"n_draws": 2} if method == "gibbs" else {}
    table = ll.Observations.from_frame(ratings, **COLUMNS)
    about = {"row_covariates": rng.standard_normal((table.shape[0], 2))} if described else {}
    expected = ll.MatrixCompletion(**settings).fit(table, **about)
    found = ll.MatrixCompletion(**settings).fit(stored, **about)
    assert found._completed.model.row_prior.mapping.partners == stored.shape[1]  # the pattern is a feature
    np.testing.assert_array_equal(found.predict_table(), expected.predict_table())
    np.testing.assert_array_equal(found.row_labels_, expected.row_labels_)
    assert found.search_.value == expected.search_.value
    lower, upper = found.predict_interval([8], ["film 02"])
    assert lower[0] < upper[0]
    for asked in (8, [9, 8, 8, 30]):  # without what is known in these rows
        for one, other in zip(found.top(asked, 5), expected.top(asked, 5), strict=True):
            np.testing.assert_array_equal(one, other)
    found.save(stored.folder.parent / "model.npz", data=False)
    with pytest.raises(UnsupportedError, match="fitted data are needed"):
        ll.MatrixCompletion.load(stored.folder.parent / "model.npz").top(8)
    with pytest.raises(UnsupportedError, match="fitted data are needed"):
        found.completions(2)


def test_a_folder_of_its_own(stored, ratings, tmp_path):
    files = os.listdir(tmp_path / "cells")
    blocks = sum(side.bounds.size - 1 for side in stored.cells.sides)
    assert len(files) == 3 * blocks + 1, "nothing but blocks and their contents is left"
    with pytest.raises(InvalidInputError, match="exists"):
        ll.StoredObservations.from_parquet(tmp_path, tmp_path / "cells", **COLUMNS)
    assert stored.size == np.isfinite(ratings["stars"].to_numpy()).sum() < len(ratings) - 1
    assert repr(stored.shape) == str(ll.Observations.from_frame(ratings, **COLUMNS).shape)
    (tmp_path / "cells" / "notes.txt").write_text("not the table's")
    stored.delete()
    assert os.listdir(tmp_path / "cells") == ["notes.txt"]
    (tmp_path / "cells" / "notes.txt").unlink()
    stored.delete()
    stored.delete()
    assert not (tmp_path / "cells").exists()


def test_repeated_cells(ratings, tmp_path):
    again = pa.concat_tables([ratings, ratings[3:4].set_column(2, "stars", pa.array([1.0]))])
    pa.parquet.write_table(again, tmp_path / "all.parquet")
    with pytest.raises(InvalidInputError, match=r"listed more than once[\s\S]*1 repeat in all"):
        ll.StoredObservations.from_parquet(tmp_path / "all.parquet", tmp_path / "cells", **COLUMNS)
    assert os.listdir(tmp_path) == ["all.parquet"]
    last = ll.StoredObservations.from_parquet(
        [tmp_path / "all.parquet"], tmp_path / "cells", duplicates="last", dtype="float64", **COLUMNS
    )
    expected = ll.Observations.from_frame(again, duplicates="last", **COLUMNS)
    settings = {"rank": 1, "random_state": 0, "max_iter": 2, **PLAIN}
    fits = [ll.MatrixCompletion(**settings).fit(table) for table in (last, expected)]
    np.testing.assert_array_equal(fits[0].predict_table(), fits[1].predict_table())


def test_bad_input_leaves_nothing(ratings, tmp_path):
    path = tmp_path / "all.parquet"
    pa.parquet.write_table(ratings, path)
    (tmp_path / "text.parquet").write_text("user,film\n")
    empty = ratings.set_column(2, "stars", pa.nulls(len(ratings), pa.float64()))
    pa.parquet.write_table(empty, tmp_path / "empty.parquet")
    infinite = ratings[:1].set_column(2, "stars", pa.array([np.inf]))
    pa.parquet.write_table(infinite, tmp_path / "infinite.parquet")
    pa.parquet.write_table(ratings[:0], tmp_path / "lines.parquet")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(InvalidInputError, match="cannot make a folder"):
        ll.StoredObservations.from_parquet(path, tmp_path / "no" / "cells", **COLUMNS)
    for file, names, words in (
        (path, {**COLUMNS, "value": "money"}, "no column 'money'"),
        (path, {**COLUMNS, "value": "film"}, "must hold numbers"),
        (tmp_path / "text.parquet", COLUMNS, "cannot read"),
        (tmp_path / "none.parquet", COLUMNS, "no such Parquet file"),
        (tmp_path / "empty.parquet", COLUMNS, "the table is empty"),
        (tmp_path / "infinite.parquet", COLUMNS, "must be finite"),
        (path, {**COLUMNS, "dtype": "float16"}, "dtype is unknown"),
        (path, {**COLUMNS, "duplicates": "first"}, "duplicates is unknown"),
        ([], COLUMNS, "an empty list"),
        (tmp_path / "lines.parquet", COLUMNS, "the table is empty"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            ll.StoredObservations.from_parquet(file, tmp_path / "cells", **names)
        assert sorted(os.listdir(tmp_path)) == before


def test_an_interrupt_leaves_nothing(ratings, tmp_path, monkeypatch):
    pa.parquet.write_table(ratings, tmp_path / "all.parquet")
    # of a process that ended, and of one that goes on
    (tmp_path / ".cells.999999999.part").mkdir()
    (tmp_path / f".cells.{os.getppid()}.part").mkdir()
    (tmp_path / f".cells.{os.getpid()}.part").mkdir()  # of a process that ended and had this one's number

    def interrupted(block):
        raise KeyboardInterrupt

    monkeypatch.setattr(stored_observations, "repeated_cell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ll.StoredObservations.from_parquet(tmp_path / "all.parquet", tmp_path / "cells", **COLUMNS)
    assert sorted(os.listdir(tmp_path)) == [f".cells.{os.getppid()}.part", "all.parquet"]


def test_truth_values_are_names(tmp_path):
    table = pa.table({"user": [True, False, True], "film": ["a", "b", None], "stars": [1.0, 2.0, 3.0]})
    pa.parquet.write_table(table[:2], tmp_path / "all.parquet")
    stored = ll.StoredObservations.from_parquet(tmp_path / "all.parquet", tmp_path / "cells", **COLUMNS)
    expected = ll.Observations.from_frame(table[:2].to_pandas(), **COLUMNS)
    assert stored.labels.rows.tolist() == expected.row_labels.tolist() == ["False", "True"]
    pa.parquet.write_table(table, tmp_path / "gap.parquet")
    with pytest.raises(InvalidInputError, match=r"gap.parquet has an empty label"):
        ll.StoredObservations.from_parquet(tmp_path / "gap.parquet", tmp_path / "more", **COLUMNS)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": "map", "rank": 1}, UnsupportedError, 'rank and penalty of method "map" cannot be chosen'),
        ({"penalty": 2.0}, UnsupportedError, 'rank="auto", penalty=2.0'),
        (
            {"penalty": 2.0, "rank": 1, "penalty_weights": "counts"},
            UnsupportedError,
            'penalty_weights="counts"',
        ),
        ({"rank": 1, "nonnegative": True, "biases": False}, UnsupportedError, "nonnegative=True"),
        ({"loss": {0: "squared"}}, UnsupportedError, "losses must be squared"),
        ({"certify": False, "dtype": "float32"}, InvalidInputError, "precision of X"),
        ({"certify": False, "rank": 99}, InvalidInputError, "rank"),
    ],
)
def test_what_is_not_there_is_refused(stored, options, error, words):
    with pytest.raises(error, match=words):
        ll.MatrixCompletion(**options).fit(stored)


def judged(table, certify="companion", **options):
    settings = {
        "refine": False,
        "rank": 3,
        "random_state": 0,
        "max_iter": 40,
        "effort": "standard",
    } | options
    return ll.MatrixCompletion(certify=certify, **settings).fit(table)


OPTIONS = (
    {"rank": 1, "max_iter": 10, "effort": "quick"},
    {"method": "map", "rank": 2, "penalty": 4.0, "bias_penalty": 1.0, "effort": "quick"},
)


@pytest.fixture(scope="module")
def in_memory():
    """Return these fits of the table of `ratings` in memory."""
    table = ll.Observations.from_frame(grades(np.random.default_rng(20160523)), **COLUMNS)
    return [judged(table, **options) for options in OPTIONS]


def stated(model):
    """All that a certificate states, but for the time that it took."""
    optimum = [finding for finding in model.certificate_ if finding.claim not in OF_CELLS]
    return Certificate(tuple(replace(finding, seconds=0.0) for finding in optimum)).to_json()


def test_cells_that_fit_in_memory_are_judged_there(stored, in_memory):
    of_averages, of_penalty = (judged(stored, **options) for options in OPTIONS)
    assert stated(of_averages) == stated(in_memory[0])
    optima = [
        {one.claim: one.verdict for one in fit.certificate_ if one.claim not in OF_CELLS}
        for fit in (of_penalty, in_memory[1])
    ]
    assert optima[0] == optima[1]


def test_fits_on_the_disk_are_judged(stored, in_memory, monkeypatch):
    """The findings are those of the table in memory, whose lower bound is rigorous: no bound is beyond it."""
    monkeypatch.setattr(line_fit, "GATHERED", 0)
    for options, expected in zip(OPTIONS, in_memory, strict=True):
        found = judged(stored, **options)
        claims = ("globally_optimal", "convex_optimal", "determined_by_data", "uniquely_determined")
        optimum = [one.claim for one in found.certificate_ if one.claim not in OF_CELLS]
        assert tuple(optimum) == claims
        np.testing.assert_allclose(found.predict_table(), expected.predict_table(), atol=0.02)
        for claim in claims:
            assert found.certificate_[claim].verdict == expected.certificate_[claim].verdict
        gaps = [model.certificate_["globally_optimal"] for model in (found, expected)]
        assert 0 < gaps[0].witness["lower_bound"] <= gaps[1].witness["objective"] * (1 + 1e-9)
        assert gaps[0].rigour.name == "PROBABILISTIC"
    assert gaps[0].verdict.name == gaps[1].verdict.name == "PROVED"
    assert found.method_ == "map"


def test_interrupted_judging_keeps_a_fit_on_the_disk(stored, monkeypatch):
    def interrupted(*_, companion):
        raise KeyboardInterrupt

    monkeypatch.setattr(table_fits, "judge_elsewhere", interrupted)
    with pytest.warns(InterruptedWarning, match="judging was interrupted"):
        found = judged(stored, rank=1, max_iter=2)
    assert found.certificate_ is None
    expected = judged(stored, certify=False, rank=1, max_iter=2)
    np.testing.assert_array_equal(found.predict_table(), expected.predict_table())


def test_a_penalised_fit_on_the_disk_has_the_bits_of_its_cells_in_memory(stored, ratings):
    """Sweeps from the same start give the same bits in blocks and in one."""
    from lowland.cells.sides import TableCells
    from lowland.completion.elsewhere.penalised_fit import fit_lines
    from lowland.completion.penalised.settings import CompletionSettings

    table = ll.Observations.from_frame(ratings, **COLUMNS)
    settings = CompletionSettings(rank=3, penalty=4.0, bias_penalty=1.0, max_iterations=12)
    fits = [
        fit_lines(cells, stored.labels, settings, rng=np.random.default_rng(0))
        for cells in (stored.cells, TableCells.of(table))
    ]
    np.testing.assert_array_equal(fits[0].theta, fits[1].theta)
    assert fits[0].search.value == fits[1].search.value


def fitted(table):
    settings = {
        "rank": 2,
        "random_state": 0,
        "max_iter": 2,
        "certify": False,
        "refine": False,
        "pattern": True,
    }
    return ll.MatrixCompletion(**settings).fit(table).predict_table()


def test_a_table_is_opened_again_and_grows_without_its_old_files(ratings, tmp_path):
    files = [tmp_path / f"part-{k}.parquet" for k in range(3)]
    bounds = [0, 300, 600, len(ratings)]
    for file, low, high in zip(files, bounds, bounds[1:], strict=False):
        pa.parquet.write_table(ratings[low:high], file)
    # new names of both kinds, a new cell, and a known one with another value
    grown = pa.table(
        {"user": [3, 999, int(ratings["user"][0].as_py())], "film": ["a", "b", ratings["film"][0]]}
    )
    pa.parquet.write_table(
        grown.append_column("stars", pa.array([4.0, 2.0, 1.0])), tmp_path / "part-3.parquet"
    )
    settings = {"dtype": "float64", "duplicates": "last", **COLUMNS}
    stored = ll.StoredObservations.from_parquet(files[:2], tmp_path / "cells", **settings)
    opened = ll.StoredObservations.open(tmp_path / "cells")
    np.testing.assert_array_equal(fitted(opened), fitted(stored))
    for file in files[:2]:
        os.rename(file, f"{file}.away")
    larger = opened.add(files[2]).add([tmp_path / "part-3.parquet"])
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
    for file in files[:2]:
        os.rename(f"{file}.away", file)
    whole = ll.StoredObservations.from_parquet(tmp_path, tmp_path / "whole", **settings)
    assert larger.shape == whole.shape == (stored.shape[0] + 2, stored.shape[1] + 2)
    np.testing.assert_array_equal(fitted(larger), fitted(whole))
    np.testing.assert_array_equal(larger.labels.rows, whole.labels.rows)
    assert [file.path for file in larger.origin.files] == [file.path for file in whole.origin.files]
    assert larger.add(tmp_path) is larger, "nothing is new"


def test_what_cannot_be_added_changes_nothing(stored, ratings, tmp_path):
    before = fitted(stored)
    pa.parquet.write_table(ratings[3:4], tmp_path / "again.parquet")
    with pytest.raises(InvalidInputError, match="listed more than once"):
        stored.add(tmp_path / "again.parquet")
    pa.parquet.write_table(ratings[:499], tmp_path / "part-0.parquet")
    with pytest.raises(InvalidInputError, match=r"part-0.parquet has changed since it was read"):
        stored.add(tmp_path)
    np.testing.assert_array_equal(fitted(ll.StoredObservations.open(stored.folder)), before)


def test_a_replaced_folder_is_found_again(stored, tmp_path):
    before = fitted(stored)
    # a process was ended between the two renamings
    stored.folder.rename(tmp_path / ".cells.old.part")
    np.testing.assert_array_equal(fitted(ll.StoredObservations.open(stored.folder)), before)
    # or after them
    (tmp_path / ".cells.old.part").mkdir()
    ll.StoredObservations.open(stored.folder)
    assert not (tmp_path / ".cells.old.part").exists()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rows-001-partners", lambda a: np.where(np.arange(a.size) == 3, 30, a).astype(np.int32)),
        ("rows-001-partners", lambda a: np.where(np.arange(a.size) == 3, -1, a).astype(np.int32)),
        ("columns-000-values", lambda a: np.where(np.arange(a.size) == 0, np.nan, a)),
        ("columns-000-values", lambda a: a.astype(np.float32)),
        ("columns-000-values", lambda a: a[:-1]),
        ("rows-000-starts", lambda a: a + 1),
        ("rows-000-starts", lambda a: np.concatenate([a[:1], a[2:], a[-1:]])),
        ("columns-001-starts", lambda a: a[:-1]),
        ("columns-001-starts", None),
    ],
)
def test_damage_is_found_when_a_table_is_opened(name, change, stored):
    place = stored.folder / f"{name}.npy"
    if change is None:
        place.unlink()
    else:
        np.save(place, change(np.load(place)))
    with pytest.raises(FileFormatError, match="damaged stored table"):
        ll.StoredObservations.open(stored.folder)


def test_contents_are_checked(stored, tmp_path):
    with pytest.raises(InvalidInputError, match="holds no stored table"):
        ll.StoredObservations.open(tmp_path)
    header, arrays = load_bundle(stored.folder / "table.npz", "stored table")
    for changed, others in (
        ({"origin": {**header["origin"], "dtype": "float16"}}, {}),
        ({"origin": {}}, {}),
        ({}, {"row_counts": arrays["row_counts"] + 1}),
        ({}, {"row_names": arrays["row_names"][1:]}),
        ({}, {"column_bounds": arrays["column_bounds"][:-1]}),
        ({}, {"row_bounds": arrays["row_bounds"].astype(float)}),
    ):
        save_bundle(stored.folder / "table.npz", "stored table", {**header, **changed}, {**arrays, **others})
        with pytest.raises((FileFormatError, InvalidInputError)):
            ll.StoredObservations.open(stored.folder)


def test_numbers_too_large_for_the_precision_leave_the_table_as_it_was(stored, ratings, tmp_path):
    single = ll.StoredObservations.from_parquet(tmp_path / "part-0.parquet", tmp_path / "single", **COLUMNS)
    before = fitted_in_single(single)
    huge = pa.table({"user": [3], "film": ["new"], "stars": [1e39]})
    pa.parquet.write_table(huge, tmp_path / "huge.parquet")
    with pytest.raises(InvalidInputError, match="too large for float32"):
        single.add(tmp_path / "huge.parquet")
    np.testing.assert_array_equal(fitted_in_single(ll.StoredObservations.open(tmp_path / "single")), before)


def fitted_in_single(table):
    settings = {"rank": 1, "random_state": 0, "max_iter": 2, "certify": False, "dtype": "float32"}
    return ll.MatrixCompletion(**settings).fit(table).predict_table()


def test_files_of_others_are_not_removed(stored, ratings, tmp_path):
    (stored.folder / "notes.txt").write_text("mine")
    new = pa.table({"user": [3], "film": ["new"], "stars": [1.0]})
    pa.parquet.write_table(new, tmp_path / "part-2.parquet")
    with pytest.raises(InvalidInputError, match=r"not its own[\s\S]*notes.txt"):
        stored.add(tmp_path)
    assert (stored.folder / "notes.txt").read_text() == "mine"
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_a_handle_that_is_out_of_date_adds_nothing(stored, tmp_path):
    for k in (2, 3):
        new = pa.table({"user": [k], "film": ["new"], "stars": [1.0]})
        pa.parquet.write_table(new, tmp_path / f"part-{k}.parquet")
    stored.add(tmp_path / "part-2.parquet")
    with pytest.raises(InvalidInputError, match="another one by now"):
        stored.add(tmp_path / "part-3.parquet")
    opened = ll.StoredObservations.open(stored.folder)
    opened.delete()
    with pytest.raises(InvalidInputError, match="the stored table is gone"):
        fitted(opened)


def test_an_empty_block_file_is_damage(stored):
    (stored.folder / "rows-000-values.npy").write_bytes(b"")
    with pytest.raises(FileFormatError, match="damaged stored table"):
        ll.StoredObservations.open(stored.folder)


def test_the_folder_one_is_in(stored, monkeypatch):
    monkeypatch.chdir(stored.folder)
    assert ll.StoredObservations.open(".").size == stored.size


def test_hidden_files_are_left_out(stored, ratings, tmp_path):
    pa.parquet.write_table(ratings[:1], tmp_path / "._part-9.parquet")
    (tmp_path / "folder.parquet").mkdir()
    assert stored.add(tmp_path) is stored
    table = ll.read_table(tmp_path, **COLUMNS)
    assert table.size == stored.size


def test_one_gaussian_has_the_bits_of_that_in_memory(ratings, stored):
    """Also where it shrinks towards factors: there are more than sixteen columns."""
    settings = {"method": "gaussian", "random_state": 0, "n_draws": 4, **PLAIN}
    expected = ll.MatrixCompletion(**settings).fit(ll.Observations.from_frame(ratings, **COLUMNS))
    found = ll.MatrixCompletion(**settings).fit(stored)
    np.testing.assert_array_equal(found.predict_table(), expected.predict_table())
    draws = [fit.sample([8], ["film 02"], 3, random_state=0) for fit in (found, expected)]
    np.testing.assert_array_equal(*draws)


@pytest.fixture
def stored_file(ratings, tmp_path):
    pa.parquet.write_table(ratings, tmp_path / "ratings.parquet")
    return tmp_path / "ratings.parquet"


@pytest.fixture
def small_files():
    """Let no file of this process grow beyond 3,000 bytes, which looks as a full disk does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_leaves_nothing(stored_file, tmp_path, small_files):
    reserved = tmp_path / "reserved"
    reserved.touch()
    with pytest.raises(OSError, match="large"):
        reserve(reserved, 4_000)
    with pytest.raises(InvalidInputError, match=r"cannot write.*\n.*large"):
        ll.StoredObservations.from_parquet(stored_file, tmp_path / "cells", **COLUMNS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ratings.parquet", "reserved"]


def test_two_processes_that_make_one_folder(stored_file, tmp_path, monkeypatch):
    def made_meanwhile(folder):
        if folder.name != "cells":
            shutil.copytree(folder, tmp_path / "cells")  # as another process does
        return read_contents(folder)

    monkeypatch.setattr(stored_observations, "read_contents", made_meanwhile)
    with pytest.raises(InvalidInputError, match="another process has made it meanwhile"):
        ll.StoredObservations.from_parquet(stored_file, tmp_path / "cells", **COLUMNS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells", "ratings.parquet"]
    assert ll.StoredObservations.open(tmp_path / "cells").size


@pytest.mark.parametrize("size", [70, 40_000])  # read whole, and mapped
def test_a_damaged_array_is_named(tmp_path, size):
    file = tmp_path / "rows-000-values.npy"
    np.save(file, np.zeros(size))
    content = bytearray(file.read_bytes())
    content[10:14] = b"{(\n'"
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"rows-000-values\.npy is part of a damaged stored table"):
        mapped(file, "table")
