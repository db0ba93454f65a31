"""Factors that are smooth, known in part, nonnegative: each mode's solution, the fits, what is proved."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.optimize import lsq_linear

import lowland as ll
from cases import make_cp
from lowland.core.errors import InvalidInputError
from lowland.core.results.status import Verdict
from lowland.judges import certify
from lowland.recheck.tensors.factor_constraints import splines
from lowland.tensors.cp import agreement as cp_agreement
from lowland.tensors.cp import spline_choice as cp_smoothness
from lowland.tensors.cp.constrained_factor import best_factor
from lowland.tensors.cp.constraints import FactorConstraint, Splines
from lowland.tensors.cp.model import CP
from lowland.tensors.cp.multistart import CPPlan
from lowland.tensors.cp.objective import RIDGE, CPObjective
from lowland.trials.choices import SPLINES

UNIQUE = "unique_decomposition"


def peaks(length, places, width=0.1):
    grid = np.linspace(0, 1, length)
    return np.stack([np.exp(-0.5 * ((grid - at) / width) ** 2) for at in places], axis=1)


def mixtures(rng, noise, *, rank=3, shape=(8, 40, 30)):
    """Spectra that overlap, with noise in units of the tensor's spread."""
    samples = rng.uniform(0.1, 1, (shape[0], rank))
    places = np.linspace(0.25, 0.75, rank)
    factors = [samples, peaks(shape[1], places), peaks(shape[2], places[::-1] ** 1.5)]
    truth = np.einsum("ir,jr,kr->ijk", *factors)
    return factors, truth, truth + noise * truth.std() * rng.standard_normal(truth.shape)


# ------------------------------------------------------------------ one mode
def dense_answer(objective, factors, constraint, mode):
    """The free coefficients by a dense bounded least-squares problem."""
    at, weights = objective.data.all_positions(), np.sqrt(objective.weights)
    others = np.prod([factors[n][at[:, n]] for n in range(3) if n != mode], axis=0)
    length, rank = factors[mode].shape
    basis = np.eye(length) if constraint.functions is None else splines(length, constraint.functions)
    known = np.full((length, rank), np.nan) if constraint.known is None else constraint.known
    whole = ~np.isnan(known).any(axis=0)
    pieces, out = [], np.zeros((length, rank))
    for k in range(rank):
        own = np.eye(length) if constraint.functions is None or whole[k] else basis
        told = ~np.isnan(known[:, k])
        out[told, k] = known[told, k]
        pieces.append([(k, column) for column in own.T if not (told & (column != 0)).any()])
    flat = [piece for own in pieces for piece in own]
    design = np.stack([others[:, k] * column[at[:, mode]] for k, column in flat], axis=1)
    y = objective.y - np.sum(out[at[:, mode]] * others, axis=1)
    lower = 0.0 if constraint.nonnegative else -np.inf
    best = lsq_linear(design * weights[:, None], y * weights, (lower, np.inf), tol=1e-14, lsmr_tol=1e-14).x
    for (k, column), size in zip(flat, best, strict=True):
        out[:, k] += size * column
    return out


def some_known():
    known = np.full((6, 2), np.nan)
    known[[0, 2, 2, 5], [0, 0, 1, 1]] = [0.5, 0, 3, 0.25]
    return known


ONE_MODE = {
    "known": FactorConstraint(known=some_known()),
    "known, nonnegative": FactorConstraint(nonnegative=True, known=some_known()),
    "column": FactorConstraint(known=np.column_stack([np.arange(6.0), np.full(6, np.nan)])),
    "smooth": FactorConstraint(functions=4),
    "smooth, nonnegative": FactorConstraint(nonnegative=True, functions=5),
    "smooth beside a column": FactorConstraint(
        known=np.column_stack([np.full(6, np.nan), np.array([1.0, 5, 2, 4, 0, 3])]), functions=5
    ),
}


