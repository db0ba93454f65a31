"""Tables with curves: forests where held-out cells show that they help, and nothing where they do not."""

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.tree import ExtraTreeRegressor

import lowland as ll
from lowland.bayes.score_quantile import score_quantile
from lowland.completion.files.forests import refined_arrays, refined_model
from lowland.completion.refinement import forest_learning as refinement_learning
from lowland.completion.refinement import learning
from lowland.completion.refinement.layer import RefinementLayer
from lowland.core.errors import FileFormatError, InterruptedWarning, InvalidInputError, UnsupportedError
from lowland.core.results.status import StopReason
from lowland.files.bundle import save_bundle
from lowland.trials.gains import Gain
from saved_models import contents

pytestmark = pytest.mark.usefixtures("quick_starts")
# few sweeps: it is not their number that is tested
LIGHT = {"random_state": 0, "certify": False, "max_iter": 40, "powers": False, "row_units": False}


def curved(rng, m=200, share=0.2):
    """Columns that are functions of two numbers; linear ones and curves."""
    x, y = rng.uniform(-2, 2, (2, m))
    table = np.stack([x, y, x**2, np.sin(2 * y), np.abs(x) - y, x * y], axis=1)
    table += 0.05 * rng.standard_normal(table.shape)
    return table, rng.random(table.shape) < share


def linear(rng, m=200, share=0.2):
    table = rng.standard_normal((m, 2)) @ rng.standard_normal((2, 6)) + 0.4 * rng.standard_normal((m, 6))
    return table, rng.random(table.shape) < share


def fitted(table, gaps, **settings):
    holes, settings = np.where(gaps, np.nan, table), LIGHT | settings
    return ll.MatrixCompletion(**settings).fit(holes), holes


def error(model, table, gaps):
    scaled = (model.predict_table() - table) / table.std(axis=0)
    return float(np.sqrt(np.mean(scaled[gaps] ** 2)))


@pytest.fixture(scope="module")
def refined():
    table, gaps = curved(np.random.default_rng(1), 150)
    model, holes = fitted(table, gaps)
    return model, table, gaps, holes


@pytest.fixture(scope="module")
def plain(refined):
    """The same fit without forests."""
    return fitted(*refined[1:3], refine=False)[0]


def test_curves_are_refined_and_lines_are_not(refined, plain):
    model, table, gaps, _ = refined
    assert isinstance(model._completed.model, RefinementLayer)
    assert error(model, table, gaps) < 0.75 * error(plain, table, gaps)
    known = model._completed.model.refinement
    assert ((known.weights >= 0) & (known.weights <= 1)).all()
    assert known.weights[2] > 0.5  # the square
    assert ((known.ratios > 0) & (known.ratios <= 1)).all()
    np.testing.assert_array_equal(model.predict_table()[~gaps], plain.predict_table()[~gaps])
    straight = linear(np.random.default_rng(1), 120)
    assert not isinstance(fitted(*straight)[0]._completed.model, RefinementLayer)


def test_weights_of_one_are_found_out(few_trees, monkeypatch):
    """The mutant: forests are trusted wholly, which costs accuracy where relations are linear."""
    table, gaps = linear(np.random.default_rng(1))
    best = error(fitted(table, gaps, refine=True)[0], table, gaps)
    monkeypatch.setattr(refinement_learning, "_weights", lambda trials, found: np.ones(6))
    monkeypatch.setattr(refinement_learning, "gain_of", lambda trials, found, weights: Gain(1.0, 0.0, 1.0))
    assert error(fitted(table, gaps, refine=True)[0], table, gaps) > 1.05 * best


@pytest.mark.slow
def test_intervals_hold_what_they_say():
    inside = []
    for seed in range(4):
        table, gaps = curved(np.random.default_rng(10 + seed))
        model, _ = fitted(table, gaps)
        at = np.nonzero(gaps)
        inside.append(
            [
                np.mean((low <= table[at]) & (table[at] <= high))
                for low, high in (model.predict_interval(*at, level) for level in (0.5, 0.9))
            ]
        )
    half, most = np.mean(inside, axis=0)
    assert 0.42 < half < 0.65  # a little too wide: with cells held out, forests see fewer
    assert 0.86 < most < 0.94


def test_trees_are_those_of_scikit_learn(rng):
    inputs, target = rng.standard_normal((80, 3)).astype(np.float32), rng.standard_normal(80)
    forest = refinement_learning._grow(inputs, target, 7, 5)
    new = rng.standard_normal((500, 3)).astype(np.float32)
    naive = []
    for row in new:
        leaves = []
        for node in forest.roots:
            while forest.features[node] >= 0:
                node = forest.children[node, int(row[forest.features[node]] > forest.numbers[node])]
            leaves.append(float(forest.numbers[node]))
        naive.append(np.mean(leaves))
    np.testing.assert_allclose(forest.predict(new), naive, rtol=1e-12)
    seeds = np.random.default_rng(7)
    trees = [
        ExtraTreeRegressor(min_samples_leaf=2, max_features=0.6, random_state=int(seeds.integers(2**31))).fit(
            inputs, target
        )
        for _ in range(5)
    ]
    np.testing.assert_allclose(
        forest.predict(new), np.mean([tree.predict(new) for tree in trees], axis=0), rtol=1e-5, atol=1e-6
    )


