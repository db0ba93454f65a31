"""What a service asks of a fitted table: rankings, new rows, updates, strangers, models on disk."""

import copy
import os
import threading

import numpy as np
import pytest

import lowland as ll
from lowland.cells.labels import TableLabels
from lowland.completion.tables.kept_fit import cells_as_arrays, cells_from_arrays
from lowland.completion.tables.updates import refuse_far
from lowland.core.errors import InvalidInputError, UnsupportedError
from lowland.core.running.locks import lock_of

pytestmark = pytest.mark.usefixtures("plain_kernels_throughout", "light_fits_throughout")
SHAPE = (120, 60)
FITS = {
    "variational": {},
    "map": {"method": "map", "rank": 3, "penalty": 2.0},
    "counts": {"method": "map", "rank": 3, "penalty": 2.0, "penalty_weights": "counts", "bias_penalty": 1.0},
    "nonnegative": {"method": "map", "rank": 2, "penalty": 1.0, "nonnegative": True, "biases": False},
}


def ratings():
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(SHAPE[0], 2)) @ rng.normal(size=(2, SHAPE[1]))
    stars = np.clip(np.rint(3 + taste + 0.3 * rng.normal(size=SHAPE)), 1, 5)
    rows, columns = np.nonzero(rng.random(SHAPE) < 0.25)
    return ll.Observations.from_triples(
        rows,
        columns,
        stars[rows, columns],
        shape=SHAPE,
        row_labels=[f"u{k}" for k in range(SHAPE[0])],
        column_labels=[f"film {k}" for k in range(SHAPE[1])],
    )


@pytest.fixture(scope="module")
def fits():
    seen = ratings()
    return {
        name: ll.MatrixCompletion(random_state=0, certify=False, **how).fit(seen)
        for name, how in FITS.items()
    }


@pytest.fixture(params=list(FITS))
def model(request, fits):
    return copy.deepcopy(fits[request.param])


def test_labels(model):
    assert model.row_labels_[3] == "u3"
    assert model.column_labels_[-1] == "film 59"


def test_a_new_row_by_its_known_values(model):
    known = {"film 3": 5.0, "film 10": 1.0}
    table = np.full((1, SHAPE[1]), np.nan)
    table[0, [3, 10]] = 5.0, 1.0
    predictions = model.fold_in(known)
    filled = model.transform(table)[0]
    missing = np.isnan(table[0])
    np.testing.assert_array_equal(predictions[missing], filled[missing])
    best, values = model.top(known, 4, rank_by="value")
    assert not {"film 3", "film 10"} & set(best)
    np.testing.assert_array_equal(values, np.sort(predictions[missing])[::-1][:4])
    assert "film 3" in model.top(known, SHAPE[1], exclude_observed=False)[0]
    assert model.fold_in({}).shape == (SHAPE[1],)
    with pytest.raises(InvalidInputError, match="has no such column"):
        model.fold_in({"film 99": 5.0})
    with pytest.raises(InvalidInputError):
        model.fold_in({"film 3": np.nan})


def test_rankings_of_many_rows_are_those_of_each(model):
    rows = ["u5", "u0", "u5", "u119"]
    columns, values = model.top(rows, 7, candidates=[f"film {k}" for k in range(0, 60, 2)])
    for row, own, numbers in zip(rows, columns, values, strict=True):
        alone = model.top(row, 7, candidates=[f"film {k}" for k in range(0, 60, 2)])
        assert own.tolist() == alone[0].tolist()
        np.testing.assert_allclose(numbers, alone[1], rtol=1e-12)
    full = model._completed.model.row_scores(np.array([5]))[0]
    seen = model._completed.table.observations
    have = seen.columns[seen.rows == 5]
    open_columns = [k for k in np.argsort(-full, kind="stable") if k not in have]
    best, predictions = model.top("u5", 7, rank_by="value")
    assert [f"film {k}" for k in open_columns[:7]] == best.tolist()
    assert predictions.max() <= 5 or model.method == "map"


def test_strangers(model):
    predictions = model.predict_cells(
        ["u1", "nobody", "u1", "nobody"], ["film 2"] * 2 + ["nothing"] * 2, unknown="average"
    )
    assert predictions[0] == model.predict_cells(["u1"], ["film 2"])[0]
    parts = model._completed.model.parts()
    natural = parts.row_factors @ parts.column_factors.T + parts.row_biases[:, None] + parts.column_biases
    natural = natural + parts.offset
    expected = natural[:, 2].mean(), natural[1].mean(), natural.mean()
    np.testing.assert_allclose(predictions[1:], expected, rtol=1e-9)
    with pytest.raises(InvalidInputError, match="has no such row"):
        model.predict_cells(["nobody"], ["film 2"])


NEW = (["u1", "u1", "fresh"], ["film 0", "film 1", "film 0"], [5.0, 1.0, 4.0])