@pytest.mark.parametrize("name", ONE_MODE)
@pytest.mark.parametrize("share", [1.0, 0.7])
def test_a_mode_is_solved_as_by_dense_least_squares(name, share, rng):
    objective = make_cp(share=share, weighted=True)
    constraint = ONE_MODE[name]
    factors = [rng.uniform(0.2, 1, (length, 2)) * [1, 50] for length in objective.shape]
    found = best_factor(objective.data.unfoldings()[1].problem(factors), factors, constraint, RIDGE)
    np.testing.assert_allclose(found, dense_answer(objective, factors, constraint, 1), rtol=1e-5, atol=1e-7)
    assert constraint.holds(found)


@pytest.mark.parametrize("name", ONE_MODE)
def test_what_is_asked_is_noticed_when_it_is_broken(name, rng):
    constraint = ONE_MODE[name]
    good = constraint.imposed(rng.standard_normal((6, 2)))
    assert constraint.holds(good)
    if constraint.known is not None:
        assert not constraint.holds(np.where(constraint.is_known, good + 1e-12, good))
    if constraint.functions is not None:
        bumped = good.copy()
        bumped[2, 0] += 1e-3 * np.abs(good).max()
        assert not constraint.holds(bumped)
    if constraint.nonnegative:
        assert not constraint.holds(good - 1e-12 - good.min())


@pytest.mark.parametrize(("length", "functions"), [(6, 4), (6, 6), (40, 9), (31, 30)])
def test_splines_agree_with_their_recursion(length, functions):
    own, basis = Splines.of(length, functions), splines(length, functions)
    np.testing.assert_allclose(own.curves(np.eye(functions)), basis, atol=1e-13)
    np.testing.assert_allclose(own.adjoint(np.eye(length)), basis.T, atol=1e-13)
    np.testing.assert_allclose(basis.sum(axis=1), 1, atol=1e-13)
    columns = np.random.default_rng(0).standard_normal((length, 2))
    expected = np.linalg.lstsq(basis, columns, rcond=None)[0]
    np.testing.assert_allclose(own.coefficients(columns), expected, rtol=1e-6, atol=1e-9)


def test_balance_keeps_what_is_known(rng):
    known = np.full((5, 2), np.nan)
    known[:, 0] = [-1, 2, 30, 0, 4]
    model, asked = (
        CP((4, 5, 3), 2),
        (FactorConstraint(), FactorConstraint(known=known), FactorConstraint(True)),
    )
    factors = [rng.standard_normal((n, 2)) for n in model.shape]
    factors[1][:, 0], factors[2] = known[:, 0], np.abs(factors[2])
    found = model.unpack(model.canonical(model.pack(factors), asked))
    np.testing.assert_array_equal(found[1][:, 0], known[:, 0])
    np.testing.assert_allclose(
        np.einsum("ir,jr,kr->ijk", *found), np.einsum("ir,jr,kr->ijk", *factors), atol=1e-12
    )
    assert np.linalg.norm(found[0][:, 0]) == pytest.approx(np.linalg.norm(found[2][:, 0]))
    assert (found[2] >= 0).all()


# ------------------------------------------------------------------ fits
def test_known_spectra_are_kept_and_the_rest_is_found(rng):
    """Two of three spectra in the units of the instrument: amounts come in the units that go with them."""
    factors, _, noisy = mixtures(rng, 0.05)
    spectra = factors[1] * 1000
    fit = ll.decompose_cp(
        noisy, 3, nonnegative=True, known={1: spectra[:, :2]}, n_restarts=1, certify=False, rng=0
    )
    np.testing.assert_array_equal(fit.factors[1][:, :2], spectra[:, :2])
    assert fit.congruence(factors).min() > 0.99
    amounts = fit.factors[0] * fit.strengths
    truth = factors[0] * np.linalg.norm(factors[2], axis=0) / 1000
    np.testing.assert_allclose(amounts[:, :2], truth[:, :2], rtol=0.1)
    assert fit.objective.is_feasible(fit.search.theta)
    assert "known entries" in str(fit)


