"""New slices of a completed tensor: rows of their own, drawn given everything else."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.tensors.filling import candidates
from lowland.tensors.filling import choice as cp_choice
from lowland.tensors.filling import sampling as cp_sampling
from lowland.tensors.filling.blending import TableValues
from lowland.tensors.filling.new_slices import draw_slices, slices_of

xarray = pytest.importorskip("xarray")


def tensor(rng, shape=(24, 14, 10), rank=2, noise=0.2):
    truth = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((n, rank)) for n in shape))
    return truth, truth + noise * rng.standard_normal(shape)


@pytest.fixture
def few_sweeps(monkeypatch):
    """Comparisons take a few sweeps, where it does not matter how well they choose."""
    monkeypatch.setattr(candidates, "COMPARED", (2, 3))
    monkeypatch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 5)
    monkeypatch.setattr(cp_choice, "ENOUGH", np.inf)  # noise by slices is not looked at


@pytest.fixture
def one_noise(monkeypatch):
    """Noise by slices is not looked at: where it is the subject of other tests."""
    monkeypatch.setattr(cp_choice, "ENOUGH", np.inf)


@pytest.fixture
def short_chains(monkeypatch):
    """Comparisons of fewer sweeps, which choose as surely among what is tested here."""
    monkeypatch.setattr(candidates, "COMPARED", (8, 8))
    monkeypatch.setattr(cp_sampling, "LEAST_SQUARES_SWEEPS", 5)


# few draws, where it does not matter how accurate they are; and enough of them for errors and intervals
BRIEF = {"model": "cp", "burn_in": 5, "n_draws": 5, "rng": 0}
SHORT = {"model": "cp", "burn_in": 15, "n_draws": 30, "rng": 0}


@pytest.fixture(scope="module")
def stream():
    """Twenty slices that are completed, four that come later."""
    rng = np.random.default_rng(5)
    truth, noisy = tensor(rng)
    holes = np.where(rng.random(noisy.shape) < 0.4, noisy, np.nan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "COMPARED", (10, 10))
        patch.setattr(cp_choice, "ENOUGH", np.inf)  # noise by slices is not looked at
        return truth, holes, ll.complete_tensor(holes[:20], 2, **SHORT)


def test_new_slices_are_predicted_nearly_as_by_a_refit(stream, short_chains, one_noise):
    truth, holes, first = stream
    added, whole = first.update(holes[20:], rng=1), ll.complete_tensor(holes, 2, **SHORT)
    hidden = np.isnan(holes[20:])
    errors = [np.sqrt(np.mean((own.tensor()[20:] - truth[20:])[hidden] ** 2)) for own in (added, whole)]
    assert errors[0] < 1.15 * errors[1]
    assert errors[0] < 0.15
    np.testing.assert_array_equal(added.tensor()[:20], first.tensor())
    np.testing.assert_array_equal(added.completed()[20:][~hidden], holes[20:][~hidden])
    at = np.argwhere(hidden) + np.array([20, 0, 0])
    low, high = added.interval(at, 0.9)
    noise = 0.2 * np.random.default_rng(2).standard_normal(len(at))
    inside = np.mean((low <= truth[tuple(at.T)] + noise) & (truth[tuple(at.T)] + noise <= high))
    assert 0.8 < inside < 0.98, "few cells calibrate: of 16 such tensors .03 is the standard deviation"
    assert added.completions(5, rng=0).shape == (5, 24, 14, 10)


def test_one_after_the_other_and_the_same_bits(stream):
    _, holes, first = stream
    one = first.update(holes[20], rng=1).update(holes[21:23], rng=2)
    assert one.shape == (23, 14, 10)
    again = first.update(holes[20], rng=1).update(holes[21:23], rng=2)
    np.testing.assert_array_equal(one.tensor(), again.tensor())
    assert first.shape == (20, 14, 10)


@pytest.mark.parametrize("count", [1000, pytest.param(4000, marks=pytest.mark.slow)])
def test_rows_have_their_posterior(count, rng, short_chains):
    """Of one draw: the mean and covariance of the rows, their prior drawn too, beside naive arithmetic."""
    _, noisy = tensor(rng, (30, 6, 5))
    first = ll.complete_tensor(noisy[:29], 2, model="cp", burn_in=15, n_draws=2, rng=0)
    assert first.noise_mode is None  # as in the arithmetic below
    theta, alpha = first.draws[0]
    model, more = first.model, slices_of(np.where(rng.random((6, 5)) < 0.4, noisy[29], np.nan), (29, 6, 5), 0)
    many = draw_slices(model, ((theta, alpha),) * count, more, 0, (None, None), np.random.default_rng(0))
    rows = np.array([model_factor(own, 30) for own, _ in many])
    a, b, c = model.factors(theta)
    at = more.all_positions()
    design = b[at[:, 1]] * c[at[:, 2]]
    y = (more.values - model.centre) / model.spread
    means, own = [], np.random.default_rng(1)
    for _ in range(count):
        precision, coefficients = model.priors[0].draw(a, own)
        total = precision + alpha * design.T @ design
        mean = np.linalg.solve(total, precision @ coefficients[0] + alpha * design.T @ y)
        means.append(mean + np.linalg.solve(np.linalg.cholesky(total).T, own.standard_normal(2)))
    spread = np.std(means, axis=0)
    np.testing.assert_allclose(
        rows.mean(axis=0), np.mean(means, axis=0), atol=5 * spread.max() / np.sqrt(count)
    )
    np.testing.assert_allclose(rows.std(axis=0), spread, rtol=0.08)


def model_factor(theta, length):
    """The last row of the first mode's factor of two columns."""
    return theta[: 2 * length].reshape(length, 2)[-1]


