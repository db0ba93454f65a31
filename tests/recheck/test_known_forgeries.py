"""Forgeries made by hand, with full knowledge of the re-check, each of which once passed."""

import json
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from forging import with_codes
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import because, sentence
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.judges import certify
from lowland.models import General, Psd
from lowland.objectives import make_objective
from lowland.objectives.plain import plain_problem
from lowland.recheck.bounds import is_spread_at_least
from lowland.recheck.documents import Document
from lowland.recheck.matrices.exact_fits import misfit_of
from lowland.recheck.plain_losses import PlainLoss
from lowland.sensing.conditional import conditional_findings
from proof_samples import completed, judged, recovered, sample, table

P, S, R, OPEN = Verdict.PROVED, Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE
RIGOROUS = Rigour.RIGOROUS
GENERIC = ("generic values of the factors (all but a set of measure zero)",)
RANK_ONE = "adding one rank-one matrix lowers the convex objective by this fraction"
TWO = "two matrices of this rank, 1 of the norm apart, both reproduce every datum"
PRIMES = (*GENERIC, "two primes that are not exceptional")


def said(claim, verdict, method, rigour=RIGOROUS, *, numbers=(None, None, None), assumptions=(), **witness):
    """Return a finding; its value, bound and tolerance are `numbers`."""
    return Finding(claim, verdict, *numbers, assumptions, method, rigour, witness=witness)


def outcomes(findings, objective, theta):
    """Return the outcomes of findings about a point of an objective, with codes and without."""
    found = [
        [check.outcome for check in Certificate(tuple(some)).verify(objective, theta)]
        for some in (findings, [with_codes(finding) for finding in findings])
    ]
    assert found[0] == found[1]
    return found[0]


def contradicted(*outcome):
    return all(one is Outcome.CONTRADICTED for one in outcome)


def cells(shape, rank, y, *, keep=None, **settings):
    """Return the problem of some cells of a table, all by default."""
    rows, columns = np.nonzero(np.ones(shape, bool) if keep is None else keep)
    biases = settings.pop("biases", ())
    return make_objective(ll.Entries(rows, columns, shape), y, General(shape, rank, biases), **settings)


def forged(document, **changes):
    """Return a document with parts of its problem or point changed."""
    point = {**document.point, **changes.pop("point", {})}
    return replace(document, point=point, problem={**document.problem, **changes})


# ---------------------------------------------------------------- optimality


def gap_words(norm="shifted Cholesky, rounding included"):
    return f"gap to a lower bound, as a fraction of the objective: {norm}"


def test_a_dual_vector_that_biases_see():
    """Where biases are free a dual vector must be orthogonal to them; only psd duals are attached at all."""
    one = sample("table")
    for finding in one.document.certificate:
        if finding.claim == "globally_optimal":
            value = finding.witness["objective"]
    words = gap_words("shifted Cholesky, rounding included; shifted along A* nu0 >= I")
    dual = np.full(one.data.size, 1e-3)
    finding = said(
        "globally_optimal",
        P,
        words,
        numbers=(1e-9, 0.01, 0.01),
        objective=value,
        lower_bound=value,
        gap=1e-9 * value,
        dual_scale=1.0,
        dual=dual,
    )
    document = replace(one.document, certificate=Certificate((finding,)))
    assert contradicted(ll.verify(document, one.data)["globally_optimal"].outcome)


def test_a_light_row_is_not_taken_for_rounding():
    """Weights from 1e-8 to 1e8: the biases of a light row are refitted too."""
    rng = np.random.default_rng(0)
    y, weights = rng.standard_normal(42) + 5, np.ones(42)
    weights[:6], weights[6:12] = 1e-8, 1e8
    objective = cells((7, 6), 1, y, biases=("row", "column", "global"), weights=weights, penalty=1.0)
    problem = plain_problem(objective, np.zeros(objective.size), "")
    rest = problem.without_biases(y)
    sums = problem.spread(weights * rest)
    assert (
        np.abs(sums.sum(axis=1) / (weights.reshape(7, 6) * np.abs(y.reshape(7, 6))).sum(axis=1)).max() < 1e-9
    )


