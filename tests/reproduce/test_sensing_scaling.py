"""Steps of projected noisy descent: the method beside naive arithmetic, and what the rows say."""

import numpy as np
import pytest

from lowland.measure import gaussian
from lowland.models import Psd
from lowland.objectives import make_objective
from lowland.reproduce import sensing_scaling
from lowland.reproduce.sensing_scaling import noisy_descent, run_scaling, scaling_cells, scaling_note


def instance(n=6, seed=0):
    rng = np.random.default_rng(seed)
    measurement = gaussian(40, (n, n), rng, symmetric=True)
    factor = np.linalg.qr(rng.standard_normal((n, 2)))[0]
    y = measurement.measure_matrix(factor @ factor.T)
    return make_objective(measurement, y, Psd((n, n), 2)), measurement.arrays, y


def naive_steps(arrays, y, u, accuracy, radius, rng, most=5_000):
    """The same from the formulas."""
    m, eta = len(y), 1 / (16 * radius**2)
    target = accuracy * 0.5 * np.sum(y**2) / m
    for step in range(0, most, 4):
        off = np.einsum("kij,ij->k", arrays, u @ u.T) - y
        if 0.5 * np.sum(off**2) / m <= target:
            return step
        order = rng.permutation(m)
        for quarter in range(4):
            own = order[quarter * m // 4 : (quarter + 1) * m // 4]
            off = np.einsum("kij,ij->k", arrays[own], u @ u.T) - y[own]
            gradient = 2 * np.einsum("k,kij->ij", off, arrays[own]) @ u / len(own)
            psi = rng.standard_normal(u.size)
            psi *= np.sqrt(target / eta) / 2 / np.linalg.norm(psi)
            u = u - eta * (gradient + psi.reshape(u.shape))
            u = u * min(1, radius / np.linalg.norm(u))
    return most


@pytest.mark.parametrize("start", ["random", "saddle"])
def test_steps_are_those_of_the_formulas(start):
    objective, arrays, y = instance()
    first = np.random.default_rng(1).standard_normal((6, 2)) if start == "random" else np.zeros((6, 2))
    found = noisy_descent(objective, first.ravel(), 1e-3, 2.0, np.random.default_rng(2))
    expected = naive_steps(arrays, y, first, 1e-3, 2.0, np.random.default_rng(2))
    assert 10 < expected < 5_000
    assert abs(found - expected) <= 4


def test_without_noise_the_saddle_is_never_left(monkeypatch):
    """The mutant: descent alone stays at zero for ever."""
    monkeypatch.setattr(sensing_scaling, "MOST", 500)
    objective, *_ = instance()
    still = np.random.default_rng(0)

    class Silent:
        def standard_normal(self, size):
            return np.full(size, 1e-300) * np.sign(still.standard_normal(size))

        def permutation(self, count):
            return still.permutation(count)

    zero = np.zeros(objective.size)
    assert noisy_descent(objective, zero, 1e-3, 2.0, still) < 500
    monkeypatch.setattr(np.linalg, "norm", lambda v: 1.0)
    assert noisy_descent(objective, zero, 1e-3, 2.0, Silent()) == 500


def test_the_note_tells_the_powers():
    rows = [
        {**cell, "random": round(500 * (cell["rank"] / cell["sigma"]) * cell["size"] ** 0.5), "saddle": 60}
        for cell in scaling_cells(True)
    ]
    words = scaling_note(rows)
    assert f"{len(rows)} of {len(rows)} runs" in words
    assert "as n to the power 0.50" in words
    assert "as the rank to 1.00" in words
    assert "1 / sigma_r to 1.00" in words
    assert "1 / accuracy to 0.00" in words


def test_one_cell():
    cell = scaling_cells(True)[0]
    assert run_scaling(cell) == run_scaling(cell)
    assert 50 < run_scaling(cell)["random"] < 2_000


def test_matrices_that_are_nearly_of_low_rank():
    from lowland.reproduce.sensing_tails import run_tail, tail_cells, tail_note, tail_table

    cells = [cell for cell in tail_cells(True) if cell["seed"] == 0 and cell["ratio"] == 4.0]
    rows = [{**cell, **run_tail(cell)} for cell in cells]
    for row in rows:
        # the rest alone cannot be fitted away: no point of low rank is nearer to all of the matrix
        assert row["nearest"] <= row["farthest"] < 0.5 * row["unit"]
        assert row["unit"] == pytest.approx(2 * row["tail"], rel=0.2)
        assert row["slope"] < 1e-6
    assert all(r["apart"] < 1e-3 * r["unit"] for r in rows)
    assert len(tail_table(rows).rows) == len(rows)
    assert "to the power 1.0" in tail_note(rows)
