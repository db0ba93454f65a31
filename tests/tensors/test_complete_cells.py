"""Complete tensors list none of their cells: the same numbers as of listed cells, in little memory."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.tensors.cells.observations import TensorObservations
from lowland.tensors.certificates.flattenings import relative_misfit
from lowland.tensors.cp.constraints import FactorConstraint
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.objective import CPObjective
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective

SHAPES = [((5, 4, 3), 2), ((3, 5, 2, 4), 3), ((2, 7, 9), 4)]


def _pair(shape, rank, seed=0, constraints=()):
    """Return the objectives of a complete tensor and of the list of its cells, a point and a direction."""
    rng = np.random.default_rng(seed)
    full = TensorObservations.from_array(rng.standard_normal(shape))
    listed = replace(full, positions=full.all_positions())
    one, other = (CPObjective(data, CP(shape, rank), constraints) for data in (full, listed))
    return one, other, rng.standard_normal(one.size), rng.standard_normal(one.size)


@pytest.mark.parametrize(("shape", "rank"), SHAPES)
def test_derivatives_are_those_of_listed_cells(shape, rank):
    one, other, theta, direction = _pair(shape, rank)
    at, listed = one.linearise(theta), other.linearise(theta)
    assert one.complete is not None
    assert other.complete is None
    for value in (lambda x: x.value, lambda x: x.gradient, lambda x: x.normal_matrix, lambda x: x.residual):
        np.testing.assert_allclose(value(at), value(listed), rtol=1e-12, atol=1e-12)
    for name in ("gauss_newton_product", "hessian_product", "jacobian_product"):
        np.testing.assert_allclose(
            getattr(at, name)(direction), getattr(listed, name)(direction), rtol=1e-11, atol=1e-11
        )
    np.testing.assert_allclose(one.overlaps(theta), other.overlaps(theta), rtol=1e-12)


ASKED = {
    "free": FactorConstraint(),
    "nonnegative": FactorConstraint(nonnegative=True),
    "splines": FactorConstraint(functions=4),
    "nonnegative splines": FactorConstraint(functions=4, nonnegative=True),
}


@pytest.mark.parametrize("asked", ASKED)
def test_solved_modes_are_those_of_listed_cells(asked):
    shape, rank = (6, 5, 7), 2
    for mode in range(3):
        constraints = tuple(ASKED[asked] if k == mode else FactorConstraint() for k in range(3))
        one, other, theta, _ = _pair(shape, rank, mode, constraints)
        theta = one.imposed(theta)
        found, expected = one.with_solved_mode(theta, mode), other.with_solved_mode(theta, mode)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_known_entries_are_kept():
    known = np.full((5, 2), np.nan)
    known[1, 0], known[2, 1] = 3.0, 0.0
    constraints = (FactorConstraint(), FactorConstraint(known=known), FactorConstraint())
    one, other, theta, _ = _pair((6, 5, 7), 2, 0, constraints)
    theta = one.imposed(theta)
    found = one.with_solved_mode(theta, 1)
    np.testing.assert_allclose(found, other.with_solved_mode(theta, 1), rtol=1e-9)
    assert one.unpack(found)[1][1, 0] == 3.0


def test_components_that_are_alike_or_zero():
    one, other, theta, _ = _pair((5, 4, 3), 2)
    for scale in (1.0, 0.0):
        factors = [factor.copy() for factor in one.unpack(theta)]
        for factor in factors:
            factor[:, 1] = scale * factor[:, 0]
        alike = one.model.pack(factors)
        solved = one.with_solved_mode(alike, 0)
        assert one.value(solved) == pytest.approx(other.value(other.with_solved_mode(alike, 0)), rel=1e-9)


@pytest.mark.parametrize(("shape", "rank"), SHAPES)
def test_slices_and_misfits_are_those_of_listed_cells(shape, rank, monkeypatch):
    monkeypatch.setattr("lowland.tensors.cell_objective.SLAB", 10)
    one, other, theta, _ = _pair(shape, rank)
    for name in ("slice_counts", "slice_squares"):
        for own, listed in zip(getattr(one.data, name)(), getattr(other.data, name)(), strict=True):
            np.testing.assert_allclose(own, listed, rtol=1e-13)
    assert len(list(one.slabs(theta))) > 1
    assert relative_misfit(one, theta) == pytest.approx(relative_misfit(other, theta), rel=1e-12)
    tuckers = [TuckerObjective(own.data, Tucker(shape, (2,) * len(shape))) for own in (one, other)]
    point = np.random.default_rng(1).standard_normal(tuckers[0].size)
    assert relative_misfit(tuckers[0], point) == pytest.approx(relative_misfit(tuckers[1], point), rel=1e-12)
    assert tuckers[0].value(point) == pytest.approx(tuckers[1].value(point), rel=1e-13)


PEAK = """
import sys
import numpy as np
import lowland as ll
from lowland.certificates import stationarity
from lowland.tensors import cell_objective

