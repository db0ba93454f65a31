"""Uniqueness of CP components near degeneracy, judged and forged.

It is never proved where others have the same sum to rounding, and never refuted where there are no others.
"""

from fractions import Fraction
from itertools import combinations, product
from math import prod

import numpy as np
import pytest

import lowland as ll
from cases import cp_signs
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.judges import certify
from lowland.tensors.certificates import cp_uniqueness
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.objective import CPObjective

UNIQUE = "unique_decomposition"
# what counts as another component: so far from all of the first, as a share of its own size
FAR = 0.1


# ------------------------------------------------------------------ exact arithmetic
def exactly(factors):
    """The entries of a sum of components, as fractions."""
    rows = [[[Fraction(float(x)) for x in row] for row in factor] for factor in factors]
    return [sum(prod(parts) for parts in zip(*cell, strict=True)) for cell in product(*rows)]


def sizes(factors):
    return np.prod([np.linalg.norm(factor, axis=0) for factor in factors], axis=0)


def is_hidden(factors, others, times=1):
    """Whether others have the same sum to so many times its rounding, in exact arithmetic, and are others."""
    rounding = times * (len(factors) + factors[0].shape[1]) * 2.0**-52 * sizes(factors).sum()
    square = sum((a - b) ** 2 for a, b in zip(exactly(factors), exactly(others), strict=True))
    return square <= Fraction(float(rounding)) ** 2 and _are_others(factors, others)


def _are_others(factors, others):
    """Whether some component of the others is far from each of the first."""
    tensors = [
        [np.asarray(exactly([factor[:, [k]] for factor in own]), float) for k in range(own[0].shape[1])]
        for own in (factors, others)
    ]
    return any(
        all(np.linalg.norm(new - old) > FAR * np.linalg.norm(new) for old in tensors[0]) for new in tensors[1]
    )


# ------------------------------------------------------------------ families of factors, each with others
def small(rng):
    """One component of any size; the others split the first and lack it."""
    rank, shape = int(rng.integers(2, 4)), rng.integers(3, 6, 3)
    factors = [rng.standard_normal((n, rank)) for n in shape]
    factors[int(rng.integers(3))][:, -1] *= 10.0 ** -rng.uniform(0, 300 if rng.random() < 0.3 else 20)
    others = [factor.copy() for factor in factors]
    for n, factor in enumerate(others):
        factor[:, -1] = factor[:, 0] * (0.5 if n == 0 else 1)
    others[0][:, 0] *= 0.5
    return factors, others


def curve(rng, order, length, angles, degree):
    """Return a function of weights and nodes: components along a curve that turns by angles in the modes."""
    parts = [
        [np.linalg.qr(rng.standard_normal((length, length)))[0][:, k] for k in range(degree + 1)]
        for _ in range(order)
    ]

    def at(weights, nodes):
        factors = [
            np.stack([sum(part[k] * (angle * t) ** k for k in range(degree + 1)) for t in nodes], axis=1)
            for part, angle in zip(parts, angles, strict=True)
        ]
        return [factors[0] * weights, *factors[1:]]

    return at


def angles_of(rng, order):
    """Angles of 1e-1 to 1e-9 in all modes, or in some and one in the others."""
    angles = 10.0 ** -(rng.uniform(1, 9) + rng.uniform(0, 1, order) * (rng.random() < 0.5))
    if rng.random() < 0.5:
        angles[rng.permutation(order)[: int(rng.integers(1, order))]] = 1.0
    return angles


def with_more(rng, factors, others, count):
    """Add components that both have."""
    for n, factor in enumerate(factors):
        more = rng.standard_normal((len(factor), count))
        factors[n], others[n] = np.hstack([factor, more]), np.hstack([others[n], more])
    return factors, others


def two_alike(rng):
    """Two components at small angles; others with the same moments along their curve, up to the second."""
    order = int(rng.integers(3, 5))
    at = curve(rng, order, int(rng.integers(2, 5)), angles_of(rng, order), 1)
    weights = np.array([1.0, 10.0 ** -rng.uniform(0, 3)])
    m = [float(weights @ np.array([0.0, 1.0]) ** k) for k in range(3)]
    p = -float(rng.uniform(0.05, 0.5))
    q = (m[2] - p * m[1]) / (m[1] - p * m[0])
    new = np.array([m[1] - q * m[0], p * m[0] - m[1]]) / (p - q)
    both = at(weights, [0.0, 1.0]), at(new, [p, q])
    return with_more(rng, *both, int(rng.integers(0, 2)))


