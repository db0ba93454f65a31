"""A search for counterexamples to every inequality that a proof rests on."""

import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cases import judgement
from lowland.certificates.curvatures.jacobian import jacobian_error, jacobian_matrix
from lowland.certificates.enclosures import lower_value, upper_value
from lowland.certificates.gaps.dual import dual_bound
from lowland.certificates.gaps.exact_fit import closest
from lowland.certificates.gaps.optimality import fitted_distance
from lowland.certificates.gaps.rank_constrained import rank_constrained_bound
from lowland.certificates.uniqueness.isolation_radius import exclusion_radius
from lowland.losses import Binomial, Clipped, LogPoisson, Mixed, Ordinal, Poisson, Squared
from lowland.measure import Dense, Entries
from lowland.models import General, Psd
from lowland.objectives import make_objective

SEARCH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
# examples in every run, and where slow tests are run
QUICK, MANY = 15, 300
# rounded, so that shrinking ends in readable counterexamples; several orders of magnitude
numbers = st.floats(-8, 8, width=32).map(lambda x: round(x, 3))
positive = st.floats(-2, 2, width=32).map(lambda x: 10.0 ** round(x, 2))
KINDS = [(), ("row",), ("column",), ("global",), ("row", "column"), ("row", "column", "global")]
M, N = 4, 3


def searched(*drawn):
    """Search for a counterexample among a few examples in every run, and among many where tests are slow."""

    def decorate(check):
        @pytest.mark.parametrize("examples", [QUICK, pytest.param(MANY, marks=pytest.mark.slow)])
        def test(examples):
            settings(SEARCH, max_examples=examples)(given(*drawn)(check))()

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return decorate


def arrays(shape, elements=numbers):
    return hnp.arrays(np.float64, shape, elements=elements)


@st.composite
def tables(draw):
    """Draw an objective on a small table with any biases, weights and penalties."""
    size = draw(st.integers(1, 14))
    rows = draw(hnp.arrays(np.intp, size, elements=st.integers(0, M - 1)))
    columns = draw(hnp.arrays(np.intp, size, elements=st.integers(0, N - 1)))
    biases = draw(st.sampled_from(KINDS))
    options = {"weights": draw(st.none() | arrays(size, positive))}
    if draw(st.booleans()):
        options["side_weights"] = (draw(arrays(M, positive)), draw(arrays(N, positive)))
    if {"row", "column"} & set(biases) and draw(st.booleans()):
        options["bias_penalty"] = draw(positive)
    y = draw(arrays(size))
    model = General((M, N), draw(st.integers(1, 3)), biases)
    return make_objective(Entries(rows, columns, (M, N)), y, model, penalty=draw(positive), **options)


@searched(tables(), st.data())
def test_no_point_is_below_a_dual_bound(objective, data):
    one, other = (data.draw(arrays(objective.size)) for _ in range(2))
    upper, _ = upper_value(objective, one)
    assume(upper > 1e-200)
    bound = dual_bound(objective, one, upper, judgement())
    weights = objective.weighted(np.ones(objective.y.size))
    apart = fitted_distance(objective, upper - bound.value)
    for point in (other, one, one + 0.1 * other, np.zeros_like(one), objective.biases.refit(0 * one)):
        value = objective.value(point)
        assert bound.value <= value * (1 + 1e-12)
        if value <= upper:  # fitted values of better points are no further than is said
            moved = objective.predict(point) - objective.predict(one)
            assert np.sqrt(np.average(moved**2, weights=weights)) <= apart * (1 + 1e-9) + 1e-12


@st.composite
def mixed_tables(draw):
    """Draw an objective with losses of every kind and penalties on all of it."""
    size = draw(st.integers(1, 14))
    rows = draw(hnp.arrays(np.intp, size, elements=st.integers(0, M - 1)))
    columns = draw(hnp.arrays(np.intp, size, elements=st.integers(0, N - 1)))
    biases = draw(st.sampled_from([(), ("row",), ("column",), ("row", "column")]))
    options = {"weights": draw(st.none() | arrays(size, positive))}
    if draw(st.booleans()):
        options["side_weights"] = (draw(arrays(M, positive)), draw(arrays(N, positive)))
    if biases:
        options["bias_penalty"] = draw(positive)
    parts = (Squared(), Ordinal(), Ordinal((-1.0, 2.0)), LogPoisson(), Clipped.huber(), Clipped.quantile(0.9))
    which = draw(hnp.arrays(np.intp, size, elements=st.integers(0, len(parts) - 1)))
    y = draw(arrays(size))
    counts = np.round(np.abs(y))
    y = np.choose(which, [y, counts % 2, counts % 3, counts, y, y])
    loss = Mixed(parts, which, draw(arrays(size, st.floats(-2, 2, width=32))))
    model = General((M, N), draw(st.integers(1, 3)), biases)
    entries = Entries(rows, columns, (M, N))
    return make_objective(entries, y, model, loss=loss, penalty=draw(positive), **options)


