"""Regression by sums of functions of one input each, beside pyGAM, splines with a ridge penalty and MARS.

    python benchmarks/peers/additive_regression.py [--seeds 5]

Planted sums of which few inputs matter, Friedman's function (whose interaction no sum can follow), and real tables:
progression of diabetes by ten inputs (scikit-learn), shares of pupils above a grade by twenty inputs (star98 of
statsmodels). Errors are those against the truth, or of points held out (a quarter). Nothing is tuned by hand. MARS is
left out beyond ten inputs, where one fit takes minutes.
"""

import argparse
import importlib.util
import time
import warnings

import numpy as np

import lowland as ll


def ours(X, y):
    model = ll.AdditiveSplineRegressor(random_state=0).fit(X, y)
    return model.predict, int(model.used_.sum())


def pygam(X, y):
    from pygam import LinearGAM

    model = LinearGAM().gridsearch(X, y, progress=False)
    return model.predict, X.shape[1]


def splines(X, y):
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    cubic = SplineTransformer(n_knots=10, degree=3, extrapolation="linear")
    model = make_pipeline(StandardScaler(), cubic, RidgeCV(np.logspace(-4, 3, 15))).fit(X, y)
    return model.predict, X.shape[1]


def straight(X, y):
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-4, 3, 15))).fit(X, y)
    return model.predict, X.shape[1]


def mars(X, y):
    import pymars

    model = pymars.Earth(max_degree=1).fit(X, y)
    return lambda Z: np.ravel(model.predict(np.asarray(Z))), np.nan


FITS = {
    "lowland": ours,
    "pyGAM (grid search)": pygam,
    "cubic splines, ridge (scikit-learn)": splines,
    "MARS (mars-earth)": mars,
    "straight lines, ridge (scikit-learn)": straight,
}
# of a fit in minutes
MOST_INPUTS = {"MARS (mars-earth)": 10}
NEEDS = {"pyGAM (grid search)": "pygam", "MARS (mars-earth)": "pymars"}


def bent(X):
    return np.abs(X[:, 0]) + 2 * np.maximum(X[:, 1], 0) - X[:, 2]


def wavy(X):
    return np.sin(3 * X[:, 0]) + X[:, 1] ** 2


def friedman(X):
    return 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]


PLANTED = {
    "bent, 3 of 6 inputs, 300 rows": (bent, 300, 6, 0.3, (-1, 1)),
    "bent, 3 of 60 inputs, 150 rows": (bent, 150, 60, 0.3, (-1, 1)),
    "wavy, 2 of 8 inputs, 300 rows": (wavy, 300, 8, 0.3, (-1, 1)),
    "Friedman, 5 of 10 inputs, 400 rows": (friedman, 400, 10, 1.0, (0, 1)),
}


def planted(name, seed):
    truth, n, d, noise, (low, high) = PLANTED[name]
    rng = np.random.default_rng([seed, n, d])
    X, new = rng.uniform(low, high, (n, d)), rng.uniform(low, high, (4000, d))
    return X, truth(X) + noise * rng.standard_normal(n), new, truth(new)


def real(name, seed):
    if name == "diabetes, 10 inputs":
        from sklearn.datasets import load_diabetes

        X, y = load_diabetes(return_X_y=True)
    else:
        from statsmodels.datasets import star98

        data = star98.load_pandas()
        X = data.exog.to_numpy(float)
        y = (data.endog.iloc[:, 0] / data.endog.sum(axis=1)).to_numpy(float)
    order = np.random.default_rng(seed).permutation(len(y))
    held, kept = order[: len(y) // 4], order[len(y) // 4 :]
    return X[kept], y[kept], X[held], y[held]


def rows_of(make, name, fits, seeds):
    """Return errors, numbers of inputs used and seconds of each method."""
    found = {fit: [] for fit in fits}
    for seed in range(seeds):
        X, y, new, values = make(name, seed)
        for fit in found:
            if X.shape[1] > MOST_INPUTS.get(fit, np.inf):
                continue
            start = time.perf_counter()
            predict, used = FITS[fit](X, y)
            seconds = time.perf_counter() - start
            found[fit].append((np.sqrt(np.mean((predict(new) - values) ** 2)), used, seconds))
    return found


def show(name, found):
    """Print one line per method, and the ratio of lowland's error to the best peer's."""
    errors = {}
    for fit, rows in found.items():
        if not rows:
            continue
        error, used, seconds = np.mean(rows, axis=0)
        errors[fit] = error
        print(f"| {name} | {fit} | {error:.4g} | {'' if np.isnan(used) else f'{used:.1f}'} | {seconds:.3f} |")
    over = errors["lowland"] / min(error for fit, error in errors.items() if fit != "lowland")
    return f"ratio | additive regression, {name}: error over the best peer's | {over:.3g} | lower | peer"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    fits = [fit for fit in FITS if importlib.util.find_spec(NEEDS.get(fit, "numpy"))]
    ll.AdditiveSplineRegressor().fit(np.arange(18.0).reshape(9, 2), np.arange(9.0))  # compiled code is loaded
    print("| data | method | error | inputs used | seconds per fit |\n|---|---|---|---|---|")
    ratios = [show(name, rows_of(planted, name, fits, options.seeds)) for name in PLANTED]
    tables = ["diabetes, 10 inputs"]
    if importlib.util.find_spec("statsmodels"):
        tables.append("shares of pupils, 20 inputs")
    ratios += [show(name, rows_of(real, name, fits, options.seeds)) for name in tables]
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