def peak():
    with open("/proc/self/status") as file:
        return 1024 * int(next(line for line in file if line.startswith("VmHWM")).split()[1])

cell_objective.SLAB, stationarity.CHUNK = 200_000, 50_000  # of a tensor that is not so large
fits = [getattr(ll, name) for name in sys.argv[2:]]
tensor = np.load(sys.argv[1])
# a part that is large enough for the kernels of the whole, whose code is in memory from then on
for fit in fits:
    fit(tensor[:84, :84, :84].copy(), 2, n_restarts=0, max_iter=3, rng=0)
before = peak()
for judged in (False, True):
    for fit in fits:
        fit(tensor, 2, n_restarts=0, max_iter=3, rng=0, certify=judged)
        print((peak() - before) / tensor.nbytes)
"""


DECOMPOSITIONS = ("decompose_tucker", "decompose_cp")


@pytest.fixture(scope="module")
def peaks(tmp_path_factory):
    """Return the peaks of memory with and without verdicts, by decomposition, over the size of the tensor.

    The tensor has 27 MB, far more than code and caches take. One process decomposes it in both ways, as it
    starts only once: a peak never falls, so that each number is at least what its own decomposition takes.
    """
    rng = np.random.default_rng(0)
    tensor = np.einsum("ir,jr,kr->ijk", *(rng.standard_normal((150, 2)) for _ in range(3)), optimize=True)
    tensor += 0.1 * rng.standard_normal(tensor.shape)
    path = tmp_path_factory.mktemp("tensors") / "t.npy"
    np.save(path, tensor)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), *DECOMPOSITIONS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    numbers = list(map(float, done.stdout.split()))
    return dict(zip(DECOMPOSITIONS, zip(numbers[:2], numbers[2:], strict=True), strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read from /proc")
@pytest.mark.parametrize("decomposition", DECOMPOSITIONS)
def test_decompositions_take_the_memory_of_two_tensors(decomposition, peaks):
    """One is their own copy. Listing positions took as much again per mode."""
    fitted, judged = peaks[decomposition]
    assert fitted < 2, peaks
    assert judged < 2.7, peaks  # one more array of predictions


def test_the_whole_road_gives_the_same_components():
    rng = np.random.default_rng(3)
    factors = [rng.standard_normal((n, 2)) for n in (8, 7, 6)]
    tensor = np.einsum("ir,jr,kr->ijk", *factors)
    noisy = tensor + 0.05 * rng.standard_normal(tensor.shape)
    fit = ll.decompose_cp(noisy, 2, rng=0)
    listed = ll.decompose_cp(noisy, 2, weights=np.ones(noisy.shape), rng=0)
    assert fit.search.value == pytest.approx(listed.search.value, rel=1e-9)
    assert fit.congruence(listed.factors).min() > 1 - 1e-9
    assert ll.decompose_cp(tensor, 2, rng=0).certificate["globally_optimal"].verdict.name == "PROVED"
