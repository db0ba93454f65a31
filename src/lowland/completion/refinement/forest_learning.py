"""Which columns have curves: forests, and weights from cells that neither they nor factors have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lowland.completion.refinement.forests import ROUNDS, Forest, Refinement, one_round, other_columns
from lowland.completion.refinement.trials import FEWEST, Complete, Residuals, Trials, count_of
from lowland.core.arrays import Indices, Matrix, Vector
from lowland.core.running.stages import stage
from lowland.core.work import CALL, touch
from lowland.kernels.threads import run_chunks
from lowland.trials.choices import FORESTS
from lowland.trials.gains import Gain

# trees of each round: of the last one, which predicts, more; and on hold-outs, where they are only weighed
TREES, WEIGHED = (*[20] * (ROUNDS - 1), 60), (*[12] * (ROUNDS - 1), 30)
LEAF, FEATURES = 2, 0.6
# trees of a first look at one hold-out, which ends it where nothing is gained; fewest trees of any round
FIRST_TREES, FEWEST_TREES = 12, 8
# least variance of a share, which is of order one
LEAST_VARIANCE = 1e-12


def learn_refinement(
    holes: Matrix, complete: Complete, rng: np.random.Generator, groups: Indices
) -> Refinement | None:
    """Return the refinement of a completed table, None if held-out cells show no gain.

    Parameters
    ----------
    holes : ndarray, shape (m, n)
        The table, NaN where missing.
    complete : callable
        Returns the low-rank predictions of all cells of such a table, and their standard errors.
    rng : numpy.random.Generator
    groups : ndarray of int, shape (n,)
        Columns of one group are missing together, and do not predict each other.

    Returns
    -------
    Refinement or None

    Notes
    -----
    Completes four tables (of small ones up to nine, with fewer trees each), and grows two rounds of one
    forest per column on each of them; a third and one round of small forests if there is nothing to gain.
    Trees grow on the whole table as a fit of its own completes it, the same for the same table: a split that
    follows the draws of the fit that is refined would fall elsewhere with each of its seeds.
    """
    centres, spreads = np.zeros(holes.shape[1]), np.ones(holes.shape[1])
    for j, column in enumerate(holes.T):
        known = column[~np.isnan(column)]
        if known.size:
            centres[j], spreads[j] = known.mean(), known.std() or 1.0
    unit = (holes - centres) / spreads

    def in_units(part: Matrix) -> tuple[Matrix, Matrix]:
        low, errors = complete(part * spreads + centres)
        return (low - centres) / spreads, errors / spreads

    def trial() -> Residuals:
        return Residuals.of(unit, in_units, FORESTS.hides, rng, groups=groups)

    with stage("cells held out, to see whether there are curves"):
        count = count_of(FORESTS.hides, unit)
        first = Trials([trial() for _ in range(count // FORESTS.hides.times)])
        if not first.errors.size:
            return None
        before = [part.low for part in first.parts]
        pure = _pure(first, before, np.arange(holes.shape[1]), rng, FIRST_TREES, groups)
        if not FORESTS.first.allows(gain_of(first, pure, _weights(first, pure))):
            return None
        more = [trial() for _ in range(count - len(first.parts))]
        learnt = _weights_by_round(Trials([*first.parts, *more]), rng, groups)
    if learnt is None:
        return None
    by_round, ratios, gain, scores = learnt
    with stage("forests of the columns with curves"):
        forests = _last_forests(unit, in_units(unit)[0], by_round, rng, groups)
    learnt_from = int(np.sum(~np.isnan(holes)))
    return Refinement(forests, by_round[-1], ratios, centres, spreads, gain, scores, learnt_from, groups)


def grow_again(holes: Matrix, low: Matrix, known: Refinement, rng: np.random.Generator) -> Refinement:
    """Return a refinement of another table with the same weights, its forests grown on that table."""
    unit, whole = ((part - known.centres) / known.spreads for part in (holes, low))
    forests = _last_forests(unit, whole, [known.weights] * ROUNDS, rng, known.groups)
    return replace(known, forests=forests)


def _last_forests(
    unit: Matrix, low: Matrix, by_round: Sequence[Vector], rng: np.random.Generator, groups: Indices
) -> dict[int, Forest]:
    """Return the forests of the last round, whose inputs the rounds before have completed."""
    forests, refined = dict[int, Forest](), low
    for trees, weights in zip(TREES, by_round, strict=True):
        forests = _grow_all(unit, refined, np.flatnonzero(weights > 0), rng, trees, groups)
        refined = one_round(unit, low, refined, forests, weights, groups)
    return forests


def _weights_by_round(
    trials: Trials, rng: np.random.Generator, groups: Indices
) -> tuple[list[Vector], Vector, float, Vector] | None:
    """Return the weights of each round, the ratios of errors, the gain and scores; None if there is none."""
    n = groups.size
    columns, by_round = np.arange(n), []
    before = [part.low for part in trials.parts]
    for trees in WEIGHED:
        # many trials share them: errors of single trees cancel over trials too
        each = max(FEWEST_TREES, trees * FORESTS.hides.times // len(trials.parts))
        pure = _pure(trials, before, columns, rng, each, groups)
        weights = _weights(trials, pure)
        gain = gain_of(trials, pure, weights)
        if not FORESTS.takes(gain):
            return None
        by_round.append(weights)
        columns = np.flatnonzero(weights > 0)
        before = [
            part.low + weights * (alone - part.low) for part, alone in zip(trials.parts, pure, strict=True)
        ]
    blend = trials.errors_of(before)
    squares = [np.bincount(trials.columns, errors**2, n) for errors in (blend, trials.errors)]
    ratios = np.sqrt(np.divide(squares[0], squares[1], out=np.ones(n), where=squares[1] > 0))
    ratios = np.where(by_round[-1] > 0, np.minimum(ratios, 1.0), 1.0)
    scores = np.abs(blend) / (trials.spreads * ratios[trials.columns])
    return by_round, ratios, gain.difference, np.sort(scores[_of_numbers(trials, groups)])


def _of_numbers(trials: Trials, groups: Indices) -> NDArray[np.bool_]:
    """Return which held-out cells tell how wide intervals must be, which are for numbers.

    Columns of one group are levels of one column, 0 or 1, whose errors are mostly far smaller than their
    standard errors, and sometimes far larger.
    """
    numbers = np.bincount(groups)[groups] == 1
    told: NDArray[np.bool_] = numbers[trials.columns]
    return told if told.any() else np.ones_like(told)


def _pure(
    trials: Trials,
    before: Sequence[Matrix],
    columns: NDArray[np.intp],
    rng: np.random.Generator,
    trees: int,
    groups: Indices,
) -> list[Matrix]:
    """Return the predictions of forests alone, whose inputs are completed by those before."""
    tables, ones = [], np.ones(groups.size)
    for part, filled in zip(trials.parts, before, strict=True):
        forests = _grow_all(part.holes, filled, columns, rng, trees, groups)
        tables.append(one_round(part.holes, part.low, filled, forests, ones, groups))
    return tables


def gain_of(trials: Trials, pure: Sequence[Matrix], weights: Vector) -> Gain:
    """Return the relative decrease of the squared error of held-out cells."""
    low = trials.errors
    blend = low + weights[trials.columns] * (trials.errors_of(pure) - low)
    scale = max(float(np.mean(low**2)), np.finfo(float).tiny)
    return Gain.of((low**2 - blend**2) / scale)


def _weights(trials: Trials, pure: Sequence[Matrix]) -> Vector:
    """Return the share of the forests by column, from least squares on held-out cells.

    Shares of columns are drawn from a normal law, whose mean and variance are estimated by moments
    (DerSimonian and Laird 1986); a column's posterior mean m with variance v becomes m max(0, 1 - v / m^2),
    so that a share that may well be zero is.
    """
    low, where, n = trials.errors, trials.columns, trials.parts[0].holes.shape[1]
    step = trials.errors_of(pure) - low
    counts, squares = np.bincount(where, minlength=n), np.bincount(where, step**2, n)
    usable = (counts >= FEWEST) & (squares > 0)
    shares = np.divide(-np.bincount(where, step * low, n), squares, out=np.zeros(n), where=usable)
    left = np.bincount(where, (low + shares[where] * step) ** 2, n)
    variances = np.divide(left, np.maximum(counts - 1, 1) * squares, out=np.full(n, np.inf), where=usable)
    means, spreads = _shrunk(shares[usable], np.maximum(variances[usable], LEAST_VARIANCE))
    weights = np.zeros(n)
    positive = np.maximum(means, 1e-9)
    weights[usable] = np.minimum(positive, 1.0) * np.maximum(0.0, 1 - spreads / positive**2)
    return weights


def _shrunk(numbers: Vector, variances: Vector) -> tuple[Vector, Vector]:
    """Return posterior means and variances of numbers with errors, drawn from one normal law."""
    precisions = 1 / variances
    total = float(precisions.sum())
    if numbers.size < 2 or not np.isfinite(total):
        return numbers, variances
    mean = float(precisions @ numbers) / total
    excess = float(precisions @ (numbers - mean) ** 2) - (numbers.size - 1)
    # none is left beside a number of far smaller variance than all others
    rest = total - float(precisions @ precisions) / total
    between = max(excess / rest, 0.0) if rest > 0 else 0.0
    # the mean has an error of its own
    prior = between + 1 / total
    return (
        (numbers * prior + mean * variances) / (prior + variances),
        prior * variances / (prior + variances),
    )


def _grow_all(
    holes: Matrix,
    filled: Matrix,
    columns: NDArray[np.intp],
    rng: np.random.Generator,
    trees: int,
    groups: Indices,
) -> dict[int, Forest]:
    """Return forests of some columns, with the other columns completed by given predictions."""
    known = ~np.isnan(holes)
    whole = np.where(known, holes, filled)
    seeds, forests = rng.integers(2**31, size=columns.size), dict[int, Forest]()

    def grow_some(low: int, high: int) -> None:
        for k in range(low, high):
            j = int(columns[k])
            seen = known[:, j]
            forests[j] = _grow(other_columns(whole[seen], j, groups), whole[seen, j], int(seeds[k]), trees)

    columns = columns[known.sum(axis=0)[columns] > 0]  # a column without cells has nothing to learn from
    run_chunks(grow_some, np.arange(columns.size + 1))
    return forests


def _grow(inputs: Matrix, target: Vector, seed: int, trees: int) -> Forest:
    """Return extremely randomised trees.

    They are grown one by one, because scikit-learn's forests change the program's filters of warnings, which
    several threads must not. What takes half the time of a small tree is left out: the check of parameters,
    and a new generator for each, which asks the system for entropy.
    """
    from sklearn import config_context
    from sklearn.tree import ExtraTreeRegressor

    # what scikit-learn does for each tree before it grows takes about five calls of a vectorised function
    touch(trees * (5 * CALL + 2.0 * inputs.size * max(1.0, np.log2(target.size))))
    seeds = np.random.default_rng(seed).integers(2**31, size=trees).tolist()
    state = np.random.RandomState(seed)
    grower, members = ExtraTreeRegressor(min_samples_leaf=LEAF, max_features=FEATURES, random_state=state), []
    with config_context(skip_parameter_validation=True):
        for each in seeds:
            state.seed(each)
            members.append(grower.fit(inputs, target, check_input=False).tree_)
    sizes = np.array([tree.node_count for tree in members])
    roots = (np.cumsum(sizes) - sizes).astype(np.int32)
    numbers, features, children = [], [], []
    for tree, root in zip(members, roots, strict=True):
        leaf = tree.children_left < 0
        features.append(np.where(leaf, -1, tree.feature))
        numbers.append(np.where(leaf, tree.value[:, 0, 0], tree.threshold))
        children.append(np.stack([tree.children_left, tree.children_right], axis=1) + root)
    return Forest(
        roots,
        np.concatenate(features).astype(np.int16),
        np.concatenate(numbers).astype(np.float32),
        np.concatenate(children).astype(np.int32),
    )
