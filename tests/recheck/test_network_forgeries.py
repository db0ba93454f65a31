"""Forgeries about networks and premises made with full knowledge of the re-check; each once passed."""

from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from forging import with_codes
from lowland.core.errors import InvalidInputError
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import assumption, because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.models import Psd
from lowland.networks import ReluNetwork, region_report, stability_report
from lowland.objectives import make_objective
from lowland.objectives.plain import recovery_document
from lowland.recheck.networks.curvatures import Curvatures
from lowland.recheck.networks.problem import NetworkProblem
from lowland.recheck.networks.region_checks import _is_exactly
from lowland.recheck.networks.stability_checks import layers_problem
from lowland.sensing.conditional import assumptions_of, conditional_findings

P, S, R, OPEN = Verdict.PROVED, Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE
WORKING, RIGOROUS, LIKELY = Rigour.WORKING_PRECISION, Rigour.RIGOROUS, Rigour.PROBABILISTIC
ZERO = (
    ", but the best loss in the region counts as zero (at most 1e-9 of that of zero outputs), and within a "
)
ZERO += "region the loss is convex"
REPEATED = ", but inputs repeat with different targets, and no function has a loss below {}"
INSIDE = ", and a minimum of loss {} lies inside the region, by bounds on where the gradient vanishes"


def of_region(net, x, y, verdict, words, rigour, weights, loss, rank=1):
    """Return the outcome of a finding on the region of a network."""
    report = region_report(net, np.array(x), np.array(y), rng=0)
    method = f"the Jacobian has rank {rank} for {len(x)} data points{words}"
    witness = {"best_loss": loss, "weights": weights} if words else {}
    claim = "no_bad_minimum_in_region"
    forged = Finding(claim, verdict, float(rank), float(len(x)), None, (), method, rigour, witness=witness)
    found = {
        ll.verify(report.document(Certificate((one,))), (np.array(x), np.array(y)))[claim].outcome
        for one in (forged, with_codes(forged))
    }
    assert len(found) == 1
    return found.pop()


def test_a_neuron_without_effect_buys_no_slack():
    net = ReluNetwork(([[1.0], [1.0]], [[1.0, 0.0]]), (None, None))
    x, y = [[1.0], [2.0], [3.0]], [-1.0, -2.0, -3.0]
    assert of_region(net, x, y, S, ZERO, WORKING, [[-1.0], [1e7]], 0.0) is Outcome.CONTRADICTED


@pytest.mark.parametrize(("weight", "loss"), [(6.0, 40.0), (4.0, 25.0), (1.5, 20.3125)])
def test_the_stated_loss_is_that_of_the_minimum(weight, loss):
    net = ReluNetwork(([[1.0]], [[1.0]]), (None, None))
    words = INSIDE.format(f"{loss:.6g}")
    outcome = of_region(net, [[1.0], [2.0]], [10.0, 0.0], R, words, RIGOROUS, [[weight]], loss)
    assert outcome is Outcome.CONTRADICTED


@pytest.mark.parametrize("small", [0, 600])
def test_products_that_vanish_modulo_known_primes(small):
    p, q = 2_147_483_647.0 * 2.0**-small, 2_147_483_629.0 * 2.0 ** -(small + 20 * bool(small))
    net = ReluNetwork(([[1.0], [-1.0]], [[p, 1.0]]), (None, None))
    outcome = of_region(net, [[q], [-1.0]], [1.0, 5.0], OPEN, "", LIKELY, None, None)
    assert outcome is Outcome.CONTRADICTED


def test_equal_targets_of_equal_inputs():
    net = ReluNetwork(([[1.0]], [[1.0]]), (None, None))
    loss = 0.5 * float(np.mean((0.1 - np.full(3, np.sum([0.1] * 3) / 3)) ** 2))
    words = REPEATED.format(f"{loss:.6g}")
    outcome = of_region(net, [[1.0]] * 3, [0.1] * 3, S, words, WORKING, [[0.1]], loss)
    assert outcome is Outcome.CONTRADICTED