@pytest.mark.parametrize("biases", [("row",), ("column", "global"), ("row", "column", "global")])
@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_biases_are_those_of_one_dense_system(biases, ridge):
    rng = np.random.default_rng(1)
    keep = rng.random((9, 5)) < 0.6
    y, weights = rng.standard_normal(int(keep.sum())), rng.uniform(0.5, 2, int(keep.sum()))
    objective = cells(
        (9, 5), 1, y, keep=keep, biases=biases, weights=weights, bias_penalty=ridge, penalty=1.0
    )
    found = plain_problem(objective, np.zeros(objective.size), "").without_biases(y)
    rows, columns = np.nonzero(keep)
    parts = {"row": rows[:, None] == np.arange(9), "column": columns[:, None] == np.arange(5)}
    parts["global"] = np.ones((y.size, 1))
    design = np.hstack([parts[side] for side in biases]).astype(float)
    held = np.concatenate([np.full(parts[side].shape[1], ridge * (side != "global")) for side in biases])
    gram = design.T @ (weights[:, None] * design) + np.diag(held)
    expected = y - design @ np.linalg.lstsq(gram, design.T @ (weights * y), rcond=None)[0]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_rounding_of_a_gap_is_charged():
    """Nearly exact data: the rounding of the bound over matrices of a rank exceeds the objective."""
    rng = np.random.default_rng(2)
    left, right = rng.standard_normal((20, 2)), rng.standard_normal((20, 2))
    y = (left @ right.T).ravel() + 2e-9 * rng.standard_normal(400)
    objective = cells((20, 20), 2, y, weights=rng.uniform(0.5, 1, 400))
    theta = objective.from_factors(ll.Factors(left + 1e-9 * rng.standard_normal(left.shape), right))
    value = float(objective.value(theta))
    words = gap_words("the data term is strongly convex, and no matrix of this rank is closer to its minimum")
    finding = said(
        "globally_optimal",
        P,
        words,
        numbers=(0.0, 1e-8, 1e-8),
        objective=value,
        lower_bound=value,
        gap=0.0,
        dual_scale=0.5,
    )
    assert contradicted(*outcomes([finding], objective, theta))


def test_factors_whose_terms_cancel():
    """At U t and V / t the convex value is the same, and the rounding that hides it is seen."""
    one = completed(table(), rank=2, penalty=0.5, biases=False)
    u, v = one.document.point["row_factors"], one.document.point["column_factors"]
    mixing = np.array([[1e8, 1e8], [1e8, 1e8 + 1]])
    document = forged(
        one.document, point={"row_factors": u @ mixing, "column_factors": v @ np.linalg.inv(mixing).T}
    )
    found = ll.verify(document, one.data)
    assert found["globally_optimal"].outcome is Outcome.CONTRADICTED
    assert found["stationary"].outcome is not Outcome.CONFIRMED


def test_biases_that_are_not_fitted_must_be_zero():
    """A stored offset once made all rounding bounds vacuous."""
    for name in ("table without biases", "cells"):
        one = sample(name)
        for document in (
            forged(one.document, point={"offset": np.array(1e30)}),
            forged(one.document, point={"row_biases": np.full(12, 1e30)}),
            forged(one.document, point={"offset": np.zeros(3)}),
        ):
            with pytest.raises(FileFormatError):
                ll.verify(document, one.data)


def test_a_misfit_that_cancelling_factors_hide():
    big = np.array([[1e7, -1e7]])
    left = np.hstack([np.ones((5, 2)) * big, np.ones((5, 1))])
    right = np.hstack([np.ones((4, 2)), np.arange(1.0, 5)[:, None]])
    y = (np.ones((5, 1)) @ right[:, 2:].T).ravel() * (1 + 1e-6)
    objective = cells((5, 4), 3, y)
    problem = plain_problem(objective, objective.from_factors(ll.Factors(left, right)), "")
    assert misfit_of(problem).worst > 1e-7


def test_a_factor_of_no_length_is_no_state():
    one = sample("state")
    zero = said(
        "globally_optimal",
        R,
        "another feasible point, found by descent from a random point, has an objective lower by "
        "this fraction",
        RIGOROUS,
        numbers=(1.0, 0.01, 0.01),
        objective=1.0,
        lower_objective=0.0,
        lower_point=np.zeros(8),
    )
    document = replace(one.document, certificate=Certificate((zero,)))
    found = ll.verify(document, one.data)
    assert contradicted(found["globally_optimal"].outcome)
    assert "stands for no matrix" in found["globally_optimal"].words


