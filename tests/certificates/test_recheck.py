"""A certificate is checked again by other formulas; tampering with it, or with the data, is caught."""

import json
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.certificates.recheck import recheck
from lowland.certificates.recheck_outcomes import Outcome
from lowland.certificates.table_problem import TableProblem
from lowland.core.errors import FileFormatError
from lowland.core.findings import Certificate, Finding
from lowland.core.status import Rigour, Verdict
from lowland.files.certificates import CertificateDocument, read_certificate, write_certificate
from lowland.judges import certify
from lowland.models import General
from lowland.objectives import make_objective
from lowland.search import GradientBelow, Iterations, TrustRegion, make_start, run


def fitted(rng, *, biases=True, penalty=1.0, weights=None, rank=8, by_counts=False):
    rows, columns = np.nonzero(rng.random((14, 11)) < 0.7)
    y = 3 + rng.standard_normal(14)[rows] + rng.standard_normal(rows.size)
    weights = None if weights is None else rng.uniform(0.2, 4, rows.size)
    kinds = ("row", "column", "global") if biases else ()
    penalties = {"penalty": penalty}
    if by_counts:
        counts = (np.bincount(rows) * 14 / rows.size, np.bincount(columns) * 11 / rows.size)
        penalties |= {"side_weights": counts, "bias_penalty": 0.5 if biases else 0.0}
    objective = make_objective(
        ll.Entries(rows, columns, (14, 11)), y, General((14, 11), rank, kinds), weights=weights, **penalties
    )
    theta = make_start(objective, "spectral", rng)
    stop = GradientBelow(1e-12) | Iterations(200)
    theta = run(objective, TrustRegion(), theta, stop=stop, rng=rng).theta
    return objective, theta


def as_problem(objective, theta):
    u, v, a, b, c = objective.model.unpack(theta)
    m = objective.measurement
    weights = np.ones(objective.y.size) if objective.weights is None else objective.weights
    biases = bool(objective.model.biases)
    kind = "uniform" if objective.side_weights is None else "counts"
    penalties = (objective.penalty, objective.bias_penalty, kind)
    return TableProblem(m.rows, m.columns, objective.y, weights, u, v, a, b, float(c), biases, *penalties)


def outcomes(certificate, problem):
    return {check.claim: check.outcome for check in recheck(certificate, problem)}


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("weights", [None, "random"])
@pytest.mark.parametrize("by_counts", [False, True])
def test_true_certificates_are_confirmed(biases, weights, by_counts, rng):
    objective, theta = fitted(rng, biases=biases, weights=weights, by_counts=by_counts)
    proof = certify(objective, theta)
    assert proof["globally_optimal"].verdict is Verdict.PROVED
    found = outcomes(proof, as_problem(objective, theta))
    assert Outcome.CONTRADICTED not in found.values()
    for claim in ("stationary", "globally_optimal", "convex_optimal"):
        assert found[claim] is Outcome.CONFIRMED
    # a saddle: the direction downhill is found again
    saddle = np.zeros_like(theta)
    saddle[objective.factor_size :] = theta[objective.factor_size :]
    zero = certify(objective, saddle)
    if zero["second_order_stationary"].verdict is Verdict.REFUTED:
        assert outcomes(zero, as_problem(objective, saddle))["second_order_stationary"] is Outcome.CONFIRMED


def test_refutations_are_confirmed(rng):
    """Too low a rank, with the better matrix attached; and two completions."""
    for by_counts in (False, True):
        objective, theta = fitted(rng, rank=1, penalty=0.2, by_counts=by_counts)
        proof = certify(objective, theta)
        assert proof["convex_optimal"].verdict is Verdict.REFUTED
        assert outcomes(proof, as_problem(objective, theta))["convex_optimal"] is Outcome.CONFIRMED
    values = rng.standard_normal((4, 2)) @ rng.standard_normal((2, 4))
    rows, columns = np.nonzero(~np.eye(4, dtype=bool))
    fit = ll.recover(ll.Entries(rows, columns, (4, 4)), values[rows, columns], rank=2, rng=0)
    found = outcomes(fit.certificate, as_problem(fit.objective, fit.search.theta))
    assert fit.certificate["uniquely_determined"].verdict is Verdict.REFUTED
    assert found["uniquely_determined"] is Outcome.CONFIRMED
    assert found["determined_by_data"] is Outcome.CONFIRMED


def tampered(certificate, claim, **changes):
    finding = certificate[claim]
    witness = finding.witness | changes.pop("witness", {})
    return certificate.with_finding(replace(finding, witness=witness, **changes))


