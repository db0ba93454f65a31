"""Density matrices from counts: linear inversion, maximum likelihood by a cone solver, and ours.

    python benchmarks/peers/tomography.py [--resamples 100]

The cone solver (CVXPY, Clarabel) has the likelihood of the same Poisson counts over positive
semidefinite matrices. Error bars of all three: the scatter over estimates from resampled counts, the
cone solver's over a tenth of them.
"""

import argparse
import time
import warnings

import cvxpy as cp
import numpy as np

import lowland as ll
from lowland.datasets import data_path
from lowland.files.counts import read_counts
from lowland.sensing.states.functions import fidelity, purity, top_eigenvalue

SETS = {"photon_counts": [1, 0, 0, 1], "ion_counts": np.kron([1, 1], [1, 0, 0, 1])}


def vectors_of(measurement):
    """Return the product states as rows."""
    return measurement.left.rows.conj()


def by_inversion(vectors, counts):
    """Least squares over Hermitian matrices, which need not be positive."""
    n = vectors.shape[1]
    design = (vectors.conj()[:, :, None] * vectors[:, None, :]).reshape(len(counts), n * n)
    found = np.linalg.lstsq(design, counts.astype(complex), rcond=None)[0].reshape(n, n)
    found = (found + found.conj().T) / 2
    return found / np.trace(found).real


def by_cone_solver(vectors, counts):
    n = vectors.shape[1]
    state = cp.Variable((n, n), hermitian=True)
    means = cp.hstack([cp.real(cp.trace(np.outer(a, a.conj()) @ state)) for a in vectors])
    seen = counts > 0
    likelihood = cp.sum(means) - cp.sum(cp.multiply(counts[seen], cp.log(means[seen])))
    # in units of the mean intensity, or the solver has trouble with the scale
    problem = cp.Problem(cp.Minimize(likelihood), [state >> 0])
    problem.solve(solver=cp.CLARABEL)
    return state.value / np.trace(state.value).real


def deviance(vectors, counts, state):
    """Return half the deviance of the counts at the best intensity."""
    chances = np.einsum("ki,ij,kj->k", vectors.conj(), state, vectors).real
    means = np.maximum(chances, 1e-300) * counts.sum() / chances.sum()
    seen = counts > 0
    return float(np.sum(counts[seen] * np.log(counts[seen] / means[seen])))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resamples", type=int, default=100)
    resamples = parser.parse_args().resamples
    print(
        "| data | estimate | top eigenvalue | purity | fidelity | smallest eigenvalue | half deviance | s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    proofs, ratios = [], []
    for name, target in SETS.items():
        data, target = read_counts(data_path(name)), np.asarray(target, float)
        measurement = ll.pauli_outcomes(data.settings, data.outcomes)
        vectors, counts = vectors_of(measurement), data.counts
        numbers = (top_eigenvalue, purity, lambda state, t=target: fidelity(state, t))
        ll.estimate_state(measurement, counts, n_resamples=0, rng=0)  # compile
        start = time.perf_counter()
        ours = ll.estimate_state(measurement, counts, n_resamples=0, rng=0)
        seconds = time.perf_counter() - start
        drawn = ll.estimate_state(measurement, counts, n_resamples=resamples, rng=0).resampled
        rows = [("lowland", ours.state, drawn, seconds)]
        rng = np.random.default_rng(0)
        means = ours.fit.objective.predict(ours.fit.search.theta)
        for label, method, share in (
            ("linear inversion", by_inversion, 1),
            ("CVXPY, Clarabel", by_cone_solver, 10),
        ):
            start = time.perf_counter()
            state = method(vectors, counts)
            seconds = time.perf_counter() - start
            again = [method(vectors, rng.poisson(means).astype(float)) for _ in range(resamples // share)]
            rows.append((label, state, again, seconds))
        over = rows[0][3] / rows[-1][3]
        ratios.append(f"ratio | tomography, {name}: seconds over CVXPY's | {over:.3g} | lower | peer")
        for label, state, others, seconds in rows:
            cells = [f"{f(state):.4f} ± {np.std([f(s) for s in others], ddof=1):.4f}" for f in numbers]
            least = np.linalg.eigvalsh(state)[0]
            print(
                f"| {name} | {label} | {' | '.join(cells)} | {least:.1e} | "
                f"{deviance(vectors, counts, state):.6f} | {seconds:.3f} |",
                flush=True,
            )
        proof = ours.fit.certificate["globally_optimal"]
        proofs.append(f"{name}: global optimum of the likelihood {proof.verdict.name}, gap {proof.value:.0e}")
    print("\n" + "\n".join([*proofs, *ratios]))


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
