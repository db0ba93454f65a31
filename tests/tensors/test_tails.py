"""Proved bounds on what flattenings leave, compared with exact characteristic polynomials."""

from fractions import Fraction

import numpy as np
import pytest

from lowland.certificates.factorisations import eigh
from lowland.tensors.certificates import tails
from lowland.tensors.certificates.tails import proved_tail
from oracles.tensors import flat, leaves


def near_degenerate(rng, size):
    """A tensor whose tail may be far below its norm, clustered, or zero; tiny and large units."""
    shape = (4, 3, 5)
    factors = [np.linalg.qr(rng.standard_normal((n, 3)))[0] for n in shape]
    spectrum = 10.0 ** -rng.uniform(0, size, 3)
    if rng.random() < 0.3:
        spectrum[1:] = spectrum[1] * (1 + 1e-15 * rng.standard_normal(2))
    core = np.zeros((3, 3, 3))
    core[range(3), range(3), range(3)] = spectrum
    tensor = np.einsum("abc,ia,jb,kc->ijk", core, *factors)
    if rng.random() < 0.5:
        tensor = tensor + 10.0 ** -rng.uniform(2, 16) * rng.standard_normal(shape)
    return tensor * 10.0 ** rng.integers(-40, 40)


def check_family(seeds, size):
    tight = 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        tensor, rank = near_degenerate(rng, size), int(rng.integers(1, 3))
        for modes in ((0,), (1,), (0, 1)):
            matrix = flat(tensor, modes)
            bound = proved_tail(tensor, modes, rank)
            assert leaves(matrix, rank, Fraction(bound) ** 2), (seed, modes)
            left = np.linalg.norm(np.linalg.svd(matrix, compute_uv=False)[rank:])
            loses = 0.995 * left > bound and left > 1e-12 * np.linalg.norm(matrix)
            assert not loses, (seed, modes, bound, left)
            tight += bound > 0
            if bound > 0 and left > 1e-8 * np.linalg.norm(matrix):  # the oracle can fail
                assert not leaves(matrix, rank, Fraction(1.01 * left) ** 2)
    assert tight > len(seeds)


@pytest.mark.parametrize("size", [2, 12])
def test_bounds_are_below_exact_tails(size):
    check_family(range(8), size)


@pytest.mark.slow
@pytest.mark.parametrize("size", [0.5, 4, 8, 12, 16])
def test_two_hundred_and_fifty_near_degenerate_tensors(size):
    check_family(range(1000, 1050), size)


def test_vectors_are_trusted_in_nothing(rng):
    tensor = rng.standard_normal((3, 4, 5))
    part = tails._Flattening(tensor, (0,), 1.0)
    left = np.linalg.norm(np.linalg.svd(flat(tensor, (0,)), compute_uv=False)[1:])
    good = eigh(part.gram())[1]
    for wrong in (
        np.eye(3),
        2 * good,
        good[:, ::-1],
        np.zeros((3, 3)),
        good + 1e-4,
        rng.standard_normal((3, 3)),
    ):
        assert part.tail(wrong, 1) <= left
    assert part.tail(good, 1) == pytest.approx(left, rel=1e-10)


def test_nothing_is_proved_where_there_is_nothing(rng, monkeypatch):
    tensor = rng.standard_normal((3, 4, 5))
    assert proved_tail(np.zeros((3, 4, 5)), (0,), 1) == 0
    assert proved_tail(tensor, (0,), 3) == 0
    assert proved_tail(np.full((3, 4, 5), np.inf), (0,), 1) == 0
    whole = proved_tail(tensor, (0, 1), 2)
    monkeypatch.setattr(tails, "PIECE", 7)  # some columns at a time
    assert proved_tail(tensor, (0, 1), 2) == pytest.approx(whole, rel=1e-12)
