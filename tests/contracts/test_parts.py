"""Contracts of losses, penalties and models."""

from fractions import Fraction

import numpy as np
import pytest

from cases import DRAWN_LOSSES, LOSSES, MODELS, PENALTIES, parametrise
from lowland.core.complex_views import as_reals
from lowland.core.dense_operator import DenseMap
from lowland.core.errors import InvalidInputError
from lowland.core.promises.protocols import MajorisedLoss
from lowland.core.results.records import Factors
from lowland.losses import Balancing, BiasRidge, Clipped, LogPoisson, Mixed, Ordinal, Poisson, Ridge, Squared
from lowland.models import General
from lowland.objectives.unlisted import Unlisted
from lowland.tensors.tucker.balancing import TuckerBalancing
from lowland.tensors.tucker.model import Tucker
from lowland.testing import check_loss, check_offers, check_penalty
from lowland.testing.operators import random_numbers


def _draw(case, rng):
    return case.extra.get("draw", lambda rng: rng.standard_normal((2, 200)))(rng)


@parametrise(LOSSES)
def test_loss_values(case):
    loss, z, y = case.make(), np.array(case.extra["z"]), np.array(case.extra["y"])
    np.testing.assert_allclose(loss.value(z, y), case.extra["value"])


@parametrise(DRAWN_LOSSES)
def test_loss_derivatives_and_convexity(case, rng):
    loss = case.make()
    z, y = _draw(case, rng)
    step = 1e-5
    np.testing.assert_allclose(
        (loss.value(z + step, y) - loss.value(z - step, y)) / (2 * step),
        loss.slope(z, y),
        atol=1e-7,
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        (loss.slope(z + step, y) - loss.slope(z - step, y)) / (2 * step),
        loss.curvature(z, y),
        atol=1e-7,
        rtol=1e-6,
    )
    assert (loss.curvature(z, y) >= 0).all()


@parametrise(DRAWN_LOSSES)
def test_fenchel(case, rng):
    loss = case.make()
    z, y = _draw(case, rng)
    s = case.extra.get("slopes", lambda rng, y: rng.standard_normal(200))(rng, y)
    assert (loss.value(z, y) + loss.conjugate(s, y) >= s * z - 1e-12).all()
    assert np.isfinite(loss.conjugate(s, y)).all()
    slope = loss.slope(z, y)
    np.testing.assert_allclose(loss.value(z, y) + loss.conjugate(slope, y), slope * z, atol=1e-12)


@parametrise(DRAWN_LOSSES)
def test_losses_keep_what_proofs_rest_on(case, rng):
    z, y = _draw(case, rng)
    check_loss(case.make(), z, y)
    check_offers(case.make())


class _Dishonest:
    """A loss that says something else of itself, or is something else."""

    def __init__(self, inner, **said):
        self._inner, self._said = inner, said

    def __getattr__(self, name):
        return self._said[name] if name in self._said else getattr(self._inner, name)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (_Dishonest(Squared(), value=lambda z, y: (z - y) ** 2 / 2 - 1e-6), "negative"),
        (_Dishonest(Ordinal(), vanishes_at_data=True), "declared to vanish at the data"),
        (_Dishonest(Ordinal(), is_quadratic=True), "quadratic"),
    ],
)
def test_losses_that_break_what_proofs_rest_on(loss, words, rng):
    y = rng.integers(0, 2, 50).astype(float)
    with pytest.raises(AssertionError, match=words):
        check_loss(loss, np.where(rng.random(50) < 0.2, y, 3 * rng.standard_normal(50)), y)


def test_losses_that_round_below_zero_close_to_the_data(rng):
    y = rng.integers(1, 9, 200).astype(float)
    z = y * rng.uniform(0.5, 2, 200)
    check_loss(Poisson(), z, y)
    naive = _Dishonest(Poisson(), value=lambda z, y: z - y + y * np.log(y / z))
    assert (naive.value(z, y) >= 0).all()
    with pytest.raises(AssertionError, match="of the way from the data"):
        check_loss(naive, z, y)


@parametrise([case for case in DRAWN_LOSSES if isinstance(case.make(), MajorisedLoss)])
def test_majorants_touch_and_lie_above(case, rng):
    loss = case.make()
    z, y = _draw(case, rng)
    curvature = loss.majorant(z, y)
    assert (curvature > 0).all()
    for other in (z + rng.normal(0, 3, 200), z + 0.01 * rng.standard_normal(200), -z):
        model = loss.value(z, y) + loss.slope(z, y) * (other - z) + curvature / 2 * (other - z) ** 2
        above = model >= loss.value(other, y) - 1e-10
        # a count's has its minimum in the right place, and lies above where the loss is flatter
        if case.part is Mixed or case.part is LogPoisson:
            lowest = z - loss.slope(z, y) / curvature
            here = loss.which == 2 if case.part is Mixed else np.ones(200, bool)
            mean = np.exp(lowest + (loss.shifts if case.part is Mixed else 0))
            np.testing.assert_allclose(mean[here & (y > 0)], y[here & (y > 0)], rtol=1e-6)
            above[here] = True
        assert above.all()


