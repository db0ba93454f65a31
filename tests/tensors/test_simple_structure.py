"""Rotations to simple structure: the same tensor, the criterion at its best, an order that is said."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.tensors.tucker import simple_structure
from lowland.tensors.tucker.simple_structure import simplicity, varimax


def test_planted_groups_are_found_again(rng):
    """Columns without overlap are the best there is; the mutant leaves factors as they are."""
    groups = np.kron(np.eye(3), rng.uniform(0.5, 1.5, (5, 1)))
    groups /= np.linalg.norm(groups, axis=0)
    mixed = groups @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turned = mixed @ varimax(mixed, rng)
    cosines = np.abs(groups.T @ turned)
    np.testing.assert_allclose(np.sort(cosines, axis=1), [[0, 0, 1]] * 3, atol=1e-7)
    assert simplicity(mixed) < 0.9 * simplicity(turned)


def test_no_rotation_is_simpler(rng):
    """Beside a search over planes, of the criterion as it is written."""
    factor = np.linalg.qr(rng.standard_normal((20, 4)))[0]
    turn = varimax(factor, rng)
    np.testing.assert_allclose(turn.T @ turn, np.eye(4), atol=1e-12)
    best = simplicity(factor @ turn)
    assert best == pytest.approx(sum(np.var(own**2) for own in (factor @ turn).T))
    for p in range(4):
        for q in range(p):
            for angle in np.linspace(0, np.pi, 181):
                plane = np.eye(4)
                plane[[p, p, q, q], [p, q, p, q]] = [
                    np.cos(angle),
                    -np.sin(angle),
                    np.sin(angle),
                    np.cos(angle),
                ]
                assert simplicity(factor @ turn @ plane) <= best * (1 + 1e-12)


@pytest.mark.parametrize("seeds", [(10,), pytest.param(range(12), marks=pytest.mark.slow)])
def test_several_starts_leave_local_maxima(seeds, monkeypatch):
    """With the identity alone some of these end lower."""
    factors = [np.linalg.qr(np.random.default_rng(seed).standard_normal((30, 10)))[0] for seed in seeds]

    def found():
        return [simplicity(own @ varimax(own, np.random.default_rng(0))) for own in factors]

    many = found()
    monkeypatch.setattr(simple_structure, "STARTS", 0)
    one = found()
    assert all(more >= less * (1 - 1e-9) for more, less in zip(many, one, strict=True))
    assert any(more > less * 1.001 for more, less in zip(many, one, strict=True))


@pytest.mark.parametrize("modes", [None, [0, 2], pytest.param([1], marks=pytest.mark.slow)])
def test_the_tensor_stays(rng, modes):
    fit = ll.decompose_tucker(
        rng.standard_normal((7, 6, 5)), (3, 2, 3), certify=False, n_restarts=0, max_iter=20, rng=0
    )
    turned = fit.simple_structure(modes)
    np.testing.assert_allclose(turned.tensor(), fit.tensor(), atol=1e-12)
    for mode, (factor, before) in enumerate(zip(turned.factors, fit.factors, strict=True)):
        np.testing.assert_allclose(factor.T @ factor, np.eye(factor.shape[1]), atol=1e-12)
        if modes is not None and mode not in modes:
            np.testing.assert_array_equal(factor, before)
            continue
        others = tuple(k for k in range(3) if k != mode)
        sizes = np.sum(turned.core**2, axis=others)
        assert (np.diff(sizes) <= 1e-12).all()
        assert (factor[np.abs(factor).argmax(axis=0), range(factor.shape[1])] > 0).all()
    np.testing.assert_array_equal(fit.simple_structure(modes).core, turned.core)


def test_modes_that_are_none(rng):
    fit = ll.decompose_tucker(rng.standard_normal((4, 4, 4)), 2, certify=False, rng=0)
    np.testing.assert_array_equal(fit.simple_structure(0).core, fit.simple_structure(iter([0])).core)
    np.testing.assert_array_equal(fit.simple_structure([0, 0]).core, fit.simple_structure([0]).core)
    for wrong in ([3], [-1], [True], ["a"], 3):
        with pytest.raises(InvalidInputError, match="modes name one that the tensor does not have"):
            fit.simple_structure(wrong)
