"""Forged documents of operators that do not bound their rounding: nothing but counts is proved of them."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

import lowland as ll
from lowland.core.results.findings import Finding
from lowland.core.results.reasons import because
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Outcome
from proof_samples import recovered

SHAPE, RANK = (3, 3), 1
COUNTED = "few_measurements"


def hidden(table):
    """Return an operator of which products alone are known."""
    return LinearOperator(
        table.shape,
        matvec=lambda x: table @ x,
        rmatvec=lambda w: table.T @ w,
        matmat=lambda x: table @ x,
        rmatmat=lambda w: table.T @ w,
        dtype=float,
    )


def pair(rng):
    """Return measurements that bound their rounding, and the same by an operator that does not."""
    count, made = int(rng.integers(4, 14)), rng.random() < 0.5
    table = rng.integers(-2, 3, (count, 9)).astype(float) if made else rng.standard_normal((count, 9))
    if rng.random() < 0.4:
        table[:, [2, 5, 8]] = 0  # the last column of the matrix is in none of them
    kind = int(rng.integers(4))
    if kind == 0:
        return ll.Dense(table.reshape(-1, 3, 3)), ll.Linear(hidden(table), SHAPE)
    if kind == 1:
        mask = np.ones((2, 2), bool)
        products = np.array([ll.Fourier(mask).measure_matrix(e.reshape(2, 2)) for e in np.eye(4)]).T
        return ll.Dense(products.conj().reshape(-1, 2, 2)), ll.Fourier(mask)
    left, right = table[:, :3], table[:, 6:]
    wrap = sp.csr_array if kind == 2 else hidden
    return ll.RankOne(left, right), ll.RankOne(wrap(left), wrap(right))


def exact_by_bound(claim, y):
    """Return a proof that an objective is at most half a unit in the last place of each datum."""
    parts = np.concatenate([y.real, y.imag]) if np.iscomplexobj(y) else y
    half = float(np.sum(np.where(parts == 0, 0, np.spacing(np.abs(parts)) / 2) ** 2)) / 2
    witness = {"lower_bound": 0.0, "half_units": half, "last_places": 0.0, "misfit": 0.0}
    reason = because("exact_by_bound", half=half, upper=half)
    return Finding(
        claim, Verdict.PROVED, 0.0, 0.5, 1e-12, reason=reason, rigour=Rigour.RIGOROUS, witness=witness
    )


def forged(document, y):
    """Yield the document with each finding called a proof or a refutation, and with exact fits."""
    for finding in document.certificate:
        reason = tuple(phrase for phrase in finding.reason if phrase.code != "rounding_unbounded")
        for verdict in (Verdict.PROVED, Verdict.REFUTED):
            for rigour in (Rigour.RIGOROUS, Rigour.PROBABILISTIC):
                yield alone(
                    document, replace(finding, verdict=verdict, rigour=rigour, reason=reason, method="")
                )
    for claim in ("globally_optimal", "convex_optimal"):
        yield alone(document, exact_by_bound(claim, y))


def alone(document, finding):
    return replace(document, certificate=replace(document.certificate, findings=(finding,)))


def confirmed_proofs(seed):
    """Return the reasons of proofs and refutations confirmed of an operator, and how many were made."""
    rng, reasons, count = np.random.default_rng(seed), [], 0
    bounded, operator = pair(rng)
    factors = [rng.integers(1, 4, (length, RANK)).astype(float) for length in operator.shape]
    y = np.asarray(operator.measure_matrix(factors[0] @ factors[1].T))
    y = y + rng.choice([0, 0.1]) * rng.standard_normal(y.size)
    own = recovered(operator, y, rank=RANK).document
    point = {**own.point, "row_factors": factors[0], "column_factors": factors[1]}
    for document in (own, recovered(bounded, y, rank=RANK).document, replace(own, point=point)):
        for one in forged(document, y):
            check = ll.verify(one, (operator, y)).checks[0]
            count += 1
            if check.outcome is Outcome.CONFIRMED:
                reasons += [(check.claim, next(iter(one.certificate)).reason[0].code)]
    return reasons, count


@pytest.mark.parametrize("count", [2, pytest.param(120, marks=pytest.mark.slow)])
def test_nothing_but_counts_is_confirmed(count):
    """The twin whose rounding is bounded lends its proofs; the true factors reproduce the data exactly."""
    for seed in range(count):
        reasons, tried = confirmed_proofs(seed)
        assert tried > 60
        assert [reason for reason in reasons if reason[1] != COUNTED] == [], f"seed {seed}"


def test_counts_are_confirmed():
    operator = ll.Linear(hidden(np.random.default_rng(0).standard_normal((4, 9))), SHAPE)
    y = operator.measure_matrix(np.ones(SHAPE))
    document = recovered(operator, y, rank=1).document
    finding = document.certificate["determined_by_data"]
    assert (finding.verdict, finding.reason[0].code) == (Verdict.REFUTED, COUNTED)
    assert ll.verify(document, (operator, y))["determined_by_data"].outcome is Outcome.CONFIRMED


def test_a_column_that_products_do_not_show_refutes_nothing():
    """A product of a function that is zero may have been rounded to it."""
    table = np.random.default_rng(0).standard_normal((12, 9))
    table[:, [2, 5, 8]] = 0
    operator = ll.Linear(hidden(table), SHAPE)
    fit = ll.recover(operator, operator.measure_matrix(np.ones(SHAPE)), rank=1, rng=0)
    finding = fit.certificate["determined_by_data"]
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert [phrase.code for phrase in finding.reason] == ["unseen_lines", "rounding_unbounded"]
