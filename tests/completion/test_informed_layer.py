"""Cells that nothing in their row can inform: their intervals hold, and all that is said of them agrees."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import lowland as ll
from lowland.completion import layered_fit
from lowland.completion.informed.answers import marks_of_model
from lowland.completion.informed.layer import ColumnAloneLayer
from lowland.completion.informed.marks import NEVER_TOGETHER, NOTHING, WORDS
from lowland.core.errors import FileFormatError, UnsupportedError
from lowland.files.bundle import save_bundle
from saved_models import contents

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
FAST = {
    "random_state": 0,
    "certify": False,
    "refine": False,
    "powers": False,
    "row_units": False,
    "max_iter": 40,
}


def whole(seed=0, m=60, n=8, noise=0.3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + noise * rng.standard_normal((m, n))


def checkerboard(seed=0, **sizes):
    table = whole(seed, **sizes)
    return np.where(np.add.outer(*map(np.arange, table.shape)) % 2, np.nan, table)


def gaps(table):
    return np.nonzero(np.isnan(table))


@pytest.fixture(scope="module")
def boards():
    return [ll.MatrixCompletion(**FAST).fit(checkerboard(seed)) for seed in range(4)]


@pytest.fixture(scope="module", params=["gaussian", "variational", "gibbs"])
def fit(request):
    return ll.MatrixCompletion(**FAST, method=request.param).fit(checkerboard())


def test_intervals_hold_where_nothing_is_known(boards):
    """And those of the fit within do not: the layer is what holds."""
    held = {"layer": [], "fit": []}
    for seed, model in enumerate(boards):
        cells, truth = gaps(checkerboard(seed)), whole(seed)
        layer = model._completed.model
        for name, one in (("layer", layer), ("fit", layer.base)):
            low, high = one.intervals(*cells, 0.95)
            held[name].append(np.mean((low <= truth[cells]) & (truth[cells] <= high)))
    assert np.mean(held["layer"]) >= 0.93
    assert np.mean(held["fit"]) < 0.8


def test_all_that_is_said_of_a_marked_cell_agrees(fit):
    table = checkerboard()
    rows, columns = gaps(table)
    means = np.nanmean(table, axis=0)[columns]
    np.testing.assert_allclose(fit.predict_cells(rows, columns), means)
    np.testing.assert_allclose(fit.predict_table()[rows, columns], means)
    np.testing.assert_allclose(fit.transform(table)[rows, columns], means)
    low, high = fit.predict_interval(rows, columns, 0.9)
    np.testing.assert_allclose((low + high) / 2, means)
    drawn = fit.sample(rows, columns, 400, random_state=1)
    assert np.mean((low <= drawn) & (drawn <= high)) == pytest.approx(0.9, abs=0.02)
    stated = fit._completed.model.standard_errors(rows, columns)
    np.testing.assert_allclose(drawn.std(axis=0), stated, rtol=0.25)
    np.testing.assert_array_equal(drawn, fit.sample(rows, columns, 400, random_state=1))


def test_other_cells_are_the_fits(fit):
    layer, seen = fit._completed.model, np.nonzero(~np.isnan(checkerboard()))
    np.testing.assert_array_equal(layer.predict(*seen), layer.base.predict(*seen))
    np.testing.assert_array_equal(layer.standard_errors(*seen), layer.base.standard_errors(*seen))
    for ends in zip(layer.intervals(*seen, 0.9), layer.base.intervals(*seen, 0.9), strict=True):
        np.testing.assert_array_equal(*ends)
    drawn = [next(one.draws(*seen, 3, np.random.default_rng(0))) for one in (layer, layer.base)]
    np.testing.assert_array_equal(*drawn)


def test_tables_without_marked_cells_keep_every_bit(monkeypatch):
    rng = np.random.default_rng(1)
    table = whole()
    table[rng.random(table.shape) < 0.3] = np.nan
    models = [ll.MatrixCompletion(**FAST).fit(table)]
    monkeypatch.setattr(layered_fit, "layer_of_column_alone", lambda *_, **__: None)
    models.append(ll.MatrixCompletion(**FAST).fit(table))
    cells = gaps(table)
    for answer in (
        lambda m: m.predict_table(),
        lambda m: m.predict_interval(*cells),
        lambda m: m.sample(*cells, 5, random_state=0),
    ):
        np.testing.assert_array_equal(*map(answer, models))
    assert set(models[0].informed_cells()[2]) <= {WORDS[0], WORDS[1]}


def test_completions_keep_what_columns_of_one_group_have_in_common():
    rng = np.random.default_rng(2)
    table = rng.standard_normal((200, 1)) + 0.3 * rng.standard_normal((200, 4))
    table[:100, :2] = table[100:, 2:] = np.nan
    model = ll.MatrixCompletion(**FAST).fit(table)
    drawn = model.completions(20, random_state=0)[:, :100, :2].reshape(-1, 2)
    known = np.corrcoef(table[100:, :2].T)[0, 1]
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(known, abs=0.05)


def test_new_rows_are_marked_by_the_columns_of_the_fit(fit):
    row = np.full((1, 8), np.nan)
    row[0, 1] = 0.5
    means = np.nanmean(checkerboard(), axis=0)
    np.testing.assert_allclose(fit.transform(row)[0, ::2], means[::2])
    low, high = fit.predict_interval([0, 0], [0, 3], X=row)
    own = fit.predict_interval([1], [0])
    assert (low[0], high[0]) == (own[0][0], own[1][0])
    assert high[1] - low[1] < np.nanstd(checkerboard()[:, 3]) * 4


def test_cells_that_link_columns_end_the_marks(fit):
    full = whole()
    rows, columns = (part.ravel() for part in np.mgrid[:20, :8])
    model = clone(fit).fit(checkerboard())
    model.update([0], [1], [full[0, 1]])  # too few to link them, but the row knows cells of both
    assert not model._completed.model.alone[0].any()
    assert model._completed.model.alone.sum() == 59 * 4
    model.update(rows, columns, full[:20].ravel())
    assert marks_of_model(model._completed.model) is None
    assert np.abs(model.predict_table() - full)[20:].std() < 0.6 * full.std()


def test_marks_are_kept_in_files(fit, tmp_path):
    fit.save(tmp_path / "model.npz")
    read = ll.MatrixCompletion.load(tmp_path / "model.npz")
    cells = gaps(checkerboard())
    for ends in zip(read.predict_interval(*cells), fit.predict_interval(*cells), strict=True):
        np.testing.assert_array_equal(*ends)
    np.testing.assert_array_equal(
        read.sample(*cells, 3, random_state=0), fit.sample(*cells, 3, random_state=0)
    )
    assert read.informed_cells()[2].tolist() == fit.informed_cells()[2].tolist()


DAMAGE = {
    "informed_marks": lambda marks: marks + np.int8(7),
    "informed_groups": lambda groups: groups - 5,
    "informed_counts": lambda counts: counts[:-1],
    "informed_joint": lambda joint: joint + 3,
    "informed_mixing": lambda mixing: mixing * np.nan,
    "informed_scales": lambda scales: -scales,
    "informed_centres": lambda centres: centres * np.inf,
    "informed_freedoms": lambda freedoms: freedoms * 0,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_files_are_refused(name, boards, tmp_path):
    header, arrays = contents(boards[0], tmp_path)
    arrays[name] = DAMAGE[name](arrays[name])
    save_bundle(tmp_path / "damaged.npz", "model", header, arrays)
    with pytest.raises(FileFormatError):
        ll.MatrixCompletion.load(tmp_path / "damaged.npz")


def test_levels_and_logarithms_stand_around_marked_cells():
    """A column of words in one half has the shares of its words, and one of prices a law of logarithms."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal(160)
    frame = pd.DataFrame({f"x{k}": x + 0.3 * rng.standard_normal(160) for k in range(3)})
    frame["word"] = np.where(x + rng.standard_normal(160) > 0.8, "yes", "no")
    frame["price"] = np.exp(2 * x + 0.2 * rng.standard_normal(160))
    frame.loc[:79, ["word", "price"]] = None
    frame.loc[80:, ["x0", "x1", "x2"]] = np.nan
    model = ll.MatrixCompletion(**FAST | {"powers": True}).fit(frame)
    rows, columns, words = model.informed_cells()
    assert rows.size == 80 * 5
    assert set(words) == {WORDS[NEVER_TOGETHER]}
    assert set(columns) == set(frame)
    shares = model.level_probabilities(np.arange(80), "word")
    usual = (frame["word"][80:] == "yes").mean()
    assert np.ptp(shares, axis=0).max() < 1e-9
    assert shares[0, model.levels_["word"].index("yes")] == pytest.approx(usual, abs=0.15)
    (low,), (high,) = model.predict_interval([0], ["price"], 0.9)
    assert 0 <= low < np.quantile(frame["price"][80:], 0.3) < np.quantile(frame["price"][80:], 0.7) < high


