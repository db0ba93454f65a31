"""What follows from a determined core: never more than exact ranks allow, nor than naive filling finds."""

import numpy as np
import pytest

import lowland as ll
from lowland.certificates.uniqueness import completability
from lowland.certificates.uniqueness.completability import finite_reach, unique_reach
from lowland.certificates.uniqueness.exact import pattern_rank
from lowland.certificates.uniqueness.patterns import judge_pattern
from lowland.core.results.records import ObservedPattern, dimension_of
from lowland.core.results.status import Verdict
from lowland.search import Iterations

ALL_BIASES = ("row", "column", "global")


def pattern_of(mask, rank, biases=()):
    rows, columns = np.nonzero(mask)
    return ObservedPattern(rows, columns, mask.shape, rank, biases, dimension_of(mask.shape, rank, biases))


@pytest.mark.parametrize(
    ("rank", "biases"),
    [
        # every day each rank with some biases, and each kind of them with some rank
        pytest.param(
            rank, biases, marks=[] if is_everyday else [pytest.mark.slow], id=f"{rank}-{'+'.join(biases)}"
        )
        for rank, biases, is_everyday in (
            (1, (), False),
            (1, ("row",), False),
            (1, ("global",), False),
            (1, ALL_BIASES, True),
            (2, (), False),
            (2, ("row",), True),
            (2, ("global",), True),
            (2, ALL_BIASES, True),
            (3, (), True),
            (3, ("row",), False),
            (3, ("global",), False),
            (3, ALL_BIASES, False),
        )
    ],
)
def test_no_cell_is_called_determined_that_can_move(rank, biases, rng):
    """Against the null vectors of the whole pattern, on masks around the threshold."""
    reached = 0
    for _ in range(20):
        mask = rng.random((12, 10)) < rng.uniform(0.3, 0.8)
        pattern = pattern_of(mask, rank, biases)
        whole = pattern_rank(pattern, rng)
        for reach in (
            finite_reach(pattern, 1000, rng),
            finite_reach(pattern, 12, rng),
            unique_reach(pattern),
        ):
            if reach is None:
                continue
            reached += reach.share > 0
            if whole.undetermined is not None:
                assert not (whole.undetermined & np.outer(reach.rows, reach.columns)).any()
    assert reached > 5


@pytest.mark.parametrize(("seeds", "least"), [(6, (2, 3)), pytest.param(10, (3, 10), marks=pytest.mark.slow)])
def test_what_is_called_unique_is_found_by_every_search(seeds, least, rng):
    tried = found = 0
    for seed in range(seeds):
        mask = rng.random((8, 7)) < 0.65
        reach = unique_reach(pattern_of(mask, 2))
        if reach is None or not reach.is_all:
            continue
        tried += 1
        truth = rng.standard_normal((8, 2)) @ rng.standard_normal((2, 7))
        rows, columns = np.nonzero(mask)
        for start in range(2):
            options = {
                "start": "random",
                "solver": "gauss_newton",
                "rng": 10 * seed + start,
                "certify": False,
                # what has not come to the data by then will not
                "n_restarts": 0,
                "stop": Iterations(30),
            }
            fit = ll.recover(ll.Entries(rows, columns, (8, 7)), truth[mask], rank=2, **options)
            if fit.search.value < 1e-20:
                found += 1
                np.testing.assert_allclose(fit.matrix(), truth, atol=1e-6)
    assert tried >= least[0]
    assert found >= least[1]


@pytest.mark.parametrize("rank", [1, 2])
def test_closure_against_naive_filling(rank, rng):
    """Fill the single missing cell of (r+1) x (r+1) blocks until nothing changes."""
    for _ in range(15):
        mask = rng.random((6, 6)) < 0.6
        reach = unique_reach(pattern_of(mask, rank))
        filled = naive_filling(mask, rank)
        if reach is not None:
            assert filled[np.outer(reach.rows, reach.columns)].all()
        if rank == 1 and filled.all():
            assert reach is not None
            assert reach.is_all


def naive_filling(mask, rank):
    from itertools import combinations

    filled = mask.copy()
    blocks = [
        np.ix_(rows, columns)
        for rows in combinations(range(mask.shape[0]), rank + 1)
        for columns in combinations(range(mask.shape[1]), rank + 1)
    ]
    while True:
        before = filled.sum()
        for block in blocks:
            if filled[block].sum() == (rank + 1) ** 2 - 1:
                filled[block] = True
        if filled.sum() == before:
            return filled


def test_the_four_by_four_trap_is_not_called_unique():
    found = judge_pattern(
        pattern_of(~np.eye(4, dtype=bool), 2), nonzero=True, largest=5000, rng=np.random.default_rng(0)
    )
    assert [f.verdict for f in found] == [Verdict.PROVED, Verdict.INCONCLUSIVE]