def test_a_small_update_solves_its_rows_and_columns_alone(model):
    before = copy.deepcopy(model)
    model.update(*NEW, refit=False)
    seen = model._completed.table.observations
    touched = np.isin(model.row_labels_, ["u1", "fresh"])
    kept = ~touched[: SHAPE[0]]
    old, new = before._completed.model, model._completed.model
    still = [f"film {k}" for k in range(2, 60)]
    same = model.predict_cells(["u9"] * 58, still) - before.predict_cells(["u9"] * 58, still)
    assert not same.any()  # rows and columns without new cells are as they were
    assert kept.sum() == 119
    assert new.shape == (121, 60)
    assert old.shape == SHAPE
    # a solved row is what folding it in gives
    folded = model.fold_in(
        {
            f"film {j}": v
            for j, v in zip(seen.columns[seen.rows == 1], seen.values[seen.rows == 1], strict=True)
        }
    )
    own = model._completed.model.row_scores(np.array([1]))[0]
    clipped = np.clip(own, folded.min(), folded.max())
    np.testing.assert_allclose(clipped, folded, rtol=1e-4, atol=1e-4)
    # and little is lost compared with another fit of everything
    again = before.update(*NEW, refit=True)
    gap = model.predict_cells(NEW[0], NEW[1]) - again.predict_cells(NEW[0], NEW[1])
    assert np.abs(gap).max() < 0.5


def test_updates_choose_by_the_number_of_new_cells(model):
    model.certify, model.effort = True, "quick"
    model.update(*NEW)
    assert model.certificate_ is None  # only rows and columns were solved
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, SHAPE[0], (2, 90))
    model.update(
        [f"u{k}" for k in rows], [f"film {k}" for k in columns % 60], rng.integers(1, 6, 90).astype(float)
    )
    assert model.certificate_ is not None
    with pytest.raises(InvalidInputError, match="refit must be"):
        model.update(*NEW, refit="never")


def test_a_loaded_model_goes_on_like_the_fitted_one(model, tmp_path):
    model.save(tmp_path / "m.npz")
    again = ll.MatrixCompletion.load(tmp_path / "m.npz")
    assert again.column_labels_.tolist() == model.column_labels_.tolist()
    for change in (False, True):
        one, other = copy.deepcopy(model), copy.deepcopy(again)
        one.update(*NEW, refit=change)
        other.update(*NEW, refit=change)
        np.testing.assert_array_equal(one.predict_table(), other.predict_table())
        assert one.top("fresh", 3)[0].tolist() == other.top("fresh", 3)[0].tolist()
    again.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()
    model.save(tmp_path / "bare.npz", data=False)
    bare = ll.MatrixCompletion.load(tmp_path / "bare.npz")
    with pytest.raises(UnsupportedError, match="without them"):
        bare.update(*NEW)
    with pytest.raises(UnsupportedError, match="exclude_observed=False"):
        bare.top("u1")


@pytest.mark.parametrize("levels", [5, 100_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_cells_survive_packing(levels, weighted, rng):
    rows, columns = np.nonzero(rng.random((50, 300)) < 0.3)
    order = rng.permutation(rows.size)
    values = rng.integers(0, levels, rows.size) / 7
    weights = rng.random(rows.size) + 0.5 if weighted else None
    table = ll.Observations.from_triples(
        rows[order], columns[order], values, weights=weights, shape=(52, 301), column_labels=range(301)
    )
    back = cells_from_arrays(cells_as_arrays(table), TableLabels.of(table), "float64")
    assert back.fingerprint() == table.fingerprint()
    assert (np.diff(back.rows * 301 + back.columns) > 0).all()


@pytest.mark.covering
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 30))])
def test_intervals_have_the_same_bits_in_any_order_and_after_loading(seed, dtype, refit, tmp_path):
    """Cells are listed in another order by who fits, and row by row in a file."""
    rng = np.random.default_rng(seed)
    m, n = int(rng.integers(8, 30)), int(rng.integers(6, 15))
    table = rng.standard_normal((m, 2)) @ rng.standard_normal((2, n)) + 0.2 * rng.standard_normal((m, n))
    places = rng.permutation(m * n)[: int(0.8 * m * n)]
    rows, columns = np.divmod(places, n)
    weights = rng.uniform(0.3, 3, rows.size) if rng.random() < 0.5 else None
    listed = ll.Observations(rows, columns, table[rows, columns], (m, n), weights=weights)
    by_row = listed.select(np.argsort(places))
    settings = {"rank": 2, "penalty": float(rng.choice([0.1, 1.0])), "bias_penalty": float(rng.integers(2))}
    models = [
        ll.MatrixCompletion(method="map", certify=False, random_state=0, dtype=dtype, **settings).fit(own)
        for own in (listed, by_row)
    ]
    models[0].save(tmp_path / "model.npz")
    models.append(ll.MatrixCompletion.load(tmp_path / "model.npz"))
    at, new = np.indices((m, n)).reshape(2, -1), rng.integers((m + 1, n))
    for _ in range(2):
        for other in models[1:]:
            for own, expected in zip(
                (other.predict_cells(*at), *other.predict_interval(*at)),
                (models[0].predict_cells(*at), *models[0].predict_interval(*at)),
                strict=True,
            ):
                np.testing.assert_array_equal(own, expected)
        for model in models:
            model.update(new[:1], new[1:], [0.5], refit=refit)


