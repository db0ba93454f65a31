"""Errors that go together along a context are found and used; a useless context changes nothing."""

import numpy as np
import pytest

import lowland as ll
from lowland.completion.drift.law import Drift, duration
from lowland.completion.drift.layer import DriftLayer
from lowland.completion.drift.series import Series
from lowland.errors import InvalidInputError, UnsupportedError

M, N, NOISE = 120, 50, 0.4


@pytest.fixture(autouse=True, scope="module")
def light(light_fits_throughout):
    return


def processes(rng, lines, times):
    """Return Ornstein-Uhlenbeck processes of length 10 and variance one, of each line its own."""
    order = np.lexsort((times, lines))
    apart, same = np.diff(times[order]), np.diff(lines[order]) == 0
    decays = np.append(0.0, np.where(same, np.exp(-apart / 10), 0.0))
    drawn, at, now = rng.standard_normal(times.size), np.empty(times.size), 0.0
    for place, decay, number in zip(order, decays, drawn, strict=True):
        now = decay * now + np.sqrt(1 - decay**2) * number
        at[place] = now
    return at


def planted(side, seed=0):
    """Cells of a low-rank table with errors along time of rows, columns or all: cells, values, times."""
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((M, N)) < 0.5)
    times = rng.uniform(0, 100, rows.size)
    values = (rng.standard_normal((M, 2)) @ rng.standard_normal((2, N)))[rows, columns]
    lines = {"rows": rows, "columns": columns, "table": 0 * rows, "none": np.arange(rows.size)}[side]
    values += 0.8 * processes(rng, lines, times)
    return rows, columns, values + NOISE * rng.standard_normal(rows.size), times


def fitted(rows, columns, values, context):
    model = ll.MatrixCompletion(method="variational", rank=2, certify=False, refine=False, random_state=0)
    return model.fit(ll.Observations.from_triples(rows, columns, values, shape=(M, N), context=context))


def drifts(model):
    found, layer = [], model._completed.model
    while isinstance(layer, DriftLayer):
        found.append(layer.drift)
        layer = layer.base
    return found


@pytest.fixture(scope="module", params=["rows", "columns", "table"])
def split(request):
    rows, columns, values, times = planted(request.param)
    apart = np.random.default_rng(1).random(rows.size) < 0.15
    model = fitted(rows[~apart], columns[~apart], values[~apart], times[~apart])
    return request.param, model, rows[apart], columns[apart], values[apart], times[apart]


def test_the_side_that_drifts_is_found(split):
    side, model, *_ = split
    assert drifts(model)[0].side == side
    assert drifts(model)[0].gain > 0.05


def test_times_lower_errors_and_intervals_still_hold(split):
    _, model, rows, columns, values, times = split
    plain, told = model.predict_cells(rows, columns), model.predict_cells(rows, columns, context=times)
    before, after = (np.mean((one - values) ** 2) for one in (plain, told))
    assert after < 0.9 * before
    lower, upper = model.predict_interval(rows, columns, 0.9, context=times)
    assert 0.84 < np.mean((lower <= values) & (values <= upper)) < 0.96
    usual = model.predict_interval(rows, columns, 0.9)
    assert np.mean(upper - lower) < np.mean(usual[1] - usual[0])
    drawn = model.sample(rows, columns, 200, random_state=0, context=times)
    assert np.mean(np.abs(drawn.mean(axis=0) - told)) < 0.15


def test_held_out_errors_know_times_if_they_may(split):
    _, model, *_ = split
    assert model.held_out_errors("timed").error < model.held_out_errors().error
    latest = model.held_out_errors("latest")
    table = model._completed.table.observations
    times = table.context.at(table.rows, table.columns)
    held = table.context.at(latest.rows, latest.columns)
    assert held.min() >= np.quantile(times, 0.89)


def test_words_are_groups():
    rows, columns, values, times = planted("rows")
    words = np.array([f"visit {int(time / 5)}" for time in times])
    apart = np.random.default_rng(1).random(rows.size) < 0.15
    model = fitted(rows[~apart], columns[~apart], values[~apart], words[~apart])
    assert [one.side for one in drifts(model)] == ["rows"]
    told = model.predict_cells(rows[apart], columns[apart], context=words[apart])
    plain = model.predict_cells(rows[apart], columns[apart])
    assert np.mean((told - values[apart]) ** 2) < 0.9 * np.mean((plain - values[apart]) ** 2)
    # a word that the fit has not seen says nothing
    new = model.predict_cells(rows[apart], columns[apart], context=np.full(apart.sum(), "new"))
    np.testing.assert_allclose(new, plain)


