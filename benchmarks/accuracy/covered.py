"""How often bounds of the share of missing cells inside their intervals are false, on tables with known truth.

Tables of 24 x 6 to 2,000 x 50 cells, linear, curved, skewed or mixed, lack cells at random, by another column, in
blocks and runs, or by their own value ("rates": more of them in noisier rows). An audit hides known cells (`lowland.trials.audits`), a fit that does not see
them predicts intervals, and the bound that follows is compared with what is true of the missing cells.

    python benchmarks/accuracy/covered.py --fits means --count 500 --first 0 --kinds random column blocks value
"""

import argparse
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import expit, ndtri

import lowland as ll
from lowland.trials.audits.alike import alike
from lowland.trials.audits.bounds import inside_needed, largest_gamma, least_share
from lowland.trials.audits.plan import AuditPlan, plan_audit

LEVEL, RISK = 0.9, 0.01
# intervals are widened to so many times at most
WIDEST = 5.0
SIZES = ((24, 6), (40, 8), (80, 10), (150, 12), (300, 30), (1000, 20), (2000, 50))
SHAPES = ("linear", "curved", "skewed", "mixed")
KINDS = ("random", "column", "blocks", "value", "rates")


@dataclass
class Truth:
    """A whole table, which of its cells are known, and the half-width of the best interval of each."""

    whole: np.ndarray
    known: np.ndarray
    best: np.ndarray


def made(kind, shape, size, rng):
    """Return a table with its truth."""
    m, n = size
    scores = rng.standard_normal((m, 2))
    signal = scores @ rng.standard_normal((2, n)) + rng.standard_normal(n)
    if shape == "curved":
        signal = np.sin(1.5 * signal) + 0.3 * signal**2
    x = (signal[:, 0] - signal[:, 0].mean()) / signal[:, 0].std()
    spread = 0.4 * np.exp(0.7 * x) if rng.random() < 0.5 else np.full(m, 0.4)
    if kind == "rates":
        spread = 0.4 * np.exp(0.7 * rng.standard_normal(m))
    noise = spread[:, None] * rng.standard_normal((m, n))
    whole, reach = signal + noise, ndtri((1 + LEVEL) / 2) * spread[:, None] + np.zeros(n)
    unit = (whole - whole.mean(0)) / whole.std(0)
    if shape == "skewed":
        reach, whole = np.exp(0.7 * signal) * np.sinh(0.7 * reach), np.exp(0.7 * whole)
    if shape == "mixed":
        whole[:, 1::3] = np.clip(np.round(whole[:, 1::3]), -2, 2)
        whole[:, 2::3] = whole[:, 2::3] > 0
    known = rng.random(size) >= gaps(kind, unit, spread, rng)
    if kind == "blocks":
        known = blocks(unit[:, 0], size, rng)
    if kind in ("column", "blocks"):
        known[:, 0] = True
    for i in np.flatnonzero(~known.any(1)):
        known[i, rng.integers(n)] = True
    return Truth(whole, known, reach)


def gaps(kind, unit, spread, rng):
    """Return the probability of each cell that it is missing."""
    by_column = 0.5 * rng.standard_normal(unit.shape[1])
    if kind == "column":
        return expit(-1.2 + 1.5 * unit[:, :1] + by_column)
    if kind == "rates":  # rows lack more cells where they are noisier
        return expit(-1.2 + np.log(spread / 0.4)[:, None] / 0.7 + 2 * by_column)
    if kind == "value":
        return expit(-1.2 + 1.5 * unit)
    return np.full(unit.shape, rng.uniform(0.15, 0.45))


def blocks(x, size, rng):
    """Return known cells of a table with a run in some rows, more often in those with large first values."""
    (m, n), known = size, np.ones(size, bool)
    if rng.random() < 0.5:
        for i in np.flatnonzero(rng.random(m) < expit(0.8 + 1.5 * x)):
            start, length = rng.integers(n), rng.integers(1, n // 2 + 1)
            known[i, start : start + length] = False
    else:  # columns that were added later, by groups of rows, and single cells
        for _ in range(rng.integers(2, 5)):
            rows = rng.random(m) < rng.uniform(0.2, 0.6) * 2 * expit(x)
            known[np.ix_(rows, rng.random(n) < rng.uniform(0.2, 0.5))] = False
        known &= rng.random(size) >= 0.05
    return known


class Means:
    """Quantiles of columns: a fit whose errors depend strongly within rows, for thousands of tables."""

    def __init__(self, table, seed):
        part = np.where(np.isnan(table).all(0), 0.0, table)
        self.ends = np.nanquantile(part, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], axis=0)
        self.sd = np.nanstd(part, 0) + 1e-12

    def intervals(self, rows, columns):
        """Return lower end, centre and upper end of each cell."""
        return self.ends[:, columns]

    def predicted(self, rows, columns):
        """Return the prediction of each cell in units of its column."""
        return np.zeros(len(rows))


class Lowland:
    """The default fit, its judgement and refinements left out."""

    left_out = ("refine", "powers")

    def __init__(self, table, seed):
        options = dict.fromkeys(self.left_out, False)
        self.fit = ll.MatrixCompletion(random_state=seed, certify=False, **options).fit(table)
        self.mean, self.sd = np.nanmean(table, 0), np.nanstd(table, 0) + 1e-12

    def intervals(self, rows, columns):
        """Return lower end, centre and upper end of each cell."""
        low, high = self.fit.predict_interval(rows, columns, level=LEVEL)
        return np.stack([low, (low + high) / 2, high])

    def predicted(self, rows, columns):
        """Return the prediction of each cell in units of its column."""
        return (self.intervals(rows, columns)[1] - self.mean[columns]) / self.sd[columns]