def test_slices_to_come_follow_the_order(short_chains, one_noise):
    """Days of a week, none of whose cells are known: the week tells, as of the days that were missing."""
    rng = np.random.default_rng(3)
    week = np.array([1.0, 1.1, 1.2, 1.1, 1.0, 0.3, 0.2])
    loads = rng.gamma(3, 1, (12, 1, 1)) * np.resize(week, 42)[:, None] * (1 + 0.5 * np.sin(np.arange(8)))
    noisy = loads + 0.05 * rng.standard_normal(loads.shape)
    noisy[:, [3, 12, 20, 27]] = np.nan
    first = ll.complete_tensor(noisy[:, :35], 2, orders={1: 7}, **SHORT)
    assert first.orders[1]
    added = first.update(np.full((12, 7, 8), np.nan), mode=1, rng=0)
    errors = np.abs(added.tensor()[:, 35:] - loads[:, 35:]).mean(axis=(0, 2))
    assert (errors < 0.05 * np.abs(loads).mean()).all()
    assert "mode 1: 11 slices without a known cell" in str(added)
    low, high = added.interval([[0, 36, 0]], 0.9)
    assert high - low > 0.1


def test_noisy_slices_are_noticed(short_chains):
    """Noise differs by sensors; of the new ones, one is noisy and its interval is wide."""
    rng = np.random.default_rng(4)
    truth, _ = tensor(rng, (30, 16, 12), noise=0)
    sizes = np.where(np.arange(30) % 2, 1.5, 0.1)
    noisy = truth + sizes[:, None, None] * rng.standard_normal(truth.shape)
    holes = np.where(rng.random(truth.shape) < 0.7, noisy, np.nan)
    first = ll.complete_tensor(holes[:28], 2, **SHORT)
    assert first.noise_mode == 0
    found = first.update(holes[28:], rng=0).slice_noise
    assert found[28] == pytest.approx(0.1, rel=0.3)
    assert found[29] == pytest.approx(1.5, rel=0.3)


