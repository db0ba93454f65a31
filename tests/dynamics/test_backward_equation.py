"""Exit times and committors of two dimensions: beside quadrature, published figures, paths and symmetry."""

from functools import cache

import numpy as np
import pytest

import lowland as ll
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import StopReason
from lowland.dynamics import (
    Ball,
    HalfSpace,
    NonReversible,
    Overdamped,
    Underdamped,
    escape_times,
    hitting_probability,
    mean_exit_time,
    sample_langevin,
    solve_backward,
    with_circulation,
)
from lowland.landscape.proportions import greatest_share, least_share, share_interval

ROUND = np.array([[0.0, 1.0], [-1.0, 0.0]])
WELL = ll.dynamics.potential("double_well", transverse=[1.0])
OUT = HalfSpace([1.0, 0.0], 0.7)
BOX = [(-2.5, 1.0), (-2.5, 2.5)]
LEFT, RIGHT = (Ball([c, 0.0], 0.3, inside=True) for c in (-1.0, 1.0))


def fading(x):
    """A circulation that fades outwards."""
    return (2 * np.exp(-np.sum(x**2, axis=1)))[:, None, None] * ROUND


@cache
def reversible(beta):
    return solve_backward(WELL, Overdamped(0.01, beta), exit=OUT, box=BOX, n_cells=300)


@pytest.mark.parametrize("start", [-1.0, -0.3, 0.4])
@pytest.mark.parametrize("beta", [12.0, pytest.param(4.0, marks=pytest.mark.slow)])
def test_reversible_times_are_those_of_quadrature(start, beta):
    found = reversible(beta)
    exact = mean_exit_time(lambda x: (x**2 - 1) ** 2 / 4, start, 0.7, beta)
    time = found.mean_time([[start, 0.0], [start, 0.8]])
    np.testing.assert_allclose(time, exact, rtol=1e-3)  # the other coordinate does not matter
    assert found.error([[start, 0.0]])[0] == pytest.approx(abs(time[0] / exact - 1), rel=0.5)


@pytest.mark.parametrize(("size", "known"), [(1.0, 26.317), (2.0, 16.596)])
def test_non_reversible_times_are_those_solved_elsewhere(size, known):
    found = solve_backward(WELL, NonReversible(0.01, 8.0, size * ROUND), exit=OUT, box=BOX, n_cells=200)
    assert found.mean_time([-1.0, 0.0])[0] == pytest.approx(known, rel=5e-4)
    back = solve_backward(WELL, NonReversible(0.01, 8.0, -size * ROUND), exit=OUT, box=BOX, n_cells=100)
    other = solve_backward(WELL, NonReversible(0.01, 8.0, size * ROUND), exit=OUT, box=BOX, n_cells=100)
    np.testing.assert_allclose(back.times, other.times[:, ::-1], rtol=1e-8)  # its mirror image


def test_errors_are_of_second_order_at_round_sets_too():
    surface = ll.dynamics.potential("muller_brown")
    end = Ball(surface.minima[1], 0.2, inside=True)
    times = [
        solve_backward(
            surface, Overdamped(1e-3, 2.0), exit=end, box=[(-2.0, 1.5), (-1.0, 2.5)], n_cells=n
        ).mean_time(surface.minima[0])[0]
        for n in (30, 60, 120, 240)
    ]
    steps = np.abs(np.diff(times))
    assert np.all(steps[1:] < steps[:-1] / 2.5)
    assert times[-1] == pytest.approx(3961.5, rel=1e-3)


