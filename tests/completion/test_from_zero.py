"""Quantities that are not negative: nothing that is said of them is; bounds and people come first."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import lowland as ll
from lowland.completion.bounded.from_zero import FromZeroLayer
from lowland.completion.bounded.layer import BoundedLayer
from lowland.core.errors import FileFormatError, InvalidInputError, UnsupportedError
from lowland.files.bundle import save_bundle
from saved_models import contents

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
FAST = {"random_state": 0, "certify": False, "refine": False, "powers": False, "max_iter": 40}
NAMES = ["size", "births", "zeros", "change", "height", "word"]


def whole(m=90):
    rng = np.random.default_rng(4)
    size = rng.standard_normal(m)
    births = np.abs(2 + 1.5 * size + 0.8 * rng.standard_normal(m)) + 0.05
    zeros = np.maximum(20 * size + 8 * rng.standard_normal(m), 0)
    change, height = 900 * (size + rng.standard_normal(m)), 700 + 3 * size + rng.standard_normal(m)
    columns = [9 * size, births, zeros, change, height]
    return pd.DataFrame(np.column_stack(columns), columns=NAMES[:5]).assign(word=np.where(size > 0, "b", "s"))


def holes():
    frame, rng = whole(), np.random.default_rng(5)
    for name in ("births", "zeros", "change", "height"):
        frame.loc[rng.random(len(frame)) < 0.3, name] = np.nan
    return frame


@pytest.fixture(scope="module")
def pair():
    return [ll.MatrixCompletion(**FAST, may_be_negative=said).fit(holes()) for said in (True, None)]


def cells_of(name):
    rows = np.flatnonzero(holes()[name].isna())
    return rows, [name] * rows.size


def test_only_columns_without_negative_numbers_are_looked_at(pair):
    free, one = pair
    layer = one._completed.model
    assert isinstance(layer, FromZeroLayer)
    assert [NAMES[j] for j in layer.columns] == ["births", "zeros"]
    assert layer.touches.tolist() == [False, True]
    assert not isinstance(free._completed.model, FromZeroLayer)
    for name in ("change", "height", "size"):
        cells = np.arange(90), [name] * 90
        np.testing.assert_array_equal(one.predict_cells(*cells), free.predict_cells(*cells))
        for ends, others in zip(one.predict_interval(*cells), free.predict_interval(*cells), strict=True):
            np.testing.assert_array_equal(ends, others)


def test_nothing_is_negative_and_predictions_stay(pair):
    free, one = pair
    for name in ("births", "zeros"):
        cells = cells_of(name)
        low, high = one.predict_interval(*cells, 0.99)
        below = free.predict_interval(*cells, 0.99)[0] < 0
        assert below.sum() > 10
        assert (low[below] == 0).all() if name == "zeros" else (low > 0).all()
        assert (high > low).all()
        assert one.predict_cells(*cells).min() > 0
        drawn = one.sample(*cells, 200, random_state=0)
        assert drawn.min() == 0 if name == "zeros" else drawn.min() > 0
        # draws keep their ranks, and so what is joint
        without = free.sample(*cells, 200, random_state=0)
        assert (np.diff(np.take_along_axis(drawn, without.argsort(axis=0), axis=0), axis=0) >= 0).all()
    cells = cells_of("births")
    means, spreads = (
        free.predict_cells(*cells),
        free._completed.model.standard_errors(cells[0], np.full(len(cells[0]), 1)),
    )
    can = means > spreads
    assert can.sum() > 5
    np.testing.assert_array_equal(one.predict_cells(*cells)[can], means[can])


def test_all_that_is_asked_agrees(pair, tmp_path):
    _, one = pair
    cells = cells_of("births")
    filled = one.fill(holes())
    np.testing.assert_allclose(filled["births"].to_numpy()[cells[0]], one.predict_cells(*cells), rtol=1e-9)
    assert all(table[["births", "zeros"]].min().min() >= 0 for table in one.completions(5, random_state=0))
    new = holes().iloc[:4].assign(births=np.nan, size=-40.0)
    assert one.fill(new)["births"].min() > 0
    assert (one.predict_interval([0, 1], ["births", "births"], 0.99, X=new)[0] > 0).all()
    low, _ = one.predict_interval(*cells, method="conformal")
    assert low.min() >= 0
    assert one.explain(int(cells[0][0]), "births").columns
    assert "may_be_negative" in " ".join(one._completed.table.model.scope)
    assert "not below zero" in one._completed.table.describe_method()
    one.save(tmp_path / "model.npz")
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    assert isinstance(again._completed.model, FromZeroLayer)
    np.testing.assert_array_equal(again.predict_cells(*cells), one.predict_cells(*cells))
    for ends, others in zip(again.predict_interval(*cells), one.predict_interval(*cells), strict=True):
        np.testing.assert_array_equal(ends, others)


def test_a_negative_number_later_ends_it(pair, tmp_path):
    _, one = pair
    one.save(tmp_path / "model.npz")
    rows, _ = cells_of("births")
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    again.update([int(rows[0])], ["births"], [-1.0])
    assert [NAMES[j] for j in again._completed.model.columns] == ["zeros"]
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    again.update([int(rows[0])], ["births"], [0.0])
    assert again._completed.model.touches.tolist() == [True, True]


def test_what_is_said_comes_first():
    model = ll.MatrixCompletion(**FAST, bounds={"births": (-1, 9)}, may_be_negative=["zeros"]).fit(holes())
    assert isinstance(model._completed.model, BoundedLayer)
    model = ll.MatrixCompletion(**FAST, bounds={"births": (-1, 9)}).fit(holes())
    layer = model._completed.model
    assert isinstance(layer, FromZeroLayer)
    assert isinstance(layer.base, BoundedLayer)
    assert layer.columns.tolist() == [2]
    low, high = model.predict_interval(*cells_of("births"), 0.99)
    assert -1 <= low.min() < 0
    assert high.max() <= 9
    open_ended = ll.MatrixCompletion(**FAST, bounds={"births": (None, None), "zeros": (None, 500)})
    assert not isinstance(open_ended.fit(holes())._completed.model, FromZeroLayer)


def test_roots_and_rows_in_units_are_left():
    rng = np.random.default_rng(0)
    skewed = np.exp(rng.standard_normal((60, 1)) + 0.4 * rng.standard_normal((60, 4)))
    skewed[rng.random(skewed.shape) < 0.2] = np.nan
    powers = {**FAST, "powers": True}
    assert not isinstance(ll.MatrixCompletion(**powers).fit(skewed)._completed.model, FromZeroLayer)
    model = ll.MatrixCompletion(**powers, may_be_negative=[0, 2]).fit(skewed)
    assert sorted(model._completed.model.powers) == [1, 3]
    variables = skewed * 10.0 ** rng.uniform(-2, 2, (60, 1))
    model = ll.MatrixCompletion(**FAST, row_units=True).fit(variables)
    assert not isinstance(model._completed.model, FromZeroLayer)


def test_refusals_and_parameters(pair, tmp_path):
    _, one = pair
    with pytest.raises(InvalidInputError, match="no such column"):
        ll.MatrixCompletion(**FAST, may_be_negative=["brths"]).fit(holes())
    for wrong in ("births", False, 3):
        with pytest.raises(InvalidInputError, match="may_be_negative must be a list of columns, or True"):
            ll.MatrixCompletion(**FAST, may_be_negative=wrong).fit(holes())
    with pytest.raises(InvalidInputError, match="columns of levels are no numbers"):
        ll.MatrixCompletion(**FAST, may_be_negative=["word"]).fit(holes())
    with pytest.raises(UnsupportedError, match="penalised fits do not have"):
        ll.MatrixCompletion(rank=1, penalty=1.0, may_be_negative=["births"]).fit(holes())
    model = ll.MatrixCompletion(**FAST, may_be_negative=["births"]).fit(holes())
    model.save(tmp_path / "model.npz")
    assert ll.MatrixCompletion.load(tmp_path / "model.npz").may_be_negative == ("births",)
    assert clone(model).may_be_negative == ["births"]
    header, arrays = contents(one, tmp_path)
    for name, wrong in (("from_zero", [2, 1]), ("from_zero", [1, 9]), ("zero_known", [0, 2])):
        save_bundle(tmp_path / "bad.npz", "model", header, {**arrays, name: np.array(wrong)})
        with pytest.raises(FileFormatError):
            ll.MatrixCompletion.load(tmp_path / "bad.npz")
