"""Steps a second of many chains: a two-dimensional double well and a quadratic in 100 dimensions.

    python benchmarks/peers/langevin.py [--threads 1] [--chains 10000]

lowland's compiled loop (Philox 4x32-10, double precision positions), plain JAX on the processor (Threefry,
single precision, its default), blackjax's SGLD kernel, and a NumPy loop, in one process; besides, the rate at
which lowland's normals alone are drawn, which bounds it. Last, splitting of a rare exit whose paths are compiled,
beside the same paths of a gradient that is only known as a function.
"""

import argparse
import importlib.util
import time

import numba
import numpy as np

import lowland as ll
from lowland.dynamics.kernels.ensembles import Ensemble
from lowland.dynamics.kernels.step_normals import _fill


def best(function, repeats=5):
    """Return the least seconds of a few calls."""
    function()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return min(times)


def by_lowland(well, start, dynamics, steps):
    """Return steps a second of all chains together."""
    ensemble = Ensemble(well.gradient, dynamics, 1, compiled=well.compiled, parameters=well.parameters)
    chains = ensemble.start(start)
    return len(start) * steps / best(lambda: ensemble.advance(chains, steps))


def normals_alone(chains, dimension, steps):
    """Return steps a second if a step were its normals alone."""
    out, ids = np.empty((4 * max(dimension // 4, 1), 512), np.float32), np.arange(512, dtype=np.uint32)
    rounds = max(chains * dimension * steps // out.size, 1)

    def fill():
        for k in range(rounds):
            _fill(out, ids, 4 * k, 0, np.uint64(1))

    return out.size * rounds / dimension / best(fill, 3)


def by_numpy(gradient, start, h, beta, steps):
    """The obvious loop."""
    rng = np.random.default_rng(0)

    def advance():
        x = start.copy()
        for _ in range(steps):
            x += -h * gradient(x) + np.sqrt(2 * h / beta) * rng.standard_normal(x.shape)
        return x

    return len(start) * steps / best(advance, 3)


def by_jax(gradient, start, h, beta, steps):
    """A compiled scan, single precision."""
    import jax
    import jax.numpy as jnp

    spread = np.float32(np.sqrt(2 * h / beta))

    @jax.jit
    def advance(x, key):
        def step(carry, _):
            x, key = carry
            key, own = jax.random.split(key)
            x = x - np.float32(h) * gradient(x) + spread * jax.random.normal(own, x.shape, jnp.float32)
            return (x, key), None

        return jax.lax.scan(step, (x, key), None, length=steps)[0]

    x, key = jnp.asarray(start, jnp.float32), jax.random.key(0)
    return len(start) * steps / best(lambda: jax.block_until_ready(advance(x, key)), 3)


def by_blackjax(gradient, start, h, beta, steps):
    """Stochastic-gradient Langevin dynamics with the exact gradient, mapped over chains."""
    import blackjax
    import jax
    import jax.numpy as jnp

    algorithm = blackjax.sgld(lambda x, _: -beta * gradient(x[None])[0])

    @jax.jit
    def advance(x, key):
        def step(carry, _):
            x, key = carry
            key, own = jax.random.split(key)
            keys = jax.random.split(own, len(x))
            x = jax.vmap(lambda k, y: algorithm.step(k, y, None, h / beta))(keys, x)
            return (x, key), None

        return jax.lax.scan(step, (x, key), None, length=steps)[0]

    x, key = jnp.asarray(start, jnp.float32), jax.random.key(0)
    return len(start) * steps / best(lambda: jax.block_until_ready(advance(x, key)), 3)


def main():
    """Print a table for each potential."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--chains", type=int, default=10_000)
    options = parser.parse_args()
    numba.set_num_threads(options.threads)
    n, h, beta = options.chains, 0.01, 8.0
    spectrum = np.linspace(0.5, 2.0, 100)
    cases = (
        ("double well, d = 2", ll.dynamics.potential("double_well", transverse=[1.0]), 400),
        ("quadratic, d = 100", ll.dynamics.potential("quadratic", hessian=spectrum), 100),
    )
    for name, well, steps in cases:
        start = np.tile(well.minima[0], (n, 1))
        d = well.dimension

        def array(x, d=d, spectrum=spectrum):
            if d == 100:
                return x * spectrum.astype(x.dtype)
            return np.stack([x[:, 0] ** 3 - x[:, 0], x[:, 1]], axis=1)

        def traced(x, d=d, spectrum=spectrum):
            import jax.numpy as jnp

            if d == 100:
                return x * spectrum.astype(np.float32)
            return jnp.stack([x[:, 0] ** 3 - x[:, 0], x[:, 1]], axis=1)

        print(f"\n{name}: {n} chains, {options.threads} thread(s)\n")
        print("| | million steps per second | lowland is so many times as fast |\n|---|---|---|")
        own = by_lowland(well, start, ll.dynamics.Overdamped(h, beta), steps)
        limit = normals_alone(n, d, steps)
        rows = [("lowland, overdamped", own)]
        rows.append(
            (
                "lowland, underdamped (baoab)",
                by_lowland(well, start, ll.dynamics.Underdamped(h, beta, 1.0), steps),
            )
        )
        rows.append(("NumPy loop", by_numpy(array, start, h, beta, max(steps // 10, 2))))
        if importlib.util.find_spec("jax"):
            rows.append(("JAX", by_jax(traced, start, h, beta, steps)))
        if importlib.util.find_spec("blackjax"):
            rows.append(("blackjax", by_blackjax(traced, start, h, beta, steps)))
        for label, rate in [*rows, ("normals alone, one thread", limit)]:
            print(f"| {label} | {rate / 1e6:.2f} | {own / rate:.2f} |")
        for label, rate in rows:
            if label in ("JAX", "blackjax"):
                print(
                    f"ratio | Langevin, {name}: times as fast as {label} | {own / rate:.3g} | higher | peer"
                )
        print(
            f"ratio | Langevin, {name}: share of drawing normals alone | {own / limit:.3g} | higher | limit"
        )
    rare_exit()


def rare_exit():
    """Print steps per second of splitting, compiled and in NumPy."""
    options = {"exit": ll.dynamics.HalfSpace([1.0], 0.7), "dynamics": ll.dynamics.Overdamped(0.05, 60.0)}
    few = {"n_walkers": 100, "n_runs": 8, "n_excursions": 400}  # the NumPy paths take a second
    rates = {}
    for label, well, size in (
        ("compiled", "double_well", {}),
        ("compiled, few paths", "double_well", few),
        ("NumPy, few paths", lambda x: x**3 - x, few),
    ):
        ll.dynamics.split_escape(well, [-1.0], rng=0, **options, **size)
        studies = [ll.dynamics.split_escape(well, [-1.0], rng=k, **options, **size) for k in range(5)]
        rates[label] = max(s.gradient_calls / s.seconds for s in studies)
    print("\nsplitting of an exit after 1.6e7 units of time\n")
    print("| paths | million steps per second |\n|---|---|")
    for label, rate in rates.items():
        print(f"| {label} | {rate / 1e6:.2f} |")
    ratio = rates["compiled, few paths"] / rates["NumPy, few paths"]
    print(f"ratio | Langevin, splitting: times as fast as its paths in NumPy | {ratio:.3g} | higher | own")


if __name__ == "__main__":
    main()
