"""Jacobians modulo a prime: the same numbers as in floating point, and ranks that hold."""

import itertools

import numpy as np
import pytest

import lowland as ll
from lowland.certificates.curvatures.jacobian import jacobian_matrix
from lowland.core.results.status import Verdict
from lowland.kernels.modular_arithmetic import modular
from lowland.kernels.modular_arithmetic.residues import Residues
from lowland.measure import Dense, Entries, Pauli, RankOne, RealParts, Stacked
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.objectives.modular import exact_jacobian

PRIME = modular.PRIME
WORDS = ["".join(w) for w in itertools.product("IXYZ", repeat=2)]


def whole(rng, shape, *, is_complex=True):
    numbers = rng.integers(-9, 10, shape) + 0.0
    return numbers + 1j * rng.integers(-9, 10, shape) if is_complex else numbers


def kinds():
    rng = np.random.default_rng(0)
    hermitian = whole(rng, (6, 4, 4))
    hermitian = hermitian + hermitian.conj().transpose(0, 2, 1)
    symmetric = hermitian.real
    general, psd = General((4, 3), 2, is_complex=True), Psd((4, 4), 2, is_complex=True)
    return {
        "complex dense": (RealParts(Dense(whole(rng, (6, 4, 3))), both=True), general),
        "real parts": (RealParts(Dense(whole(rng, (6, 4, 3))), both=False), general),
        "hermitian": (RealParts(Dense(hermitian), both=False), psd),
        "not hermitian": (RealParts(Dense(whole(rng, (6, 4, 4))), both=True), psd),
        "real dense": (Dense(whole(rng, (6, 4, 3), is_complex=False)), General((4, 3), 2)),
        "symmetric": (Dense(symmetric), Psd((4, 4), 2)),
        "pairs": (
            RealParts(RankOne(whole(rng, (7, 4)), whole(rng, (7, 3))), both=True),
            general,
        ),
        "phases": (RealParts(RankOne(whole(rng, (7, 4))), both=False), psd),
        "real pairs": (RankOne(whole(rng, (7, 4), is_complex=False)), Psd((4, 4), 2)),
        "words": (RealParts(Pauli(WORDS), both=False), psd),
        "words of any matrix": (RealParts(Pauli(WORDS), both=True), General((4, 4), 2, is_complex=True)),
        "entries": (RealParts(Entries([0, 1, 3], [2, 1, 0], (4, 3), dtype="complex128"), both=True),
                    general),
        "symmetric entries": (Entries([0, 1, 3, 2], [2, 1, 0, 2], (4, 4)), Psd((4, 4), 2)),
        "stacked": (Stacked([Dense(symmetric), Entries([0, 1], [2, 1], (4, 4))]), Psd((4, 4), 2)),
    }  # fmt: skip


class Small:
    """Random numbers that stay small, so that floats hold the Jacobian exactly."""

    def __init__(self):
        self.rng, self.drawn = np.random.default_rng(1), []

    def integers(self, low, high, shape):
        self.drawn.append(self.rng.integers(-5, 6, shape))
        return self.drawn[-1]


def agrees(name):
    """Whether residues and floats are the same numbers, columns in the order of parts."""
    measurement, model = kinds()[name]
    rng = Small()
    exact = exact_jacobian(measurement, model).matrix(PRIME, rng)
    parts = [part.astype(float) for part in rng.drawn]
    if model.is_complex:
        parts = [parts[k] + 1j * parts[k + 1] for k in range(0, len(parts), 2)]
    factors = ll.Factors(parts[0], parts[-1])
    objective = make_objective(measurement, np.zeros(measurement.size), model)
    floats = jacobian_matrix(objective, model.from_factors(factors))
    floats = floats if isinstance(floats, np.ndarray) else floats.toarray()
    if model.is_complex:  # points hold real and imaginary parts in turn
        sizes = [part.size for part in parts]
        columns, at = [], 0
        for size in sizes:
            columns += [at + 2 * np.arange(size), at + 2 * np.arange(size) + 1]
            at += 2 * size
        floats = floats[:, np.concatenate(columns)]
    if isinstance(measurement, RealParts) and measurement.both:
        floats = np.concatenate([floats[::2], floats[1::2]])
    return exact.shape == floats.shape and np.array_equal(exact, np.mod(np.rint(floats), PRIME))