@pytest.mark.parametrize("loss", [np.inf, 1.0, -1.0])
def test_a_loss_that_is_not_that_of_the_weights(loss):
    net = ReluNetwork(([[1.0]], [[1.0]]), (None, None))
    words = REPEATED.format("0.0833333")
    args = ([[1.0], [1.0], [2.0]], [0.0, 1.0, 1.0], S, words, WORKING, [[0.5]])
    assert of_region(net, *args, 1 / 12) is Outcome.CONFIRMED
    assert of_region(net, *args, loss) is Outcome.CONTRADICTED


@pytest.mark.parametrize("scale", [1.5e152, 1e-170])
def test_losses_out_of_scale_are_not_confirmed(scale):
    net = ReluNetwork(([[1.0]], [[1.0]]), (None, None))
    y, weights = scale * np.array([1.0, 1.9, 3.0]), [[scale]]
    loss = float(0.5 * np.mean((scale * np.array([0.0, 0.1, 0.0])) ** 2))
    outcome = of_region(net, [[1.0], [2.0], [3.0]], y, S, ZERO, WORKING, weights, loss)
    assert outcome is not Outcome.CONFIRMED


def test_deep_networks_are_not_small():
    """Digits of exact fractions grow with each layer: a network of 20,000 layers did not end."""
    layer = np.full((1, 1), np.nextafter(1, 2))
    for depth, is_small in ((3, True), (99, True), (150, False), (20_000, False)):
        problem = NetworkProblem((layer,) * depth, (None,) * depth, np.ones((15, 1)), None)
        assert problem.is_small is is_small
        if depth == 99:
            assert not problem.is_at_kink


def test_fractions_of_many_digits_are_left_alone(rng):
    inputs = rng.standard_normal((20, 12)) * 10.0 ** rng.uniform(-140, 140, (20, 12))
    problem = NetworkProblem((rng.standard_normal((3, 12)), np.ones((1, 3))), (None, None), inputs, None)
    assert not _is_exactly(problem, 11)


# ------------------------------------------------------------------ stability
def of_stability(net, x, y, step, scale=1.0):
    report = stability_report(net, x, y, step)
    return report.certificate["stable_at_step_size"].verdict, report


@pytest.mark.parametrize("s", [1.0, 1e-8, 1e-14, 1e-50])
def test_units_change_no_verdict_on_stability(s):
    x, root = np.array([-1.0, -0.5, 0.3, 1.0, 2.0]), np.sqrt(s)
    net = ReluNetwork(
        ([[root], [root]], [[0.5 * root, -0.4 * root]]), ([0.3 * root, -0.25 * root], [0.1 * s])
    )
    y = s * np.array([0.2, 0.9, -0.3, 0.5, 0.1])
    verdict, report = of_stability(net, x, y, 0.01)
    assert verdict is OPEN
    assert "not stationary" in report.certificate["stable_at_step_size"].method


def test_targets_whose_squares_vanish_are_refused():
    net = ReluNetwork(([[1e-100]], [[1e-100]]), (None, None))
    with pytest.raises(InvalidInputError, match="out of scale"):
        stability_report(net, np.arange(4.0) + 1, np.full(4, 1e-200), 0.01)


