"""What used to pass a re-check is contradicted; what is true is confirmed, whatever the options."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import lowland as ll
from lowland.completion.columns.losses import Columns
from lowland.completion.penalised.fit import completion_objective
from lowland.completion.penalised.settings import CompletionSettings
from lowland.core.errors import FileFormatError, InvalidInputError
from lowland.core.results.findings import Certificate, Finding
from lowland.core.results.reasons import because, read_sentence
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from lowland.files.certificates import read_certificate, write_certificate
from lowland.judges import certify
from lowland.models import General
from lowland.objectives import make_objective
from lowland.recheck import statement
from lowland.recheck.documents import Document
from proof_samples import IN_SINGLE, SAMPLES, sample, table, verified


def altered(certificate, claim, **changes):
    """Return a certificate with one finding changed."""
    finding = certificate[claim]
    witness = finding.witness | changes.pop("witness", {})
    if "method" in changes:
        changes["reason"] = ()
    return certificate.with_finding(replace(finding, witness=witness, **changes))


def outcome(certificate, objective, claim):
    return certificate.verify(objective)[claim].outcome


@pytest.fixture(scope="module")
def gap():
    """A penalised fit whose gap is not proved, and one whose gap is."""
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(rng.random((10, 8)) < 0.8)
    entries, y = ll.Entries(rows, columns, (10, 8)), rng.standard_normal(rows.size)
    return tuple(ll.recover(entries, y, rank=rank, penalty=0.5, rng=0) for rank in (2, 7))


def test_a_changed_word(gap):
    fit = gap[0]
    assert fit.certificate["globally_optimal"].verdict is Verdict.INCONCLUSIVE
    for verdict in (Verdict.SUPPORTED, Verdict.PROVED):
        forged = altered(fit.certificate, "globally_optimal", verdict=verdict)
        assert outcome(forged, fit.objective, "globally_optimal") is Outcome.CONTRADICTED
    wider = altered(fit.certificate, "globally_optimal", verdict=Verdict.PROVED, tolerance=0.5, bound=0.5)
    assert outcome(wider, fit.objective, "globally_optimal") is Outcome.CONTRADICTED


def test_numbers_of_a_gap(gap):
    fit = gap[1]
    proof = fit.certificate
    assert proof["globally_optimal"].verdict is Verdict.PROVED
    assert proof.verify(fit.objective).is_confirmed
    value = proof["globally_optimal"].witness["objective"]
    for witness in (
        {"objective": 0.9 * value},
        {"lower_bound": 1.01 * value},
        {"gap": 0.0},
        {"dual_scale": 2.0},
    ):
        forged = altered(proof, "globally_optimal", witness=witness)
        if witness == {"gap": 0.0} and proof["globally_optimal"].witness["gap"] < 1e-6 * value:
            continue
        assert outcome(forged, fit.objective, "globally_optimal") is Outcome.CONTRADICTED, witness
    moved = proof.verify(fit.objective, 1.2 * fit.search.theta)
    assert moved["globally_optimal"].outcome is Outcome.CONTRADICTED


def test_a_second_matrix_beside_a_large_cell():
    """Differences are compared with each cell's own datum: a cell of 1e9 hides nothing elsewhere."""
    rng = np.random.default_rng(1)
    rows, columns = np.nonzero(np.ones((12, 12)))
    left, right = rng.standard_normal((12, 2)), rng.standard_normal((12, 2))
    table = left @ right.T
    table[0, 0] = 1e9
    u, s, vt = np.linalg.svd(table)
    point = u[:, :3] * s[:3], vt[:3].T
    objective = make_objective(
        ll.Entries(rows, columns, (12, 12)), table[rows, columns], General((12, 12), 3)
    )
    theta = objective.from_factors(ll.Factors(*point))
    other = point[0] + np.r_[[0.0], np.ones(11)][:, None] * np.array([0.0, 1.0, 1.0])
    forged = Finding(
        "uniquely_determined",
        Verdict.REFUTED,
        float(np.linalg.norm((other - point[0]) @ point[1].T) / np.linalg.norm(table)),
        1e-3,
        1e-12,
        method="two matrices of this rank, 1 of the norm apart, both reproduce every datum",
        rigour=Rigour.RIGOROUS,
        witness=dict(
            zip(("left", "right", "other_left", "other_right"), (*point, other, point[1]), strict=True)
        )
        | {"misfit": 0.0},
    )
    assert not Certificate((forged,)).verify(objective, theta).is_confirmed
    near = replace(forged, claim="locally_unique")
    assert not Certificate((near,)).verify(objective, theta).is_confirmed