def test_the_invariant_law_is_kept_exactly():
    """Rates out of a cell and into it, weighted by the law, agree: also where J depends on the point."""
    from lowland.dynamics.exits.kramers import energies_of
    from lowland.dynamics.exits.plane_grid import PlaneGrid

    for around in (lambda x: np.full(len(x), 3.0), lambda x: fading(x)[:, 0, 1]):
        grid = PlaneGrid(energies_of(WELL), around, 8.0, np.array([(-2.0, 2.0), (-2.0, 2.0)]), 40)
        law = np.where(grid.visited, np.exp(-(grid.energy - grid.lowest)), 0.0)
        change, moved = np.zeros(grid.shape), np.zeros(grid.shape)
        for here, there, rate in grid._exchanges():
            both = grid.visited[here] & grid.visited[there]
            flow = np.where(both, law[here] * rate, 0.0)
            change[here] -= flow
            change[there] += flow
            moved[here] += np.abs(flow)
        assert np.all(np.abs(change) <= 1e-12 * moved.max())


def test_committors_by_symmetry_and_by_paths():
    moves = NonReversible(0.01, 4.0, 2 * ROUND)
    found = solve_backward(WELL, moves, exit=RIGHT, home=LEFT, box=[(-2.5, 2.5), (-2.5, 2.5)], n_cells=200)
    points = np.array([[0.0, 0.0], [-0.2, 0.5], [-0.2, -0.5], [-0.9, 0.0], [0.9, 0.0]])
    exact = found.committor(points)
    assert exact[0] == pytest.approx(0.5, abs=1e-3)
    assert exact[1] + found.committor(-points[1:2])[0] == pytest.approx(1, abs=1e-6)
    assert abs(exact[1] - exact[2]) > 0.2  # which way the drift turns
    np.testing.assert_allclose(exact[3:], [0, 1])
    study = hitting_probability(WELL, points[:3], exit=RIGHT, home=LEFT, dynamics=moves, n_paths=2400, rng=0)
    low, high = study.interval(0.999)
    assert np.all((low < exact[:3]) & (exact[:3] < high))
    assert np.all(high - low < 0.07)


def test_paths_with_inertia_and_those_that_do_not_arrive():
    moves = Underdamped(0.1, 8.0, 0.5)
    study = hitting_probability(WELL, [0.0, 0.0], exit=RIGHT, home=LEFT, dynamics=moves, n_paths=2000, rng=0)
    low, high = study.interval(0.999)
    assert low[0] < 0.5 < high[0]
    assert study.stop_reason is StopReason.CONVERGED
    again = hitting_probability(WELL, [0.0, 0.0], exit=RIGHT, home=LEFT, dynamics=moves, n_paths=2000, rng=0)
    assert again.to_exit[0] == study.to_exit[0]
    assert again.mean_time == study.mean_time
    short = hitting_probability(
        WELL,
        [0.0, 0.0],
        exit=RIGHT,
        home=LEFT,
        dynamics=Overdamped(0.01, 8.0),
        n_paths=50,
        max_steps=5,
        rng=0,
    )
    assert short.undecided[0] > 40
    assert short.interval()[0][0] < 0.01 < 0.99 < short.interval()[1][0]
    assert "paths entered neither set" in str(short)


def test_circulations_that_depend_on_the_point_keep_the_law():
    well = ll.dynamics.potential("quadratic", hessian=[1.0, 1.0])

    def shear(x):  # grows along one coordinate, so that its divergence points across
        return (3 * np.tanh(x[:, 0]))[:, None, None] * ROUND

    moves = Overdamped(0.01, 1.0)
    start = np.random.default_rng(0).standard_normal((500, 2))

    def mean(potential):
        found = sample_langevin(potential, start, moves, n_draws=60, thin=20, warm_up=300, rng=1)
        return found.mean(lambda x: x[:, 1])

    kept, error = mean(with_circulation(well, shear, beta=1.0))
    assert abs(kept) < 5 * error
    # the mutant: without the divergence the second coordinate drifts
    lost, error = mean(with_circulation(well, shear, beta=1.0, divergence=np.zeros_like))
    assert abs(lost) > 20 * error