@parametrise(DRAWN_LOSSES)
def test_losses_of_some_observations(case, rng):
    loss = case.make()
    z, y = _draw(case, rng)
    some = rng.permutation(200)[:31]
    np.testing.assert_array_equal(loss.subset(some).value(z[some], y[some]), loss.value(z, y)[some])
    single = loss.value(z.astype(np.float32), y.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, loss.value(z, y), rtol=1e-3, atol=1e-4)


def test_level_probabilities(rng):
    loss, z = Ordinal((-1.0, 0.5, 2.0)), rng.normal(0, 3, 50)
    probabilities = loss.probabilities(z)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    for level in range(4):
        np.testing.assert_allclose(-np.log(probabilities[:, level]), loss.value(z, np.full(50, float(level))))


@pytest.mark.parametrize(
    ("loss", "y", "words"),
    [
        (Ordinal((0.0, 1.0)), [0.0, 3.0], "levels 0 to 2"),
        (Ordinal(), [0.5], "levels 0 to 1"),
        (LogPoisson(), [-1.0], "negative"),
        (Mixed((Squared(), LogPoisson()), np.array([0, 1]), np.zeros(2)), [-3.0, -1.0], "negative"),
    ],
)
def test_data_outside_a_loss(loss, y, words):
    with pytest.raises(InvalidInputError, match=words):
        loss.check(np.array(y))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Ordinal((1.0, 0.0)),
        lambda: Ordinal(()),
        lambda: Clipped(1.0, 2.0),
        lambda: Clipped.quantile(1.0),
        lambda: Mixed((Squared(),), np.array([1]), np.zeros(1)),
    ],
)
def test_losses_that_cannot_be(make):
    with pytest.raises(InvalidInputError):
        make()


@parametrise(PENALTIES)
def test_penalty_derivatives(case, rng):
    penalty = case.make()
    theta, d = rng.standard_normal((2, case.extra["size"]))
    step = 1e-4
    difference = (penalty.value(theta + step * d) - penalty.value(theta - step * d)) / (2 * step)
    np.testing.assert_allclose(difference, penalty.gradient(theta) @ d, rtol=1e-6)
    change = (penalty.gradient(theta + step * d) - penalty.gradient(theta - step * d)) / (2 * step)
    np.testing.assert_allclose(change, penalty.hessian_product(theta, d), rtol=1e-6, atol=1e-7)


def _jacobian(model, theta):
    return np.array([as_reals(model.push(theta, unit).matrix()) for unit in np.eye(model.size)]).T


def _exact_penalty(penalty, theta):
    """The value in fractions, from the formulas of the docstrings."""
    x = np.array([Fraction(float(number)) for number in theta], dtype=object)
    strength = Fraction(penalty.strength)
    if isinstance(penalty, Ridge | BiasRidge):
        count = penalty.factor_size if isinstance(penalty, Ridge) else penalty.weights.size
        part = x[:count] if isinstance(penalty, Ridge) else x[penalty.start : penalty.start + count]
        weights = [1.0] * count if penalty.weights is None else penalty.weights.tolist()
        half = strength * getattr(penalty, "sides", 1) / 2
        return half * sum(Fraction(w) * number**2 for w, number in zip(weights, part, strict=True))
    if isinstance(penalty, Unlisted):
        (m, n), r = penalty.model.shape, penalty.model.rank
        matrix = x[: m * r].reshape(m, r) @ x[m * r :].reshape(n, r).T
        matrix[penalty.entries.rows, penalty.entries.columns] = Fraction(0)
        return strength / 2 * (matrix**2).sum()
    if isinstance(penalty, Balancing):
        (m, n), r, both = penalty.shape, penalty.rank, 2 if penalty.is_complex else 1
        parts = x[: (m + n) * r * both].reshape(m + n, r, both)
        # real and imaginary parts of U^H U - V^H V, with the signs of V reversed
        signs = np.array([1] * m + [-1] * n, dtype=object)[:, None]
        re, im = parts[..., 0], parts[..., -1] * (both - 1)
        excess = (re.T @ (signs * re) + im.T @ (signs * im), re.T @ (signs * im) - im.T @ (signs * re))
        return strength * sum((part**2).sum() for part in excess)
    at, total = int(np.prod(penalty.ranks)), Fraction(0)
    core = x[:at].reshape(penalty.ranks)
    for mode, (length, rank) in enumerate(zip(penalty.shape, penalty.ranks, strict=True)):
        factor = x[at : at + length * rank].reshape(length, rank)
        at += length * rank
        flat = np.moveaxis(core, mode, 0).reshape(rank, -1)
        total += ((factor.T @ factor - flat @ flat.T) ** 2).sum()
    return strength * total


