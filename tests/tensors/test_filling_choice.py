"""Which ranks are compared, whatever single noisy chains say."""

from types import SimpleNamespace

import numpy as np
import pytest

from lowland.tensors.filling import choice as cp_choice
from lowland.tensors.filling.choice import RANKS, choose_rank


def _choice(errors, monkeypatch, shape=(30, 40, 50)):
    """Return the rank that is chosen where chains of each rank have these errors, and the ranks tried."""
    tried = []

    def compare(held, rank, features, rng, *, fitted=False):
        tried.append(rank)
        return SimpleNamespace(rank=rank, fitted=fitted, error=errors.get(rank, 10.0))

    monkeypatch.setattr(cp_choice, "compare", compare)
    held = SimpleNamespace(part=SimpleNamespace(shape=shape))
    chosen, least = choose_rank(held, None, (None,) * 3, np.random.default_rng(0))
    assert [rank for rank, _ in least] == sorted(set(tried))
    return chosen.rank, set(tried)


@pytest.mark.parametrize("best", RANKS)
def test_the_best_rank_is_found_after_three_chains_that_do_not_fall(best, monkeypatch):
    """Two in a row once ended the comparison: 48.9 or 12.5 by the seed, on one public set."""
    before = [rank for rank in RANKS if rank < best]
    errors = {rank: 5.0 + 0.1 * k for k, rank in enumerate(before[-4:])} | {best: 1.0}
    errors |= {rank: 6.0 for rank in before[:-4]}
    assert _choice(errors, monkeypatch)[0] == best


@pytest.mark.parametrize("best", [32, 64, 48, 24])
def test_far_ranks_are_always_looked_at(best, monkeypatch):
    """Errors rise from the first rank on, and fall late."""
    errors = {rank: 5.0 + 0.1 * k for k, rank in enumerate(RANKS)} | {32: 3.0, 64: 3.5} | {best: 1.0}
    rank, tried = _choice(errors, monkeypatch)
    assert rank == best
    assert {16, 24, 48} <= tried


def test_no_more_chains_than_that(monkeypatch):
    errors = {rank: 5.0 + 0.1 * k for k, rank in enumerate(RANKS)}
    assert _choice(errors, monkeypatch) == (1, {1, 2, 4, 6, 8, 32, 64})
    # a tensor that few components make up has no far ranks
    assert _choice(errors, monkeypatch, (3, 4, 5)) == (1, {1, 2, 4, 6, 8})
