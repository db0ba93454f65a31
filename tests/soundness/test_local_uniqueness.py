"""Local uniqueness refuted: only where other matrices are as near as one likes, whatever rounding hides."""

from collections import Counter

import numpy as np
import pytest

import lowland as ll
from lowland.core.results.status import Verdict

CLAIM = "locally_unique"


def unimodular(rng, n):
    """An integer matrix of determinant one, and its inverse."""
    lower, upper = np.eye(n), np.eye(n)
    for matrix in (lower, upper):
        for _ in range(n // 2):
            i, j = rng.choice(n, 2, replace=False)
            step = np.eye(n)
            step[max(i, j), min(i, j)] = rng.integers(-1, 2)
            matrix[:] = step @ matrix
    whole = lower @ upper.T
    return whole, np.rint(np.linalg.inv(whole))


def chain(rng):
    """The only solution near; one direction is seen to a high order alone: u1 = t needs t^(2^k) = 0.

    u0^2 = 1, u0 u2 = u1^2, u0 u3 = u2^2, ..., and the last square is u0 u_n, which is zero.
    """
    length = int(rng.integers(1, 4))
    n = length + 3 + int(rng.integers(3))

    def monomial(i, j):
        unit = np.zeros((n, n))
        unit[i, j] += 0.5
        unit[j, i] += 0.5
        return unit

    rows = [monomial(0, 0)]
    rows += [monomial(0, k + 1) - monomial(k, k) for k in range(1, length + 1)]
    last = length + 2
    rows += [
        monomial(0, 0) + monomial(0, last) - monomial(length + 1, length + 1),
        monomial(0, 0) + monomial(0, last),
    ]
    rows += [monomial(0, k) for k in range(last + 1, n)]
    mixing, _ = unimodular(rng, len(rows))
    turn, back = unimodular(rng, n)
    arrays = np.einsum("kl,lij->kij", mixing, np.array(rows))
    # u = turn w: in the new unknowns the measuring matrices are turn^T A turn
    arrays = np.einsum("ia,kij,jb->kab", turn, arrays, turn)
    scale = 10.0 ** rng.integers(-3, 4)
    return ll.Dense(arrays, symmetric=True), scale * back[:, :1], None


def blocks(rng):
    """Two blocks of a table that share nothing, of rank one."""
    n = int(rng.integers(2, 5))
    seen = np.kron(np.eye(2), np.ones((n, n))) > 0
    u, v = rng.uniform(0.5, 2, (2, 2 * n, 1))
    return ll.Entries(*np.nonzero(seen), seen.shape), u, v


def short_row(rng):
    n, r = int(rng.integers(5, 9)), 2
    seen = np.ones((n, n), bool)
    seen[rng.integers(n), rng.permutation(n)[r - 1 :]] = False
    u, v = rng.standard_normal((2, n, r))
    return ll.Entries(*np.nonzero(seen), seen.shape), u, v


def spike(rng):
    """Almost every matrix is determined, but not this one: a rank-one part on a cell that is not seen."""
    n = int(rng.integers(5, 9))
    seen = np.ones((n, n), bool)
    i, j = rng.integers(n, size=2)
    seen[i, j] = False
    u, v = rng.standard_normal((2, n, 1))
    return ll.Entries(*np.nonzero(seen), seen.shape), np.c_[u, np.eye(n)[i]], np.c_[v, np.eye(n)[j]]


def too_few(rng):
    n = int(rng.integers(4, 7))
    u, v = rng.standard_normal((2, n, 1))
    psd = rng.random() < 0.5
    dof = n if psd else 2 * n - 1
    arrays = rng.standard_normal((dof - int(rng.integers(1, 3)), n, n))
    return ll.Dense(arrays + arrays.transpose(0, 2, 1), symmetric=True), u, None if psd else v


def phases(rng):
    words = ["ZI", "IZ", "ZZ", "II"] * int(rng.integers(2, 5))
    return ll.Pauli(words), rng.standard_normal((4, 2)).view(complex), None


def unseen_pixel(rng):
    masks = np.exp(2j * np.pi * rng.random((4, 3, 3)))
    masks[:, rng.integers(3), rng.integers(3)] = 0
    return ll.coded_diffraction(masks), rng.standard_normal((9, 2)).view(complex), None


def determined(rng):
    n = int(rng.integers(4, 8))
    u, v = rng.standard_normal((2, n, 2))
    arrays = rng.standard_normal((4 * n * 2, n, n))
    return ll.Dense(arrays), u, v


KINDS = {
    chain: (True, 0.5),
    determined: (True, 0.1),
    blocks: (False, 0.08),
    short_row: (False, 0.08),
    spike: (False, 0.08),
    too_few: (False, 0.08),
    phases: (False, 0.04),
    unseen_pixel: (False, 0.04),
}


# refuted; masks are known by products alone, whose rounding nobody bounds
REFUTED = ("blocks", "short_row", "spike", "too_few", "phases")


def judged(seed, count):
    rng, counts = np.random.default_rng(seed), Counter()
    kinds, shares = list(KINDS), np.array([share for _, share in KINDS.values()])
    for k in range(count):
        kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
        measurement, left, right = kind(rng)
        y = measurement.measure(ll.Factors(left, left if right is None else right))
        found = ll.certify_matrix(measurement, y.real, left, right, claims=[CLAIM])[CLAIM]
        counts[kind.__name__, found.verdict] += 1
        alone = KINDS[kind][0]
        wrong = Verdict.REFUTED if alone else Verdict.PROVED
        assert found.verdict is not wrong, (kind.__name__, seed, k)
        if found.verdict is Verdict.REFUTED:
            other = measurement.measure(ll.Factors(found.witness["left"], found.witness["right"]))
            np.testing.assert_allclose(other, y, rtol=0, atol=1e-9 * np.abs(y).max())
    return counts


def refuted_share(counts, name):
    mine = [n for (kind, _), n in counts.items() if kind == name]
    return counts[name, Verdict.REFUTED] / max(sum(mine), 1)


@pytest.mark.parametrize("count", [40, pytest.param(150, marks=pytest.mark.slow)])
def test_a_sample(count):
    counts = judged(0, count)
    for name in REFUTED:
        assert refuted_share(counts, name) == 1, (name, counts)


@pytest.mark.slow
def test_a_thousand():
    counts = judged(1, 1500)
    for name in REFUTED:
        assert refuted_share(counts, name) > 0.95, (name, counts)


def test_the_chain_of_the_plane():
    """u1 = t needs u3 = t^4 and u3^2 = 0: below rounding from t = 0.01 on, and still the only solution."""
    cube = np.zeros((5, 5, 5))
    for k, (i, j, value) in enumerate([(0, 0, 1), (0, 2, 0.5), (0, 3, 0.5), (0, 0, 1), (0, 0, 1)]):
        cube[k, i, j] = cube[k, j, i] = value
    cube[1, 1, 1] = cube[2, 2, 2] = cube[3, 3, 3] = -1
    cube[3, 0, 4] = cube[3, 4, 0] = cube[4, 0, 4] = cube[4, 4, 0] = 0.5
    measurement, point = ll.Dense(cube, symmetric=True), np.eye(5)[:, :1]
    y = measurement.measure(ll.Factors(point, point))
    np.testing.assert_array_equal(y, [1, 0, 0, 1, 1])
    found = ll.certify_matrix(measurement, y, point)[CLAIM]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.witness["deficiency"] == 1