def test_noise_of_another_mode_is_kept(short_chains):
    rng = np.random.default_rng(4)
    truth, _ = tensor(rng, (16, 30, 12), noise=0)
    sizes = np.where(np.arange(30) % 2, 1.5, 0.1)
    noisy = truth + sizes[:, None] * rng.standard_normal(truth.shape)
    first = ll.complete_tensor(noisy[:14], 2, **SHORT)
    assert first.noise_mode == 1
    more = first.update(noisy[14:], rng=0)
    np.testing.assert_array_equal(more.slice_noise, first.slice_noise)
    quiet = np.abs(more.tensor() - truth)[14:, ::2]
    assert quiet.max() < 0.2


def test_new_slices_beside_a_blend_are_those_of_cp(rng, few_sweeps, monkeypatch):
    """Where the rest is blended with a table, nothing is known of new slices there."""
    truth, noisy = tensor(rng, (30, 10, 8), rank=4, noise=0.05)
    skewed = np.exp(0.2 * noisy)
    holes = np.where(rng.random(truth.shape) < 0.5, skewed, np.nan)
    table = TableValues(np.exp(0.2 * truth[:29]), np.full((29, 10, 8), 0.1))
    monkeypatch.setattr(
        "lowland.estimators.tensors.tensor_completion.table_values", lambda part, *_, **how: table
    )
    first = ll.complete_tensor(holes[:29], 1, n_draws=30, rng=0)
    assert first.blend is not None
    more = first.update(holes[29], rng=0)
    assert more.tensor().shape == (30, 10, 8)
    np.testing.assert_array_equal(more.tensor()[:29], first.tensor())
    assert np.isfinite(np.array(more.interval(np.argwhere(np.isnan(holes))))).all()


def labelled(values, days):
    coords = {"day": np.datetime64("2024-01-01") + days, "hour": np.arange(5) * 2}
    return xarray.DataArray(values, dims=("sensor", "day", "hour"), coords=coords)


def test_labelled_slices(rng, few_sweeps):
    _, noisy = tensor(rng, (8, 20, 5))
    first = ll.complete_tensor(
        labelled(noisy[:, :18], np.arange(18)), 2, orders={"day": "coordinates"}, **BRIEF
    )
    rest = labelled(noisy[:, 18:], np.array([18, 25]))
    done = first.update(rest, mode="day", rng=0).completed()
    assert done.coords["day"][-1] == np.datetime64("2024-01-26")
    np.testing.assert_array_equal(done.isel(day=[18, 19]), noisy[:, 18:])
    one = first.update(rest.isel(day=1), mode="day", rng=0).completed()
    assert one.coords["day"][-1] == np.datetime64("2024-01-26")
    with pytest.raises(InvalidInputError, match="need its labels"):
        first.update(noisy[:, 18:], mode="day")
    with pytest.raises(InvalidInputError, match="other coordinates"):
        first.update(rest.assign_coords(hour=np.arange(5)), mode="day")
    with pytest.raises(InvalidInputError, match="coordinates alike"):
        first.update(rest.drop_vars("day"), mode="day")


@pytest.mark.parametrize(
    ("slices", "options", "words"),
    [
        (np.zeros((3, 10)), {}, "do not fit the tensor"),
        (np.zeros((0, 14, 10)), {}, "do not fit the tensor"),
        (np.full((14, 10), np.inf), {}, "infinite"),
        ([["a"] * 10] * 14, {}, "must be real numbers"),
        (np.zeros((14, 10)), {"mode": 3}, "no such mode"),
        (np.zeros((14, 10)), {"mode": "day"}, "no such mode"),
        (np.zeros((14, 10)), {"mode": True}, "no such mode"),
    ],
)
def test_bad_slices(slices, options, words, stream):
    with pytest.raises(InvalidInputError, match=words):
        stream[2].update(slices, **options)


def test_orders_that_cannot_go_on(rng, few_sweeps):
    _, noisy = tensor(rng, (12, 9, 6))
    smooth = np.sin(np.arange(12) / 2)[:, None, None] * noisy[:1]
    places = np.arange(12.0) ** 1.1
    first = ll.complete_tensor(smooth, 2, orders={0: places}, **BRIEF)
    assert first.smooth
    with pytest.raises(InvalidInputError, match="have no coordinates"):
        first.update(smooth[0])
    with pytest.raises(InvalidInputError, match="do not fit the order"):
        first.update(smooth[0], coordinates=[[13.0, 1.0]])
    assert first.update(smooth[0], coordinates=[15.4], rng=0).shape == (13, 9, 6)