def test_negative_factors_where_they_must_not_be():
    one = completed(table(), rank=7, penalty=1.0, biases=False)
    assert one.document.certificate["globally_optimal"].verdict is P
    found = ll.verify(forged(one.document, nonnegative=True), one.data)
    assert found["globally_optimal"].outcome is Outcome.CONTRADICTED


def test_conjugates_of_losses_far_away():
    """They are closed forms: a search that ends somewhere would return too little, and prove too much."""
    s, far = np.array([0.5]), np.array([1e12])
    assert PlainLoss("clipped", (-1.0, 1.0, 1.0)).conjugate(s, far)[0] == pytest.approx(5e11)
    assert PlainLoss("poisson").conjugate(np.array([1 - 1e-12]), np.array([5.0]))[0] > 100
    assert PlainLoss("clipped", (-1.0, 1.0, 1.0)).conjugate(np.array([1.5]), far)[0] == np.inf


@pytest.mark.parametrize(
    "loss",
    [
        PlainLoss("squared"),
        PlainLoss("poisson"),
        PlainLoss("binomial"),
        PlainLoss("log-Poisson"),
        PlainLoss("clipped", (-0.6, 1.4, 0.05)),
        PlainLoss("ordinal", (-1.0, 0.5, 2.0)),
    ],
    ids=lambda loss: loss.kind,
)
def test_losses_agree_with_differences_and_conjugates_with_a_grid(loss):
    data = {"poisson": [0.0, 2.0, 7.0], "binomial": [0.0, 0.3, 1.0], "log-Poisson": [0.0, 1.0, 6.0]}
    y = np.array({"ordinal": [0.0, 1.0, 3.0]}.get(loss.kind, data.get(loss.kind, [-1.0, 0.2, 3.0])))
    z = np.array([0.4, 0.31, 0.77])
    step = 1e-6
    slope = (loss.value(z + step, y) - loss.value(z - step, y)) / (2 * step)
    np.testing.assert_allclose(loss.slope(z, y), slope, atol=1e-7)
    bend = (loss.slope(z + step, y) - loss.slope(z - step, y)) / (2 * step)
    np.testing.assert_allclose(loss.curvature(z, y), bend, rtol=1e-5, atol=1e-7)
    lowest, highest = {"poisson": (1e-9, 60.0), "binomial": (1e-9, 1 - 1e-9)}.get(loss.kind, (-40.0, 40.0))
    grid = np.linspace(lowest, highest, 400_001)
    for share in (0.9, 0.2):
        s = share * loss.slope(z, y)
        best = [np.max(a * grid - loss.value(grid, np.full_like(grid, b))) for a, b in zip(s, y, strict=True)]
        np.testing.assert_allclose(loss.conjugate(s, y), best, rtol=1e-5, atol=1e-5)


def test_a_descent_that_is_rounding():
    rng = np.random.default_rng(3)
    y = 1.7e9 + 1e-3 * rng.standard_normal(42)
    objective = cells((7, 6), 1, y, penalty=1e-9)
    theta = objective.from_factors(
        ll.Factors(np.full((7, 1), np.sqrt(1.7e9)), np.full((6, 1), np.sqrt(1.7e9)))
    )
    value = float(objective.value(theta))
    finding = said(
        "convex_optimal",
        R,
        RANK_ONE,
        RIGOROUS,
        numbers=(1e-5, 1e-6, 1e-6),
        objective=value,
        left=rng.standard_normal(7),
        right=rng.standard_normal(6),
        length=1e-9,
    )
    assert contradicted(*outcomes([finding], objective, theta))


def test_an_operator_without_a_bound():
    """diag(1, -1e-12): zero is far from the best, though no eigenvalue of the dual is above rounding."""
    measurement = ll.Dense(np.diag([1.0, -1e-12])[None])
    objective = make_objective(measurement, [-1.0], Psd((2, 2), 2))
    theta = 1e-9 * np.ones(4)
    finding = said(
        "globally_optimal",
        P,
        gap_words(),
        numbers=(0.0, 1e-6, 1e-6),
        objective=0.5,
        lower_bound=0.5,
        gap=0.0,
        dual_scale=1.0,
    )
    assert contradicted(*outcomes([finding], objective, theta))


# ---------------------------------------------------------------- gradients and curvatures


