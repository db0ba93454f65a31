"""`TuckerFit`: predictions of cells, words, and bases of long modes."""

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.tensors.search.starts import leading_basis, mode_spectrum


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(0)
    cells = np.einsum("ia,ja,ka->ijk", *(rng.standard_normal((n, 2)) for n in (7, 6, 5)))
    return ll.decompose_tucker(np.where(rng.random(cells.shape) < 0.2, np.nan, cells), 2, rng=0)


def test_predictions_are_cells_of_the_tensor_in_any_order(fit, rng):
    at = np.column_stack([rng.integers(0, n, 40) for n in (7, 6, 5)])
    np.testing.assert_allclose(fit.predict(at), fit.tensor()[tuple(at.T)], atol=1e-12)
    assert fit.predict(np.zeros((0, 3), int)).shape == (0,)


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ([[0.5, 0, 0]], "must be integers"),
        ([[0, 0]], "must be integers, one per mode"),
        ([0, 0, 0], "must be integers, one per mode"),
        ([[0, 0, 5]], "lie outside the shape"),
        ([[-1, 0, 0]], "lie outside the shape"),
    ],
)
def test_bad_positions(fit, positions, words):
    with pytest.raises(InvalidInputError, match=words):
        fit.predict(positions)


def test_words_say_how_it_ended(fit):
    text = str(fit)
    for part in ("relative error", "stopped: converged", "start 0: ", "globally_optimal"):
        assert part in text


@pytest.mark.parametrize("rank", [3, None])
def test_leading_bases_of_long_and_nearly_dependent_modes(rank, rng):
    """Against the singular vectors of the unfolding: a randomised basis, one whose squares lose digits."""
    sizes = np.array([1.0, 1e-2, 1e-7])
    left, right = (np.linalg.qr(rng.standard_normal((n, 3)))[0] for n in (1600, 30))
    for flat, limit in ((left * sizes @ right.T, 1e-20), ((left * sizes)[:40] @ right.T, 1e-20)):
        tensor = flat.reshape(len(flat), 5, 6)
        basis = leading_basis(tensor, 0, rank, np.random.default_rng(0), limit=limit)
        exact, values, _ = np.linalg.svd(flat, full_matrices=False)
        if rank is None:
            assert basis.shape[1] == 3
        np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-10)
        caught = np.linalg.norm(basis.T @ exact[:, :2], axis=0)
        np.testing.assert_allclose(caught, 1, atol=1e-6)
        if len(flat) == 40:  # to working precision, although 1e-7 squared is lost in 1
            np.testing.assert_allclose(mode_spectrum(tensor, 0)[:3], values[:3], rtol=1e-6)
            assert np.linalg.norm(basis.T @ exact[:, 2]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "seed", [7, 104, *(pytest.param(k, marks=pytest.mark.slow) for k in range(105, 125))]
)
def test_exact_cells_are_proved_at_the_balanced_point(seed):
    """Balancing loses last digits, so that they are found after it; two were left at 1e-14."""
    rng = np.random.default_rng(seed)
    shape, rank = tuple(rng.integers(4, 9, 3)), int(rng.integers(1, 4))
    core = rng.standard_normal((rank,) * 3)
    cells = np.einsum("abc,ia,jb,kc->ijk", core, *(rng.standard_normal((n, rank)) for n in shape))
    fit = ll.decompose_tucker(np.where(rng.random(shape) < 0.3, np.nan, cells), rank, rng=0)
    assert fit.certificate["globally_optimal"].verdict is ll.Verdict.PROVED
    assert fit.search.value == fit.objective.value(fit.search.theta)