def three_alike(rng):
    """Three components along a curve; the others have the same moments up to the fourth."""
    angles = 10.0 ** -rng.uniform(0.5, 5, 1) * np.ones(3)
    at = curve(rng, 3, int(rng.integers(3, 5)), angles, 2)
    nodes, weights = np.array([0.0, 1.0, -1.0]), rng.uniform(0.5, 2, 3)
    moments = [float(weights @ nodes**k) for k in range(5)]
    # the nodes of another rule: roots of a cubic that is orthogonal to 1 and x
    free = 0.3 * rng.standard_normal()
    columns = np.array([[moments[k + j] for j in range(3)] for k in range(2)])  # of x^0, x^1, x^2
    right = -np.array([moments[3] + free * moments[2], moments[4] + free * moments[3]])
    low = np.linalg.solve(columns[:, :2], right)
    roots = np.roots([1.0, free, low[1], low[0]])
    if np.abs(roots.imag).max() > 0:
        return None
    new = np.linalg.solve(np.vander(roots.real, 3, increasing=True).T, moments[:3])
    return at(weights, nodes), at(new, roots.real)


def many_alike(rng):
    """As many components as Kruskal's condition allows, more than a mode has slices, two of them alike."""
    at = curve(rng, 3, 4, angles_of(rng, 3), 1)
    p = -float(rng.uniform(0.05, 0.5))
    q = (1 - p) / (1 - 2 * p)
    new = np.array([1 - 2 * q, 2 * p - 1]) / (p - q)
    return with_more(rng, list(at(np.ones(2), [0.0, 1.0])), list(at(new, [p, q])), 3)


FAMILIES = (small, two_alike, three_alike, many_alike)


def instances(family, count, seed=0):
    rng, found = np.random.default_rng([FAMILIES.index(family), seed]), 0
    while found < count:
        drawn = family(rng)
        if drawn is not None:
            found += 1
            yield drawn


def judged(factors, signs=()):
    """Return the objective of the sum of components, and its certificate at these."""
    shape, rank = tuple(len(factor) for factor in factors), factors[0].shape[1]
    tensor = np.array([float(x) for x in exactly(factors)]).reshape(shape)
    objective = CPObjective(ll.TensorObservations.from_array(tensor), CP(shape, rank), signs)
    return objective, certify(objective, objective.model.pack(factors), claims=[UNIQUE])


# ------------------------------------------------------------------ judged
def check_proofs(count):
    """Return how many were proved; none may be that has others within a hundred times its rounding."""
    proved = 0
    for family in FAMILIES:
        for factors, others in instances(family, count):
            objective, proof = judged(factors)
            assert proof.verify(objective).is_confirmed, str(proof.verify(objective))
            if proof[UNIQUE].verdict is Verdict.PROVED:
                proved += 1
                assert proof[UNIQUE].rigour is Rigour.RIGOROUS
                assert not is_hidden(factors, others, 100), (family, factors, others)
    return proved


@pytest.mark.parametrize("count", [5, pytest.param(150, marks=pytest.mark.slow)])
def test_nothing_is_proved_where_others_are_hidden_by_rounding(count):
    """0 false of 600; without margins, 64 are."""
    assert check_proofs(count) > count


@pytest.mark.parametrize("count", [2, pytest.param(24, marks=pytest.mark.slow)])
def test_a_component_too_many_is_never_proved_where_it_can_be_dropped(count):
    """Exact tensors, or with noise of 1e-12, decomposed into a component more than they have."""
    dropped = 0
    for seed in range(count):
        rng, rank = np.random.default_rng([5, seed]), 1 + seed % 2
        planted = [rng.standard_normal((n, rank)) for n in (6, 5, 4)]
        tensor = np.einsum("ir,jr,kr->ijk", *planted)
        tensor += 1e-12 * (seed % 4 == 3) * rng.standard_normal(tensor.shape)
        fit = ll.decompose_cp(tensor, rank + 1, n_restarts=0, rng=seed, certify=False)
        proof = certify(fit.objective, fit.search.theta, claims=[UNIQUE])
        assert proof.verify(fit.objective).is_confirmed
        factors = [np.array(factor) for factor in fit.objective.unpack(fit.search.theta)]
        order = np.argsort(-sizes(factors))
        others = [factor[:, [*order[:-1], order[0]]] for factor in factors]
        others[0][:, [0, -1]] *= 0.5
        if is_hidden([factor[:, order] for factor in factors], others, 100):
            assert proof[UNIQUE].verdict is not Verdict.PROVED
            dropped += 1
    assert dropped >= count / 4