def test_a_gradient_that_rounding_hides():
    """Counts whose predictions are almost zero: curvatures, and bounds on rounding, explode."""
    one = sample("photon counts")
    small = forged(one.document, point={"factor": 1e-9 * one.document.point["factor"]})
    assert ll.verify(small, one.data)["stationary"].outcome is not Outcome.CONFIRMED


def test_a_gradient_of_rounding_beside_a_unit_of_rounding():
    """Of a state that the data determine, the unfitted residuals give a gradient of rounding, too."""
    one = sample("state")
    finding = replace(one.document.certificate["stationary"], verdict=R, rigour=RIGOROUS)
    document = replace(one.document, certificate=Certificate((finding,)))
    assert contradicted(ll.verify(document, one.data)["stationary"].outcome)


def test_fewer_units_than_none():
    one = sample("tensor with holes")
    finding = replace(one.document.certificate["globally_optimal"], value=-1.0)
    document = replace(one.document, certificate=Certificate((finding,)))
    assert contradicted(ll.verify(document, one.data)["globally_optimal"].outcome)


def test_a_balanced_point_that_is_not_balanced():
    one = sample("saddle")
    proof = one.document.certificate["second_order_stationary"]
    point = proof.witness["balanced"].copy()
    u, v = point[:12].reshape(6, 2), point[12:].reshape(5, 2)
    u[:, 0], v[:, 0] = 1e3 * u[:, 0], 1e-3 * v[:, 0]
    v[:, 1] = 1e3
    finding = replace(
        proof, verdict=S, value=-4e-6, witness={"largest": 6.5e6, "balanced": point}, bound=0.065
    )
    document = replace(one.document, certificate=Certificate((finding,)))
    found = ll.verify(document, one.data)["second_order_stationary"]
    assert found.outcome is Outcome.CONTRADICTED
    assert "not balanced" in found.words


def test_a_tolerance_of_nothing():
    """An eigenvalue of rounding does not make a minimum strict, whatever tolerance is stated."""
    one = sample("few cells")
    strict = one.document.certificate["strict_local_minimum"]
    finding = replace(strict, verdict=S, tolerance=1e-300, bound=1e-300 * strict.witness["largest"])
    document = replace(
        one.document, certificate=Certificate((one.document.certificate["stationary"], finding))
    )
    assert contradicted(ll.verify(document, one.data)["strict_local_minimum"].outcome)


# ---------------------------------------------------------------- determinacy and uniqueness


def test_a_global_bias_adds_nothing_to_a_full_rank():
    objective = cells((2, 2), 2, np.arange(4.0), biases=("global",))
    theta = np.r_[np.eye(2).ravel(), np.arange(4.0), 0.0]
    few = said(
        "determined_by_data",
        R,
        "4 cells for 5 degrees of freedom",
        numbers=(4.0, 5.0, 0.0),
        assumptions=GENERIC,
        rank=4,
        expected=5,
    )
    assert contradicted(*outcomes([few], objective, theta))
    assert certify(objective, theta, claims=["determined_by_data"]).verify(objective).is_confirmed


def test_the_trace_counts():
    """States from cells: off the diagonal nothing is seen; one cell of a pure state is enough."""
    entries = ll.Entries([0, 1], [0, 1], (2, 2))
    objective = make_objective(entries, [0.5, 0.5], Psd((2, 2), 2, unit_trace=True))
    full = said(
        "determined_by_data",
        P,
        "full rank of the Jacobian modulo a prime",
        numbers=(2.0, 2.0, 0.0),
        assumptions=GENERIC,
        rank=2,
    )
    assert contradicted(*outcomes([full], objective, np.eye(2).ravel()))
    pure = make_objective(ll.Entries([0], [0], (2, 2)), [0.5], Psd((2, 2), 1, unit_trace=True))
    unseen = said(
        "determined_by_data",
        R,
        "1 rows and 1 columns not involved in any measurement",
        Rigour.PROBABILISTIC,
        numbers=(None, 1.0, 0.0),
        assumptions=PRIMES,
        rank=None,
        expected=1,
        short_rows=np.array([1]),
        short_columns=np.array([1]),
    )
    assert contradicted(*outcomes([unseen], pure, np.ones(2)))
    for one, theta in ((objective, np.eye(2).ravel()), (pure, np.ones(2))):
        proof = certify(one, theta, claims=["determined_by_data", "uniquely_determined", "locally_unique"])
        assert not any(check.outcome is Outcome.CONTRADICTED for check in proof.verify(one)), str(proof)