def test_single_known_entries_hold_zeros_where_a_component_is_absent(rng):
    factors, _, _ = mixtures(rng, 0)
    factors[0][:3, 0], factors[0][5:, 1] = 0, 0
    noisy = np.einsum("ir,jr,kr->ijk", *factors) + 0.02 * rng.standard_normal((8, 40, 30))
    absent = np.where(factors[0] == 0, 0.0, np.nan)
    fit = ll.decompose_cp(noisy, 3, known={0: absent}, n_restarts=1, certify=False, rng=0)
    assert (fit.factors[0][factors[0] == 0] == 0).all()
    assert fit.congruence(factors).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(fit.factors[0], axis=0), 1)  # zeros fix no scale


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_smooth_columns_have_smaller_errors(count, monkeypatch):
    """Splines, how many of which held-out cells choose, take most of the noise off spectra."""
    if count == 1:
        twice = replace(SPLINES, hides=replace(SPLINES.hides, times=2))
        monkeypatch.setattr(cp_smoothness, "SPLINES", twice)
        monkeypatch.setattr(cp_smoothness, "SWEEPS", 30)
    ratios = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        factors, truth, noisy = mixtures(rng, 1.0)
        plan = {"n_restarts": 0, "max_iter": 60, "rng": 0, "certify": False}
        plain = ll.decompose_cp(noisy, 3, **plan)
        smooth = ll.decompose_cp(noisy, 3, smooth=[1, 2], **plan)
        assert all(4 < smooth.objective.constraints[mode].functions < 30 for mode in (1, 2))
        ratios.append(np.linalg.norm(smooth.tensor() - truth) / np.linalg.norm(plain.tensor() - truth))
        assert smooth.congruence(factors).min() > plain.congruence(factors).min()
    assert np.mean(ratios) < 0.75


def test_a_rough_mode_is_left_free(rng):
    factors = [rng.standard_normal((length, 2)) for length in (15, 20, 9)]
    noisy = np.einsum("ir,jr,kr->ijk", *factors) + 0.1 * rng.standard_normal((15, 20, 9))
    fit = ll.decompose_cp(noisy, 2, smooth=[1], n_restarts=1, rng=0, certify=False)
    free = ll.decompose_cp(noisy, 2, n_restarts=1, rng=0, certify=False)
    assert fit.objective.constraints[1].functions is None
    assert fit.relative_error == pytest.approx(free.relative_error, rel=1e-6)


def test_smooth_columns_from_few_cells(rng):
    """Between known cells a smooth column is told by its neighbours: nothing else could do it."""
    _, truth, noisy = mixtures(rng, 0.1, rank=2)
    seen = rng.random(noisy.shape) < 0.02
    seen[0, :, 15] = seen[0, 20, :] = True  # every slice has a cell
    holes = np.where(seen, noisy, np.nan)
    errors = [
        np.linalg.norm(
            ll.decompose_cp(holes, 2, n_restarts=1, rng=0, certify=False, **asked).tensor() - truth
        )
        for asked in ({"nonnegative": True}, {"nonnegative": True, "smooth": {1: 9, 2: 8}})
    ]
    assert errors[1] < 0.5 * errors[0]


def test_halves_keep_what_is_asked(rng, monkeypatch):
    monkeypatch.setattr(cp_agreement, "CPPlan", partial(CPPlan, 1, 30))  # a light search of each half
    factors, _, noisy = mixtures(rng, 0.1, shape=(8, 20, 15))
    known = {0: np.where(factors[0] > 0.9, factors[0], np.nan)}
    brief = {"n_restarts": 0, "max_iter": 30, "certify": False}
    fit = ll.decompose_cp(noisy, 3, smooth={1: 9}, known=known, rng=0, **brief)
    assert fit.split_half(0, rng=0).min() > 0.9
    with pytest.raises(InvalidInputError, match="halve another"):
        fit.split_half(1, rng=0)


# ------------------------------------------------------------------ what is proved
# a fit that need not have converged for its document to be read again
JUDGED = {"n_restarts": 0, "max_iter": 10, "rng": 0}


def constrained_mixture(*, known=None, functions=None):
    """Two components with parallel columns in one mode, under a constraint."""
    factors = [np.array([[1.0, 2], [2, 4], [3, 6], [1, 2], [0, 0]])]
    factors += [np.random.default_rng(1).uniform(1, 2, (length, 2)) for length in (4, 3)]
    objective = CPObjective(
        ll.TensorObservations.from_array(np.einsum("ir,jr,kr->ijk", *factors)),
        CP((5, 4, 3), 2),
        (FactorConstraint(functions=functions), FactorConstraint(known=known), FactorConstraint()),
    )
    return objective, objective.model.pack(factors), factors


