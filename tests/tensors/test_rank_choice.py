"""Which ranks are compared, whatever single noisy chains say, and what tables change of it."""

from types import SimpleNamespace

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.tensors.cells.held_out import HeldOut
from lowland.tensors.filling import rank_choice
from lowland.tensors.filling.blending import TablesBeside, TableValues
from lowland.tensors.filling.candidates import Candidate
from lowland.tensors.filling.rank_choice import RANKS, Chains, choose_rank

CELLS = 4000


def hold_out(shape=(30, 40, 50)):
    """A tensor with cells held out, whose values are of size 100 and random."""
    values = 100 * np.random.default_rng(0).standard_normal(CELLS)
    part = SimpleNamespace(shape=shape)
    return HeldOut(part, np.zeros((CELLS, 3), np.int64), values, np.full(CELLS, -1), None)


def choice(errors, monkeypatch, shape=(30, 40, 50), *, fitted=None, table=None):
    """Return what is chosen where chains of each rank err by so much, and which chains were run."""
    run = []

    def compare(held, rank, features, rng, *, fitted=False):
        run.append((rank, fitted))
        size = (of_fits if fitted else errors).get(rank, 10.0)
        misses = size * np.where(rng.random(CELLS) < 0.5, 1.0, -1.0)
        return Candidate(rank, fitted, None, held, held.values + misses, np.ones(CELLS), np.zeros(1))

    of_fits = errors if fitted is None else fitted
    monkeypatch.setattr(rank_choice, "compare", compare)
    held = hold_out(shape)
    beside = None
    if table is not None:
        noise = table * np.where(np.random.default_rng(5).random(CELLS) < 0.5, 1.0, -1.0)
        beside = SimpleNamespace(
            of=lambda *_: TablesBeside({1: TableValues(held.values + noise, np.ones(CELLS))})
        )
        monkeypatch.setattr(rank_choice, "TablesBeside", beside)
    chains = Chains(held, (None,) * 3, 3)
    found = choose_rank(chains, None, None if table is None else len, np.random.default_rng(0))
    assert [rank for rank, _ in chains.least] == sorted({rank for rank, _ in run})
    assert len(run) == len(set(run)), "no chain twice"
    return found, run


def ranks(run):
    return {rank for rank, _ in run}


@pytest.mark.parametrize("best", [rank for rank in RANKS if rank <= 12])
def test_the_best_rank_is_found_although_some_before_it_do_not_fall(best, monkeypatch):
    """Two in a row once ended the comparison: 48.9 or 12.5 by the seed, on one public set."""
    errors = {rank: 5.0 + 0.1 * k for k, rank in enumerate(rank for rank in RANKS if rank < best)}
    after = {rank: 1.0 + 0.1 * k for k, rank in enumerate(rank for rank in RANKS if rank >= best)}
    assert choice(errors | after, monkeypatch)[0].best.rank == best


@pytest.mark.parametrize("best", [16, 24, 32, 48, 64])
def test_a_far_rank_is_always_looked_at(best, monkeypatch):
    """Errors rise from the first rank on, and fall late."""
    errors = {rank: 5.0 + 0.1 * k for k, rank in enumerate(RANKS)} | {32: 3.0} | {best: 1.0}
    found, run = choice(errors, monkeypatch)
    assert found.best.rank == best
    assert {16, 24, 32} <= ranks(run)


def test_no_more_chains_than_that(monkeypatch):
    errors = {rank: 5.0 + 0.1 * k for k, rank in enumerate(RANKS)}
    found, run = choice(errors, monkeypatch)
    assert found.best.rank == 1
    assert sorted(run) == [(1, False), (1, True), (2, False), (4, False), (6, False), (8, False), (32, False)]
    # a tensor that few components make up has no far ranks
    assert ranks(choice(errors, monkeypatch, (3, 4, 5))[1]) == {1, 2, 4, 6, 8}


def test_errors_that_fall_by_little_are_not_followed(monkeypatch):
    slowly = {rank: 5.0 - 0.005 * k for k, rank in enumerate(RANKS)}
    assert ranks(choice(slowly, monkeypatch)[1]) == {1, 2, 4, 6, 8, 32}
    surely = {rank: 5.0 * 0.9**k for k, rank in enumerate(RANKS)}
    assert choice(surely, monkeypatch)[0].best.rank == max(RANKS)


def test_rounding_ends_the_comparison(monkeypatch):
    errors = {rank: 50.0 / 2**k for k, rank in enumerate(RANKS)} | {6: 1e-4, 8: 1e-5, 12: 1e-6, 32: 1e-7}
    found, run = choice(errors, monkeypatch, table=1e-9)
    assert found.best.rank == 8
    assert ranks(run) == {1, 2, 4, 6, 8}
    assert found.beside is None


def test_fits_by_least_squares_are_looked_at_around_the_best_if_they_help_there(monkeypatch):
    errors = {rank: 5.0 + 0.1 * k for k, rank in enumerate(RANKS)} | {6: 2.0}
    found, run = choice(errors, monkeypatch, fitted={6: 1.99, 4: 0.5})
    assert not found.best.fitted, "by a half per cent"
    assert [one for one in run if one[1]] == [(6, True)]
    found, run = choice(errors, monkeypatch, fitted={6: 1.9, 4: 0.5, 2: 1.0})
    assert (found.best.rank, found.best.fitted) == (4, True)
    assert sorted(one for one in run if one[1]) == [(rank, True) for rank in (2, 4, 6, 8, 12)]


def test_ranks_that_a_table_makes_needless_are_not_run(monkeypatch):
    """What more components predict, the table predicts already."""
    errors = {rank: 5.0 * 0.9**k for k, rank in enumerate(RANKS)}
    found, run = choice(errors, monkeypatch, table=0.2)
    assert found.beside is not None
    assert found.beside.best(found.best)[0] == 1
    assert found.beside.errors(found.best) == ((1, pytest.approx(0.2)),)
    assert ranks(run) == {1, 2, 4, 6, 8, 32}


def test_a_table_of_no_use_changes_no_chain(monkeypatch):
    errors = {rank: 5.0 * 0.9**k for k, rank in enumerate(RANKS)}
    (alone, run), (found, beside) = (choice(errors, monkeypatch, table=table) for table in (None, 1e3))
    assert found.beside is None
    assert ranks(beside) == ranks(run)
    np.testing.assert_array_equal(found.best.means, alone.best.means)


def test_errors_that_are_not_finite_are_refused(monkeypatch):
    with pytest.raises(InvalidInputError, match="cannot be fitted"):
        choice(dict.fromkeys(RANKS, np.nan), monkeypatch)


@pytest.mark.usefixtures("plain_kernels")
def test_a_chain_is_the_same_whichever_others_are_run(rng, monkeypatch):
    monkeypatch.setattr("lowland.tensors.filling.candidates.COMPARED", (3, 3))
    data = ll.TensorObservations.from_array(rng.standard_normal((5, 4, 3)))
    held = HeldOut(data, data.all_positions()[:9], data.values[:9], np.full(9, -1), None)
    one, other = Chains(held, (None,) * 3, 7), Chains(held, (None,) * 3, 7)
    other(1), other(2, fitted=True)
    np.testing.assert_array_equal(one(2).means, other(2).means)
    assert one(2) is one(2)