def test_counts_of_one_do_not_connect():
    """Of counts the logarithm is fitted: that no count is zero says nothing about the matrix."""
    counts = ll.Observations.from_array([[1.0, 1.0], [1.0, np.nan]])
    one = completed(counts, losses="poisson", rank=1, penalty=0.1, biases=False)
    unique = one.document.certificate["uniquely_determined"]
    assert unique.assumptions  # generic values: the judge said too much, too
    forgery = replace(unique, method="", reason=because("connected"), assumptions=())
    for forged_one in (forgery, replace(forgery, reason=())):
        document = replace(one.document, certificate=Certificate((forged_one,)))
        assert contradicted(ll.verify(document, one.data)["uniquely_determined"].outcome)
    assert ll.verify(one.document, one.data).is_confirmed


@pytest.mark.parametrize("biases", [(), ("row", "column", "global")])
def test_attached_matrices_of_cancelling_terms(biases):
    """Rounding that large terms make must not be an excuse for other predictions."""
    rng = np.random.default_rng(4)
    objective = cells((4, 4), 1, rng.standard_normal(16), biases=biases)
    theta, width = rng.standard_normal(objective.size), 1 + (2 if biases else 0)
    left, right = np.ones((4, width)), np.ones((4, width))
    left[:, 0], right[:, 0] = 2.0**52 * np.array([1, -1, 1, -1]), 2.0**-3 * rng.standard_normal(4)
    if biases:
        left[:, 1], right[:, 2] = 1e16 * rng.standard_normal(4), 1e16 * rng.standard_normal(4)
    near = said(
        "locally_unique",
        R,
        "row 0 is exactly underdetermined by its observed cells for a fixed other factor; one of them, at "
        "a distance of 1 of the norm, is attached; 1 directions at the point leave the measurements "
        "unchanged to first order; all singular values of the Jacobian at the point, with the gauge deflated",
        RIGOROUS,
        numbers=(0.0, 1e-6, 1e-6),
        smallest=0.0,
        largest=1.0,
        deficiency=1,
        left=left,
        right=right,
        mismatch=0.0,
    )
    two = said(
        "uniquely_determined",
        R,
        TWO,
        RIGOROUS,
        numbers=(1.0, 1e-3, 1e-12),
        left=left,
        right=right,
        other_left=-left,
        other_right=right,
        misfit=0.0,
    )
    assert contradicted(*outcomes([near, two], objective, theta))


def test_lines_of_symmetric_matrices():
    """A lower triangle measures every row of a symmetric matrix."""
    rng = np.random.default_rng(5)
    rows, columns = np.nonzero(np.tril(np.ones((3, 3)), -1))
    factor = rng.standard_normal((3, 1))
    objective = make_objective(
        ll.Entries(rows, columns, (3, 3)), (factor @ factor.T)[rows, columns], Psd((3, 3), 1)
    )
    tail = (
        "; one of them, at a distance of 1e-05 of the norm, is attached; 1 directions at the point leave the "
    )
    tail += "measurements unchanged to first order; all singular values of the Jacobian at the point, with "
    tail += "the gauge deflated"
    for reason in (
        "a row or column of the matrix is not measured at all, so it can be arbitrary",
        "row 0 is exactly underdetermined by its observed cells for a fixed other factor",
    ):
        finding = said(
            "locally_unique",
            R,
            reason + tail,
            RIGOROUS,
            numbers=(0.0, 1e-6, 1e-6),
            smallest=0.0,
            largest=1.0,
            deficiency=1,
            left=factor * (1 + 1e-5),
            right=factor * (1 + 1e-5),
            mismatch=0.0,
        )
        assert contradicted(*outcomes([finding], objective, factor.ravel()))


def test_squares_that_underflow():
    parallel = 1e-162 * np.array([[1.0, 2.0]] * 4)
    assert not is_spread_at_least(parallel, 1e-163)
    assert is_spread_at_least(1e-162 * np.eye(3), 0.9e-162)