def test_removed_assumptions():
    one = sample("cells")
    proof = one.document.certificate
    assert proof["uniquely_determined"].assumptions
    for claim in ("uniquely_determined", "determined_by_data"):
        forged = replace(one.document, certificate=altered(proof, claim, assumptions=()))
        assert ll.verify(forged, one.data)[claim].outcome is Outcome.CONTRADICTED


@pytest.mark.parametrize("share", [1e-9, 1e-11, 3e-12])
def test_a_forged_exact_fit(share):
    rng = np.random.default_rng(2)
    rows, columns = np.nonzero(np.ones((7, 6)))
    left, right = rng.standard_normal((7, 1)), rng.standard_normal((6, 1))
    y = (left @ right.T)[rows, columns]
    exact = make_objective(ll.Entries(rows, columns, (7, 6)), y, General((7, 6), 1))
    theta = exact.from_factors(ll.Factors(left, right))
    proof = certify(exact, theta, claims=["globally_optimal"])
    assert proof.verify(exact).is_confirmed
    off = make_objective(
        ll.Entries(rows, columns, (7, 6)), y * (1 + share * rng.choice([-1, 1], y.size)), General((7, 6), 1)
    )
    assert not proof.verify(off).is_confirmed


def test_a_short_direction():
    """The curvature along a direction of size 1e-7 has the sign of rounding."""
    fit = ll.recover(
        ll.gaussian(40, (5, 5), 0), ll.gaussian(40, (5, 5), 0).measure_matrix(np.ones((5, 5))), rank=1, rng=0
    )
    theta = fit.search.theta
    for size in (1e-7, 1.0):
        direction = size * np.eye(theta.size)[0]
        witness = {"direction": direction, "curvature": -1.0, "second_difference": -1.0}
        forged = altered(
            fit.certificate,
            "second_order_stationary",
            verdict=Verdict.REFUTED,
            rigour=Rigour.RIGOROUS,
            value=-1.0,
            witness=witness,
        )
        assert outcome(forged, fit.objective, "second_order_stationary") is Outcome.CONTRADICTED


@pytest.mark.parametrize("claim", ["stationary", "second_order_stationary", "strict_local_minimum"])
def test_what_is_never_proved(claim, gap):
    fit = gap[1]
    for rigour in (Rigour.RIGOROUS, Rigour.PROBABILISTIC):
        forged = altered(fit.certificate, claim, verdict=Verdict.PROVED, rigour=rigour)
        assert outcome(forged, fit.objective, claim) is Outcome.CONTRADICTED


def test_words_ranks_rigour_and_nan_are_read():
    one = sample("cells")
    proof = one.document.certificate
    changes = (
        ("determined_by_data", {"method": "full rank of the Jacobian by exact arithmetic"}),
        ("determined_by_data", {"value": 5.0}),
        ("determined_by_data", {"witness": {"rank": 5}}),
        ("stationary", {"rigour": Rigour.RIGOROUS}),
        ("stationary", {"value": float("nan")}),
        ("locally_unique", {"witness": {"radius": 100.0}}),
        ("locally_unique", {"witness": {"norm": 0.5}}),
        ("stationary", {"tolerance": 1e9, "bound": 1e9}),
        ("stationary", {"limited_by": "an expert"}),
    )
    for claim, change in changes:
        forged = replace(one.document, certificate=altered(proof, claim, **change))
        assert ll.verify(forged, one.data)[claim].outcome is Outcome.CONTRADICTED, change