def test_bounds_stand_around_marked_cells():
    model = ll.MatrixCompletion(**FAST, bounds={1: (-1.0, 1.0), 0: (-9.0, 9.0)})
    table = checkerboard()
    table[:, 1] = np.clip(table[:, 1], -1, 1)
    model.fit(table)
    low, high = model.predict_interval(np.arange(0, 60, 2), np.ones(30, int))
    assert (low.min(), high.max()) == (-1.0, 1.0)
    assert np.abs(model.sample(np.arange(0, 60, 2), np.ones(30, int), 50)).max() <= 1


def test_columns_of_two_cells_are_said_by_the_others_or_by_nothing(undrawn, tmp_path):
    table = whole(n=6)
    table[2:, 5] = np.nan
    model = ll.MatrixCompletion(**FAST).fit(table)
    assert set(model.informed_cells()[2]) == {WORDS[NOTHING]}
    low, high = model.predict_interval([5, 0], [5, 5])
    assert np.isfinite([low, high]).all()
    assert high[0] - low[0] > 4 * (high[1] - low[1])  # the known cell is the fit's
    odd = table * 10.0 ** np.array([0, 3, -3, 5, -5, 0])
    model = ll.MatrixCompletion(**FAST).fit(odd)
    low, high = model.predict_interval([5], [5])
    assert (low[0], high[0]) == (-np.inf, np.inf)
    assert np.isfinite(model.sample([5], [5], 20)).all()
    assert model.predict_cells([5], [5])[0] == pytest.approx(odd[:2, 5].mean())
    model.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "not known" in page
    assert "inf to" not in page
    assert "in columns of fewer than three known cells" in page