def test_a_judge_that_looks_at_k_ranks_alone_is_found_out(monkeypatch):
    """The mutant: Kruskal's condition without margins."""
    monkeypatch.setattr(cp_uniqueness, "CLEAR", 0.0)
    with pytest.raises(AssertionError):
        check_proofs(5)


def test_the_reason_that_stands_against_a_proof_is_named():
    rng = np.random.default_rng(2)
    factors = [rng.standard_normal((4, 3)) for _ in range(3)]
    tiny = [factor.copy() for factor in factors]
    tiny[1][:, 2] *= 3e-254
    alike = [factor.copy() for factor in factors]
    for factor in alike:
        factor[:, 1] = factor[:, 0] + 1e-5 * factor[:, 1]
    near = [factor.copy() for factor in factors]
    near[2][:, 0] *= 1e-12
    for point, code, words in (
        (tiny, "hidden_component", "component 2 is so small that rounding of the sum could remove it"),
        (alike, "hidden_pair", "components 0, 1 are so alike that rounding of the sum could exchange them"),
        (near, "near_rounding", "not shown to leave them as they are"),
    ):
        objective, proof = judged(point)
        assert proof[UNIQUE].verdict is Verdict.INCONCLUSIVE
        assert words in proof[UNIQUE].method
        assert proof.verify(objective).is_confirmed
        # of components that are far from rounding the same words are contradicted
        sum_of = {"sum": 8, "needed": 8}
        named = {"hidden_component": {"component": 2}, "hidden_pair": {"pair": [0, 1]}}.get(code, {})
        forged = Finding(
            UNIQUE,
            Verdict.INCONCLUSIVE,
            8.0,
            8.0,
            reason=because("kruskal", **sum_of) + because(code, **named),
            witness={"k_ranks": np.array([3, 3, 2])},
        )
        objective, _ = judged(factors)
        (check,) = Certificate((forged,), point=objective.model.pack(factors)).verify(objective)
        assert (check.outcome is Outcome.CONTRADICTED) == (code != "near_rounding")


def test_one_component_that_underflows_is_not_proved():
    factors = [np.ones((n, 1)) for n in (3, 4, 2)]
    objective, _ = judged(factors)
    for size, verdict in ((1e-100, Verdict.PROVED), (1e-160, Verdict.INCONCLUSIVE)):
        theta = objective.model.pack([size * factors[0], size * factors[1], factors[2]])
        proof = certify(objective, theta, claims=[UNIQUE])
        assert proof[UNIQUE].verdict is verdict
        assert proof.verify(objective).is_confirmed


# ------------------------------------------------------------------ mixtures, with signs
def separated(rng):
    """Two nonnegative components, parallel in a mode and of any sizes; which entries are zero is drawn."""
    shared = rng.uniform(0.5, 2, int(rng.integers(2, 4)))
    size = 2.0 ** -int(rng.integers(0, 40))
    columns = [rng.uniform(0.5, 2, (int(rng.integers(2, 5)), 2)) for _ in range(2)]
    for both in columns:
        both[rng.random(both.shape) < 0.4] = 0.0
        # nearly zero entries decide as any others do
        both[(both > 0) & (rng.random(both.shape) < 0.2)] *= 1e-12
        both[0, 0] = both[-1, 1] = 1.0
        if rng.random() < 0.7:
            both[0, 1] = both[-1, 0] = 0.0
    return [np.stack([shared, size * shared], axis=1), *columns]


def can_be_mixed(factors):
    """Whether two components, parallel in the first mode, have a nonnegative mixture: steps of all sizes."""
    b, d = ([[Fraction(float(x)) for x in column] for column in factor.T] for factor in factors[1:])
    scale = Fraction(float(factors[0][0, 1])) / Fraction(float(factors[0][0, 0]))
    for (r, s), sign, power in product(((0, 1), (1, 0)), (1, -1), range(0, 120, 3)):
        step, k = sign * Fraction(1, 2**power), scale if r == 0 else 1 / scale
        if all(x - step * y >= 0 for x, y in zip(d[r], d[s], strict=True)) and all(
            y + step / k * x >= 0 for x, y in zip(b[r], b[s], strict=True)
        ):
            return True
    return False


def mixtures(factors, rng):
    """Yield pairs near two components whose sums are nearly theirs, with signs kept by cutting."""
    for r, s in ((0, 1), (1, 0)):
        step = 10.0 ** -rng.uniform(0, 12)
        others = [factor.copy() for factor in factors]
        scale = factors[0][0, s] / factors[0][0, r]
        others[2][:, r] = np.maximum(others[2][:, r] - step * others[2][:, s], 0)
        others[1][:, s] = np.maximum(others[1][:, s] + step / scale * others[1][:, r], 0)
        yield others
        yield [factors[0], others[1], factors[2]]
        yield [factors[0], factors[1], others[2]]