def test_a_rank_of_a_long_staircase():
    """Connected, though its Jacobian's singular values fall to rounding: ranks are exact here."""
    n = 120
    rows, columns = (
        np.r_[0, np.repeat(np.arange(1, n), 2)],
        np.r_[0, np.c_[np.arange(n - 1), np.arange(1, n)].ravel()],
    )
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((n, 1)), rng.standard_normal((n, 1))
    objective = make_objective(
        ll.Entries(rows, columns, (n, n)), (u @ v.T)[rows, columns], General((n, n), 1)
    )
    proof = certify(objective, objective.from_factors(ll.Factors(u, v)), claims=["determined_by_data"])
    assert proof["determined_by_data"].verdict is Verdict.PROVED
    assert proof.verify(objective).is_confirmed


def test_a_tangent_space_of_more_than_two_thousand_dimensions():
    rng = np.random.default_rng(4)
    shape, rank = (61, 60), 20
    rows, columns = np.nonzero(rng.random(shape) < 0.7)
    left, right = rng.standard_normal((shape[0], rank)), rng.standard_normal((shape[1], rank))
    entries, y = ll.Entries(rows, columns, shape), (left @ right.T)[rows, columns]
    objective = make_objective(entries, y, General(shape, rank))
    proof = certify(
        objective,
        objective.from_factors(ll.Factors(left, right)),
        claims=["locally_unique"],
        effort="thorough",
    )
    assert proof["locally_unique"].verdict is Verdict.PROVED
    assert proof.verify(objective).is_confirmed
    wide = altered(
        proof, "locally_unique", witness={"smallest": 2 * proof["locally_unique"].witness["smallest"]}
    )
    assert not wide.verify(objective).is_confirmed


def test_what_is_too_large_is_not_checked():
    rng = np.random.default_rng(5)
    rows, columns = rng.integers(0, 3000, 9000), rng.integers(0, 2000, 9000)
    cells = np.unique(rows * 2000 + columns)
    objective = make_objective(
        ll.Entries(cells // 2000, cells % 2000, (3000, 2000)),
        rng.standard_normal(cells.size),
        General((3000, 2000), 1),
    )
    proof = certify(
        objective, rng.standard_normal(5000), claims=["stationary", "globally_optimal"], effort="quick"
    )
    found = proof.verify(objective)
    assert found["stationary"].outcome is Outcome.NOT_CHECKED
    assert not found.is_confirmed


def test_a_certificate_needs_its_point(gap):
    fit = gap[0]
    bare = Certificate(fit.certificate.findings)
    with pytest.raises(InvalidInputError, match="holds no point"):
        bare.verify(fit.objective)
    assert bare.verify(fit.objective, fit.search.theta).is_confirmed
    lines = []
    bare.verify(fit.objective, fit.search.theta, on_progress=lines.append)
    assert any("Hessian" in line for line in lines)


def test_documents_round_trip(tmp_path):
    for name in SAMPLES:
        one, path = sample(name), tmp_path / "proof.json"
        write_certificate(path, one.document)
        again = read_certificate(path)
        assert [f.claim for f in again.certificate] == [f.claim for f in one.document.certificate]
        for part, array in one.document.point.items():
            np.testing.assert_array_equal(again.point[part], array)
        assert again.to_json() == one.document.to_json()


# whose fits in single precision are like others: tensors are decomposed in double precision whatever their
# data have, but for one of each kind, and there are posteriors in other units
LIKE_OTHERS = {name for name in IN_SINGLE if "tensor" in name or "component" in name}
LIKE_OTHERS = LIKE_OTHERS - {"noisy tensor", "noisy components"} | {"table of a posterior"}


@pytest.mark.covering
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *((name, "float64") for name in SAMPLES),
        *(
            pytest.param(name, "float32", marks=[pytest.mark.slow] * (name in LIKE_OTHERS))
            for name in IN_SINGLE
        ),
    ],
)
def test_samples_are_not_contradicted(name, dtype):
    one = sample(name, dtype)
    if one.document.kind in ("table", "measurements"):  # most tensors are decomposed in double precision
        assert one.document.problem["dtype"] == dtype
    for check in verified(name, dtype):
        assert check.outcome is not Outcome.CONTRADICTED, check.words