def test_a_limit_within_rounding_of_the_eigenvalue_proves_nothing():
    net = ReluNetwork(([[1.0], [1.0]], [[1.0, -1.5]]), ([0.5, -0.4], [0.1]))
    x = np.linspace(-2.1, 2, 9)
    y = net(x[:, None])
    report = stability_report(net, x, y, 0.05)
    found = Curvatures(layers_problem(report.document(report.certificate), x, y, None))
    step = 2 / found.largest
    near = stability_report(net, x, y, step)
    honest = near.certificate["stable_at_step_size"]
    fits = (
        assumption("small_residuals", share=1e-6),
        assumption("small_curvatures", share=1e-9),
    )
    for verdict, words, assumptions in (
        (P, "a stationary point with all eigenvalues of the Hessian between 0 and the limit", fits),
        (R, "the largest eigenvalue of the Hessian exceeds 2 over the step", ()),
    ):
        forged = Finding(
            honest.claim, verdict, honest.value, honest.bound, honest.tolerance, assumptions, words, RIGOROUS
        )
        document = near.document(Certificate((forged,)))
        assert ll.verify(document, (x, y))[honest.claim].outcome is Outcome.CONTRADICTED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rigour", LIKELY),  # a weaker one is no proof, and no finding
        ("assumptions", ()),
        ("assumptions", (assumption("small_slopes", share=1e-6), assumption("small_curvatures", share=1e-9))),
        (
            "assumptions",
            (assumption("small_residuals", share=1e-3), assumption("small_curvatures", share=1e-9)),
        ),
        ("verdict", R),
    ],
)
def test_a_proof_of_stability_says_what_it_rests_on(name, value):
    net, x = ReluNetwork(([[1.0], [1.0]], [[1.0, -1.5]]), ([0.5, -0.4], [0.1])), np.linspace(-2.1, 2, 9)
    report = stability_report(net, x, net(x[:, None]), 0.05)
    honest = report.certificate["stable_at_step_size"]
    assert (honest.verdict, honest.rigour) == (P, RIGOROUS)
    document = report.document(Certificate((replace(honest, **{name: value}),)))
    assert ll.verify(document, (x, report.y))[honest.claim].outcome is Outcome.CONTRADICTED


def test_stability_that_is_computed_is_supported():
    """What earlier versions proved to working precision, and what underflow forbids to prove."""
    net, x = ReluNetwork(([[1.0], [1.0]], [[1.0, -1.5]]), ([0.5, -0.4], [0.1])), np.linspace(-2.1, 2, 9)
    report = stability_report(net, x, net(x[:, None]), 0.05)
    honest = report.certificate["stable_at_step_size"]
    weaker = replace(honest, verdict=S, rigour=WORKING, assumptions=())
    document = report.document(Certificate((weaker,)))
    assert ll.verify(document, (x, report.y))[honest.claim].outcome is Outcome.CONFIRMED
    tiny = ReluNetwork(([[1.0], [1e-70]], [[1.0, -1.5]]), ([0.5, 1e-70], [0.1]))
    for step, verdict in ((0.05, S), (5.0, OPEN)):
        found = stability_report(tiny, x, tiny(x[:, None]), step)
        finding = found.certificate["stable_at_step_size"]
        assert (finding.verdict, finding.rigour, finding.assumptions) == (verdict, WORKING, ())
        assert ll.verify(found.document(found.certificate), (x, found.y)).is_confirmed
        forged = replace(finding, verdict=P if verdict is S else R, rigour=RIGOROUS)
        outcome = ll.verify(found.document(Certificate((forged,))), (x, found.y))[finding.claim].outcome
        assert outcome is Outcome.CONTRADICTED


# ------------------------------------------------------------------ premises
def under(measurement, y, factor, claim, value, premise, *, dtype="float64", bound=None):
    """Return the outcome of a finding under a premise."""
    n, r = factor.shape
    y = np.asarray(y, dtype)
    objective = make_objective(measurement, y, Psd((n, n), r, np.iscomplexobj(factor)))
    witness = {"premise_rank": premise.rank, "delta": premise.delta, "scale": premise.scale}
    code = "residual_and_noise" if claim == "error_bounded" else "no_false_minimum"
    forged = Finding(
        claim,
        S,
        value,
        bound,
        assumptions=assumptions_of(objective, premise),
        reason=because(code),
        rigour=WORKING,
        witness={**witness, "noise": premise.noise},
    )
    theta = objective.from_factors(ll.Factors(factor, factor))
    document = recovery_document(objective, theta, Certificate((forged,)))
    return ll.verify(document, (measurement, y))[claim].outcome


ALL = ll.Entries([0, 0, 1, 1], [0, 1, 0, 1], (2, 2))


def test_residuals_whose_squares_vanish():
    premise = ll.Premise(2, 0.0, scale=1.0)
    for size in (1e-163, 1e-300):
        y, zero = np.full(4, size), np.zeros((2, 1))
        assert under(ALL, y, zero, "error_bounded", 0.0, premise) is not Outcome.CONFIRMED