def _is_within(bound, penalty, theta):
    error = abs(Fraction(float(penalty.value(theta))) - _exact_penalty(penalty, theta))
    return error <= Fraction(float(bound(theta)))


@parametrise(PENALTIES)
def test_rounding_of_penalties_is_bounded(case, rng):
    penalty = case.make()
    points = list(rng.standard_normal((5, case.extra["size"])))
    if "model" in case.extra:  # where large terms cancel
        model = case.extra["model"]()
        points += [model.canonical(rng.standard_normal(model.size)) for _ in points]
    for theta in points:
        assert _is_within(penalty.value_error, penalty, theta)
        assert penalty.value_error(theta) <= 1e-12 * (penalty.value(theta) + penalty.strength * theta @ theta)


@parametrise(PENALTIES)
def test_rounding_of_derivatives_along_a_line_is_bounded(case, rng):
    penalty = case.make()
    model = case.extra["model"]() if "model" in case.extra else None
    theta, d = rng.standard_normal((2, case.extra["size"] if model is None else model.size))
    for point in [theta] if model is None else [theta, model.canonical(theta)]:  # where large terms cancel
        x, y = (np.array([Fraction(float(t)) for t in vector], dtype=object) for vector in (point, d))
        far, ahead, here, behind, back = (_exact_penalty(penalty, x + t * y) for t in (2, 1, 0, -1, -2))
        first, second = 8 * (ahead - behind) - far + back, 16 * (ahead + behind) - far - back - 30 * here
        found = penalty.gradient(point) @ d, penalty.hessian_product(point, d) @ d
        sizes = penalty.strength * (point @ point + d @ d + 1) ** 2
        bounds = penalty.along_error(point, d)
        for number, right, bound in zip(found, (first / 12, second / 12), bounds, strict=True):
            assert abs(Fraction(float(number)) - right) <= Fraction(bound)
            assert bound <= 1e-11 * sizes


def test_a_bound_on_rounding_that_forgets_cancellation_is_found(rng):
    model = Tucker((4, 3, 5), (2, 2, 3))
    balancing = TuckerBalancing(0.3, model.shape, model.ranks)
    points = [model.canonical(point) for point in 1e3 * rng.standard_normal((5, model.size))]
    assert all(_is_within(balancing.value_error, balancing, theta) for theta in points)
    assert not all(_is_within(lambda t: 1e-14 * balancing.value(t), balancing, theta) for theta in points)


@parametrise(PENALTIES)
def test_penalties_keep_what_proofs_rest_on(case, rng):
    theta = rng.standard_normal(case.extra["size"])
    penalty, balanced = case.make(), None
    if "model" in case.extra:
        model = case.extra["model"]()
        balanced = model.canonical(rng.standard_normal(model.size))
    if isinstance(penalty, Unlisted):  # it depends on the matrix, however its factors are balanced
        balanced = None
    assert penalty.vanishes_when_balanced == (balanced is not None)
    check_penalty(penalty, theta, balanced=balanced, factor_size=case.extra.get("factor_size", theta.size))


@pytest.mark.parametrize(
    ("penalty", "words"),
    [
        (_Dishonest(Ridge(0.7, 14), value=lambda theta: -1e-9), "negative"),
        (_Dishonest(Ridge(0.7, 14), vanishes_when_balanced=True), "when balanced"),
        (_Dishonest(Ridge(0.7, 14), is_of_biases=True), "of biases"),
    ],
)
def test_penalties_that_break_what_proofs_rest_on(penalty, words, rng):
    model = General((4, 3), 2)
    theta = rng.standard_normal(model.size)
    with pytest.raises(AssertionError, match=words):
        check_penalty(penalty, theta, balanced=model.canonical(theta), factor_size=14)


@parametrise(MODELS)
def test_model_derivative(case, rng):
    model = case.make()
    theta, d = rng.standard_normal((2, model.size))
    step = 1e-5
    difference = (model.lift(theta + step * d).matrix() - model.lift(theta - step * d).matrix()) / (2 * step)
    np.testing.assert_allclose(difference, model.push(theta, d).matrix(), atol=1e-8)


