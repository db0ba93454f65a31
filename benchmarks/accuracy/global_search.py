# ruff: noqa: D102
"""Annealed Langevin dynamics beside restarts of a descent, at equal numbers of gradients.

    python benchmarks/accuracy/global_search.py [--seeds 20] [--budgets 500 2000 8000]

Three objectives that have bad minima: completion on a weighted chain, Tucker decomposition of a noisy
tensor, and a small ReLU network. A gradient, a value with its gradient and a Hessian product count one
each. Success: within a thousandth of the best objective that any method found with the largest budget.
"""

import argparse
from collections import defaultdict

import numpy as np

import lowland as ll
from lowland.dynamics.search.annealing import Langevin
from lowland.measure import Entries
from lowland.models import Psd
from lowland.objectives import make_objective
from lowland.search import GradientBelow, Iterations, TrustRegion, make_start, run
from lowland.search.stops import StopRule
from lowland.tensors.search.starts import random_start
from lowland.tensors.tucker.model import Tucker
from lowland.tensors.tucker.objective import TuckerObjective


class Counted:
    """An objective that counts what is asked of it."""

    def __init__(self, inner):
        self.inner, self.calls = inner, 0

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def gradient(self, theta):
        self.calls += 1
        return self.inner.gradient(theta)

    def value_and_gradient(self, theta):
        self.calls += 1
        return self.inner.value_and_gradient(theta)

    def hessian_product(self, theta, direction):
        self.calls += 1
        return self.inner.hessian_product(theta, direction)

    def linearise(self, theta):
        self.calls += 1
        lines, outer = self.inner.linearise(theta), self

        class Lines:
            def __getattr__(self, name):
                return getattr(lines, name)

            def hessian_product(self, direction):
                outer.calls += 1
                return lines.hessian_product(direction)

            def gauss_newton_product(self, direction):
                outer.calls += 1
                return lines.gauss_newton_product(direction)

        return Lines()


class UsedUp(StopRule):
    """Stop when so many gradients are used."""

    def __init__(self, objective, limit):
        self.objective, self.limit = objective, limit

    def first(self, progress):
        from lowland.core.results.status import StopReason

        if self.objective.calls >= self.limit:
            return StopReason.ITERATION_LIMIT, "the gradients are used up"
        return None


class Network:
    """Squared loss of a two-layer ReLU network, all weights trained; kinks have measure zero."""

    def __init__(self, inputs, targets, width):
        self.inputs, self.targets, self.width = inputs, targets, width
        self.size, self.dtype = width * (inputs.shape[1] + 2), np.dtype(float)

    def _parts(self, theta):
        k, d = self.width, self.inputs.shape[1]
        return theta[: k * d].reshape(k, d), theta[k * d : k * d + k], theta[k * d + k :]

    def value(self, theta):
        return self.value_and_gradient(theta)[0]

    def gradient(self, theta):
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta):
        W, b, v = self._parts(theta)
        hidden = np.maximum(self.inputs @ W.T + b, 0)
        residual = hidden @ v - self.targets
        back = residual[:, None] * v * (hidden > 0)
        gradient = np.concatenate([(back.T @ self.inputs).ravel(), back.sum(0), hidden.T @ residual])
        return float(residual @ residual) / 2, gradient

    def hessian_product(self, theta, direction):
        h = 1e-6 / max(np.linalg.norm(direction), 1e-300)
        return (self.gradient(theta + h * direction) - self.gradient(theta - h * direction)) / (2 * h)

    def linearise(self, theta):
        outer = self
        value, gradient = self.value_and_gradient(theta)

        class Lines:
            residual = None

            def hessian_product(self, direction):
                return outer.hessian_product(theta, direction)

            gauss_newton_product = hessian_product

        lines = Lines()
        lines.value, lines.gradient = value, gradient
        return lines


def weighted_chain(seed, n=21, small=0.1):
    """A rank-one matrix seen well on and next to the diagonal, badly elsewhere: most sign flips are minima."""
    i, j = np.divmod(np.arange(n * n), n)
    z = np.where(np.arange(n) % 2, 0.0, 1.0)
    weights = np.where(np.abs(i - j) <= 1, 1.0, small) ** 2
    objective = make_objective(Entries(i, j, (n, n)), z[i] * z[j], Psd((n, n), 1), weights=weights)
    return objective, lambda rng: make_start(objective, "random", rng)


def noisy_tensor(seed):
    """A noisy tensor of the Tucker study."""
    rng = np.random.default_rng([7, seed])
    factors = tuple(rng.standard_normal((6, 2)) for _ in range(3))
    truth = ll.TuckerTensor(rng.standard_normal((2, 2, 2)), factors).tensor()
    noisy = truth / truth.std() * 0.3 + 0.3 * rng.standard_normal(truth.shape)
    objective = TuckerObjective(ll.TensorObservations.from_array(noisy), Tucker(noisy.shape, (2, 2, 2)), 0.1)
    return objective, lambda rng: random_start(objective, rng)


def small_network(seed):
    """A teacher of three neurons, a student of three: mildly parametrised, many bad minima."""
    rng = np.random.default_rng([9, seed])
    inputs = rng.standard_normal((40, 2))
    teacher = Network(inputs, np.zeros(40), 3)
    W, b, v = teacher._parts(rng.standard_normal(teacher.size))
    objective = Network(inputs, np.maximum(inputs @ W.T + b, 0) @ v, 3)
    return objective, lambda rng: 0.7 * rng.standard_normal(objective.size)


PROBLEMS = {"weighted chain": weighted_chain, "noisy Tucker": noisy_tensor, "ReLU network": small_network}
END = GradientBelow(1e-8) | Iterations(200)


def restarts(objective, start, budget, rng):
    """The best of as many descents as the budget allows."""
    best = np.inf
    while objective.calls < budget:
        stop = END | UsedUp(objective, budget)
        best = min(best, run(objective, TrustRegion(), start(rng), stop=stop, rng=rng).value)
    return best


def annealed(kind):
    def search(objective, start, budget, rng):
        stepper = Langevin(kind, n_walkers=4, n_steps=20, n_phases=max(1, int(0.7 * budget) // 80))
        first = run(objective, stepper, start(rng), stop=UsedUp(objective, budget), rng=rng)
        second = run(
            objective, TrustRegion(), first.state.theta, stop=END | UsedUp(objective, budget), rng=rng
        )
        return min(first.value, second.value)

    return search


METHODS = {
    "restarts": restarts,
    "underdamped": annealed("underdamped"),
    "non-reversible": annealed("non_reversible"),
    "overdamped": annealed("overdamped"),
}


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--budgets", type=int, nargs="+", default=[500, 2000, 8000])
    options = parser.parse_args()
    print("| objective | gradients | " + " | ".join(METHODS) + " |")
    print("|---" * (2 + len(METHODS)) + "|")
    for name, make in PROBLEMS.items():
        values = defaultdict(list)
        scale = []
        for seed in range(options.seeds):
            objective, start = make(seed)
            scale.append(objective.value(np.zeros(objective.size)))
            for budget in options.budgets:
                for method, search in METHODS.items():
                    counted, rng = Counted(objective), np.random.default_rng([budget, seed])
                    values[budget, method].append(search(counted, start, budget, rng))
        best = np.min([values[key] for key in values], axis=0)
        for budget in options.budgets:
            reached = [
                f"{np.mean(np.array(values[budget, m]) < best + 1e-3 * np.maximum(best, 1e-3 * np.array(scale))):.0%}"
                for m in METHODS
            ]
            print(f"| {name} | {budget} | " + " | ".join(reached) + " |", flush=True)


if __name__ == "__main__":
    main()