def test_components_that_only_constraints_tell_apart_are_left_open():
    _, _, factors = constrained_mixture()
    known = np.full((4, 2), np.nan)
    known[:, 0] = factors[1][:, 0]
    verdicts = []
    for asked in ({}, {"known": known}):
        objective, theta, _ = constrained_mixture(**asked)
        proof = certify(objective, theta, claims=[UNIQUE, "stationary", "globally_optimal"])
        assert proof.verify(objective).is_confirmed
        verdicts.append(proof[UNIQUE].verdict)
    assert verdicts == [Verdict.REFUTED, Verdict.INCONCLUSIVE]
    assert proof["stationary"].verdict is Verdict.INCONCLUSIVE


def test_a_point_that_breaks_a_constraint_proves_nothing():
    """The mutant: entries that differ from the known ones, however well they fit."""
    objective, theta, factors = constrained_mixture()
    assert certify(objective, theta)["globally_optimal"].verdict is Verdict.PROVED
    moved = factors[1].copy()
    moved[0, 0] += 1e-9
    broken, _, _ = constrained_mixture(known=moved)
    proof = certify(broken, theta)
    assert all(finding.verdict is Verdict.INCONCLUSIVE for finding in proof)
    assert proof.verify(broken).is_confirmed
    said = certify(objective, theta, claims=["globally_optimal"])
    assert not said.verify(broken).is_confirmed


def test_certificates_hold_the_constraints(rng, tmp_path):
    factors, _, noisy = mixtures(rng, 0.05, shape=(6, 12, 9))
    fit = ll.decompose_cp(noisy, 3, smooth={1: 7}, known={2: factors[2][:, :1]}, **JUDGED)
    fit.save_certificate(tmp_path / "proof.json")
    assert ll.verify(tmp_path / "proof.json", noisy).is_confirmed
    text = (tmp_path / "proof.json").read_text()
    assert '"functions": 7' in text
    for broken in ('"functions": 99', '"functions": true', '"functions": 2', '"functions": "7"'):
        (tmp_path / "broken.json").write_text(text.replace('"functions": 7', broken))
        with pytest.raises(ll.errors.LowlandError, match="constraints on factors cannot be used"):
            ll.verify(tmp_path / "broken.json", noisy)


# ------------------------------------------------------------------ requests
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"smooth": [3]}, "smooth names a mode"),
        ({"smooth": None}, "smooth must name modes"),
        ({"smooth": "auto"}, "smooth must name modes"),
        ({"nonnegative": None}, "nonnegative must name modes"),
        ({"known": {0: np.ones((4, 2)) * 1j}}, "real numbers"),
        ({"known": {0: np.full((4, 2), 1e200)}}, "known"),
        ({"smooth": {1: 3}}, "number of splines"),
        ({"smooth": {1: 6}}, "number of splines"),
        ({"smooth": {1: "some"}}, "number of splines"),
        ({"smooth": [0]}, "too short"),
        ({"known": {3: np.ones((4, 2))}}, "known names a mode"),
        ({"known": np.ones((4, 2))}, "known must be a mapping"),
        ({"known": {0: np.ones((5, 2))}}, "do not fit the factor"),
        ({"known": {0: np.ones(4)}}, "do not fit the factor"),
        ({"known": {0: np.ones((4, 3))}}, "do not fit the factor"),
        ({"known": {0: [["a", "b"]] * 4}}, "must be real numbers"),
        ({"known": {0: np.full((4, 2), np.inf)}}, "must be finite"),
        ({"known": {0: np.zeros((4, 1))}}, "column is zero"),
        ({"known": {0: -np.ones((4, 1))}, "nonnegative": [0]}, "negative where"),
        ({"known": {1: np.where(np.eye(5, 2), 1, np.nan)}, "smooth": [1]}, "known in part"),
        ({"known": {n: np.ones((n + 4, 2)) for n in range(3)}}, "nothing to be found"),
    ],
)
def test_bad_requests(options, words):
    table = np.random.default_rng(0).random((4, 5, 6))
    with pytest.raises(InvalidInputError, match=words):
        ll.decompose_cp(table, 2, **options)


