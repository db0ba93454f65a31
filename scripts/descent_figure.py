"""Draw the figure of the tutorial on stochastic gradient descent: past two saddles to the optimum.

Run as `python scripts/descent_figure.py docs/images/descent-past-saddles.png`.
"""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import lowland as ll

SHOWN = 150


def main() -> None:
    """Recover the matrix of the tutorial from the saddle at zero, and draw the descent."""
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((30, 3)) * [3.0, 2.0, 1.0]
    truth = factor @ factor.T
    measurement = ll.gaussian(270, (30, 30), rng)

    def sizes(_: object, theta: np.ndarray) -> dict[str, float]:
        found = np.linalg.svd(theta.reshape(30, 3), compute_uv=False) ** 2
        return {f"component {k}": size for k, size in enumerate(found)}

    fit = ll.recover(
        measurement,
        measurement.measure_matrix(truth),
        rank=3,
        structure="psd",
        solver="sgd",
        start=np.zeros((30, 3)),
        rng=0,
        callbacks=[sizes],
        certify=False,
    )
    trace = fit.own_end.trace
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    left.semilogy(trace.values[: SHOWN + 1] / trace.values[0], color="#1f77b4")
    left.set(xlabel="passes over the measurements", ylabel="objective, relative to that of zero")
    left.set_title("The objective")
    for k, size in enumerate(np.linalg.eigvalsh(truth)[: -3 - 1 : -1]):
        right.axhline(size, color="#cccccc", linewidth=0.8)
        right.plot(trace.measures[f"component {k}"][:SHOWN], label=f"component {k + 1}")
    right.set(xlabel="passes over the measurements", ylabel="eigenvalue of the matrix found")
    right.set_title("One component after the other; true sizes in grey")
    right.legend(frameon=False)
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