def test_tampering_is_caught(rng):
    objective, theta = fitted(rng)
    proof, problem = certify(objective, theta), as_problem(objective, theta)
    low = proof["globally_optimal"].witness["objective"] * 0.9
    moved = replace(problem, u=problem.u * 1.2)
    other = replace(problem, y=problem.y + np.eye(1, problem.y.size, 3)[0])
    cases = {
        "objective": (tampered(proof, "globally_optimal", witness={"objective": low}), problem),
        "point": (proof, moved),
        "data": (proof, other),
        "penalty": (proof, replace(problem, penalty=0.5)),
    }
    for name, (certificate, at) in cases.items():
        assert outcomes(certificate, at)["globally_optimal"] is Outcome.CONTRADICTED, name
    low_rank, at = fitted(rng, rank=1, penalty=0.2)
    refuted = certify(low_rank, at)
    left = refuted["convex_optimal"].witness["left"]
    wrong = tampered(refuted, "convex_optimal", witness={"left": -left})
    assert outcomes(wrong, as_problem(low_rank, at))["convex_optimal"] is Outcome.CONTRADICTED
    claimed = tampered(refuted, "convex_optimal", verdict=Verdict.PROVED, value=1e-9,
                       witness={"objective": low_rank.value(at)})  # fmt: skip
    del claimed["convex_optimal"].witness["left"]
    assert outcomes(claimed, as_problem(low_rank, at))["convex_optimal"] is Outcome.CONTRADICTED
    flipped = tampered(proof, "determined_by_data", verdict=Verdict.REFUTED)
    if proof["determined_by_data"].verdict is Verdict.PROVED:
        assert outcomes(flipped, problem)["determined_by_data"] is Outcome.CONTRADICTED


def test_documents_round_trip(tmp_path, rng):
    objective, theta = fitted(rng)
    proof, problem = certify(objective, theta), as_problem(objective, theta)
    point = {"row_factors": problem.u, "offset": np.asarray(problem.offset)}
    path = tmp_path / "proof.json"
    write_certificate(path, CertificateDocument(proof, "abc", {"penalty": 1.0}, point))
    again = read_certificate(path)
    assert again.certificate.findings == proof.findings
    np.testing.assert_array_equal(again.point["row_factors"], problem.u)
    assert isinstance(again.certificate, Certificate)
    plain = json.loads(path.read_text())
    for change, words in (
        ({"version": 99}, "newer lowland"),
        ({"format": "x"}, "not a certificate"),
        ({"point": 3}, "not a certificate"),
    ):
        path.write_text(json.dumps(plain | change))
        with pytest.raises(FileFormatError, match=words):
            read_certificate(path)
    path.write_text("{")
    with pytest.raises(FileFormatError, match="not a certificate"):
        read_certificate(path)


def test_proofs_of_positions_are_checked(rng):
    """Radius, closure from a complete block, and forged verdicts on claims that are never proved."""
    rows, columns = np.nonzero(rng.random((9, 8)) < 0.85)
    truth = rng.standard_normal((9, 2)) @ rng.standard_normal((2, 8))
    fit = ll.recover(ll.Entries(rows, columns, (9, 8)), truth[rows, columns], rank=2, rng=0)
    proof, problem = fit.certificate, as_problem(fit.objective, fit.search.theta)
    found = outcomes(proof, problem)
    for claim in ("locally_unique", "uniquely_determined", "determined_by_data"):
        assert proof[claim].verdict is Verdict.PROVED
        assert found[claim] is Outcome.CONFIRMED
    radius = proof["locally_unique"].witness["radius"]
    wide = tampered(proof, "locally_unique", witness={"radius": 3 * radius})
    assert outcomes(wide, problem)["locally_unique"] is Outcome.CONTRADICTED
    forged = tampered(proof, "strict_local_minimum", verdict=Verdict.PROVED, rigour=Rigour.RIGOROUS)
    assert outcomes(forged, problem)["strict_local_minimum"] is Outcome.CONTRADICTED
    both = tampered(proof, "determined_by_data", verdict=Verdict.REFUTED)
    assert outcomes(both, problem)["uniquely_determined"] is Outcome.CONTRADICTED


def test_a_forged_radius_where_data_see_too_little(rng):
    """One row with a single cell: nothing is near enough to be excluded."""
    rows, columns = np.nonzero(np.ones((6, 5), bool))
    keep = (rows != 2) | (columns == 0)
    rows, columns = rows[keep], columns[keep]
    truth = rng.standard_normal((6, 2)) @ rng.standard_normal((2, 5))
    objective = make_objective(ll.Entries(rows, columns, (6, 5)), truth[rows, columns], General((6, 5), 2))
    u, s, vt = np.linalg.svd(truth)
    theta = objective.from_factors(ll.Factors(u[:, :2] * s[:2], vt[:2].T))
    finding = Finding("locally_unique", Verdict.PROVED, rigour=Rigour.RIGOROUS, witness={"radius": 0.1})
    problem = as_problem(objective, theta)
    assert recheck(Certificate((finding,)), problem)[0].outcome is Outcome.CONTRADICTED
    few = Finding("determined_by_data", Verdict.PROVED, rigour=Rigour.RIGOROUS)
    assert recheck(Certificate((few,)), problem)[0].outcome is Outcome.CONTRADICTED