@pytest.mark.parametrize(
    ("name", "claim", "old", "new"),
    [
        ("few measurements", "determined_by_data", "8 measurements", "8.0 measurements"),
        ("cells", "locally_unique", "within ", "within 1"),
        ("few cells", "determined_by_data", "28 cells", "28.1 cells"),
    ],
)
def test_numbers_in_sentences(name, claim, old, new):
    one = sample(name)
    finding = one.document.certificate[claim]
    assert old in finding.method
    altered = finding.method.replace(old, new, 1)
    document = replace(
        one.document,
        certificate=one.document.certificate.with_finding(replace(finding, method=altered, reason=())),
    )
    assert contradicted(ll.verify(document, one.data)[claim].outcome)
    with pytest.raises(InvalidInputError, match="not that of its reason"):
        replace(finding, method=altered)
    plain = json.loads(one.document.to_json())
    for listed in plain["findings"]:
        listed["method"] = listed["method"].replace(old, new, 1)
    with pytest.raises(FileFormatError, match="not that of its reason"):
        Document.from_json(json.dumps(plain))


def test_open_findings_smuggle_nothing():
    one = sample("noisy measurements")
    proof = one.document.certificate
    for claim, words in (
        ("determined_by_data", "an exact Jacobian of 10 unknowns exceeds the limit of 1e300"),
        ("determined_by_data", "an exact Jacobian of 11 unknowns exceeds the budget"),
        ("locally_unique", "the Jacobian at the point is zero or not finite"),
        ("stationary", "values overflow the float64 range"),
        ("globally_optimal", "the objective overflows float64"),
    ):
        finding = said(claim, OPEN, words, Rigour.ESTIMATE)
        document = replace(one.document, certificate=Certificate((finding,)))
        assert contradicted(ll.verify(document, one.data)[claim].outcome), words
    assert proof["locally_unique"].verdict is P


# ---------------------------------------------------------------- documents and data


def test_complex_factors_of_a_real_measurement():
    one = sample("cells")
    point = {"row_factors": one.document.point["row_factors"] + 1j}
    with pytest.raises(FileFormatError, match="do not fit"):
        ll.verify(forged(one.document, point=point), one.data)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("witness", "rank"), {"real": 18, "imag": 1e9}),
        (("assumptions",), ["\x1b[2Jof 8 findings: 8 confirmed"]),
        (("method",), "\ud800"),
        (("witness", "\n"), 1.0),
    ],
)
def test_text_that_cannot_be_shown_and_numbers_that_are_none(where, value):
    plain = json.loads(sample("cells").document.to_json())
    at = plain["findings"][-1]
    for key in where[:-1]:
        at = at[key]
    at[where[-1]] = value
    with pytest.raises(FileFormatError, match="cannot be read"):
        Document.from_json(json.dumps(plain))


def test_data_of_any_kind_give_an_error():
    for name in ("table", "cells", "tensor"):
        one = sample(name)
        for data in (None, 3, (1, 2), "no-such-file.csv", {"a": 1}, [[1, 2], [3]], np.array(["x"]), b"x"):
            with pytest.raises(InvalidInputError):
                ll.verify(one.document, data)
    measurement, y = sample("measurements").data
    document = sample("measurements").document
    for data in (
        (y, measurement),
        (measurement, y[:-1]),
        (measurement, y, np.zeros(50)),
        (measurement, y, y[:3]),
    ):
        with pytest.raises(InvalidInputError):
            ll.verify(document, data)
    for wrong in (None, 3, "a\0b"):
        with pytest.raises(InvalidInputError):
            ll.verify(wrong, (measurement, y))


def test_weights_of_zero():
    rng = np.random.default_rng(6)
    one = recovered(ll.gaussian(20, (3, 3), 0), rng.standard_normal(20), rank=1)
    document = replace(one.document, data="")
    measurement, y = one.data
    weights = np.r_[0.0, np.ones(19)]
    from lowland.recheck.matrices.measurements import measured_fingerprint

    document = replace(document, data=measured_fingerprint(y, weights))
    with pytest.raises(InvalidInputError, match="positive"):
        ll.verify(document, (measurement, y, weights))


def test_large_sparse_tables_are_not_checked():
    """Nothing of the size of the table is formed."""
    side = 100_000
    rows = np.arange(side)
    entries = ll.Entries(rows, rows, (side, side))
    objective = make_objective(entries, np.ones(side), General((side, side), 1))
    theta = np.ones(objective.size)
    proof = certify(objective, theta, claims=["determined_by_data", "stationary"], effort="quick")
    assert all(check.outcome is Outcome.NOT_CHECKED for check in proof.verify(objective))