@pytest.mark.slow
def test_circulating_paths_leave_when_the_equation_says():
    found = solve_backward(WELL, Overdamped(0.01, 6.0), exit=OUT, box=BOX, circulation=fading)
    study = escape_times(
        with_circulation(WELL, fading, beta=6.0),
        [-1.0, 0.0],
        exit=OUT,
        dynamics=Overdamped(0.004, 6.0),
        n_chains=1500,
        rng=0,
    )
    low, high = study.interval(0.999)
    plain = solve_backward(WELL, Overdamped(0.01, 6.0), exit=OUT, box=BOX).mean_time([-1.0, 0.0])[0]
    exact = found.mean_time([-1.0, 0.0])[0]
    assert low < exact < high < plain


def test_exact_limits_of_shares():
    from scipy.stats import binom

    for hits, trials in ((0, 7), (3, 7), (7, 7)):
        low, high = share_interval(hits, trials, 0.9)
        assert low == least_share(hits, trials, 0.95)
        assert high == greatest_share(hits, trials, 0.95)
        if hits:
            assert binom.sf(hits - 1, trials, low) == pytest.approx(0.05)
        if hits < trials:
            assert binom.cdf(hits, trials, high) == pytest.approx(0.05)
    assert share_interval(3, 9, 0.9, undecided=2) == (least_share(3, 9, 0.95), greatest_share(5, 9, 0.95))


def test_the_box_ends_where_it_should():
    """The other coordinate lowers the barrier towards the upper wall: where that lies matters."""
    slanted = ll.dynamics.Potential(
        "slanted", 2, np.zeros_like, lambda x: (x[:, 0] ** 2 - 1) ** 2 / 4 * (1 - 1.5 * x[:, 1])
    )
    times = [
        solve_backward(
            slanted, Overdamped(0.01, 60.0), exit=OUT, box=[(-2.5, 1.0), (-0.3, 0.31)], n_cells=n
        ).mean_time([-1.0, 0.0])[0]
        for n in (350, 400, 220)
    ]
    np.testing.assert_allclose(times, 257_300, rtol=5e-3)
    edge = solve_backward(WELL, Overdamped(0.01, 8.0), exit=OUT, box=[(-2.5, 1.0), (0.0, 2.5)], n_cells=100)
    assert edge.mean_time([[-1.0, 0.0], [-1.0, 2.5]]) == pytest.approx([38.1, 38.1], rel=1e-2)


def test_what_cannot_be_solved_for_is_refused():
    for beta in (125.0, 150.0):
        with pytest.raises(InvalidInputError, match="rounding has eaten"):
            solve_backward(WELL, Overdamped(0.01, beta), exit=OUT, box=[(-2.5, 1.0), (-1.0, 1.0)])
    with pytest.raises(InvalidInputError, match="too large for so strong a circulation"):
        solve_backward(WELL, NonReversible(0.01, 8.0, 100 * ROUND), exit=OUT, box=BOX, n_cells=100)
    hole = ll.dynamics.Potential(
        "hole", 2, np.zeros_like, lambda x: np.where(np.abs(x[:, 0] + 0.5) < 0.1, np.nan, x[:, 1] ** 2)
    )
    with pytest.raises(InvalidInputError, match="not a number"):
        solve_backward(hole, Overdamped(0.01, 8.0), exit=OUT, box=BOX)


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        (HalfSpace([1.0, 0.0], 0.5), HalfSpace([-1.0, 0.0], 0.1), True),
        (HalfSpace([1.0, 0.0], 0.5), HalfSpace([-1.0, 0.0], -0.6), False),
        (HalfSpace([1.0, 0.0], 0.5), HalfSpace([0.0, 1.0], 9.0), False),
        (HalfSpace([1.0, 0.0], 0.5), Ball([0.0, 0.0], 0.4, inside=True), True),
        (HalfSpace([1.0, 0.0], 0.5), Ball([0.0, 0.0], 0.6, inside=True), False),
        (HalfSpace([1.0, 0.0], 0.5), Ball([0.0, 0.0], 0.4), False),
        (LEFT, RIGHT, True),
        (LEFT, Ball([0.0, 0.0], 0.8, inside=True), False),
        (LEFT, Ball([0.0, 0.0], 1.4), True),
        (LEFT, Ball([0.0, 0.0], 1.2), False),
        (Ball([0.0, 0.0], 1.0), Ball([9.0, 0.0], 1.0), False),
    ],
)
def test_sets_that_overlap_are_refused(first, second, apart):
    from lowland.dynamics.exit_sets import check_disjoint

    points = np.random.default_rng(0).uniform(-30, 30, (200_000, 2))
    points[::2] /= 15
    both = (first.distance(points) <= 0) & (second.distance(points) <= 0)
    assert apart != both.any()
    for pair in ((first, second), (second, first)):
        if apart:
            check_disjoint(*pair)
        else:
            with pytest.raises(InvalidInputError, match="overlap"):
                check_disjoint(*pair)


