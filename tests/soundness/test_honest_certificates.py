"""Honest certificates are never contradicted: of every method, in both precisions, on data of any kind."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

import lowland as ll
from lowland.core.results.verification import Outcome

PRECISIONS = ("float64", "float32")
# the ends of single searches too are judged as what they are
ONCE = {"n_restarts": 0}
UNITS = ("plain", "big", "small", "units", "offset", "grades")


def numbers(rng, kind, shape):
    """Return a noisy matrix of rank two with holes, in some unit."""
    X = rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1]))
    X += 0.2 * rng.standard_normal(shape)
    X = {
        "plain": lambda: X,
        "big": lambda: 1e6 * X + 1e7,
        "small": lambda: 1e-6 * X,
        "units": lambda: X * 10.0 ** rng.uniform(-5, 5, shape[1]),
        "offset": lambda: X + 10.0 ** rng.uniform(2, 8),
        "grades": lambda: np.clip(np.round(3 + X), 1, 5),
        "skew": lambda: np.exp(1.2 * X),
        "shares": lambda: 1 / (1 + np.exp(-X)),
        "counts": lambda: rng.poisson(np.exp(np.clip(X, -3, 3))).astype(float),
        "answers": lambda: (X > 0).astype(float),
    }[kind]()
    X[rng.random(shape) < 0.15] = np.nan
    return X


def completed(rng, dtype, data, **settings):
    """Return the fit of a table, refined by nothing."""
    model = ll.MatrixCompletion(dtype=dtype, random_state=int(rng.integers(1000)), **settings)
    return model.fit(data), data


def penalised(rng, dtype):
    shape = int(rng.integers(8, 30)), int(rng.integers(5, 15))
    data = numbers(rng, str(rng.choice(UNITS)), shape)
    if rng.random() < 0.3:
        weights = rng.uniform(0.1, 3, np.isfinite(data).sum())
        rows, columns = np.nonzero(np.isfinite(data))
        data = ll.Observations(rows, columns, data[rows, columns], shape, weights=weights)
    return completed(
        rng,
        dtype,
        data,
        method="map",
        rank=int(rng.integers(1, 4)),
        penalty=float(rng.choice([0, 10.0 ** rng.uniform(-2, 1.5)])),
        bias_penalty=float(rng.choice([0, 1.0])),
        penalty_weights=str(rng.choice(["uniform", "counts"])),
    )


def of_losses(rng, dtype):
    loss = str(rng.choice(["poisson", "huber", "absolute", "quantile:0.8", "ordinal", "logistic"]))
    kind = {"poisson": "counts", "ordinal": "grades", "logistic": "answers"}.get(loss, "units")
    data = numbers(rng, kind, (20, 6))
    return completed(rng, dtype, data, method="map", rank=2, penalty=1.0, bias_penalty=1.0, loss=loss)


def nonnegative(rng, dtype):
    data = np.abs(numbers(rng, "plain", (12, 7)))
    penalty = float(10.0 ** rng.uniform(-2, 1))
    return completed(rng, dtype, data, method="map", rank=2, penalty=penalty, nonnegative=True, biases=False)


def sparse(rng, dtype):
    data = sp.random_array((30, 10), density=0.5, rng=rng).tocsr()
    return completed(rng, dtype, data, method="map", rank=2, penalty=1.0)


def bayesian(method, kinds):
    def fit(rng, dtype):
        shape = int(rng.integers(14, 40)), int(rng.integers(4, 8))
        data = numbers(rng, str(rng.choice(kinds)), shape)
        rank = {"n_draws": 20} if method == "gaussian" else {"rank": 2}
        return completed(rng, dtype, data, method=method, refine=False, **rank)

    return fit


def frame(rng, dtype):
    data = pd.DataFrame(numbers(rng, "plain", (40, 4)), columns=list("abcd"))
    words = np.where(data["a"].fillna(0) > 0, "u", "v")
    data["z"] = pd.Categorical(np.where(rng.random(40) < 0.1, None, words))
    return completed(rng, dtype, data, method="map", rank=2, penalty=1.0, bias_penalty=1.0)


def measurement(rng, shape):
    """Return a measurement, of which some are given in single precision, and some compute in it."""
    count = int(rng.integers(10, 70))
    of = str(rng.choice(["dense", "entries", "rank one", "linear", "operator", "stacked"]))
    single = np.float32 if rng.random() < 0.5 else np.float64
    dense = rng.standard_normal((count, *shape)).astype(single)
    if of == "entries":
        kept = np.nonzero(rng.random(shape) < 0.9)
        return ll.Entries(*kept, shape, dtype=str(np.dtype(single)))
    if of == "rank one":
        return ll.RankOne(*(rng.standard_normal((count, n)).astype(single) for n in shape))
    if of == "linear":
        table = dense.reshape(count, -1)
        return ll.Linear(sp.csr_array(table) if rng.random() < 0.5 else table, shape)
    if of == "operator":
        table = dense.reshape(count, -1)
        return ll.Linear(
            LinearOperator(
                table.shape,
                matvec=lambda x: table @ x.ravel().astype(single),
                rmatvec=lambda w: table.T @ w.ravel().astype(single),
                dtype=single,
            ),
            shape,
        )
    if of == "stacked":
        return ll.Stacked([ll.Dense(dense[:5]), ll.Entries([0, 1, 2], [0, 0, 1], shape)])
    return ll.Dense(dense)


def recovered(rng, dtype):
    m, n, rank = int(rng.integers(3, 8)), int(rng.integers(3, 8)), int(rng.integers(1, 3))
    structure = str(rng.choice(["general", "psd"]))
    n = m if structure == "psd" else n
    left = rng.standard_normal((m, rank))
    right = left if structure == "psd" else rng.standard_normal((n, rank))
    A = measurement(rng, (m, n))
    y = np.asarray(A.measure_matrix(10.0 ** rng.uniform(-6, 6) * left @ right.T), float)
    y = y + rng.choice([0, 0.01, 0.3]) * np.abs(y).max() * rng.standard_normal(y.size)
    weights = rng.uniform(0.1, 3, y.size) if rng.random() < 0.3 else None
    penalty = float(rng.choice([0, 0, 0.1]))
    asked = {"structure": structure, "penalty": penalty, "weights": weights, "dtype": dtype}
    return ll.recover(A, y, rank=rank, rng=0, **asked, **ONCE), (A, y, weights)


def exact(rng, dtype):
    """Return a fit of whole numbers, or of nothing, without noise, judged within some time or none."""
    shape, count = (3, 3), int(rng.integers(6, 16))
    table = rng.integers(-2, 3, (count, 9)).astype(float)
    if rng.random() < 0.4:
        table = rng.standard_normal((count, 9))
    left, right = table[:, :3], table[:, 6:]
    A = [
        lambda: ll.Dense(table.reshape(-1, *shape)),
        lambda: ll.Linear(sp.csr_array(table), shape),
        lambda: ll.Linear(LinearOperator(table.shape, table.dot, table.T.dot, dtype=float), shape),
        lambda: ll.RankOne(left + 1j * right, right),
        lambda: ll.RankOne(sp.csr_array(left), sp.csr_array(right)),
        lambda: ll.Pauli(["XX", "YZ", "ZI", "IX", "ZZ"]),
    ][rng.integers(6)]()
    factors = [rng.integers(0, 4, (n, 1)).astype(float) for n in A.shape]
    y = np.asarray(A.measure_matrix(factors[0] @ factors[1].T))
    asked = {"judging_seconds": None if rng.random() < 0.5 else 10.0 ** rng.uniform(-5, -2), "dtype": dtype}
    if rng.random() < 0.3:  # nothing was counted
        y, asked["loss"] = np.zeros(y.size), str(rng.choice(["poisson", "binomial"]))
    return ll.recover(A, y, rank=1, rng=0, **asked, **ONCE), (A, y)


def degenerate(rng, dtype):
    """Return a fit of few numbers in any unit, of counts or shares, by operators of any kind."""
    n, count, single = int(rng.integers(1, 5)), int(rng.integers(1, 20)), rng.random() < 0.3
    table = rng.standard_normal((count, n * n)).astype(np.float32 if single else np.float64)
    table[:, 0] *= rng.random() < 0.7
    of = LinearOperator(table.shape, table.dot, table.T.dot, dtype=table.dtype)
    A = [
        lambda: ll.Linear(sp.csr_array(table), (n, n)),
        lambda: ll.Linear(of, (n, n)),
        lambda: ll.Dense(table.reshape(-1, n, n)),
        lambda: ll.RankOne(table[:, :n]),
        lambda: ll.RankOne(sp.csr_array(table[:, :n])),
        lambda: ll.Entries(rng.integers(0, n, count), rng.integers(0, n, count), (n, n)),
        lambda: ll.Fourier(np.ones((n, n), bool)),
        lambda: ll.coded_diffraction(np.exp(0.5j * np.pi * rng.integers(0, 4, (2, n)))),
    ][rng.integers(8)]()
    asked = {
        "structure": str(rng.choice(["general", "psd", "density"])),
        "loss": str(rng.choice(["squared", "poisson", "binomial"])),
        "rank": int(rng.integers(1, min(n, 3) + 1)),
        "dtype": dtype,
    }
    factor = rng.standard_normal((n, 1)).astype(A.dtype)
    unit = 1.0 if asked["structure"] == "density" else 10.0 ** rng.uniform(-12, 12)
    y = unit * np.real(A.measure_matrix(factor @ factor.T)).astype(float)
    y = y + rng.choice([0, 1e-12, 1e-3, 0.3]) * np.abs(y).max() * rng.standard_normal(y.size)
    if asked["loss"] != "squared":
        y = np.abs(y) / (1 if asked["loss"] == "poisson" else max(np.abs(y).max(), 1e-300))
    if asked["structure"] != "density" and rng.random() < 0.4:
        asked["penalty"] = 1e-2 * unit
    return ll.recover(A, y, rng=0, **asked, **ONCE), (A, y)


def complex_matrices(rng, dtype):
    n, kind = 4, "complex64" if rng.random() < 0.5 else "complex128"
    vectors = (rng.standard_normal((30, n)) + 1j * rng.standard_normal((30, n))).astype(kind)
    factor = rng.standard_normal((n, 1)) + 1j * rng.standard_normal((n, 1))
    of = str(rng.choice(["intensities", "cells", "dense"]))
    if of == "intensities":
        A, structure = ll.RankOne(vectors), "psd"
        y = A.measure_matrix(factor @ factor.conj().T).real.astype(float)
    elif of == "cells":
        rows, columns = np.nonzero(rng.random((n, n)) < 0.9)
        A, structure = ll.Entries(rows, columns, (n, n), dtype=kind), "general"
        y = A.measure_matrix(factor @ vectors[:1])
    else:
        A, structure = ll.Dense((vectors[:, :, None] * vectors[::-1, None, :]).astype(kind)), "general"
        y = A.measure_matrix(factor @ vectors[:1])
    noise = rng.choice([0, 0.1]) * np.abs(y).mean()
    y = y + noise * rng.standard_normal(y.size)
    return ll.recover(A, y, rank=1, structure=structure, dtype=dtype, rng=0, **ONCE), (A, y)


def state(rng, dtype):
    words = ["".join(rng.choice(list("IXYZ"), 2)) for _ in range(int(rng.integers(6, 30)))]
    A, a = ll.Pauli(words), rng.standard_normal((4, 1)) + 1j * rng.standard_normal((4, 1))
    truth = a @ a.conj().T / np.linalg.norm(a) ** 2
    y = A.measure_matrix(truth).real + 0.05 * rng.standard_normal(len(words))
    rank = int(rng.integers(1, 3))
    return ll.recover(A, y, rank=rank, structure="density", dtype=dtype, rng=0, **ONCE), (A, y)


def cube(rng, dtype):
    """Return a noisy tensor, in single precision if the fit is to be."""
    factors = [rng.standard_normal((n, 2)) for n in (5, 4, 3)]
    exact = np.einsum("ir,jr,kr->ijk", *factors) * 10.0 ** rng.uniform(-4, 4)
    noisy = exact + rng.choice([0, 0.1]) * np.abs(exact).mean() * rng.standard_normal(exact.shape)
    noisy[rng.random(exact.shape) < rng.choice([0, 0.2])] = np.nan
    return noisy.astype(dtype)


def tucker(rng, dtype):
    data = cube(rng, dtype)
    return ll.decompose_tucker(data, (2, 2, 2), rng=0, **ONCE), data


def components(rng, dtype):
    data = cube(rng, dtype)
    asked = [{}, {"nonnegative": [0]}, {"smooth": {0: 4}}][rng.integers(3)]
    return ll.decompose_cp(data, 2, rng=0, **asked, **ONCE), data


FITS = {
    "penalised": penalised,
    "losses": of_losses,
    "nonnegative": nonnegative,
    "sparse": sparse,
    "gaussian": bayesian("gaussian", (*UNITS[:5], "skew", "shares", "counts")),
    "variational": bayesian("variational", (*UNITS, "skew")),
    "gibbs": bayesian("gibbs", (*UNITS, "skew")),
    "frame": frame,
    "recovered": recovered,
    "exact": exact,
    "degenerate": degenerate,
    "complex": complex_matrices,
    "state": state,
    "tucker": tucker,
    "components": components,
}


def contradicted(name, dtype, seed, folder):
    """Return what a re-check says against the certificate of a fit."""
    rng = np.random.default_rng([seed, sorted(FITS).index(name)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are underdetermined on purpose
        fit, data = FITS[name](rng, dtype)
    fit.save_certificate(folder / "proof.json")
    checks = ll.verify(folder / "proof.json", data).checks
    return [f"{c.claim}: {c.words}" for c in checks if c.outcome is Outcome.CONTRADICTED]


def one_precision_each():
    """Yield all fits in all precisions, of which each fit is quick in one, every other fit in the same."""
    for place, name in enumerate(FITS):
        for number, dtype in enumerate(PRECISIONS):
            yield pytest.param(name, dtype, marks=[pytest.mark.slow] * (number != place % len(PRECISIONS)))


@pytest.mark.parametrize(("name", "dtype"), list(one_precision_each()))
def test_a_certificate_is_derived_again(name, dtype, tmp_path):
    assert contradicted(name, dtype, 0, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", FITS)
def test_no_honest_certificate_is_contradicted(name, dtype, tmp_path):
    faults = {seed: contradicted(name, dtype, seed, tmp_path) for seed in range(1, 26)}
    assert {seed: words for seed, words in faults.items() if words} == {}
