"""Coverage of 95 % intervals of regression coefficients pooled over completed tables, beside other ways.

    python benchmarks/accuracy/pooling.py [--trials 300] [--rows 40 100 300] [--mixed] [--shifted]

Two related inputs and an outcome; a fourth of the first and the last missing at random (MCAR), or the first one more often
where the outcome is large (MAR). Twenty completed tables, pooled by Rubin's rules; a table filled once with predictions;
complete rows alone; columns filled with their means; and the table without holes. With --mixed, frames with a column of words
among the inputs instead: pooled, and filled once, coefficient by coefficient. With --shifted, trials of two arms, a third of
whose outcomes are missing: those of the treated lie a standard deviation of the noise lower than the known ones would have it.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from scipy.stats import t

import lowland as ll

TRUTH = np.array([1.0, -0.5])


def regress(full):
    """Return the two slopes and their variances."""
    design = np.column_stack([np.ones(len(full)), full[:, :2]])
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ full[:, 2]
    rest = full[:, 2] - design @ found
    return found[1:], np.diag(inverse)[1:] * (rest @ rest) / (len(full) - 3)


def table(rows, mechanism, seed):
    """Return a table and what of it is missing."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((rows, 2)) @ np.array([[1, 0.6], [0, 0.8]])
    full = np.column_stack([inputs, inputs @ TRUTH + 0.7 * rng.standard_normal(rows)])
    gaps = np.zeros(full.shape, bool)
    if mechanism == "MCAR":
        gaps[:, [0, 2]] = rng.random((rows, 2)) < 0.25
    else:
        gaps[:, 0] = rng.random(rows) < np.where(full[:, 2] > 0, 0.6, 0.1)
    return full, gaps


def inside(full):
    estimates, variances = regress(full)
    return (np.abs(estimates - TRUTH) < t.ppf(0.975, len(full) - 3) * np.sqrt(variances)).tolist()


def mixed(trials, rows):
    """Print the coverage of three coefficients, of which the second is of a column of words."""
    truth, pooled, once, bias = np.array([1.0, 0.8, -0.5]), [], [], []
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        age = rng.standard_normal(rows)
        new = rng.random(rows) < 1 / (1 + np.exp(-age))
        dose = 0.5 * age + 0.5 * new + 0.8 * rng.standard_normal(rows)
        outcome = np.column_stack([age, new, dose]) @ truth + 0.8 * rng.standard_normal(rows)
        frame = pd.DataFrame(
            {"age": age, "arm": np.where(new, "new", "usual"), "dose": dose, "outcome": outcome}
        )
        frame.loc[rng.random(rows) < np.where(outcome > 0, 0.4, 0.1), "age"] = None
        frame.loc[rng.random(rows) < 0.25, "arm"] = None
        frame.loc[rng.random(rows) < 0.2, "dose"] = None

        def regress_frame(full):
            design = np.column_stack([np.ones(rows), full["age"], full["arm"] == "new", full["dose"]]).astype(
                float
            )
            inverse = np.linalg.inv(design.T @ design)
            found = inverse @ design.T @ full["outcome"].to_numpy()
            rest = full["outcome"].to_numpy() - design @ found
            return found[1:], np.diag(inverse)[1:] * (rest @ rest) / (rows - 4)

        fit = ll.MatrixCompletion(random_state=seed, certify=False, refine=False).fit(frame)
        drawn = fit.iter_completions(20, random_state=seed)
        result = ll.pool_estimates(map(regress_frame, drawn), degrees=rows - 4)
        low, high = result.interval(0.95)
        pooled.append((low < truth) & (truth < high))
        bias.append(result.estimates - truth)
        found, variances = regress_frame(fit.fill(frame))
        once.append(np.abs(found - truth) < t.ppf(0.975, rows - 4) * np.sqrt(variances))
    print(
        f"{rows} rows: pooled {np.mean(pooled, axis=0)}, bias {np.mean(bias, axis=0)}, filled once {np.mean(once, axis=0)}"
    )