@pytest.mark.parametrize("seed", range(3))
def test_a_useless_context_changes_nothing(seed):
    rows, columns, values, _ = planted("none", seed)
    times = np.random.default_rng(seed + 10).uniform(0, 100, rows.size)
    model = fitted(rows, columns, values, times)
    assert [one.gain for one in drifts(model)] == [0]
    assert "is not used" in model._completed.table.describe_method()
    np.testing.assert_array_equal(model.predict_table(), fitted(rows, columns, values, None).predict_table())
    with pytest.raises(UnsupportedError, match="do not depend on when"):
        fitted(rows, columns, values, None).held_out_errors("timed")


def test_cells_to_be_predicted_may_have_a_time():
    rows, columns, values, times = planted("rows")
    apart = np.random.default_rng(1).random(rows.size) < 0.15
    table, when = np.full((M, N), np.nan), np.full((M, N), np.nan)
    table[rows[~apart], columns[~apart]], when[rows, columns] = values[~apart], times
    model = ll.MatrixCompletion(method="variational", rank=2, certify=False, refine=False, random_state=0)
    model.fit(ll.Observations.from_array(table, context=when))
    given = fitted(rows[~apart], columns[~apart], values[~apart], times[~apart])
    np.testing.assert_allclose(
        model.predict_table()[rows[apart], columns[apart]],
        given.predict_cells(rows[apart], columns[apart], context=times[apart]),
    )


def test_scores_and_updates_know_the_context():
    rows, columns, values, times = planted("rows")
    apart = np.random.default_rng(1).random(rows.size) < 0.15
    model = fitted(rows[~apart], columns[~apart], values[~apart], times[~apart])
    held = ll.Observations.from_triples(
        rows[apart], columns[apart], values[apart], shape=(M, N), context=times[apart]
    )
    told = model.predict_cells(rows[apart], columns[apart], context=times[apart])
    assert model.score(held) == pytest.approx(-np.sqrt(np.mean((told - values[apart]) ** 2)))
    some = np.flatnonzero(apart)[:20]
    model.update(rows[some], columns[some], values[some])
    assert drifts(model)[0].side == "rows"
    assert model._completed.table.observations.context.size == (~apart).sum()


def test_a_fit_without_context_says_so():
    rows, columns, values, times = planted("none")
    with pytest.raises(InvalidInputError, match="knows no context"):
        fitted(rows, columns, values, None).predict_cells(rows, columns, context=times)
    seen = ll.Observations.from_triples(rows, columns, values, context=times)
    with pytest.raises(UnsupportedError, match="no context of cells"):
        ll.MatrixCompletion(penalty=1.0).fit(seen)


def test_small_tables_are_left_alone():
    values = np.random.default_rng(0).standard_normal((10, 8))
    seen = ll.Observations.from_array(values, context=np.ones((10, 8)))
    model = ll.MatrixCompletion(certify=False, random_state=0).fit(seen)
    assert [one.gain for one in drifts(model)] == [0]


def test_lines_are_asked_by_themselves():
    rng = np.random.default_rng(0)
    lines, times = rng.integers(5, size=40), rng.uniform(0, 10, 40)
    series = Series.of(lines, 5, times, rng.standard_normal(40), np.full(40, 0.5))
    law = np.array([2.0]), np.array([1.0])
    asked = np.array([3, 1, 3]), np.array([4.0, 2.0, 20.0])
    means, variances = series.asked(*asked, law)
    for k, (line, time) in enumerate(zip(*asked, strict=True)):
        own = series.of_lines(np.array([line]))
        covariance = np.exp(-np.abs(np.subtract.outer(own.times, own.times)) / 2)
        to = np.exp(-np.abs(own.times - time) / 2)
        weights = np.linalg.solve(covariance + 0.5 * np.eye(own.size), to)
        assert means[k] == pytest.approx(weights @ own.values)
        assert variances[k] == pytest.approx(1 - weights @ to)


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 second"), (100, "100 seconds"), (150, "2 minutes"), (86400 * 3, "3 days")]
)
def test_times_are_told_in_their_unit(seconds, words):
    assert duration(seconds) == words


def test_what_is_done_is_said():
    law = np.array([60.0, 7200.0]), np.array([0.2, 0.1])
    told = Drift("rows", *law, 0.5, 0.03, 900, "when", "dates").words
    assert told == (
        "what errors of each row have in common along 'when', over 60 seconds to 2 hours, is added, which "
        "lowers the squared error of 900 held-out cells by 3.0%"
    )
    assert "where the context of cells is the same" in Drift("table", *law, 0.5, 0.03, 900, "", "words").words