@pytest.mark.parametrize("name", kinds())
def test_residues_are_the_numbers(name):
    assert agrees(name)


@pytest.mark.parametrize(
    "fault",
    [
        lambda self: self,
        lambda self: Residues(self.real, None, self.prime),
    ],
    ids=["not conjugated", "imaginary part lost"],
)
def test_wrong_conjugates_are_caught(fault, monkeypatch):
    monkeypatch.setattr(Residues, "conj", fault)
    assert not all(agrees(name) for name in ("complex dense", "pairs", "phases", "not hermitian"))


def generic_rank(measurement, model, rng):
    """Rank at random factors by singular values, from differences of the predictions."""
    theta = rng.standard_normal(model.size)
    step = 1e-6
    columns = [
        measurement.measure(model.lift(theta + step * unit))
        - measurement.measure(model.lift(theta - step * unit))
        for unit in np.eye(model.size)
    ]
    values = np.linalg.svd(np.stack(columns, axis=1) / (2 * step), compute_uv=False)
    return int(np.sum(values > 1e-6 * values[0]))


@pytest.mark.parametrize("seed", range(30))
def test_ranks_agree_with_singular_values(seed):
    """Few and many measurements of all kinds, dependent ones among them."""
    rng = np.random.default_rng(seed)
    count, rank = int(rng.integers(3, 24)), int(rng.integers(1, 3))
    unit_trace = bool(seed % 2)
    psd = Psd((4, 4), rank, is_complex=True, unit_trace=unit_trace)
    vectors = rng.standard_normal((count, 4)) + 1j * rng.standard_normal((count, 4))
    if seed % 3 == 0:  # in a subspace: some directions are never seen
        vectors[:, 3] = vectors[:, 0]
    choices = [
        (RealParts(RankOne(vectors), both=False), psd),
        (RealParts(Pauli([WORDS[k] for k in rng.integers(0, 16, count)]), both=False), psd),
        (RealParts(RankOne(vectors, vectors[::-1]), both=True), General((4, 4), rank, is_complex=True)),
    ]
    for measurement, model in choices:
        exact = exact_jacobian(measurement, model)
        found = modular.rank(exact.matrix(PRIME, rng), PRIME)
        assert found - (exact.expected_rank - model.degrees_of_freedom) == generic_rank(
            measurement, model, rng
        )


def test_phase_retrieval_is_determined_from_its_degrees_of_freedom_on(rng):
    for count, expected in ((10, Verdict.REFUTED), (12, Verdict.PROVED)):
        vectors = rng.standard_normal((count, 6)) + 1j * rng.standard_normal((count, 6))
        found = ll.diagnose(RankOne(vectors), rank=1, structure="psd")
        assert found.finite.verdict is expected
        assert found.degrees_of_freedom == 11


def outcomes(settings):
    pairs = [(s, "".join(o)) for s in settings for o in itertools.product("01", repeat=2)]
    return ll.pauli_outcomes([s for s, _ in pairs], [o for _, o in pairs])


def test_five_settings_leave_a_state_of_rank_two_open():
    """Roots of one half are rounded, and their outcomes add up to the identity all the same."""
    nine = ["".join(s) for s in itertools.product("XYZ", repeat=2)]
    assert ll.diagnose(outcomes(nine), rank=2, structure="density").finite.verdict is Verdict.PROVED
    few = ll.diagnose(outcomes(nine[:5]), rank=2, structure="density").finite
    assert few.verdict is Verdict.REFUTED


def test_a_proof_does_not_rest_on_last_digits(rng):
    """The last matrix repeats the first but for rounding: exactly independent, and of no use."""
    arrays = rng.standard_normal((7, 4, 4))
    assert ll.diagnose(Dense(arrays), rank=1).finite.verdict is Verdict.PROVED
    arrays[-1] = arrays[0] + 1e-16 * rng.standard_normal((4, 4))
    found = ll.diagnose(Dense(arrays), rank=1).finite
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "last digits" in found.method