@parametrise(MODELS)
def test_pull_is_the_adjoint_of_push(case, rng):
    model = case.make()
    theta, d, e = rng.standard_normal((3, model.size))
    cotangent = DenseMap(random_numbers(model.shape, complex if model.is_complex else float, rng))
    pulled = model.pull(theta, cotangent)
    np.testing.assert_allclose(
        pulled @ d, np.vdot(cotangent.matrix, model.push(theta, d).matrix()).real, rtol=1e-10
    )
    # and its derivative is the second-order term of lift, symmetric in the two directions
    step = 1e-5
    change = model.pull(theta + step * e, cotangent) - model.pull(theta - step * e, cotangent)
    np.testing.assert_allclose(change / (2 * step), model.pull_derivative(theta, e, cotangent), atol=1e-8)
    left, right = (
        model.pull_derivative(theta, d, cotangent) @ e,
        model.pull_derivative(theta, e, cotangent) @ d,
    )
    np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)


@parametrise(MODELS)
def test_gauge_and_degrees_of_freedom(case, rng):
    """The gauge is the whole null space of the derivative, whose rank is the degrees of freedom."""
    model = case.make()
    theta = rng.standard_normal(model.size)
    jacobian, gauge = _jacobian(model, theta), model.gauge(theta, linear=True)
    assert np.abs(jacobian @ gauge).max(initial=0) < 1e-10
    rank = np.linalg.matrix_rank(jacobian, tol=1e-9)
    assert rank == model.degrees_of_freedom
    assert model.size - rank == (np.linalg.matrix_rank(gauge, tol=1e-9) if gauge.size else 0)


@parametrise(MODELS)
def test_canonical_point_is_the_same_matrix(case, rng):
    model = case.make()
    theta = rng.standard_normal(model.size)
    canonical = model.canonical(theta)
    np.testing.assert_allclose(model.lift(canonical).matrix(), model.lift(theta).matrix(), atol=1e-10)
    left = model.lift(canonical).left[:, : model.rank]
    gram = left.conj().T @ left
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-9)
    assert (np.diff(np.diag(gram).real) <= 1e-9).all()


@parametrise(MODELS)
def test_from_factors(case, rng):
    model = case.make()
    kind = complex if model.is_complex else float
    left = random_numbers((model.shape[0], model.rank), kind, rng)
    right = left if model.name == "psd" else random_numbers((model.shape[1], model.rank), kind, rng)
    theta = model.from_factors(Factors(left, right))
    assert theta.shape == (model.size,)
    matrix = left @ right.conj().T
    if getattr(model, "unit_trace", False):
        matrix /= np.trace(matrix)
    np.testing.assert_allclose(model.lift(theta).matrix(), matrix, atol=1e-12)
    assert model.resized(1).rank == 1


@parametrise(MODELS)
def test_precisions_are_inverse_mean_squares(case, rng):
    model = case.make()
    theta = model.canonical(rng.standard_normal(model.size))
    factors = model.lift(theta)
    sides = [factors.left] if model.name == "psd" else [factors.left, factors.right]
    expected = []
    for side in sides:
        part = side[:, : model.rank]
        parts = 2 if model.is_complex else 1
        expected.append(
            np.repeat(parts / np.mean(np.abs(part) ** 2, axis=0), parts)[None, :].repeat(len(part), 0)
        )
    flat = np.concatenate([block.ravel() for block in expected])
    np.testing.assert_allclose(model.precisions(theta)[: model.factor_size], flat, rtol=1e-9)
    assert (model.precisions(theta)[model.factor_size :] == 0).all()
    assert np.isfinite(model.precisions(np.zeros(model.size))).all()


@parametrise(MODELS)
def test_scaled_gradient_divides_by_the_partner(case, rng):
    model = case.make()
    if getattr(model, "unit_trace", False):
        return
    theta, gradient = rng.standard_normal((2, model.size))
    scaled = model.scaled(theta, gradient, 0.0)
    # multiplying back by the Gram matrices returns the gradient
    if model.name == "psd":
        u, d = model.unpack(theta), model.unpack(scaled)
        back = model.pack(d @ (u.conj().T @ u))
    else:
        (u, v, *_), (du, dv, da, db, dc) = model.unpack(theta), model.unpack(scaled)
        (m, n) = model.shape
        back = model.pack(du @ (v.conj().T @ v), dv @ (u.conj().T @ u), da * n, db * m, dc * m * n)
    np.testing.assert_allclose(back, gradient, rtol=1e-6, atol=1e-6)
    assert gradient @ model.scaled(theta, gradient, 0.3) > 0