def test_circulations_are_used_and_for_their_own_temperature():
    moves = Overdamped(0.01, 6.0)
    given = solve_backward(WELL, moves, exit=OUT, box=BOX, circulation=fading, n_cells=100)
    own = solve_backward(with_circulation(WELL, fading, beta=6.0), moves, exit=OUT, box=BOX, n_cells=100)
    np.testing.assert_array_equal(own.times, given.times)
    turned = with_circulation(WELL, fading, beta=8.0)
    for other in (moves, Underdamped(0.1, 8.0, 1.0), NonReversible(0.01, 8.0, ROUND)):
        with pytest.raises(InvalidInputError, match="circulation is for overdamped dynamics"):
            hitting_probability(turned, [0.0, 0.0], exit=RIGHT, home=LEFT, dynamics=other)
    with pytest.raises(InvalidInputError, match="a circulation already"):
        with_circulation(turned, fading, beta=8.0)
    with pytest.raises(InvalidInputError, match="takes a Potential"):
        with_circulation("double_well", fading, beta=8.0)


def test_wrong_input():
    moves = Overdamped(0.01, 8.0)
    for box in ([(2, -2, 1), (-1, 1)], "abc"):
        with pytest.raises(InvalidInputError, match="box must be two pairs"):
            solve_backward(WELL, moves, exit=OUT, box=box)
    with pytest.raises(InvalidInputError, match="home contains a point"):
        hitting_probability(WELL, [-1.0, 0.0], exit=RIGHT, home=LEFT, dynamics=moves)
    with pytest.raises(InvalidInputError, match="points must be one point"):
        hitting_probability(WELL, np.zeros((0, 2)), exit=RIGHT, home=LEFT, dynamics=moves)
    with pytest.raises(InvalidInputError, match="Metropolis"):
        solve_backward(WELL, Overdamped(0.01, 8.0, metropolis=True), exit=OUT, box=BOX)
    with pytest.raises(InvalidInputError, match="two coordinates"):
        solve_backward(ll.dynamics.potential("many_wells", dimension=3), moves, exit=OUT, box=BOX)
    with pytest.raises(InvalidInputError, match="without inertia"):
        solve_backward(WELL, Underdamped(0.1, 8.0, 1.0), exit=OUT, box=BOX)
    with pytest.raises(InvalidInputError, match="no cell of the box lies in the exit set"):
        solve_backward(WELL, moves, exit=HalfSpace([1.0, 0.0], 5.0), box=BOX)
    with pytest.raises(InvalidInputError, match="box must be two pairs"):
        solve_backward(WELL, moves, exit=OUT, box=[(1.0, -1.0), (0.0, 1.0)])
    with pytest.raises(InvalidInputError, match="there is no committor"):
        solve_backward(WELL, moves, exit=OUT, box=BOX, n_cells=40).committor([[0.0, 0.0]])
    with pytest.raises(InvalidInputError, match="contains the start"):
        hitting_probability(WELL, [1.0, 0.0], exit=RIGHT, home=LEFT, dynamics=moves)
    with pytest.raises(InvalidInputError, match="antisymmetric matrix per point"):
        with_circulation(WELL, lambda x: ROUND, beta=8.0)
    with pytest.raises(InvalidInputError, match="equal minus their transposes"):
        with_circulation(WELL, lambda x: np.ones((len(x), 2, 2)), beta=8.0)