def test_zero_data_are_recovered_and_confirmed():
    rows, columns = np.nonzero(np.random.default_rng(0).random((5, 5)) < 0.7)
    fit = ll.recover(ll.Entries(rows, columns, (5, 5)), np.zeros(rows.size), rank=2, rng=0)
    assert fit.search.value == 0
    assert fit.certificate.verify(fit.objective).is_confirmed


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_single_precision_is_confirmed(seed):
    given = table(seed=seed)
    single = replace(given, values=given.values.astype(np.float32))
    one = completed(single, rank=3, penalty=1.0, bias_penalty=0.5)
    assert ll.verify(one.document, single).is_confirmed
    judged_again = judged(*_single())
    assert ll.verify(judged_again.document, judged_again.data).is_confirmed


def _single():
    rng = np.random.default_rng(7)
    measurement = ll.gaussian(40, (4, 4), 0)
    y = measurement.measure_matrix(np.ones((4, 4))) + 0.1 * rng.standard_normal(40)
    fit = ll.recover(measurement, y, rank=1, n_restarts=0, rng=0)
    return fit.objective, fit.search.theta, (measurement, y)


# ------------------------------------------------------------------ premises
@pytest.mark.parametrize("delta", [0.0, 0.05, 0.09])
def test_premises_that_a_matrix_contradicts(delta):
    """The constant of the operator is 0.14; findings that follow from a smaller one are contradicted."""
    one = sample("premise of exact data")
    measurement, y = one.data
    objective = make_objective(measurement.symmetrised(), y, Psd((4, 4), 1))
    theta = one.document.point["factor"].ravel()
    for scale in (1 / 1500, ll.restricted_isometry(measurement, 2, structure="psd", rng=0).scale):
        found = conditional_findings(objective, theta, ll.Premise(2, delta, scale=scale))
        assert all(finding.verdict is S for finding in found)
        assert set(outcomes(found, objective, theta)) == {Outcome.CONTRADICTED}


def altered(name, claim, change):
    """Return the outcome of a claim of a sample's document after a change of its finding as plain data."""
    honest = sample(name)
    plain = json.loads(honest.document.to_json())
    finding = next(one for one in plain["findings"] if one["claim"] == claim)
    change(finding)
    finding["method"] = sentence(phrase for one in finding["reason"] for phrase in because(**one))
    try:
        return ll.verify(Document.from_json(json.dumps(plain)), honest.data)[claim].outcome
    except (FileFormatError, InvalidInputError):
        return Outcome.CONTRADICTED


def farther(finding):
    next(one for one in finding["reason"] if one["code"] == "attached")["distance"] *= 1.009


def other_modes(finding):
    finding["witness"]["modes"] = finding["reason"][0]["modes"] = [7, 8, 9]


def the_same_modes(finding):
    finding["witness"]["modes"] = finding["reason"][0]["modes"] = [0, 0, 0]


def uneven(finding):
    finding["reason"] = [{"code": "uneven"}]


def infeasible(finding):
    finding.update(verdict="inconclusive", reason=[{"code": "infeasible"}], witness={}, rigour="estimate")
    for name in ("value", "bound", "tolerance"):
        finding[name] = None
    finding["assumptions"] = []


def zeros(finding):
    finding["reason"][-1] = {"code": "zeros"}


@pytest.mark.parametrize(
    ("name", "claim", "change"),
    [
        ("few cells", "locally_unique", farther),
        ("saddle of a tensor", "local_minimum", other_modes),
        ("saddle of a tensor", "local_minimum", the_same_modes),
        ("tensor", "strict_local_minimum", uneven),
        ("tensor", "second_order_stationary", uneven),
        ("table of nonnegative factors", "globally_optimal", infeasible),
        ("table of levels", "globally_optimal", zeros),
    ],
    ids=lambda part: part if isinstance(part, str) else part.__name__,
)
def test_words_that_are_false_are_contradicted(name, claim, change):
    assert altered(name, claim, lambda finding: None) is Outcome.CONFIRMED
    assert altered(name, claim, change) is Outcome.CONTRADICTED