@pytest.mark.parametrize("name", SAMPLES)
def test_documents_without_codes_are_said_again(name):
    """Those of version 2: numbers are derived, and the sentence is that of the table, not of the document."""
    one = sample(name)
    plain = json.loads(one.document.to_json()) | {"version": 2}
    for finding in plain["findings"]:
        del finding["reason"]
    earlier = Document.from_json(json.dumps(plain))
    assert all(finding.reason == () for finding in earlier.certificate)
    assert earlier.written == {}
    before, after = verified(name), ll.verify(earlier, one.data)
    for finding, check, again in zip(one.document.certificate, before, after, strict=True):
        assert again.outcome is check.outcome
        words, _, told = again.words.partition("; it states no reason code, and would be written here: ")
        assert words == check.words
        if check.outcome is Outcome.CONFIRMED:
            read = read_sentence(re.sub(r"\bN\b", "1", told))
            assert [phrase.code for phrase in read] == [phrase.code for phrase in finding.reason]


def test_numbers_of_a_reason_are_compared(monkeypatch):
    """The mutant: a re-check that takes them on faith confirms a sentence that no data say."""
    one, claim = sample("few measurements"), "determined_by_data"
    finding = one.document.certificate[claim]
    assert finding.reason == because("few_measurements", size=8, freedom=9)
    for other in (because("few_measurements", size=7, freedom=9), because("few_cells", size=8, freedom=9)):
        forged = replace(finding, method="", reason=other)
        document = replace(one.document, certificate=Certificate((forged,)))
        assert ll.verify(document, one.data)[claim].outcome is Outcome.CONTRADICTED
    monkeypatch.setattr(statement, "_agrees", lambda *_: True)
    believed = replace(finding, method="", reason=because("few_measurements", size=7, freedom=9))
    document = replace(one.document, certificate=Certificate((believed,)))
    assert ll.verify(document, one.data)[claim].outcome is Outcome.CONFIRMED


def _with_finding(version, verdict, rigour):
    """A document whose first finding says so, and has a sentence that may have any verdict."""
    plain = json.loads(sample("table").document.to_json()) | {"version": version}
    plain["findings"] = [plain["findings"][0] | {"verdict": verdict, "rigour": rigour}]
    return plain["findings"][0]["claim"], json.dumps(plain)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("verdict", "rigour", "today"),
    [
        ("proved", "working_precision", "supported"),
        ("refuted", "working_precision", "inconclusive"),
        ("refuted", "estimate", "inconclusive"),
        ("proved", "probabilistic", None),
        ("refuted", "rigorous", None),
        ("supported", "estimate", None),
        ("inconclusive", "working_precision", None),
    ],
)
def test_verdicts_of_an_earlier_rule_are_those_of_todays(version, verdict, rigour, today):
    claim, text = _with_finding(version, verdict, rigour)
    document = Document.from_json(text)
    assert document.certificate[claim].verdict.value == (today or verdict)
    assert document.certificate[claim].rigour.value == rigour
    assert document.written == ({claim: verdict} if today else {})
    check = ll.verify(document, sample("table").data)[claim]
    assert check.verdict == (today or verdict)
    said = f"the certificate says {verdict} by the rule of an earlier version, without bounds on all rounding"
    assert (said in check.words) == (today is not None)
    assert (f"by today's it is {today}" in check.words or "by today's nothing is claimed" in check.words) == (
        today is not None
    )
    if today == "inconclusive":  # nothing is claimed, so that nothing is wrong
        assert check.outcome is not Outcome.CONTRADICTED
    # what is written anew is of this version, and says the same
    again = Document.from_json(document.to_json())
    assert again.certificate[claim].verdict.value == (today or verdict)
    assert again.written == {}