def refuted(others):
    witness = {f"mixed_{n}": both for n, both in enumerate(others)}
    return Finding(
        UNIQUE,
        Verdict.REFUTED,
        reason=because("mixed"),
        rigour=Rigour.RIGOROUS,
        witness={"components": np.array([0, 1]), **witness},
    )


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_nothing_is_refuted_where_no_mixture_has_the_signs(count):
    """0 false refutations, judged or forged, of components that are the only nonnegative ones."""
    rng, seen, passed = np.random.default_rng(5), [], 0
    for _ in range(count):
        factors = separated(rng)
        can = can_be_mixed(factors)
        objective, proof = judged(factors, cp_signs(True, True, True))
        assert proof.verify(objective).is_confirmed, str(proof.verify(objective))
        assert can or proof[UNIQUE].verdict is not Verdict.REFUTED
        seen.append((can, proof[UNIQUE].verdict))
        for others in mixtures(factors, rng):
            certificate = Certificate((refuted(others),), point=objective.model.pack(factors))
            (check,) = certificate.verify(objective)
            assert can or check.outcome is Outcome.CONTRADICTED
            passed += check.outcome is Outcome.CONFIRMED
    assert {(True, Verdict.REFUTED), (False, Verdict.INCONCLUSIVE)} <= set(seen)
    assert passed > 0


@pytest.mark.parametrize("count", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_components_that_are_nearly_parallel_are_not_refuted(count):
    """Others that would do if columns were parallel: a sum is compared in units of the smaller component."""
    rng = np.random.default_rng(6)
    for _ in range(count):
        factors = [rng.standard_normal((n, 2)) for n in (3, 4, 3)]
        factors[0][:, 1] = factors[0][:, 0] * 10.0 ** -rng.uniform(0, 10)
        forged = [factor.copy() for factor in factors]
        forged[2][:, 0] -= forged[2][:, 1]
        forged[1][:, 1] += forged[1][:, 0] * factors[0][0, 0] / factors[0][0, 1]
        kind = int(rng.integers(3))
        if kind == 0:  # columns that are parallel to any digits but all
            factors[0][0, 1] *= 1 + 10.0 ** -rng.uniform(2, 15)
        elif kind == 1:  # another sum
            forged[1][:, 1] += 10.0 ** -rng.uniform(0, 5) * factors[1][:, 1]
        else:  # the same components
            forged = [factor * [2.0, 0.5] for factor in factors]
        objective, _ = judged(factors)
        certificate = Certificate((refuted(forged),), point=objective.model.pack(factors))
        (check,) = certificate.verify(objective)
        assert check.outcome is Outcome.CONTRADICTED, (kind, str(check))


# ------------------------------------------------------------------ forged proofs
def proofs_of(factors, times):
    """Yield proofs with all k-ranks that are enough, and the least singular value that they have."""
    rank, order = factors[0].shape[1], len(factors)
    scaled = [factor / np.abs(factor).max(axis=0) for factor in factors]
    units = [factor / np.linalg.norm(factor, axis=0) for factor in scaled]
    needed = 2 * rank + order - 1
    for ranks in product(*(range(1, min(rank, len(factor)) + 1) for factor in factors)):
        if sum(ranks) < needed:
            continue
        smallest = min(
            np.linalg.svd(unit[:, list(own)], compute_uv=False)[-1]
            for unit, k in zip(units, ranks, strict=True)
            for own in combinations(range(rank), k)
        )
        yield Finding(
            UNIQUE,
            Verdict.PROVED,
            float(sum(ranks)),
            float(needed),
            reason=because("kruskal", sum=sum(ranks), needed=needed)
            + (because("clear_of_rounding", times=times) if times else ()),
            rigour=Rigour.RIGOROUS,
            witness={"k_ranks": np.array(ranks), "smallest": float(smallest)},
        )


@pytest.mark.parametrize("count", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_forged_proofs_are_contradicted_where_others_are_hidden_by_rounding(count):
    forged = 0
    for family in FAMILIES:
        for factors, others in instances(family, count, seed=1):
            if not is_hidden(factors, others, 100):
                continue
            objective, _ = judged(factors)
            for times in (0, 1e5, 1e9):
                for finding in proofs_of(factors, times):
                    certificate = Certificate((finding,), point=objective.model.pack(factors))
                    (check,) = certificate.verify(objective)
                    assert check.outcome is Outcome.CONTRADICTED
                    forged += 1
    assert forged > 6 * count