def test_what_informs_beside_cells_leaves_cells_unmarked():
    """Rows with covariates, columns in order."""
    table, rng = checkerboard(), np.random.default_rng(4)
    model = ll.MatrixCompletion(**FAST)
    described = model.fit(table, row_covariates=rng.standard_normal((60, 2)))
    assert marks_of_model(described._completed.model) is None
    years = pd.DataFrame(table, columns=[str(1990 + k) for k in range(8)])
    assert marks_of_model(ll.MatrixCompletion(**FAST).fit(years)._completed.model) is None
    plain = pd.DataFrame(table, columns=list("abcdefgh"))
    assert marks_of_model(ll.MatrixCompletion(**FAST).fit(plain)._completed.model) is not None


def test_it_is_said_in_words_and_on_the_page(boards):
    table = boards[0]._completed.table
    assert "240 missing cells by their column alone" in table.describe_method()
    assert "240 of 240 missing cells have the mean and spread of their column" in table.describe_certificate()


def test_a_marked_cell_leans_on_no_other(boards):
    why = boards[0].explain(0, 1)
    assert np.all(why.contributions == 0)
    assert why.prediction == pytest.approx(np.nanmean(checkerboard()[:, 1]))
    assert np.any(boards[0].explain(0, 2).contributions != 0)


def test_no_relation_and_rows_without_cells_are_told():
    rng = np.random.default_rng(5)
    table = rng.standard_normal((300, 4))
    table[:, 1] = table[:, 0] + 0.1 * rng.standard_normal(300)
    table[::7, 1] = table[1::7, 3] = np.nan
    table[5] = np.nan
    rows, columns, words = ll.MatrixCompletion(**FAST).fit(table).informed_cells()
    told = {(i, j): word for i, j, word in zip(rows, columns, words, strict=True)}
    assert {word for (i, j), word in told.items() if i == 5} == {WORDS[2]}
    assert {word for (i, j), word in told.items() if j == 1 and i != 5} == {WORDS[0]}
    assert {word for (i, j), word in told.items() if j == 3 and i != 5} == {WORDS[1]}


def test_penalised_fits_do_not_tell():
    model = ll.MatrixCompletion(1, method="map", penalty=0.1, certify=False).fit(checkerboard())
    with pytest.raises(UnsupportedError, match="posterior"):
        model.informed_cells()
    assert not isinstance(model._completed.model, ColumnAloneLayer)
