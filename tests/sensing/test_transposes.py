"""Advice where all measuring matrices are symmetric."""

import numpy as np
import pytest

import lowland as ll
from lowland.sensing.transposes import all_symmetric


def measured(*, symmetric, count=60):
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((count, 5, 5))
    if symmetric:
        arrays = arrays + arrays.transpose(0, 2, 1)
    A, u = ll.Dense(arrays), rng.standard_normal((5, 1))
    return A, A.measure_matrix(u @ u.T)


def test_only_symmetric_matrices_are_symmetric():
    rng = np.random.default_rng(1)
    S = measured(symmetric=True)[0].arrays
    one_off = S.copy()
    one_off[7, 1, 3] += 1e-6
    wide, vectors = rng.standard_normal((9, 4, 5)), rng.standard_normal((9, 5))
    rows = np.arange(5)
    for measurement, expected in (
        (ll.Dense(S), True),
        (ll.Dense(one_off), False),
        (ll.Dense(wide), False),
        (ll.Dense(S.astype(complex)), False),
        (ll.RankOne(vectors), True),
        (ll.RankOne(vectors, rng.standard_normal((9, 5))), False),
        (ll.Entries(rows, rows, (5, 5)), True),
        (ll.Entries(rows, rows[::-1], (5, 5)), False),
    ):
        assert all_symmetric(measurement) is expected


@pytest.mark.parametrize(("symmetric", "structure"), [(True, "general"), (True, "psd"), (False, "general")])
def test_advice_is_given_where_transposes_measure_alike(symmetric, structure):
    A, y = measured(symmetric=symmetric)
    fit = ll.recover(A, y, rank=1, structure=structure, rng=0)
    unique = fit.certificate["uniquely_determined"].verdict.name
    if symmetric and structure == "general":
        assert unique in ("REFUTED", "INCONCLUSIVE")
        assert 'if the matrix is positive semidefinite, pass structure="psd"' in str(fit)
    else:
        assert fit.advice is None
        assert "transpose" not in str(fit)
    assert ll.recover(A, y, rank=1, structure=structure, certify=False, rng=0).advice is None