def test_new_rows_and_files(refined, plain, tmp_path):
    model, table, _, _ = refined
    rng = np.random.default_rng(5)
    more, gaps = curved(rng, 60)
    blank = np.where(gaps, np.nan, more)
    errors = [
        np.sqrt(np.mean(((own.transform(blank) - more) / table.std(axis=0))[gaps] ** 2))
        for own in (model, plain)
    ]
    assert errors[0] < 0.8 * errors[1]
    for data in (True, False):
        model.save(tmp_path / "model.npz", data=data)
        loaded = ll.MatrixCompletion.load(tmp_path / "model.npz")
        np.testing.assert_array_equal(loaded.predict_table(), model.predict_table())
        np.testing.assert_array_equal(loaded.transform(blank), model.transform(blank))
        found, expected = (own.predict_interval([0, 1], [2, 3]) for own in (loaded, model))
        np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def saved(refined, tmp_path_factory):
    """What a file of the fit holds."""
    return contents(refined[0], tmp_path_factory.mktemp("refined"))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("children", lambda array: array * 0),
        ("features", lambda array: array + 9),
        ("roots", lambda array: array - 1),
        ("trees", lambda array: array + 1),
        ("nodes", lambda array: array - 1),
        ("columns", lambda array: array + 5),
        ("columns", lambda array: array[::-1]),
        ("spreads", lambda array: -array),
        ("gaps", lambda array: array.astype(float)),
        ("shifts", lambda array: array[:-1]),
    ],
)
def test_damaged_files_are_refused(name, change, saved, tmp_path):
    header, arrays = saved
    assert f"refined_{name}" in arrays
    damaged = arrays | {f"refined_{name}": change(arrays[f"refined_{name}"])}
    save_bundle(tmp_path / "bad.npz", "model", header, damaged)
    with pytest.raises(FileFormatError, match=r"bad.npz is a damaged model"):
        ll.MatrixCompletion.load(tmp_path / "bad.npz")


def test_arrays_come_back(refined):
    model = refined[0]._completed.model
    again = refined_model(model.base, refined_arrays(model, model.refinement))
    np.testing.assert_array_equal(again.matrix(), model.matrix())
    assert again.refinement.learnt_from == model.refinement.learnt_from
    assert again.refinement.gain == model.refinement.gain


def test_what_is_asked_of_a_refined_table(refined, monkeypatch):
    model, table, gaps, holes = refined
    drawn = model.completions(8)
    np.testing.assert_array_equal(drawn[:, ~gaps], np.broadcast_to(holes[~gaps], (8, (~gaps).sum())))
    at = np.nonzero(gaps)
    sample = model.sample(*at, 400, random_state=0)
    np.testing.assert_allclose(sample.mean(axis=0), model.predict_cells(*at), atol=0.35)
    lower, upper = model.predict_interval(*at, 0.9, method="conformal")
    assert 0.8 < np.mean((lower <= table[at]) & (table[at] <= upper)) < 0.98
    # some cells more keep the forests, many more let them grow anew
    learnt = []
    monkeypatch.setattr(learning, "choose_refinement", lambda base, *_: learnt.append(base))
    few = deepcopy(model)
    few.update([at[0][0]], [at[1][0]], [table[at[0][0], at[1][0]]])
    assert isinstance(few._completed.model, RefinementLayer)
    assert not learnt
    few.update(at[0], at[1], table[at])
    assert len(learnt) == 1


def test_threads_change_no_bit(refined, few_trees, quick_starts, monkeypatch):
    from lowland.kernels import threads

    _, table, gaps, _ = refined
    model, _ = fitted(table[:100], gaps[:100], refine=True, max_iter=5)
    assert isinstance(model._completed.model, RefinementLayer)
    monkeypatch.setattr(threads, "thread_count", lambda: 1)
    again, _ = fitted(table[:100], gaps[:100], refine=True, max_iter=5)
    np.testing.assert_array_equal(again.predict_table(), model.predict_table())