def test_constraints_that_ask_nothing_change_no_bit(rng):
    objective = make_cp(share=0.7)
    theta = rng.standard_normal(objective.size)
    same = replace(objective, constraints=(FactorConstraint(),) * 3)
    np.testing.assert_array_equal(objective.canonical(theta), same.canonical(theta))
    np.testing.assert_array_equal(objective.with_solved_mode(theta, 1), same.with_solved_mode(theta, 1))
    assert not same.is_constrained


# ------------------------------------------------------------------ as people have them
@pytest.mark.parametrize(
    ("scale", "nonnegative"),
    [(1e-6, [0]), (1e4, [0, 2]), (1e7, False)]
    + [
        pytest.param(scale, nonnegative, marks=pytest.mark.slow)
        for scale, nonnegative in [
            (1e-6, False),
            (1e-6, [0, 2]),
            (1e4, False),
            (1e4, [0]),
            (1e7, [0]),
            (1e7, [0, 2]),
        ]
    ],
)
def test_units_of_known_columns_do_not_matter(scale, nonnegative):
    """The mutants: one ridge for columns of all sizes, and starts whose known columns outweigh the others."""
    factors, _, noisy = mixtures(np.random.default_rng(0), 0.02, shape=(8, 20, 15))
    plan = {"n_restarts": 1, "certify": False, "rng": 0}
    for known in (
        {1: factors[1][:, :1] * scale},
        {1: factors[1][:, :1] * scale, 2: factors[2][:, :1] * scale},
    ):
        fit = ll.decompose_cp(noisy, 3, known=known, nonnegative=nonnegative, **plan)
        assert fit.relative_error < 0.03
        assert fit.congruence(factors).min() > 0.99


def test_columns_of_one_mode_may_have_any_sizes():
    factors, _, noisy = mixtures(np.random.default_rng(0), 0.02, shape=(8, 20, 15))
    fit = ll.decompose_cp(
        noisy, 3, known={1: factors[1][:, :2] * [1e8, 1e-8]}, n_restarts=1, rng=0, certify=False
    )
    assert fit.congruence(factors).min() > 0.99


def test_masked_entries_are_unknown(rng):
    factors, _, noisy = mixtures(rng, 0.02, shape=(8, 20, 15))
    hidden = rng.random((20, 3)) < 0.5
    masked = np.ma.masked_array(np.where(hidden, -999, factors[1]), hidden)
    fits = [
        ll.decompose_cp(noisy, 3, known={1: own}, n_restarts=0, rng=0, certify=False)
        for own in (masked, masked.filled(np.nan))
    ]
    np.testing.assert_array_equal(fits[0].factors[0], fits[1].factors[0])


@pytest.mark.slow
def test_long_smooth_modes_take_seconds(rng):
    """Splines overlap with few others: bands, not whole matrices."""
    factors = [rng.random((3, 2)), peaks(20_000, (0.3, 0.6)), rng.random((4, 2))]
    noisy = np.einsum("ir,jr,kr->ijk", *factors) + 0.1 * rng.standard_normal((3, 20_000, 4))
    fit = ll.decompose_cp(noisy, 2, smooth={1: 5_000}, n_restarts=0, rng=0, certify=False)
    assert fit.congruence(factors).min() > 0.9


def test_a_forged_document_with_factors_of_another_shape_is_refused(rng, tmp_path):
    _, _, noisy = mixtures(rng, 0.05, shape=(6, 12, 9))
    fit = ll.decompose_cp(noisy, 3, smooth={1: 7}, **JUDGED)
    fit.save_certificate(tmp_path / "proof.json")
    document = json.loads((tmp_path / "proof.json").read_text())
    for broken in ([1.0, 2.0], 1.0, []):
        document["point"]["factor_1"] = broken
        (tmp_path / "broken.json").write_text(json.dumps(document))
        with pytest.raises(ll.errors.LowlandError, match="factors do not fit the tensor"):
            ll.verify(tmp_path / "broken.json", noisy)