def test_earlier_documents_of_fits_in_single_precision_are_refused():
    plain = json.loads(sample("table").document.to_json())
    plain["problem"]["dtype"] = "float32"
    Document.from_json(json.dumps(plain))
    for version in (2, 3):
        with pytest.raises(FileFormatError, match="bounded rounding in the fit's precision, single"):
            Document.from_json(json.dumps(plain | {"version": version}))


@pytest.mark.parametrize("version", [2, 3, 4])
def test_proofs_by_estimates_are_refused_in_every_version(version):
    with pytest.raises(FileFormatError, match="proof by estimate"):
        Document.from_json(_with_finding(version, "proved", "estimate")[1])


def test_documents_of_this_version_have_codes():
    plain = json.loads(sample("cells").document.to_json())
    del plain["findings"][0]["reason"]
    with pytest.raises(FileFormatError, match="wrong keys"):
        Document.from_json(json.dumps(plain))


def test_documents_that_cannot_be_read(tmp_path):
    path = tmp_path / "proof.json"
    write_certificate(path, sample("table").document)
    plain = json.loads(path.read_text())
    for change, words in (
        ({"version": 99}, "newer lowland"),
        ({"version": 1}, "older lowland"),
        ({"version": "2"}, "no version"),
        ({"format": "x"}, "not a certificate"),
        ({"point": 3}, "no point"),
        ({"findings": {}}, "no findings"),
        ({"kind": "poem"}, "unknown data"),
        ({"note": 1}, "wrong keys"),
        ({"findings": [*plain["findings"], plain["findings"][0]]}, "a claim twice"),
        ({"findings": [plain["findings"][0] | {"claim": "solved"}]}, "unknown claim"),
        ({"findings": [plain["findings"][0] | {"note": ""}]}, "wrong keys"),
        ({"findings": [plain["findings"][0] | {"value": "many"}]}, "value cannot be read"),
        ({"findings": [7]}, "no object"),
    ):
        path.write_text(json.dumps(plain | change))
        with pytest.raises(FileFormatError, match=words):
            read_certificate(path)
    for text in ("{", "[]", '{"a": 1, "a": 2}', '{"format": NaN}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(FileFormatError, match="not a certificate"):
            read_certificate(path)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(FileFormatError, match="not a certificate"):
        read_certificate(path)


def test_documents_of_other_data():
    one = sample("table")
    other = replace(one.data, values=one.data.values + np.eye(1, one.data.size, 3)[0])
    named = replace(one.data, row_labels=np.array([f"r{k}" for k in range(12)]))
    for data in (other, named):
        with pytest.raises(InvalidInputError, match="about other data"):
            ll.verify(one.document, data)
    # with the fingerprint forged too, the numbers tell
    forged = replace(one.document, data=other.fingerprint())
    assert not ll.verify(forged, other).is_confirmed
    with pytest.raises(InvalidInputError, match="pair of measurement"):
        ll.verify(sample("measurements").document, one.data)


def test_settings_that_do_not_fit():
    one = sample("table of levels")
    columns = one.document.problem["columns"]
    for change in (
        {"penalty": -1.0},
        {"biases": ["column", "row"]},
        {"columns": columns | {"spreads": [0.0] * 9}},
        {"columns": columns | {"kinds": [columns["kinds"][0] | {"numbers": [1.0, 0.0]}]}},
        {"columns": columns | {"kinds": [columns["kinds"][0] | {"levels": [0.0]}]}},
        {"weights": "uniform"},
    ):
        problem = {**one.document.problem, **change}
        with pytest.raises(FileFormatError):
            ll.verify(replace(one.document, problem=problem), one.data)
    short = {name: part[:-1] if part.ndim == 2 else part for name, part in one.document.point.items()}
    with pytest.raises(FileFormatError, match="do not fit"):
        ll.verify(replace(one.document, point=short), one.data)


def test_every_kind_of_document_has_a_verifier_and_a_sample():
    from lowland.recheck.documents import KINDS
    from lowland.verifying import VERIFIERS

    # audits are in `test_audits.py` and `test_filled.py`: findings are about a fit that they do not hold
    kinds = {sample(name).document.kind for name in SAMPLES} | {"audit", "filled"}
    assert set(VERIFIERS) == set(KINDS) == kinds


def test_json_text_of_certificates_is_read_strictly():
    proof = sample("table").document.certificate
    again = Certificate.from_json(proof.to_json())
    assert again.findings == proof.findings
    plain = json.loads(proof.to_json())
    plain["findings"][0]["verdict"] = ["supported"]
    with pytest.raises(FileFormatError, match="verdict cannot be read"):
        Certificate.from_json(json.dumps(plain))
    assert isinstance(Document.from_json(sample("table").document.to_json()), Document)


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_of_points_whose_factors_are_not_balanced(seed):
    """A neighbour has the predictions of the point, not of its balanced factors, which rounding moves."""
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((12, 9)) < 0.45)
    model = General((12, 9), 2, ("row", "column", "global"))
    objective = make_objective(ll.Entries(rows, columns, (12, 9)), rng.standard_normal(rows.size), model)
    mixing = np.array([[1, 1], [1, 1 + 1e-3]])
    u, v = rng.standard_normal((12, 2)) @ mixing, rng.standard_normal((9, 2)) @ np.linalg.inv(mixing).T
    theta = model.pack(u, v, rng.standard_normal(12), rng.standard_normal(9), 1.0)
    found = certify(objective, theta, claims=["determined_by_data", "locally_unique"])
    assert found["locally_unique"].verdict is ll.Verdict.REFUTED
    assert found.verify(objective, theta).is_confirmed