def test_cells_on_the_disk_are_refused(tmp_path, rng, few_sweeps):
    frame = pytest.importorskip("pandas")
    _, noisy = tensor(rng, (12, 9, 6))
    at = np.argwhere(np.isfinite(noisy))
    columns = {name: at[:, k] for k, name in enumerate("abc")} | {"value": noisy.ravel()}
    frame.DataFrame(columns).to_parquet(tmp_path / "cells.parquet")
    files = tmp_path / "cells.parquet", tmp_path / "sorted"
    stored = ll.StoredTensor.from_parquet(*files, modes=["a", "b", "c"], value="value")
    found = ll.complete_tensor(stored, 1, n_draws=2, burn_in=2, rng=0)
    with pytest.raises(UnsupportedError, match="on the disk"):
        found.update(noisy[0])


def test_masked_cells_are_missing(stream):
    _, holes, first = stream
    hidden = np.isnan(holes[20])
    masked = np.ma.masked_array(np.where(hidden, -999, holes[20]), hidden)
    found = [first.update(own, rng=1).tensor() for own in (masked, holes[20])]
    np.testing.assert_array_equal(*found)


def test_a_labelled_slice_alone_may_have_coordinates_of_its_own(rng, few_sweeps):
    """As `array[7]` has: those of its day, and others that the tensor lacks; and modes in another order."""
    _, noisy = tensor(rng, (8, 10, 6))
    days = np.datetime64("2024-01-01") + np.arange(8)
    coords = {"day": days, "weekday": ("day", np.arange(8) % 7), "b": np.arange(10), "run": 1}
    array = xarray.DataArray(noisy, dims=("day", "b", "c"), coords=coords)
    first = ll.complete_tensor(array[:7], 2, **BRIEF)
    whole = first.update(array[7:], mode="day", rng=0)
    for one in (array[7], array[7].assign_coords(run=3, tool="x"), array[7].transpose("c", "b")):
        added = first.update(one, mode="day", rng=0)
        np.testing.assert_array_equal(added.tensor(), whole.tensor())
        np.testing.assert_array_equal(added.completed().coords["weekday"], np.arange(8) % 7)
    numbered = xarray.DataArray(noisy, dims=(1, 2, 3))
    plain = ll.complete_tensor(numbered[:7], 2, **BRIEF)
    assert plain.update(numbered[7:], rng=0).completed().dims == (1, 2, 3)


def test_orders_by_other_coordinates_than_the_labels_ask_for_theirs(rng, short_chains, one_noise):
    _, noisy = tensor(rng, (40, 8, 6))
    smooth = np.sin(np.arange(40) / 3)[:, None, None] * noisy[:1] + 0.05 * noisy
    smooth[[5, 12, 20, 27]] = np.nan
    days = np.datetime64("2024-01-01") + np.arange(40)
    array = xarray.DataArray(smooth, dims=("day", "b", "c"), coords={"day": days})
    own = np.arange(36.0)
    first = ll.complete_tensor(array[:36], 2, orders={"day": own}, **BRIEF)
    assert first.smooth
    with pytest.raises(InvalidInputError, match="have no coordinates"):
        first.update(array[36:], mode="day")
    assert first.update(array[36:], mode="day", coordinates=np.arange(36.0, 40), rng=0).shape == (40, 8, 6)
    with pytest.raises(InvalidInputError, match="of no use"):
        first.update(array[36:], mode="day", coordinates=(np.arange(4), np.arange(4)))
    labels = ll.complete_tensor(array[:36], 2, orders={"day": "coordinates"}, **BRIEF)
    assert labels.smooth
    added = labels.update(array[36:], mode="day", rng=0)
    np.testing.assert_array_equal(added.smooth[0][0].coordinates[:, 0], days.astype(float))
