"""Seconds of judging beside those of the fit, by effort, and what each settled.

python benchmarks/scaling/certificate_cost.py [--quick]
"""

import sys
import time

import numpy as np

import lowland as ll
from lowland.certify import DEFAULT_CLAIMS, certify
from lowland.core.random import make_generator
from lowland.core.status import Verdict
from lowland.datasets import planted_completion, planted_sensing
from lowland.systems.completion import fit_completion
from lowland.systems.completion_settings import CompletionSettings

SHORT = {Verdict.PROVED: "P", Verdict.SUPPORTED: "S", Verdict.INCONCLUSIVE: "?", Verdict.REFUTED: "R"}


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


def judge(name, objective, theta, fit_seconds, efforts=("quick", "standard")):
    for effort in efforts:
        start = time.perf_counter()
        found = certify(objective, theta, effort=effort)
        seconds = time.perf_counter() - start
        verdicts = " ".join(SHORT[finding.verdict] for finding in found)
        gap, share = (
            found["globally_optimal"].value,
            found["determined_by_data"].witness.get("determined_share"),
        )
        print(
            f"| {name} | {fit_seconds:.2f} | {effort} | {seconds:.2f} | {seconds / fit_seconds:.2f} | {verdicts} | "
            f"{gap if gap is None else format(gap, '.1g')} | {'' if share is None else format(share, '.1%')} |",
            flush=True,
        )


def timed(make):
    make()  # compile
    start = time.perf_counter()
    fit = make()
    return fit, time.perf_counter() - start


def main():
    quick = "--quick" in sys.argv
    print("verdicts in order: " + ", ".join(DEFAULT_CLAIMS))
    print("| problem | fit s | effort | judging s | of the fit | verdicts | gap | cells determined |")
    print("|---|---|---|---|---|---|---|---|")
    planted = planted_completion((500, 400), 5, 3.0, 0)
    fit, seconds = timed(lambda: ll.recover(planted.measurement, planted.y, rank=5, rng=0, certify=False))
    judge(
        "completion 500 x 400, exact",
        fit.objective,
        fit.search.theta,
        seconds,
        ("quick", "standard", "thorough"),
    )
    noisy = planted.y + 0.1 * np.std(planted.y) * np.random.default_rng(1).standard_normal(planted.y.size)
    fit, seconds = timed(
        lambda: ll.recover(planted.measurement, noisy, rank=20, penalty=2.0, rng=0, certify=False)
    )
    judge(
        "completion 500 x 400, penalised",
        fit.objective,
        fit.search.theta,
        seconds,
        ("quick", "standard", "thorough"),
    )
    sensing = planted_sensing(900, 100, 3, 0)
    fit, seconds = timed(
        lambda: ll.recover(sensing.measurement, sensing.y, rank=3, structure="psd", rng=0, certify=False)
    )
    judge("sensing n = 100", fit.objective, fit.search.theta, seconds, ("quick", "standard", "thorough"))
    table = skewed_ratings(*((600, 400, 30_000) if quick else (6040, 3706, 1_500_000)))
    for penalty in (25.0, 50.0):
        settings = CompletionSettings(rank=24, penalty=penalty, tolerance=1e-8)
        fit, seconds = timed(
            lambda settings=settings: fit_completion(table, settings, rng=make_generator(0), certify=False)
        )
        name = f"ratings {table.shape}, {table.size} cells, penalty {penalty:g}"
        certify(fit.objective, fit.theta, effort="quick")  # compile
        judge(name, fit.objective, fit.theta, seconds, ("quick", "standard", "thorough"))


if __name__ == "__main__":
    main()
