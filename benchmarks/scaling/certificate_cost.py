"""Processor seconds of judging beside those of the fit, by size and effort, and what was settled.

    OPENBLAS_NUM_THREADS=1 python benchmarks/scaling/certificate_cost.py [--quick | --ratings] [--efforts standard]

Each problem is fitted alone, then fitted and judged by each effort; judging is the difference, a finish of the search to
more digits included. The first of each is not counted: it compiles.
"""

import sys
import time

import numpy as np

import lowland as ll
from lowland.certificates import MATRIX_CLAIMS
from lowland.core.results.status import Verdict
from lowland.datasets import planted_completion, planted_sensing

SHORT = {Verdict.PROVED: "P", Verdict.SUPPORTED: "S", Verdict.INCONCLUSIVE: "?", Verdict.REFUTED: "R"}
EFFORTS = ("quick", "standard")


def skewed_ratings(m, n, count, seed=0):
    """Ratings whose rows and columns are observed in proportion to 1/k^0.6 and 1/k^0.8."""
    rng = np.random.default_rng(seed)
    by_row, by_column = 1 / np.arange(1, m + 1) ** 0.6, 1 / np.arange(1, n + 1) ** 0.8
    rows = rng.choice(m, count, p=by_row / by_row.sum())
    columns = rng.choice(n, count, p=by_column / by_column.sum())
    cells = np.unique(rows * n + columns)
    rows, columns = cells // n, cells % n
    u, v = rng.standard_normal((m, 6)), rng.standard_normal((n, 6))
    values = 3.5 + 0.3 * np.einsum("kr,kr->k", u[rows], v[columns]) + 0.8 * rng.standard_normal(cells.size)
    return ll.Observations.from_triples(rows, columns, values, shape=(m, n))


def sensing(n, rank, m):
    planted = planted_sensing(m, n, rank, 0)
    return lambda **how: ll.recover(planted.measurement, planted.y, rank=rank, structure="psd", rng=0, **how)


def completion(shape, rank, oversampling, *, noise=0.0, fitted=None, penalty=0.0):
    planted = planted_completion(shape, rank, oversampling, 0)
    y = planted.y + noise * np.std(planted.y) * np.random.default_rng(1).standard_normal(planted.y.size)
    return lambda **how: ll.recover(
        planted.measurement, y, rank=fitted or rank, penalty=penalty, rng=0, **how
    )


def state(qubits, rank):
    rng = np.random.default_rng(0)
    words = ["".join(w) for w in rng.choice(list("IXYZ"), (6 * 2**qubits, qubits))]
    side = 2**qubits
    factor = rng.standard_normal((side, rank)) + 1j * rng.standard_normal((side, rank))
    truth = factor @ factor.conj().T
    measurement = ll.Pauli(sorted(set(words)))
    y = measurement.measure_matrix(truth / np.trace(truth).real).real
    return lambda **how: ll.recover(measurement, y, rank=rank, structure="psd", rng=0, **how)


def tucker(shape, ranks, noise):
    rng = np.random.default_rng(0)
    core = rng.standard_normal(ranks)
    for axis, (length, rank) in enumerate(zip(shape, ranks, strict=True)):
        core = np.moveaxis(np.tensordot(rng.standard_normal((length, rank)), core, (1, axis)), 0, axis)
    data = core + noise * np.std(core) * rng.standard_normal(shape)
    return lambda **how: ll.decompose_tucker(data, ranks, rng=0, **how)


def table(observations, **settings):
    def fit(certify, effort="standard"):
        model = ll.MatrixCompletion(random_state=0, certify=certify, effort=effort, **settings)
        return model.fit(observations)

    return fit


def problems(quick, ratings):
    if not ratings:
        for n, rank, m in (
            (40, 4, 352),
            (60, 3, 360),
            (100, 3, 600),
            (100, 3, 1500),
            (200, 3, 720),
            (200, 3, 900),
        ):
            if not quick or n < 100:
                yield f"sensing n = {n}, rank {rank}, {m} measurements", sensing(n, rank, m)
        yield "completion 100 × 80, rank 3", completion((100, 80), 3, 3.0)
        yield "completion 500 × 400, rank 5", completion((500, 400), 5, 3.0)
        noisy = completion((500, 400), 5, 3.0, noise=0.1, fitted=20, penalty=2.0)
        yield "completion 500 × 400, noisy, rank 20, penalised", noisy
        yield "state of 4 qubits, rank 2, Pauli words", state(4, 2)
        yield "state of 5 qubits, rank 2, Pauli words", state(5, 2)
        yield "Tucker 40 × 30 × 20, ranks 4, 3, 2, noise", tucker((40, 30, 20), (4, 3, 2), 0.1)
    if not quick:
        million = skewed_ratings(6040, 3706, 1_500_000)
        for penalty in (25.0, 50.0):
            settings = {"method": "map", "rank": 24, "penalty": penalty, "bias_penalty": penalty}
            yield f"{million.size} ratings, rank 24, penalty {penalty:g}", table(million, **settings)
        yield f"{million.size} ratings, variational", table(million)
    if ratings:
        many = skewed_ratings(70_000, 10_000, 14_000_000)
        settings = {"method": "map", "rank": 10, "penalty": 25.0, "bias_penalty": 25.0}
        yield f"{many.size} ratings, rank 10, penalty 25", table(many, **settings)
        yield f"{many.size} ratings, variational", table(many)


def timed(fit, **how):
    start, wall = time.process_time(), time.perf_counter()
    found = fit(**how)
    return found, time.process_time() - start, time.perf_counter() - wall


def main():
    quick, ratings = "--quick" in sys.argv, "--ratings" in sys.argv
    efforts = sys.argv[sys.argv.index("--efforts") + 1].split(",") if "--efforts" in sys.argv else EFFORTS
    print("verdicts in order: " + ", ".join(MATRIX_CLAIMS))
    print("| problem | fit s | effort | judging s | of the fit | verdicts | gap |")
    print("|---|---|---|---|---|---|---|")
    for name, fit in problems(quick, ratings):
        if not ratings:
            fit(certify=False)
        _, alone, _ = timed(fit, certify=False)
        for effort in efforts:
            if not ratings:
                fit(certify=True, effort=effort)
            found, both, _ = timed(fit, certify=True, effort=effort)
            certificate = getattr(found, "certificate", None) or found.certificate_
            judging, verdicts = both - alone, " ".join(SHORT[finding.verdict] for finding in certificate)
            judged = {finding.claim for finding in certificate}
            gap = certificate["globally_optimal"].value if "globally_optimal" in judged else None
            shown = "" if gap is None else format(gap, ".1g")
            row = f"{name} | {alone:.2f} | {effort} | {judging:.2f} | {judging / alone:.2f} | {verdicts} | {shown}"
            print(f"| {row} |", flush=True)


if __name__ == "__main__":
    main()