class Default(Lowland):
    """The default fit, its judgement alone left out."""

    left_out = ()


FITS = {"means": Means, "lowland": Lowland, "default": Default}


def farness(values, ends):
    """Return how far each value lies from its centre, 1 at the end of its interval."""
    low, centre, high = ends
    side = np.where(values > centre, high - centre, centre - low)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values == centre, 0.0, np.abs(values - centre) / side)


def audited(truth, fit, seed):
    """Return what an audit says of a table, and what is true."""
    table = ll.Observations.from_array(np.where(truth.known, truth.whole, np.nan))
    plan = plan_audit(table, seed)
    if not isinstance(plan, AuditPlan):
        return {"refused": plan.reason}
    left = table.select(~plan.hidden).to_array()
    model = fit(left, seed)
    rows, columns = table.rows[plan.scored], table.columns[plan.scored]
    far = farness(truth.whole[rows, columns], model.intervals(rows, columns))
    lack = np.nonzero(~truth.known)
    inside = plan.in_scope(*lack)
    lack = lack[0][inside], lack[1][inside]
    ends = model.intervals(*lack)
    missed = farness(truth.whole[lack], ends)
    count, held, risk = int((far <= 1).sum()), far.size, plan.risk(RISK)
    bound = least_share(count, held, plan.missing, risk, plan.gamma)
    needed = inside_needed(held, plan.missing, LEVEL, risk, plan.gamma)
    factor = np.nan if needed is None else np.sort(far)[needed - 1]
    after = alike(plan, table, model.predicted, np.random.default_rng([seed, 9]))
    return {
        "scheme": f"{plan.scheme}{'' if plan.longest is None else plan.longest}",
        "held": held,
        "missing": plan.missing,
        "share": plan.missing / (~truth.known).sum(),
        "true": np.mean(missed <= 1),
        "bound": bound,
        "false": np.mean(missed <= 1) < bound - 1e-12,
        "false_wide": needed is not None and np.mean(missed <= factor) < LEVEL - 1e-12,
        "factor": factor,
        "width": np.mean(ends[2] - ends[0]) / np.mean(2 * truth.best[lack]),
        "own": bound >= LEVEL,
        "proved": bool(factor <= WIDEST),
        "gamma": largest_gamma(count, held, plan.missing, LEVEL, risk),
        "before": plan.alike_before,
        "after": after.p_value,
        "allowance": plan.allowance,
    }


def numbers(found, name):
    """Return one number of each table."""
    return np.array([one[name] for one in found], dtype=float)


def middle(values):
    """Return the median of what is known."""
    return np.median(values[np.isfinite(values)]) if np.isfinite(values).any() else np.nan


def report(kind, found, seconds):
    """Print what audits said of the tables of one kind."""
    said = [one for one in found if "refused" not in one]
    alike_after = [one for one in said if one["after"] > 0.05]
    print(f"{kind}: {len(found)} tables, {seconds:.0f} s")
    for title, rows in (("answered", said), ("and alike afterwards", alike_after)):
        print(f"  {title} {len(rows) / len(found):.3f}", end="")
        if rows:
            get = partial(numbers, rows)
            print(
                f": bounds false {get('false').sum():.0f}, widened {get('false_wide').sum():.0f}; "
                f"held {middle(get('held')):.0f} for {middle(get('missing')):.0f} missing "
                f"({get('share').mean():.2f} of all), true {get('true').mean():.3f}, "
                f"bound {middle(get('bound')):.3f}, width {middle(get('width')):.2f} of the oracle's, "
                f"factor {middle(get('factor')):.2f}, allowance at least {get('allowance').min():.3f}",
                end="",
            )
        print()
    large = [one for one in said if one["missing"] >= 1000]
    if large:
        get = partial(numbers, large)
        wide = get("width") * np.maximum(get("factor"), 1)
        print(
            f"  1,000 missing cells or more: {len(large)} tables, proved {get('proved').mean():.3f} "
            f"({get('own').mean():.3f} by intervals that are not widened), "
            f"largest gamma {middle(get('gamma')):.2f}, width where proved {middle(wide):.2f} of the oracle's"
        )
    wrong = [one for one in said if one["false"]]
    if wrong:
        gammas = numbers(wrong, "gamma")
        print(
            f"  of false ones proved {np.mean(gammas > 0):.2f}, their largest gamma up to {gammas.max():.2f}"
        )
    names = [one.get("scheme") or f"refused ({one['refused']})" for one in found]
    counted = zip(*np.unique(names, return_counts=True), strict=True)
    print("  " + ", ".join(f"{name} {count}" for name, count in counted), flush=True)


def main():
    """Run the trial."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fits", choices=FITS, default="means")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS[:4])
    parser.add_argument("--sizes", type=int, nargs="+", choices=range(len(SIZES)), default=range(len(SIZES)))
    asked = parser.parse_args()
    for kind in asked.kinds:
        start, found = time.process_time(), []
        for number in range(asked.first, asked.first + asked.count):
            rng = np.random.default_rng([KINDS.index(kind), number])
            truth = made(kind, SHAPES[number % 4], SIZES[asked.sizes[number // 4 % len(asked.sizes)]], rng)
            found.append(audited(truth, FITS[asked.fits], number))
        report(kind, found, time.process_time() - start)


if __name__ == "__main__":
    main()