def shifted(trials, rows):
    """Print the coverage of a treatment's effect, with the missing outcomes of the treated shifted by 0 and by -1."""
    settings = dict.fromkeys(("certify", "refine", "powers", "row_units"), False)
    inside, estimates = [], []
    truth = 0.5 - 0.7 / 3  # of all who are treated, a third of whom have gone
    for seed in range(trials):
        rng = np.random.default_rng(seed)
        arm, before = np.arange(rows) % 2, rng.standard_normal(rows)
        outcome = 0.7 * before + 0.5 * arm + 0.7 * rng.standard_normal(rows)
        gone = rng.random(rows) < 1 / 3
        holes = np.column_stack([before, arm, np.where(gone, np.nan, outcome)])
        fit = ll.MatrixCompletion(**settings, random_state=seed).fit(holes)
        treated = np.flatnonzero((arm == 1) & gone)
        found = fit.sensitivity(
            [0, -1], regress, rows=treated, columns=2, degrees=rows - 3, random_state=seed
        )
        ends = [one.interval(0.95) for one in found.pooled]
        inside.append([low[1] < truth < high[1] for low, high in ends])
        estimates.append([one.estimates[1] for one in found.pooled])
    share, mean = np.mean(inside, axis=0), np.mean(estimates, axis=0)
    print(
        f"| {rows} | {truth:.3f} | {mean[0]:.3f} | {share[0]:.3f} | {mean[1]:.3f} | {share[1]:.3f} |",
        flush=True,
    )
    gap = max(abs(share[1] - 0.95), 0.001)  # a ratio of zero counts as a failure
    return f"ratio | {rows} rows, right shift: coverage of an effect's 95 % intervals, distance from .95 | {gap:.3g} | lower | own"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--rows", type=int, nargs="+", default=[40, 100, 300])
    parser.add_argument("--mixed", action="store_true")
    parser.add_argument("--shifted", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.mixed:
        for rows in options.rows:
            mixed(options.trials, rows)
        return
    if options.shifted:
        print(
            "| rows | effect | without a shift | inside | shifted by -1 | inside |\n|---|---|---|---|---|---|"
        )
        print("\n" + "\n".join([shifted(options.trials, rows) for rows in options.rows]))
        return
    names = ("pooled", "filled once", "complete rows", "filled with means", "without holes")
    print(f"| rows | missing | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}")
    ratios = []
    for rows in options.rows:
        for mechanism in ("MCAR", "MAR"):
            found = {name: [] for name in names}
            for seed in range(options.trials):
                full, gaps = table(rows, mechanism, seed)
                holes = np.where(gaps, np.nan, full)
                fit = ll.MatrixCompletion(random_state=seed, certify=False).fit(holes)
                pooled = ll.pool_estimates(
                    map(regress, fit.completions(20, random_state=seed)), degrees=rows - 3
                )
                low, high = pooled.interval(0.95)
                found["pooled"] += ((low < TRUTH) & (TRUTH < high)).tolist()
                found["filled once"] += inside(fit.transform(holes))
                found["complete rows"] += inside(full[~gaps.any(axis=1)])
                found["filled with means"] += inside(np.where(gaps, np.nanmean(holes, axis=0), full))
                found["without holes"] += inside(full)
            shown = " | ".join(f"{np.mean(found[name]):.3f}" for name in names)
            print(f"| {rows} | {mechanism} | {shown} |", flush=True)
            gap = max(abs(np.mean(found["pooled"]) - 0.95), 0.001)  # a ratio of zero counts as a failure
            ratios.append(
                f"ratio | {rows} rows, {mechanism}: coverage of pooled 95 % intervals, distance from .95 | {gap:.3g} | lower | own"
            )
    print("\n" + "\n".join(ratios))


if __name__ == "__main__":
    main()