def test_many_threads_ask_at_once(fits):
    model = fits["variational"]
    expected = model.top("u7", 5)[0].tolist(), model.fold_in({"film 3": 4.0})
    failures = []

    def ask():
        for _ in range(20):
            good = model.top("u7", 5)[0].tolist() == expected[0]
            if not (good and np.array_equal(model.fold_in({"film 3": 4.0}), expected[1])):
                failures.append(1)

    threads = [threading.Thread(target=ask) for _ in range(min(8, 4 * (os.cpu_count() or 1)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize(
    ("dtype", "value", "method"),
    [
        pytest.param(dtype, value, method, marks=[pytest.mark.slow] * (method != usual))
        for dtype, value, usual in (
            ("float64", 1e308, "variational"),
            ("float64", -1e61, "map"),
            ("float32", 1e30, "map"),
        )
        for method in ("variational", "map")
    ],
)
def test_values_that_overflow_are_refused_and_change_nothing(method, dtype, value):
    """A single one made a column NaN for everyone."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 6))
    table[rng.random(table.shape) < 0.2] = np.nan
    settings = {"rank": 2, "penalty": 1.0} if method == "map" else {"refine": False}
    model = ll.MatrixCompletion(method=method, dtype=dtype, random_state=0, certify=False, **settings).fit(
        table
    )
    before = model.predict_table()
    with pytest.raises(InvalidInputError, match=r"values is out of scale(.|\n)*correct the value"):
        model.update([3], [2], [value], allow_far=True)
    np.testing.assert_array_equal(model.predict_table(), before)
    row = np.full((1, 6), np.nan)
    row[0, 1] = value
    if dtype == "float64":
        with pytest.raises(InvalidInputError, match="X is out of scale"):
            model.transform(row)
        with pytest.raises(InvalidInputError, match="known is out of scale"):
            model.fold_in({1: value})
    model.update([3], [2], [1e6], allow_far=True)
    assert np.isfinite(model.predict_table()).all()


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ((["u1", "u2"], ["film 1", "film 2"], [3.0, np.nan]), "values"),
        ((["u1", "u2", "u1"], ["film 1", "film 2", "film 1"], [3.0, 2.0, 5.0]), "listed more than once"),
        ((["u1", "new"], ["film 1", "film 2"], [3.0, 500.0]), "far beyond the known ones"),
        ((["u1", "new"], ["film 1", "film new"], [3.0, -500.0]), "far beyond the known ones"),
        ((["u1"], ["film 1"], [np.inf]), "values"),
    ],
)
def test_updates_are_all_or_nothing(cells, words, model):
    before = copy.deepcopy(model)
    with pytest.raises(InvalidInputError, match=words):
        model.update(*cells)
    np.testing.assert_array_equal(model.predict_table(), before.predict_table())
    assert (
        model._completed.table.observations.fingerprint()
        == before._completed.table.observations.fingerprint()
    )
    assert model.row_labels_.tolist() == before.row_labels_.tolist()


def test_repeated_and_far_cells_are_taken_in_where_asked(model):
    model.update(["u1", "u1"], ["film 1"] * 2, [2.0, 4.0], duplicates="mean", refit=False)
    model.update(["u2"], ["film 1"], [99.0], allow_far=True, refit=False)
    data = model._completed.table.observations
    value = {(int(i), int(j)): float(v) for i, j, v in zip(data.rows, data.columns, data.values, strict=True)}
    assert (value[1, 1], value[2, 1]) == (3.0, 99.0)
    model.update(["u3"], ["film 1"], [90.0], refit=False)  # no longer far


def test_how_far_is_far():
    def cells(rows, columns, values, **shape):
        return ll.Observations.from_triples(rows, columns, values, shape=(30, 3))

    known = cells(range(20), [0] * 10 + [1] * 10, [*range(10), *range(100, 110)])
    for column, value, far in (
        (0, 99.0, False),
        (0, 99.1, True),
        (0, -90.1, True),
        (1, 0.0, True),
        (1, 199, False),
    ):
        new = cells([25], [column], [value])
        if far:
            with pytest.raises(InvalidInputError, match="known from"):
                refuse_far(known, new)
        else:
            refuse_far(known, new)
    refuse_far(known, cells([25], [2], [1e3]))  # of a new column the range of the table counts
    refuse_far(cells([0], [0], [1.0]), cells([1], [0], [1e9]))  # one number has no range


def test_updates_of_several_threads_wait_for_each_other(model):
    """Six threads lost 30 of 36 rows."""
    count = min(6, 3 * (os.cpu_count() or 1))
    barrier = threading.Barrier(count)

    def add(number):
        barrier.wait()
        for k in range(3):
            model.update([f"thread {number}, {k}"], ["film 3"], [4.0], refit=False)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(model.row_labels_) == SHAPE[0] + 3 * count == model._completed.model.shape[0]
    assert lock_of(model) is lock_of(model)
    assert lock_of(copy.deepcopy(model)) is not lock_of(model)