def test_data_in_single_precision_are_charged_for():
    premise, y = ll.Premise(2, 0.0, scale=1.0), np.full(4, 1 + 2e-8)
    outcome = under(ALL, y, np.ones((2, 1)), "error_bounded", 1e-14, premise, dtype="float32")
    assert outcome is Outcome.CONTRADICTED
    for a in (1.0, 2.0):
        truth = np.outer([a, a], [a, a]) * (1 + 2e-8)
        fit = ll.recover(ALL, truth.ravel(), rank=1, dtype="float32", premise=premise, rng=0)
        assert np.linalg.norm(fit.matrix() - truth) <= fit.certificate["error_bounded"].value


def test_antisymmetric_parts_hide_no_rounding():
    odd = np.array([[0.0, 2.0**50], [-(2.0**50), 0.0]])
    even = [np.diag([1.0, 0.0]), np.diag([0.0, 1.0]), np.array([[0.0, 0.75], [0.75, 0.0]])]
    y = [np.sum(a * np.outer([1, 0.5], [1, 0.5])) for a in even]
    factor, premise = np.array([[0.98], [0.51]]), ll.Premise(2, 0.45, scale=1.0)
    measurement = ll.Dense(np.array(even) + odd)
    assert under(measurement, y, factor, "error_bounded", 2e-15, premise) is Outcome.CONTRADICTED


def test_noise_is_no_exact_data(rng):
    measurement, premise = ll.gaussian(1500, (4, 4), 0), ll.Premise(2, 0.16, scale=1 / 1500)
    y, factor = rng.standard_normal(1500), rng.standard_normal((4, 1))
    outcome = under(measurement, y, factor, "no_false_minimum", 0.16, premise, bound=0.5)
    assert outcome is Outcome.CONTRADICTED


def test_complex_matrices_that_are_not_seen():
    arrays = np.array([np.diag([1, 0]), np.diag([0, 1]), np.array([[0, 1], [1, 0]]) / np.sqrt(2)])
    measurement, factor = ll.Dense(arrays.astype(complex)), np.ones((2, 1), complex)
    y = measurement.measure_matrix(factor @ factor.conj().T).real
    premise = ll.Premise(2, 0.1, scale=1.0)
    assert under(measurement, y, factor, "error_bounded", 3e-14, premise) is Outcome.CONTRADICTED


@pytest.mark.parametrize("s", [1e-2, 1e-8, 1e-11])
def test_honest_curvatures_of_small_singular_values_are_confirmed(s, rng):
    measurement = ll.gaussian(3000, (4, 4), 0)
    factor = np.linalg.qr(rng.standard_normal((4, 4)))[0][:, :2] * np.sqrt([1, s])
    y = measurement.measure_matrix(factor @ factor.T)
    objective = make_objective(measurement, y, Psd((4, 4), 2))
    found = conditional_findings(objective, factor.ravel(), ll.Premise(4, 0.15, scale=1 / 3000))
    proof = Certificate(found).verify(objective, factor.ravel())
    assert proof.is_confirmed, str(proof)


@pytest.mark.parametrize("given", ["0.1", None, 0.1 + 0j, np.array([0.1, 0.2]), True])
def test_a_delta_that_is_no_number(given):
    with pytest.raises(InvalidInputError, match="delta"):
        ll.Premise(2, given)


@pytest.mark.parametrize("given", [0.3, "x", (2, 0.3)])
def test_a_premise_that_is_none(given):
    with pytest.raises(InvalidInputError, match="Premise"):
        ll.recover(ALL, np.ones(4), rank=1, premise=given)


def test_a_region_without_an_active_neuron_has_rank_zero():
    net = ReluNetwork(([[-1.0], [-2.0]], [[1.0, 1.0]]), (None, None))
    data = np.array([[1.0], [2.0]]), np.array([0.0, 1.0])
    report = region_report(net, *data, rng=0)
    assert report.rank == 0
    check = ll.verify(report.document(report.certificate), data)["no_bad_minimum_in_region"]
    assert check.outcome is Outcome.CONFIRMED
