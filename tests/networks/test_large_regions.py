"""Regions and widths of large problems: shortcuts beside the long way, progress and interrupts."""

import os
import signal

import numpy as np
import pytest

import lowland as ll
from lowland import networks as ln
from lowland.networks.certificates.region_minima import UNSURE
from lowland.networks.kernels import exact_ranks
from lowland.networks.kernels.exact_ranks import clear_cases, modular_rank
from lowland.networks.regions import cone_programs
from lowland.networks.regions.pattern_shares import _Layers, _least_width
from lowland.networks.regions.program import region_optimum


def test_the_least_width_does_not_depend_on_the_guess():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n, d, bias = int(rng.integers(2, 25)), int(rng.integers(2, 4)), bool(seed % 2)

        def layers(n=n, d=d, bias=bias, seed=seed):
            return _Layers(n, d, bias, None, np.random.default_rng(seed), np.random.default_rng(1))

        walked, one_by_one = layers(), 1
        while not walked.is_full(one_by_one):
            one_by_one += 1
        for guess in (1, one_by_one, 3 * one_by_one):
            assert _least_width(layers(), guess) == one_by_one


@pytest.mark.parametrize("scale", [1.0, 1e-90, 1e90])
def test_large_cases_are_proved_by_lapack_as_small_ones_are_by_loops(rng, monkeypatch, scale):
    cases = [(30, 3, k) for k in (6, 8, 10, 12, 20)] * 4
    for n, d, k in cases:
        points = scale * rng.standard_normal((n, d))
        active = points @ rng.standard_normal((d, k)) > 0
        monkeypatch.setattr(exact_ranks, "MOST_POINTS_BY_KERNEL", 150)
        small = clear_cases(active[None], points)[0]
        monkeypatch.setattr(exact_ranks, "MOST_POINTS_BY_KERNEL", 0)
        large = clear_cases(active[None], points)[0]
        assert large == small
        assert not large or modular_rank(active, points, rng, trials=3) == n


def test_lapack_without_its_shift_proves_what_is_false(rng, monkeypatch):
    """The mutant without a charge for rounding takes a repeated point for a new one."""
    monkeypatch.setattr(exact_ranks, "MOST_POINTS_BY_KERNEL", 0)
    wrong = {}
    for safe in (exact_ranks.SAFETY_FACTOR, 0.0):
        monkeypatch.setattr(exact_ranks, "SAFETY_FACTOR", safe)
        count = 0
        for _ in range(50):
            points = rng.standard_normal((20, 4))
            points[1] = points[0]
            active = points @ rng.standard_normal((4, 12)) > 0
            count += clear_cases(active[None], points)[0]
        wrong[safe] = count
    assert wrong[4.0] == 0
    assert wrong[0.0] > 0


def drawn(seed, n=12, d=3, k=3):
    rng = np.random.default_rng(seed)
    points, targets, outer = rng.standard_normal((n, d)), rng.standard_normal(n), rng.standard_normal(k)
    return points, targets, outer, points @ rng.standard_normal((d, k)) > 0


def test_no_program_is_asked_where_the_loss_tells(monkeypatch):
    """Where the best loss is above that of least squares, the long way finds no minimiser inside either."""
    shortcuts = 0
    for seed in range(40):
        short = region_optimum(*drawn(seed))
        with monkeypatch.context() as patch:
            patch.setattr(cone_programs, "ABOVE", np.inf)
            long = region_optimum(*drawn(seed))
        assert short.loss == long.loss
        if short.margin == -1.0:
            shortcuts += 1
            assert long.margin <= 1e-9
        else:
            assert short.margin == long.margin
    assert shortcuts > 10


def test_a_program_that_fails_says_nothing(monkeypatch):
    import scipy.optimize

    monkeypatch.setattr(cone_programs, "ABOVE", np.inf)
    monkeypatch.setattr(scipy.optimize, "linprog", lambda *a, **k: type("Failed", (), {"x": None}))
    assert region_optimum(*drawn(0)).margin == 0.0 > -UNSURE


def test_large_programs_are_answered_or_left_open(monkeypatch):
    monkeypatch.setattr(cone_programs, "MOST_CONSTRAINT_NUMBERS", 0)
    for seed in range(30):
        points, targets, outer, active = drawn(seed)
        quick = region_optimum(points, targets, outer, active)
        with monkeypatch.context() as patch:
            patch.setattr(cone_programs, "MOST_CONSTRAINT_NUMBERS", np.inf)
            whole = region_optimum(points, targets, outer, active)
        assert quick.loss == whole.loss
        assert quick.margin == whole.margin == -1.0 or quick.margin <= max(whole.margin, 0.0) + 1e-9


def network(points):
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((6, points.shape[1]))
    return ln.ReluNetwork((weights, rng.standard_normal(6)), (rng.standard_normal(6), None))


@pytest.mark.usefixtures("default_handler")
def test_steps_are_reported_and_an_interrupt_ends_them():
    points, targets, *_ = drawn(1, n=30)
    seen = []
    ln.region_report(
        network(points), points, targets, on_progress=lambda done, total, seconds: seen.append(done)
    )
    assert seen == sorted(seen)
    assert len(seen) > 3
    again = []

    def stop(done, total, seconds):
        again.append(done)
        if len(again) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        ln.region_report(network(points), points, targets, on_progress=stop)
    assert len(again) <= 4 < len(seen)
    drawn_so_far = []
    ln.advise_width(
        12, 3, 0.9, n_draws=80, on_progress=lambda done, total, seconds: drawn_so_far.append(done)
    )
    assert drawn_so_far == list(range(1, 81))


def test_many_points_need_fewer_draws(monkeypatch):
    """Beyond some work no more networks are drawn than both limits need."""
    from lowland.networks.regions import pattern_shares

    monkeypatch.setattr(pattern_shares, "ENOUGH_WORK", 0.0)
    monkeypatch.setattr(exact_ranks, "MOST_POINTS_BY_KERNEL", 0)
    few = ln.advise_width(12, 3, 0.9, n_draws=300, rng=0)
    assert 20 < len(few.least_widths) < 100
    assert f"{len(few.least_widths)} draws" in few.law
    assert few.lower <= few.width <= few.upper


def test_points_of_very_different_sizes():
    """The interior-point solver stops early there; what it leaves is no evidence that nothing lies inside."""
    network = ln.ReluNetwork((np.array([[1.0]]), np.array([1.0])), (None, None))
    points, targets = np.array([[-1e5], [1e-7], [2e-7]]), np.array([0.1, 1.0, 1.0])
    found = ln.region_report(network, points, targets)
    # the second and third point alone are active: w = 3e-7 / 5e-14
    least = 0.5 * float(np.mean((np.array([0, 0.6, 1.2]) - targets) ** 2))
    assert found.optimum.loss == pytest.approx(least, rel=1e-6)
    assert found.certificate["no_bad_minimum_in_region"].verdict is ll.Verdict.REFUTED