@pytest.mark.parametrize("loss", ["huber", "poisson", "ordinal"])
def test_directions_of_refutations_that_are_left_open_are_compared(loss):
    """Rounding of such losses is not bounded, so that a saddle is left open, with its direction."""
    given = table({"huber": "numbers", "poisson": "counts", "ordinal": "levels"}[loss])
    settings = CompletionSettings(rank=2, penalty=0.1, bias_penalty=0.1, columns=Columns.of(given, loss))
    objective = completion_objective(given, settings)
    found = certify(objective, np.zeros(objective.size), claims=["stationary", "second_order_stationary"])
    saddle = found["second_order_stationary"]
    assert saddle.verdict is Verdict.INCONCLUSIVE
    assert saddle.value < 0
    assert outcome(found, objective, "second_order_stationary") is Outcome.CONFIRMED
    forged = saddle.witness | {"direction": np.eye(objective.size)[0]}
    turned = found.with_finding(replace(saddle, witness=forged))
    assert outcome(turned, objective, "second_order_stationary") is Outcome.CONTRADICTED
    raised = found.with_finding(replace(saddle, verdict=Verdict.SUPPORTED))
    assert outcome(raised, objective, "second_order_stationary") is Outcome.CONTRADICTED


@pytest.mark.parametrize("name", ["measurements", "cells", "complex cells"])
@pytest.mark.parametrize(
    "change", [lambda x: 0.0, lambda x: x + 20.0, lambda x: 40 * x + 5, lambda x: 1000.0]
)
def test_units_in_the_last_place_are_those_of_the_residuals(name, change):
    """They are computed with twice the digits, so that other numbers below the limit are no rounding."""
    one = sample(name)
    found = one.document.certificate["globally_optimal"]
    assert found.witness["last_places"] > 0.7
    told = change(found.value)
    forged = altered(one.document.certificate, "globally_optimal", value=told)
    checks = {c.claim: c for c in ll.verify(replace(one.document, certificate=forged), one.data)}
    assert checks["globally_optimal"].outcome is Outcome.CONTRADICTED
    witness = {**found.witness, "last_places": told}
    both = altered(one.document.certificate, "globally_optimal", value=told, witness=witness)
    checks = {c.claim: c for c in ll.verify(replace(one.document, certificate=both), one.data)}
    assert checks["globally_optimal"].outcome is Outcome.CONTRADICTED