@searched(mixed_tables(), st.data())
def test_no_point_is_below_a_bound_by_conjugates(objective, data):
    one, other = (data.draw(arrays(objective.size)) for _ in range(2))
    upper, _ = upper_value(objective, one)
    assume(1e-200 < upper < 1e200)
    bound = dual_bound(objective, one, upper, judgement())
    found = one
    for _ in range(5):  # near a minimum, where the bound is sharp
        for name in objective.block_solver.names:
            found = objective.block_solver.solve(found, name)
    sharper = dual_bound(objective, found, upper, judgement())
    for point in (other, one, found, one + 0.1 * other, found + 0.01 * other, np.zeros_like(one)):
        with np.errstate(over="ignore"):
            value = objective.value(point)
        assert max(bound.value, sharper.value) <= value * (1 + 1e-12)


@searched(st.data(), st.booleans(), st.sampled_from([None, Poisson(), Binomial()]))
def test_no_positive_semidefinite_point_is_below_its_bound(data, unit_trace, loss):
    size, n, rank = 6, 3, data.draw(st.integers(1, 2))
    factors = data.draw(arrays((size, n, 1)))
    arrays_ = factors @ factors.transpose(0, 2, 1) if loss else data.draw(arrays((size, n, n)))
    y = data.draw(arrays(size, st.floats(0, 1, width=32) if loss else numbers))
    weights = data.draw(arrays(size, positive))
    options = {} if unit_trace else {"penalty": data.draw(st.just(0.0) | positive)}
    measurement = Dense((arrays_ + arrays_.transpose(0, 2, 1)) / 2)
    objective = make_objective(
        measurement, y, Psd((n, n), rank, unit_trace=unit_trace), loss=loss, weights=weights, **options
    )
    one, other = (data.draw(arrays(objective.size)) for _ in range(2))
    assume(np.linalg.norm(one) > 1e-3 and np.linalg.norm(other) > 1e-3)
    upper, _ = upper_value(objective, one)
    assume(np.isfinite(upper))
    bound = dual_bound(objective, one, upper, judgement())
    for point in (other, one, one + 0.1 * other):
        if np.linalg.norm(point) > 1e-3:
            assert bound.value <= objective.value(point) * (1 + 1e-12)


@searched(st.data(), st.booleans())
def test_no_point_of_the_rank_is_below_its_bound(data, symmetric):
    rank = data.draw(st.integers(1, 2))
    rows, columns = np.indices((3, 3)).reshape(2, -1)
    model = Psd((3, 3), rank) if symmetric else General((3, 3), rank)
    objective = make_objective(
        Entries(rows, columns, (3, 3)), data.draw(arrays(9)), model, weights=data.draw(arrays(9, positive))
    )
    one, other = (data.draw(arrays(objective.size)) for _ in range(2))
    bound = rank_constrained_bound(objective, one, lower_value(objective, one, is_penalised=False)[0], 3000)
    for point in (other, one, one + 0.1 * other, one + 1e-4 * other):
        assert bound.value <= objective.value(point) * (1 + 1e-12)


def exact_terms(objective, theta):
    """Return predictions and objective in forty digits."""
    u, v, a, b, c = objective.model.unpack(theta)
    m = objective.measurement
    z = [
        mpmath.fdot(map(mpmath.mpf, u[i].tolist()), map(mpmath.mpf, v[j].tolist()))
        + mpmath.mpf(a[i])
        + mpmath.mpf(b[j])
        + mpmath.mpf(c)
        for i, j in zip(m.rows, m.columns, strict=True)
    ]
    w = np.ones(len(z)) if objective.weights is None else objective.weights
    fit = sum(mpmath.mpf(k) * (p - mpmath.mpf(y)) ** 2 for k, p, y in zip(w, z, objective.y, strict=True))
    return z, fit / 2


@searched(tables(), st.data(), st.integers(-6, 6))
def test_values_are_rounded_to_the_right_sides(objective, data, exponent):
    theta = data.draw(arrays(objective.size)) * 10.0**exponent
    with mpmath.workdps(40):
        _, fit = exact_terms(objective, theta)
        paid = mpmath.mpf(0)
        for penalty in objective.penalties:
            if penalty.name == "bias ridge":
                part = theta[penalty.start : penalty.start + penalty.weights.size]
            else:
                part = theta[: objective.factor_size]
            weights = np.ones(part.size) if penalty.weights is None else penalty.weights
            squares = sum(mpmath.mpf(k) * mpmath.mpf(x) ** 2 for k, x in zip(weights, part, strict=True))
            paid += mpmath.mpf(penalty.strength) * squares / 2
        upper, charged = upper_value(objective, theta)
        assert charged
        assert upper >= fit + paid or fit + paid < mpmath.mpf(1e-280)
        lower, charged = lower_value(objective, theta)
        assert charged
        assert lower <= fit + paid
        assert lower_value(objective, theta, is_penalised=False)[0] <= fit


