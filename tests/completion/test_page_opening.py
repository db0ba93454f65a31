"""The top of a completion's page: how wrong a filled cell is, filled cells, and what is known least."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.page_opening import _missing_before, _missing_cells, answer_first, held_out_as_data


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 2)) @ rng.normal(size=(2, 15)) + 0.05 * rng.normal(size=(60, 15))


def lead_of(table, trial=True, **how):
    seen = ll.Observations.from_array(table, row_labels=[f"r{k}" for k in range(len(table))])
    light = {"refine": False, "max_iter": 60}
    model = ll.MatrixCompletion(random_state=0, certify=False, **light, **how).fit(seen)
    completed = model._completed
    return completed, answer_first(completed, completed.intervals.trial if trial else None)


def test_what_is_told(truth):
    holes = truth.copy()
    rng = np.random.default_rng(1)
    holes[rng.random(holes.shape) < 0.1] = np.nan
    holes[7, 2:] = holes[9, 3:] = np.nan
    completed, lead = lead_of(holes)
    trial = completed.intervals.trial
    assert f"{np.isnan(holes).sum()} missing cells were filled" in lead.sentences[0]
    assert f"is off by {trial.error:.3g}" in lead.sentences[0]
    assert f"would be off by {trial.usual:.3g}" in lead.sentences[0]
    filled, least = lead.tables[:2]
    assert filled.header == ("row", "column", "filled with", "90% interval")
    for row, column, value, between in filled.rows:
        i, j = int(row[1:]), int(column)
        assert np.isnan(holes[i, j])
        low, high = (float(end) for end in between.split(" to "))
        assert low < float(value) < high
    assert [row for row, _ in least.rows] == ["r7", "r9"]


def test_rows_without_a_cell_are_counted_apart(truth):
    holes = truth.copy()
    holes[4], holes[7, :9] = np.nan, np.nan
    lead = lead_of(holes, trial=False)[1]
    assert lead.sentences[0] == (
        "9 missing cells were filled, besides those of 1 row of which no cell takes part in the fit."
    )
    assert {line[0] for line in lead.tables[0].rows} == {"r7"}


def test_errors_of_rows_with_units_are_in_their_spreads(truth):
    sizes = 10.0 ** np.linspace(0, 4, 60)[:, None]
    holes = truth * sizes
    holes[np.random.default_rng(2).random(truth.shape) < 0.1] = np.nan
    completed, lead = lead_of(holes, row_units=True)
    trial, spreads = completed.intervals.trial, np.nanstd(holes, axis=1, ddof=1)
    error = np.sqrt(np.mean(((trial.predicted - trial.observed) / spreads[trial.rows]) ** 2))
    assert f"is off by {error:.3g} spreads of its row" in lead.sentences[0]
    assert held_out_as_data(completed, trial)["error_in_spreads_of_rows"] == pytest.approx(error)


def test_errors_of_columns_in_different_units_are_in_their_spreads(truth):
    holes = truth * 10.0 ** (np.arange(15) % 3)
    holes[np.random.default_rng(2).random(truth.shape) < 0.1] = np.nan
    for columns, each in ((12, True), (15, False)):
        completed, lead = lead_of(holes[:, :columns])
        trial, spreads = completed.intervals.trial, np.nanstd(holes, axis=0)
        error = np.sqrt(np.mean(((trial.predicted - trial.observed) / spreads[trial.columns]) ** 2))
        data = held_out_as_data(completed, trial)
        assert f"is off by {error:.3g} spreads of its column" in lead.sentences[0]
        assert data["error_in_spreads_of_columns"] == pytest.approx(error)
        off = trial.predicted[trial.columns == 2] - trial.observed[trial.columns == 2]
        assert data["by_column"]["2"] == pytest.approx(np.sqrt(np.mean(off**2)))
        assert (f"2 {data['by_column']['2']:.3g}" in lead.sentences[1]) == each


def test_errors_of_rows_far_apart_are_in_their_spreads_whatever_is_fitted(truth):
    holes = truth * 10.0 ** np.linspace(0, 4, 60)[:, None]
    holes[np.random.default_rng(2).random(truth.shape) < 0.1] = np.nan
    sentences = lead_of(holes, row_units=False)[1].sentences
    assert "spreads of its row" in sentences[0]
    assert "rows have no units of their own" in sentences[1]


def test_runs_are_harder_than_cells_at_random(truth):
    holes = truth.copy()
    holes[::6, 3:] = np.nan
    sentences = lead_of(holes)[1].sentences
    assert any("The missing cells are harder than these" in words for words in sentences)
    scattered = truth.copy()
    scattered[np.random.default_rng(2).random(truth.shape) < 0.05] = np.nan
    assert not any("harder" in words for words in lead_of(scattered)[1].sentences)


def test_where_there_is_nothing_to_tell(truth):
    _, whole = lead_of(truth)
    assert whole.sentences[0].startswith("Nothing is missing.")
    assert not whole.tables
    _, alone = lead_of(np.where(np.eye(60, 15) > 0, np.nan, truth), trial=False)
    assert alone.sentences == ["15 missing cells were filled."]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_missing_cells_are_missing(share, rng):
    table = np.where(rng.random((40, 30)) < share, 1.0, np.nan)
    table[3, 4] = 1.0
    seen = ll.Observations.from_array(table)
    rows, columns = _missing_cells(seen, _missing_before(seen), rng, 2000)
    assert np.isnan(table[rows, columns]).all()
    missing = set(zip(*np.nonzero(np.isnan(table)), strict=True))
    if share:
        assert len(set(zip(rows, columns, strict=True))) >= 0.75 * len(
            missing
        )  # each is as likely as any other