def test_an_interrupt_keeps_the_fit(refined, plain, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    _, table, gaps, _ = refined
    monkeypatch.setattr(refinement_learning, "_weights_by_round", interrupted)
    with pytest.warns(InterruptedWarning, match="the refinement was interrupted"):
        kept, _ = fitted(table, gaps, certify=True)
    # one request ends all that follows
    assert kept._completed.table.stop_reason is StopReason.INTERRUPTED
    assert kept.certificate_ is None
    np.testing.assert_array_equal(kept.predict_table(), plain.predict_table())


def test_refusals(refined, quick_starts):
    _, table, gaps, holes = refined
    with pytest.raises(InvalidInputError, match='refine is not used by method "map"'):
        fitted(table, gaps, method="map", refine=True)
    with pytest.raises(UnsupportedError, match="cannot be refined by forests"):
        ll.MatrixCompletion(refine=True, random_state=0).fit(holes, sample_weight=np.ones(len(holes)))
    with pytest.raises(InvalidInputError, match="refine"):
        fitted(table, gaps, refine="maybe")
    # weights and few rows leave "auto" as it was
    weighted = ll.MatrixCompletion(**LIGHT | {"max_iter": 5})
    weighted.fit(holes, sample_weight=np.full(len(holes), 2.0))
    assert not isinstance(weighted._completed.model, RefinementLayer)
    assert not isinstance(fitted(table[:19], gaps[:19])[0]._completed.model, RefinementLayer)


def test_reports_say_it(refined, few_trees, quick_starts, undrawn, tmp_path):
    _, table, gaps, _ = refined
    model, _ = fitted(table[:80], gaps[:80], certify="companion", refine=True, max_iter=5)
    model.report(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "columns refined by forests" in text
    assert "low-rank part alone" in text


def test_columns_without_a_cell_and_negative_zeros(few_trees, quick_starts, tmp_path):
    table, gaps = curved(np.random.default_rng(0), 100)
    table[:, 0] = np.where(np.arange(100) % 3 == 0, -0.0, table[:, 0])
    table = np.column_stack([table, np.full(100, np.nan)])
    gaps = np.column_stack([gaps, np.ones(100, bool)])
    model, holes = fitted(table, gaps, max_iter=5)
    assert isinstance(model._completed.model.base, RefinementLayer)  # around it: nothing is known of a column
    assert np.isfinite(model.transform(holes)).all()
    model.save(tmp_path / "model.npz")
    again = ll.MatrixCompletion.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.transform(holes), model.transform(holes))


def test_quantiles_of_scores():
    """That of a new one; of few, or beyond the largest, at least the normal one."""
    many = np.sort(np.abs(np.random.default_rng(0).standard_t(2, 999)))
    assert score_quantile(many, 0.5) == many[499]
    assert score_quantile(many, 0.9) == many[899]
    assert score_quantile(many, 1 - 1e-9) == pytest.approx(max(many[-1], 6.1), rel=0.01)
    assert score_quantile(np.array([0.1]), 0.9) == pytest.approx(1.645, abs=1e-3)
    assert score_quantile(np.array([9.0]), 0.9) == 9.0


def test_one_number_of_far_smaller_variance_says_nothing_of_how_far_numbers_differ():
    """A column beside one with a cell of 1e12: what is left of the precisions is rounded to zero."""
    numbers, variances = np.array([1.0, 2.0, 3.0]), np.array([1e-30, 1.0, 1.0])
    means, spreads = refinement_learning._shrunk(numbers, variances)
    np.testing.assert_allclose(means, 1.0, rtol=1e-12)
    assert (spreads <= variances).all()
    means, _ = refinement_learning._shrunk(numbers, np.array([0.1, 0.1, 0.1]))
    assert (np.diff(means) > 0.5).all()


def test_intervals_of_numbers_are_as_wide_as_errors_of_numbers_demand():
    """Levels beside them are 0 or 1, mostly certain: their errors would make intervals narrow."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-2, 2, 240)
    kind = np.digitize(x, [-0.7, 0.7])
    table = np.column_stack([x, x**2, np.sin(2 * x), np.eye(3)[kind]])
    table[:, :3] += 0.2 * rng.standard_normal((240, 3))
    groups = np.array([0, 1, 2, 3, 3, 3])
    holes = np.where((rng.random((240, 4)) < 0.15)[:, groups], np.nan, table)
    unsure = 0.03 * rng.standard_normal((240, 3))

    def complete(part):
        """Column means and spreads; of levels what x tells, which is nearly always right."""
        low = np.tile(np.nanmean(part, axis=0), (240, 1))
        low[:, 3:] = np.eye(3)[kind] + unsure
        return low, np.tile(np.nanstd(part, axis=0), (240, 1))

    known = refinement_learning.learn_refinement(holes, complete, np.random.default_rng(0), groups)
    assert known is not None
    # of a normal law 16 % are below .2 standard errors, of the levels here nearly all
    assert np.mean(known.scores < 0.2) < 0.3
    every = np.zeros(6, int)
    assert refinement_learning._of_numbers(SimpleNamespace(columns=np.array([0, 5])), every).all()
