"""Regression in one variable beside a smoothing spline, a local linear smoother and MARS: error, knots, seconds.

    python benchmarks/peers/regression.py [--seeds 5]

Two real sets: body mass index against progression of diabetes (scikit-learn), income against expenditure on food
(statsmodels, Engel's data); error is that of ten folds, points beyond the training part left out. Three synthetic
functions with noise; error is that against the truth. Nothing is tuned by hand: cross-validation or generalised cross-validation as each comes.
"""

import argparse
import time
import warnings

import numpy as np
from scipy.interpolate import make_smoothing_spline

import lowland as ll


def ours(x, y):
    model = ll.StableSplineRegressor(random_state=0).fit(x, y)
    return model.predict, model.effective_knots_.size


def smoothing(x, y):
    order = np.argsort(x, kind="stable")
    places, starts, counts = np.unique(x[order], return_index=True, return_counts=True)
    means = np.add.reduceat(y[order], starts) / counts
    spline = make_smoothing_spline(places, means, counts.astype(float))
    return spline, places.size


def local_linear(x, y):
    from statsmodels.nonparametric.kernel_regression import KernelReg

    model = KernelReg(y, x, "c", reg_type="ll", bw="cv_ls")
    return lambda t: model.fit(t)[0], None


def mars(x, y):
    import pymars

    model = pymars.Earth().fit(x[:, None], y)
    used = getattr(model, "basis_", None)
    return lambda t: np.ravel(model.predict(np.asarray(t)[:, None])), None if used is None else len(used) - 1


FITS = {
    "lowland": ours,
    "smoothing spline (SciPy)": smoothing,
    "local linear (statsmodels)": local_linear,
    "MARS (mars-earth)": mars,
}

TRUTHS = {
    "hat": (lambda x: 1 - 2 * np.abs(x), 0.5),
    "four pieces": (lambda x: np.interp(x, [-1, -0.5, 0.1, 0.4, 1], [0, 1, -1, 0.5, 0.5]), 0.3),
    "sine": (lambda x: np.sin(2 * np.pi * x), 0.3),
}


def real():
    from sklearn.datasets import load_diabetes
    from statsmodels.datasets import engel

    data = load_diabetes(as_frame=True, scaled=False).frame
    yield "diabetes by body mass", data["bmi"].to_numpy(), data["target"].to_numpy()
    frame = engel.load_pandas().data
    yield "food by income", frame["income"].to_numpy(), frame["foodexp"].to_numpy()


def folds_error(fit, x, y, seed):
    folds = np.random.default_rng(seed).permutation(x.size) % 10
    miss, knots, seconds = np.full(x.size, np.nan), [], []
    for fold in range(10):
        held = folds == fold
        start = time.perf_counter()
        predict, count = fit(x[~held], y[~held])
        seconds.append(time.perf_counter() - start)
        held &= (x >= x[~held].min()) & (x <= x[~held].max())
        miss[held] = y[held] - predict(x[held])
        knots.append(np.nan if count is None else count)
    return np.sqrt(np.nanmean(miss**2)), np.mean(knots), np.mean(seconds)


def true_error(fit, name, n, seed):
    truth, noise = TRUTHS[name]
    rng = np.random.default_rng([seed, n])
    x = rng.uniform(-1, 1, n)
    y = truth(x) + noise * rng.standard_normal(n)
    start = time.perf_counter()
    predict, count = fit(x, y)
    seconds = time.perf_counter() - start
    grid = np.linspace(x.min(), x.max(), 1000)
    return np.sqrt(np.mean((predict(grid) - truth(grid)) ** 2)), np.nan if count is None else count, seconds


def show(name, rows):
    """Print one line per method, and the ratio of lowland's error to the best peer's."""
    errors = {}
    for fit in FITS:
        error, knots, seconds = np.nanmean(rows[fit], axis=0) if rows[fit] else (np.nan,) * 3
        errors[fit] = error
        print(
            f"| {name} | {fit} | {error:.4g} | {'' if np.isnan(knots) else f'{knots:.1f}'} | {seconds:.3f} |"
        )
    over = errors["lowland"] / min(error for fit, error in errors.items() if fit != "lowland")
    return f"ratio | regression, {name}: error over the best peer's | {over:.3g} | lower | peer"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ll.StableSplineRegressor().fit(np.arange(9.0), np.arange(9.0))  # compiled code is loaded
    print("| data | method | error | knots | seconds per fit |\n|---|---|---|---|---|")
    ratios = []
    for name, x, y in real():
        rows = {
            fit: [folds_error(FITS[fit], x, y, seed) for seed in range(min(options.seeds, 2))] for fit in FITS
        }
        ratios.append(show(name, rows))
    for name in TRUTHS:
        for n in (100, 400):
            rows = {
                fit: [true_error(FITS[fit], name, n, seed) for seed in range(options.seeds)] for fit in FITS
            }
            ratios.append(show(f"{name}, {n} points", rows))
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