@searched(st.data())
def test_a_fit_called_exact_is_exact(data):
    """No datum is further off than the misfit says, beyond the rounding of the point itself."""
    rows, columns = np.indices((M, N)).reshape(2, -1)
    model = General((M, N), 2)
    theta = data.draw(arrays(model.size))
    u, v, *_ = model.unpack(theta)
    shift = np.where(np.arange(M * N) == data.draw(st.integers(0, M * N - 1)), data.draw(positive) * 1e-9, 0)
    y = (u @ v.T).ravel() * (1 + shift)
    objective = make_objective(Entries(rows, columns, (M, N)), y, model)
    found = closest(objective, theta)[1]
    off = np.abs(y - (u @ v.T).ravel())
    unit = np.maximum(np.abs(y), np.median(np.abs(y)))
    # what is beyond a millionth of the usual size is never called an exact fit
    if (off > 1e-6 * unit).any():
        assert found > 1e-12


@searched(arrays((3, 2)), arrays((3, 2)), arrays((3, 2)), arrays((3, 2)), positive)
def test_off_the_tangent_space_a_matrix_of_the_rank_moves_by_less(a, b, c, d, share):
    """|off T| <= sigma - sqrt(sigma^2 - a^2), for Y near and far."""
    a, b = a + 3 * np.eye(3, 2), b + 3 * np.eye(3, 2)
    x = a @ b.T
    u, s, vt = np.linalg.svd(x)
    assume(s[1] > 1e-3)
    # from neighbours up to matrices about as far as the smallest singular value
    step = (
        min(share, 1.0) * s[1] / (1 + np.linalg.norm(np.hstack([a, b])) * np.linalg.norm(np.hstack([c, d])))
    )
    y = (a + step * c) @ (b + step * d).T
    p, q = u[:, :2] @ u[:, :2].T, vt[:2].T @ vt[:2]
    off = (np.eye(3) - p) @ (y - x) @ (np.eye(3) - q)
    along = float(np.linalg.norm(y - x - off))
    assume(along < s[1])
    assert np.linalg.norm(off) <= s[1] - np.sqrt(s[1] ** 2 - along**2) + 1e-9 * (s[1] + along)


@searched(positive, positive, positive, st.floats(0, 1, exclude_min=True))
def test_within_the_radius_predictions_cannot_agree(sigma, norm, share, part):
    smallest = norm * min(share, 1.0)
    along = part * exclusion_radius(smallest, norm, sigma) * (1 - 1e-9)
    assume(0 < along < sigma)
    # what the tangent part changes outweighs all that the rest can
    assert smallest * along >= norm * (sigma - np.sqrt(sigma**2 - along**2)) * (1 - 1e-6)


@searched(st.data(), st.booleans())
def test_jacobians_are_as_exact_as_they_say(data, symmetric):
    n, rank, size = 3, 2, 5
    cube = data.draw(arrays((size, n, n)))
    cube = (cube + cube.transpose(0, 2, 1)) / 2 if symmetric else cube
    model = Psd((n, n), rank) if symmetric else General((n, n), rank)
    objective = make_objective(Dense(cube), np.zeros(size), model)
    theta = data.draw(arrays(model.size))
    found, bound = jacobian_matrix(objective, theta), jacobian_error(objective, theta)
    with mpmath.workdps(40):
        total = mpmath.mpf(0)
        for k in range(size):
            matrix = mpmath.matrix(cube[k].tolist())
            if symmetric:
                exact = 2 * matrix * mpmath.matrix(theta.reshape(n, rank).tolist())
                flat = [exact[i, j] for i in range(n) for j in range(rank)]
            else:
                u, v = (mpmath.matrix(part.reshape(n, rank).tolist()) for part in np.split(theta, 2))
                sides = (matrix * v, matrix.T * u)
                flat = [side[i, j] for side in sides for i in range(n) for j in range(rank)]
            total += sum((mpmath.mpf(float(a)) - b) ** 2 for a, b in zip(found[k], flat, strict=True))
        assert mpmath.sqrt(total) <= bound or total == 0


@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_the_radius_is_where_the_two_sides_meet(factor):
    """At the radius they agree; a radius of a tenth more is wrong."""
    sigma, norm, smallest = 2.0, 3.0, 0.7
    along = factor * exclusion_radius(smallest, norm, sigma)
    sides = smallest * along, norm * (sigma - np.sqrt(sigma**2 - along**2))
    if factor == 1.0:
        assert sides[0] == pytest.approx(sides[1], rel=1e-12)
    else:
        assert sides[0] < sides[1]
