"""What newcomers met: each case once gave a wrong answer, or none, without a word."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError, UnderdeterminedWarning

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
# without what is decided by cells held out, which takes fits of its own
ALONE = {"refine": False, "powers": False, "certify": False, "random_state": 0}
QUICK = {"method": "gaussian", "n_draws": 10, **ALONE}


@pytest.fixture(scope="module")
def ratings():
    """Grades of a few people who like everything: many predictions lie at the ceiling."""
    rng = np.random.default_rng(0)
    table = np.clip(np.round(4 + rng.standard_normal((60, 1)) + rng.standard_normal((1, 40))), 1, 5)
    table[rng.random(table.shape) < 0.4] = np.nan
    return table


@pytest.fixture(scope="module")
def labelled_fit(ratings):
    """A fit of a frame by the method that is the default's."""
    frame = pd.DataFrame(ratings, index=[f"r{i}" for i in range(60)], columns=[f"c{j}" for j in range(40)])
    return ll.MatrixCompletion(**QUICK).fit(frame)


@pytest.fixture(scope="module")
def plain_fits(ratings):
    """A light fit by each method, to be copied before it is updated."""
    return {
        method: ll.MatrixCompletion(method=method, rank=2, certify=False, random_state=0, **light).fit(
            ratings
        )
        for method, light in (
            ("variational", {"refine": False, "powers": False, "max_iter": 20}),
            ("map", {}),
        )
    }


@pytest.mark.parametrize("method", ["variational", "map"])
@pytest.mark.parametrize("cell", [(60, 3), (3, 40), (60, 40)])
def test_a_model_with_new_rows_and_columns_is_saved_and_loaded(plain_fits, tmp_path, method, cell):
    model = copy.deepcopy(plain_fits[method])
    model.update([cell[0]], [cell[1]], [5.0], refit=False)
    model.save(tmp_path / "m.npz")
    again = ll.MatrixCompletion.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(again.predict_table(), model.predict_table())


def test_a_new_row_is_ranked_by_what_lies_beyond_the_ceiling(labelled_fit):
    model = labelled_fit
    known = dict.fromkeys([f"c{j}" for j in range(12)], 5.0)
    columns, predictions = model.top(known, 10)
    assert (predictions == 5).sum() > 3  # equal after clipping
    scores = model._completed.model.new_scores(model._one_row(known))[0]
    places = [int(name[1:]) for name in columns]
    assert (np.diff(scores[places]) <= 0).all()
    assert scores[places].min() >= np.delete(scores, [*places, *range(12)]).max()


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_missing_label_is_no_new_row(labelled_fit, missing):
    model = copy.deepcopy(labelled_fit)
    with pytest.raises(InvalidInputError, match="missing label"):
        model.update(["r1", missing], ["c1", "c1"], [3.0, 4.0])


@pytest.mark.parametrize("settings", [ALONE, pytest.param({"random_state": 0}, marks=pytest.mark.slow)])
def test_a_column_seen_for_one_season_does_not_set_the_units(settings):
    """Its spread is a twentieth of the others', because little of it was seen."""
    rng = np.random.default_rng(0)
    days = np.arange(200)
    season = 10 * np.sin(2 * np.pi * days / 200)[:, None]
    table = season + rng.standard_normal(12) + 0.3 * rng.standard_normal((200, 12))
    hidden = table[15:, 5].copy()
    table[15:, 5] = np.nan
    table[:15, 5] = table[:15, 5].mean() + 0.05 * (table[:15, 5] - table[:15, 5].mean())
    model = ll.MatrixCompletion(**settings).fit(table)
    low, high = model.predict_interval(np.arange(15, 200), np.full(185, 5), level=0.9)
    assert np.mean((low < hidden) & (hidden < high)) > 0.8


def test_a_frame_with_codes_for_missing_cells_is_warned_of():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((30, 4)), columns=list("abcd"))
    frame.iloc[3:6, 2] = -999.0
    with pytest.warns(UserWarning, match=r"column 'c' holds -999 3 times"):
        ll.MatrixCompletion(**QUICK).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ll.MatrixCompletion(**QUICK).fit(frame.replace(-999.0, np.nan))


def test_counts_that_leave_a_state_open_say_so():
    outcomes = ll.pauli_outcomes(["XX"] * 4 + ["ZZ"] * 4, ["00", "01", "10", "11"] * 2)
    with pytest.warns(UnderdeterminedWarning):
        few = ll.estimate_state(outcomes, [480, 10, 12, 498, 470, 15, 9, 506], n_resamples=2, rng=0)
    # the means of 1, XI, IX, XX, ZI, IZ and ZZ are known, of nine other products they are not
    assert few.open_numbers == 9
    assert few.determines([1, 0, 0, 0])
    assert not few.determines([1, 0, 0, 1])
    assert "9 of the state's 16 numbers open: other states" in str(few)
    assert "determine the fidelity" in few.what_is_open([1, 0, 0, 0])
    counts = ll.read_counts(ll.datasets.data_path("photon_counts"))
    all_nine = ll.estimate_state(
        ll.pauli_outcomes(counts.settings, counts.outcomes), counts.counts, n_resamples=2, rng=0
    )
    assert all_nine.open_numbers == 0
    assert all_nine.what_is_open() == ""
    assert all_nine.determines([1, 0, 0, 1])


@pytest.mark.parametrize("counts", [(10, 15), pytest.param((40, 60), marks=pytest.mark.slow)])
def test_resampled_states_may_have_a_higher_rank_than_the_estimate(counts):
    """Where the likelihood is highest at a state of low rank, other counts may not be."""
    outcomes = ll.pauli_outcomes(["X", "X", "Y", "Y", "Z", "Z"], ["0", "1"] * 3)
    pure = ll.estimate_state(outcomes, [500, 500, 500, 500, 1000, 0], n_resamples=counts[0], rng=0)
    assert np.linalg.eigvalsh(pure.state)[0] < 1e-9
    assert max(np.linalg.eigvalsh(one)[0] for one in pure.resampled) < 1e-2
    mixed = ll.estimate_state(outcomes, [60, 40, 55, 45, 94, 6], n_resamples=counts[1], rng=0)
    smallest = np.array([np.linalg.eigvalsh(one)[0] for one in mixed.resampled])
    assert smallest.std() > 1e-3


def test_errors_of_filled_cells_are_measured_on_request(ratings, labelled_fit):
    trial = labelled_fit.held_out_errors()
    assert trial.observed.size == round(0.1 * np.sum(~np.isnan(ratings)))
    off = np.sqrt(np.mean((trial.predicted - trial.observed) ** 2))
    assert trial.error == pytest.approx(off)
    assert f"root-mean-square error {off:.4g}" in str(trial)
    assert set(trial.observed) <= {1.0, 2.0, 3.0, 4.0, 5.0}
