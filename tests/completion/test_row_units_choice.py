"""Tables whose rows are variables: suspected by spreads, decided by cells held out, and said."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.completion.row_units import choice
from lowland.completion.row_units.layer import RowUnitsLayer
from lowland.completion.row_units.suspicion import Spreads, look_like_variables, some_rows
from lowland.completion.row_units.units import STEP, TypicalRow
from lowland.core.errors import FileFormatError, UnsupportedError
from lowland.files.bundle import save_bundle
from lowland.files.certificates import write_certificate
from lowland.recheck.documents import Document
from lowland.recheck.matrices.tables.problem import table_problem
from saved_models import contents

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
FAST = {"random_state": 0, "certify": False, "refine": False, "max_iter": 25}


def low_rank(m, n, seed=0, noise=0.2):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + noise * rng.standard_normal((m, n))


def omics(m=40, n=10, decades=4.0, seed=0, level=3.0):
    """Rows are variables of any level and spread."""
    rng = np.random.default_rng(seed + 1)
    return (low_rank(m, n, seed) + level * rng.standard_normal((m, 1))) * 10 ** rng.uniform(
        0, decades, (m, 1)
    )


def holed(table, share=0.15, seed=0):
    out = np.array(table, float)
    hidden = np.random.default_rng(seed).random(out.shape) < share
    return np.where(hidden, np.nan, out), hidden


def error_by_row(table, hidden, filled):
    """Return the mean absolute error of hidden cells in units of the spreads of their rows."""
    return float(np.mean((np.abs(filled - table) / table.std(axis=1)[:, None])[hidden]))


def units_of(model):
    return [layer for layer in layers(model._completed.model) if isinstance(layer, RowUnitsLayer)]


def layers(model):
    while hasattr(model, "base"):
        yield model
        model = model.base


ORDINARY = {
    "columns of any unit": lambda rng: low_rank(80, 8) * 10.0 ** rng.uniform(-3, 4, 8) + 10.0 ** np.arange(8),
    "grades": lambda rng: rng.integers(1, 6, (60, 20)) * np.where(np.arange(60) < 20, 1, 0)[:, None] + 1.0,
    "sensors": lambda rng: np.cumsum(rng.standard_normal((200, 6)), 0) + np.array([20, 1e3, 5, 0, 50, 7]),
    "magnitudes of stars": lambda rng: (
        rng.uniform(8, 20, (150, 1))
        + 0.4 * rng.standard_normal((150, 5))
        + 0.05 * 10 ** rng.uniform(-1, 0.5, (150, 1)) * rng.standard_normal((150, 5))
    ),
    "rows of length one": lambda rng: low_rank(90, 8) / np.linalg.norm(low_rank(90, 8), axis=1)[:, None],
    "noise that differs by row": lambda rng: (
        low_rank(150, 10) + rng.lognormal(0, 0.7, (150, 1)) * rng.standard_normal((150, 10))
    ),
    "counts, most of them zero": lambda rng: rng.poisson(np.exp(low_rank(150, 20) - 1)).astype(float),
    "wild cells": lambda rng: np.where(rng.random((200, 8)) < 0.01, 100.0, 1.0) * low_rank(200, 8),
    "heavy tails": lambda rng: rng.standard_t(2, (200, 8)),
    "one value per row": lambda rng: np.tile(rng.uniform(0, 1e4, (30, 1)), 6),
    "three columns": lambda rng: omics(60, 3),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_tables_are_not_suspected(kind, rng):
    table, _ = holed(ORDINARY[kind](rng), 0.1)
    assert not look_like_variables(ll.Observations.from_array(table))


@pytest.mark.parametrize("shape", [(20, 8), (300, 60)])
@pytest.mark.parametrize("level", [0.0, 3.0, 300.0])
def test_rows_of_any_unit_are_suspected(shape, level):
    table, _ = holed(omics(*shape, level=level), 0.3)
    assert look_like_variables(ll.Observations.from_array(table))
    assert not look_like_variables(ll.Observations.from_array(table.T.copy()))


def test_spreads_of_rows_are_those_beside_the_units_of_columns(rng):
    sizes = 10.0 ** rng.uniform(-2, 2, 40)
    for columns in (np.ones(60), 10.0 ** rng.uniform(-2, 2, 60)):
        noise = rng.standard_normal((40, 60)) * sizes[:, None] * columns
        spreads = Spreads(ll.Observations.from_array(noise))
        off = spreads.rows - np.log(sizes)
        assert np.std(off) < 0.5
        rows, cells = np.indices(noise.shape).reshape(2, -1)
        ratios = spreads.at(rows, cells) / (sizes[:, None] * columns).ravel()
        assert 0.5 < np.median(ratios) < 2


def test_rows_that_are_drawn_may_have_no_cells():
    table = ll.Observations.from_triples([0, 299_999], [0, 299_999], [1.0, 2.0], shape=(300_000, 300_000))
    part = some_rows(table)[0]
    assert part.size == 0
    assert not look_like_variables(part)


def test_large_tables_are_judged_by_some_rows():
    table = ll.Observations.from_array(omics(900, 500), row_labels=np.arange(900))
    part, chosen = some_rows(table)
    assert part.shape == (600, 500)
    np.testing.assert_array_equal(part.to_array(), table.to_array()[chosen])
    np.testing.assert_array_equal(part.row_labels, chosen)


def test_units_undo_themselves_and_few_cells_are_shrunk(rng):
    table = rng.standard_normal((400, 12)) * 3 + 7
    table[:200, 2:] = np.nan
    seen = ll.Observations.from_array(table)
    typical = TypicalRow.of(seen)
    units = typical.units(seen)
    np.testing.assert_allclose(units.read(units.write(seen).values, seen.rows), seen.values)
    # all rows have spread three: rows of two cells know it from the others
    assert units.spreads[:200].std() < 0.3 * np.nanstd(table[:200], axis=1, ddof=1).std()
    assert np.median(units.spreads) == pytest.approx(3, rel=0.15)
    # centres are whole multiples, so that levels of their own are left to rows
    steps = units.centres / (STEP * units.spreads)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert np.abs(units.write(seen).values).max() < 8


def test_rows_of_one_cell_one_value_or_none_have_units():
    table = np.array([[1e6, np.nan, np.nan], [5.0, 5.0, 5.0], [np.nan] * 3, [0, 0, 0], [1e3, 2e3, 1.5e3]])
    seen = ll.Observations.from_array(table)
    units = TypicalRow.of(seen).units(seen)
    assert (units.spreads > 0).all()
    assert np.isfinite(units.centres).all()
    assert abs(units.centres[0] - 1e6) < 1e6
    assert units.spreads[1] < 0.01 * 5
    assert units.spreads[2] == pytest.approx(np.nanstd(table))


@pytest.mark.parametrize(
    ("table", "least"),
    [
        (omics(30, 8), 3.0),
        # positive numbers would be logarithms, whose errors are far outside where spreads are small
        (omics(level=0) + 100 * 10.0 ** np.random.default_rng(1).uniform(0, 4, (40, 1)), 1.5),
    ],
)
def test_held_out_cells_choose_units_of_rows(table, least):
    known, hidden = holed(table)
    as_it_is, chosen = (ll.MatrixCompletion(**FAST, row_units=asked).fit(known) for asked in (False, "auto"))
    assert not units_of(as_it_is)
    assert units_of(chosen)
    before, after = (error_by_row(table, hidden, one.transform(known)) for one in (as_it_is, chosen))
    assert after < before / least
    assert after < 0.5
    assert "each row in a unit of its own" in chosen._completed.table.describe_method()


def test_logarithms_of_sizes_stay(rng):
    """Rows that differ by factors alone are logarithms, and need no units."""
    table = np.exp(0.5 * low_rank(60, 8) + rng.uniform(0, 9, (60, 1)))
    model = ll.MatrixCompletion(**FAST).fit(holed(table)[0])
    assert not units_of(model)


def test_tables_that_are_not_suspected_cost_no_fit(monkeypatch):
    monkeypatch.setattr(choice, "brief_model", lambda *_: pytest.fail("a fit"))
    ll.MatrixCompletion(**FAST, powers=False).fit(holed(low_rank(60, 6))[0])


def test_new_rows_have_units_of_their_own():
    table = omics(60, 12)
    known, _ = holed(table[:50])
    model = ll.MatrixCompletion(**FAST, row_units=True).fit(known)
    new, hidden = holed(table[50:], seed=3)
    filled = model.transform(new)
    np.testing.assert_array_equal(filled[~hidden], new[~hidden])
    assert error_by_row(table[50:], hidden, filled) < 0.6


def test_intervals_hold_what_they_should_in_every_row():
    table = omics(80, 15)
    known, hidden = holed(table)
    model = ll.MatrixCompletion(**FAST, row_units=True).fit(known)
    low, high = model.predict_interval(*np.nonzero(hidden), level=0.9)
    inside = (low <= table[hidden]) & (table[hidden] <= high)
    small = np.argsort(np.argsort(table.std(axis=1)))[np.nonzero(hidden)[0]] < 40
    assert 0.8 < inside[small].mean() < 0.98
    assert 0.8 < inside[~small].mean() < 0.98


@pytest.mark.parametrize("refit", ["auto", True])
def test_new_cells_and_rows_update_a_fit(refit):
    table = omics(40, 8)
    known, _ = holed(table[:36])
    model = ll.MatrixCompletion(**FAST, row_units=True, method="variational").fit(known)
    rows, columns = (part.ravel() for part in np.indices(table.shape))
    new = (rows >= 36) & (columns < 6)
    model.update(rows[new], columns[new], table.ravel()[new], refit=refit)
    model.update([0], [0], [table[0, 0]])
    assert units_of(model)
    assert model.predict_table().shape == (40, 8)
    late = (np.arange(40)[:, None] >= 36) & (np.arange(8) >= 6)
    assert error_by_row(table, late, model.predict_table()) < 0.8


def test_explanations_add_up_in_the_unit_of_the_table():
    known, hidden = holed(omics())
    model = ll.MatrixCompletion(**FAST, row_units=True).fit(known)
    row, column = np.argwhere(hidden)[0]
    told = model.explain(row, column)
    assert told.prediction == pytest.approx(model.predict_cells([row], [column])[0])
    total = told.intercept + told.contributions.sum() + told.rest
    assert total == pytest.approx(told.prediction)
    # what averages over draws add is small in the unit of the row
    assert abs(told.rest) < 0.5 * np.nanstd(known[row])


def test_a_certificate_is_about_the_table_in_units_of_rows(tmp_path):
    known, _ = holed(omics(12, 5))
    how = {"rank": 1, "method": "variational", "row_units": True, "powers": False, "certify": "companion"}
    model = ll.MatrixCompletion(**how, random_state=0)
    model.fit(known)
    # of the penalised problem alone
    write_certificate(tmp_path / "proof.json", model._completed.table.document())
    seen = ll.Observations.from_array(known)
    stated = Document.from_json((tmp_path / "proof.json").read_text())
    assert "rows in units of their own" in table_problem(stated, seen).words
    assert ll.verify(tmp_path / "proof.json", known).is_confirmed
    units = stated.problem["row_units"]
    wrong = {**stated.problem, "row_units": {**units, "spreads": [0.0, *units["spreads"][1:]]}}
    with pytest.raises(FileFormatError, match="units of rows"):
        table_problem(replace(stated, problem=wrong), seen)
    assert "Rows look like variables" in model._completed.table.describe_certificate()


def with_kinds(m=60):
    """Genes with the chromosome and the strand where they lie, which decide their numbers, in words."""
    rng = np.random.default_rng(5)
    groups = rng.integers(0, 3, m)
    shapes = 2 * rng.standard_normal((3, 8))
    table = (shapes[groups] + 0.5 * rng.standard_normal((m, 8)) + rng.standard_normal((m, 1))) * 10.0 ** (
        rng.uniform(0, 4, (m, 1))
    )
    known, hidden = holed(table)
    frame = pd.DataFrame(known, columns=list("abcdefgh"))
    frame.insert(2, "chromosome", pd.Categorical(np.array(["I", "II", "III"], object)[groups]))
    frame.loc[[3, 17], "chromosome"] = None
    return frame, table, hidden, groups


def test_levels_beside_rows_with_units(tmp_path):
    frame, table, hidden, groups = with_kinds()
    as_it_is, model = (ll.MatrixCompletion(**FAST, row_units=asked).fit(frame) for asked in (False, "auto"))
    assert [type(one).__name__ for one in layers(model._completed.model)] == ["RowUnitsLayer", "LevelLayer"]
    before, after = (
        error_by_row(table, hidden, one.fill(frame).drop(columns="chromosome").to_numpy())
        for one in (as_it_is, model)
    )
    assert after < before / 2
    filled = model.fill(frame)
    assert filled["chromosome"].tolist()[3] == ["I", "II", "III"][groups[3]]
    shares = model.level_probabilities([3, 17], "chromosome")
    np.testing.assert_allclose(np.sum(shares, axis=1), 1)
    model.save(tmp_path / "model.npz")
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    np.testing.assert_allclose(again.predict_table(), model.predict_table())
    # new rows, and what a prediction leans on
    pd.testing.assert_frame_equal(model.fill(frame.iloc[:5]), again.fill(frame.iloc[:5]))
    row, column = np.argwhere(hidden)[0]
    why = model.explain(row, frame.columns.drop("chromosome")[column])
    assert why.intercept + why.contributions.sum() + why.rest == pytest.approx(why.prediction)


def test_factors_and_biases_give_predictions_of_numbers_and_levels():
    for frame in (with_kinds()[0], with_kinds()[0].drop(columns="chromosome")):
        model = ll.MatrixCompletion(**FAST, row_units=True, method="variational").fit(frame)
        parts, numbers = model._completed.model.parts(), frame.columns != "chromosome"
        made = parts.row_factors @ parts.column_factors.T + parts.row_biases[:, None] + parts.column_biases
        expected = model.predict_table()
        np.testing.assert_allclose(made[:, numbers], expected[:, numbers], rtol=1e-6, atol=1e-6)
        assert parts.row_noise.max() > 30


def test_powers_units_and_levels_are_kept_in_files(tmp_path):
    frame = with_kinds()[0]
    numbers = frame.columns.drop("chromosome")
    frame[numbers] = np.exp(4 * frame[numbers].to_numpy(float) / np.nanmax(frame[numbers].abs()))
    model = ll.MatrixCompletion(**FAST, row_units=True, powers=True).fit(frame)
    kinds = [type(one).__name__ for one in layers(model._completed.model)]
    assert kinds == ["PowerLayer", "RowUnitsLayer", "LevelLayer"]
    model.save(tmp_path / "model.npz")
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    assert [type(one).__name__ for one in layers(again._completed.model)] == kinds
    np.testing.assert_allclose(again.predict_table(), model.predict_table())


def test_predictors_are_refused_and_weights_are_taken():
    table, _ = holed(omics(30, 6))
    with pytest.raises(UnsupportedError, match="all columns"):
        ll.MatrixCompletion(**FAST, row_units=True, predictors={0: [1]}).fit(table)
    weighted = ll.MatrixCompletion(**FAST, row_units=True).fit(table, sample_weight=np.linspace(1, 2, 30))
    assert units_of(weighted)


@pytest.mark.parametrize(
    ("settings", "beside"),
    [
        ({"method": "map", "rank": 1, "penalty": 1.0}, {}),
        ({"predictors": {0: [1]}}, {}),
        ({}, {"sample_weight": np.linspace(1, 2, 30)}),
    ],
)
def test_fits_without_units_of_rows_say_so(settings, beside):
    table, _ = holed(omics(30, 6))
    model = ll.MatrixCompletion(**FAST, **settings)
    with pytest.warns(UserWarning, match="rows look like variables"):
        model.fit(table, **beside)
    assert not units_of(model)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "rows look")
        model.set_params(row_units=False).fit(table, **beside)
        model.set_params(row_units="auto").fit(low_rank(30, 6), **beside)


@pytest.mark.parametrize("method", ["variational", "gibbs", "gaussian"])
def test_all_bayesian_methods_have_units(method):
    table, _ = holed(omics(30, 6))
    model = ll.MatrixCompletion(**FAST, method=method, row_units=True).fit(table)
    assert units_of(model)
    assert model.method_ == method


def test_powers_around_units_draw_means_with_the_noise_of_their_row():
    table = np.exp(omics(40, 8, decades=1.5, level=0) / 30 + 5)
    model = ll.MatrixCompletion(**FAST, row_units=True, powers=True, method="variational").fit(table)
    inner = model._completed.model
    assert [type(one).__name__ for one in layers(inner)] == ["PowerLayer", "RowUnitsLayer"]
    rows = np.repeat(np.arange(40), 8)
    columns = np.tile(np.arange(8), 40)
    drawn = np.mean(list(inner.draws(rows, columns, 200, np.random.default_rng(0), noise=False)), axis=0)
    predicted, errors = inner.predict(rows, columns), inner.standard_errors(rows, columns)
    assert np.mean(np.abs(drawn - predicted) < 0.5 * errors) > 0.9


def test_a_damaged_file_is_refused(tmp_path):
    model = ll.MatrixCompletion(**FAST, row_units=True, powers=False).fit(holed(omics(30, 6))[0])
    header, arrays = contents(model, tmp_path)
    path = tmp_path / "bad.npz"
    for name, wrong in (("row_spreads", -arrays["row_spreads"]), ("row_centres", arrays["row_centres"][1:])):
        save_bundle(path, "model", header, {**arrays, name: wrong})
        with pytest.raises(FileFormatError):
            ll.MatrixCompletion.load(path)