def test_large_patterns_are_settled_by_a_core(rng):
    """No complete block to start from, and too large for the exact rank."""
    mask = rng.random((150, 120)) < 0.35
    pattern = pattern_of(mask, 5)
    finite, unique = judge_pattern(pattern, nonzero=True, largest=300, rng=rng)
    assert finite.verdict is Verdict.PROVED
    assert "core of" in finite.method or "complete block" in finite.method
    assert unique.verdict in (Verdict.PROVED, Verdict.INCONCLUSIVE)
    mask[7] = False
    mask[7, :4] = True
    finite, unique = judge_pattern(pattern_of(mask, 5), nonzero=True, largest=300, rng=rng)
    assert finite.verdict is Verdict.REFUTED
    assert finite.witness["unreached_rows"].tolist() == [7]
    assert finite.witness["determined_share"] == pytest.approx(149 / 150)
    assert unique.verdict is Verdict.REFUTED


def test_part_of_a_large_pattern(rng):
    """Two blocks that share too few rows: the one with the core is reached, the other stays open."""
    mask = np.zeros((80, 70), bool)
    mask[:42, :40] = rng.random((42, 40)) < 0.8
    mask[38:, 38:] = rng.random((42, 32)) < 0.7
    finite, _ = judge_pattern(pattern_of(mask, 6), nonzero=True, largest=200, rng=rng)
    assert finite.verdict is Verdict.INCONCLUSIVE
    assert 0.2 < finite.witness["determined_share"] < 0.5
    assert "of the cells are determined" in finite.method


MUTANTS = {
    "one cell too few is enough": (
        completability,
        "close",
        lambda inner: lambda observed, known, needed: inner(observed, known, (needed[0] - 1, needed[1] - 1)),
    ),
    "a core that is not checked": (
        completability,
        "pattern_rank",
        lambda inner: lambda pattern, rng, trials: type("R", (), {"is_full": True}),
    ),
}


def false_cells():
    """Yield whether a cell that can move is called determined, for many patterns."""
    for seed in range(40):
        local = np.random.default_rng(seed)
        pattern = pattern_of(local.random((9, 9)) < 0.45, 2)
        moving = pattern_rank(pattern, local).undetermined
        for reach in (finite_reach(pattern, 1000, local), unique_reach(pattern)):
            if reach is not None and moving is not None:
                yield (moving & np.outer(reach.rows, reach.columns)).any()


@pytest.fixture(scope="module")
def no_false_cells():
    assert not any(false_cells())


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_call_moving_cells_determined(name, no_false_cells, monkeypatch):
    module, attribute, mutate = MUTANTS[name]
    monkeypatch.setattr(module, attribute, mutate(getattr(module, attribute)))
    assert any(false_cells())


def test_two_completions_are_exhibited(rng):
    """The 4 x 4 matrix without its diagonal, rank 2: finitely many completions, and two of them real."""
    values = rng.standard_normal((4, 2)) @ rng.standard_normal((2, 4))
    table = np.where(np.eye(4, dtype=bool), np.nan, values)
    rows, columns = np.nonzero(~np.eye(4, dtype=bool))
    answer = ll.diagnose(ll.Observations.from_array(table), rank=2, rng=0)
    fit = ll.recover(ll.Entries(rows, columns, (4, 4)), values[rows, columns], rank=2, rng=0)
    for finite, unique in (
        (answer.finite, answer.unique),
        (fit.certificate["determined_by_data"], fit.certificate["uniquely_determined"]),
    ):
        assert finite.verdict is Verdict.PROVED
        assert unique.verdict is Verdict.REFUTED
        one = unique.witness["left"] @ unique.witness["right"].T
        other = unique.witness["other_left"] @ unique.witness["other_right"].T
        for matrix in (one, other):
            np.testing.assert_allclose(matrix[rows, columns], values[rows, columns], rtol=1e-10)
            assert np.linalg.matrix_rank(matrix, tol=1e-8) == 2
        assert np.abs(one - other).max() > 1e-3
    assert answer.determined_share == 1


def test_one_answer_is_not_refuted(rng):
    """A pattern that closure does not reach, whose completions all agree; and data that no matrix fits."""
    mask = ~np.eye(5, dtype=bool)
    values = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 5))
    table = np.where(mask, values, np.nan)
    assert ll.diagnose(ll.Observations.from_array(table), rank=2).unique.verdict is not Verdict.REFUTED
    noisy = table + 0.1 * rng.standard_normal((5, 5))
    assert ll.diagnose(ll.Observations.from_array(noisy), rank=2).unique.verdict is not Verdict.REFUTED
