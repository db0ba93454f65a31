"""What held-out cells prove of the missing cells: bounds of the share that lies inside its intervals.

Of N = `held` + `missing` cells outside training, D lie inside their intervals. The held-out ones are a simple
random part of all N, so their number inside, C, is hypergeometric::

    P(C = c) ~ binom(D, c) binom(N - D, held - c) gamma^c        with gamma = 1.

If some cells are likelier to be held out than others, the odds of any two being at most a factor `gamma`
apart, the worst case is that all cells inside are `gamma` times likelier than those outside: Fisher's
noncentral law, the same formula. D is bounded by inverting this test: all D with P(C >= c) <= `risk` are
rejected.

A tail is a sum of positive products of ratios, taken away from the mode: no term has a relative error above
`ROUNDINGS` units of rounding per factor, and D is rejected only if its tail is below the risk by more than
that.
"""

from __future__ import annotations

import math

import numpy as np

from lowland.core.errors import InvalidInputError
from lowland.core.parameter_checks import check_positive, check_share, whole_number

# of one factor of a term: five of its ratio, one of its reciprocal, one of the product; one of the sum of all
# terms; and as many to spare
ROUNDINGS = 16
# largest factors that are looked for are powers of two up to this one
LARGEST_POWER = 40


def least_share(inside: int, held: int, missing: int, risk: float, gamma: float = 1.0) -> float:
    """Return a lower bound of the share of missing cells inside their intervals.

    Parameters
    ----------
    inside : int
        Number of held-out cells inside.
    held : int
        Number of held-out cells.
    missing : int
        Number of missing cells that the held-out ones stand for.
    risk : float
        Largest probability that the bound is false, whatever is true of the cells.
    gamma : float
        Largest ratio of the odds of being held out (among held-out and missing cells) of any two cells.

    Returns
    -------
    float
        0.0 where nothing is proved.

    Raises
    ------
    InvalidInputError
        If the numbers do not belong together.

    Notes
    -----
    Exact for finite tables: hypergeometric test inversion (Wright, Exact confidence bounds when sampling from
    small finite universes, 1991). Costs about log2(missing) sums of `held` terms.
    """
    _check(inside, held, missing, risk, gamma)
    return _least_count(inside, held, missing, risk, gamma) / missing if missing else 0.0


def most_share(inside: int, held: int, missing: int, risk: float, gamma: float = 1.0) -> float:
    """Return an upper bound of the share of missing cells inside their intervals.

    Parameters
    ----------
    inside, held, missing : int
        As for `least_share`.
    risk : float
    gamma : float

    Returns
    -------
    float
        1.0 where nothing is proved.

    Raises
    ------
    InvalidInputError
        If the numbers do not belong together.

    Notes
    -----
    The lower bound of the share outside, from 1. Together with `least_share` the risks add up.
    """
    _check(inside, held, missing, risk, gamma)
    if not missing:
        return 1.0
    return (missing - _least_count(held - inside, held, missing, risk, gamma)) / missing


def inside_needed(held: int, missing: int, level: float, risk: float, gamma: float = 1.0) -> int | None:
    """Return the least number of held-out cells inside with which the bound reaches a level.

    Parameters
    ----------
    held, missing : int
        As for `least_share`.
    level : float
        Share of the missing cells that shall be proved to lie inside.
    risk : float
    gamma : float

    Returns
    -------
    int or None
        None if not even all of them prove it.

    Raises
    ------
    InvalidInputError
        If the numbers do not belong together.

    Notes
    -----
    One test per step of a bisection: the bound rises with the number inside.
    """
    _check(held, held, missing, risk, gamma)
    check_share("level", level)
    if not _proves(held, held, missing, level, risk, gamma):
        return None
    too_few, enough = -1, held
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if _proves(middle, held, missing, level, risk, gamma):
            enough = middle
        else:
            too_few = middle
    return enough


def largest_gamma(inside: int, held: int, missing: int, level: float, risk: float) -> float:
    """Return the largest factor of the odds at which the bound still reaches a level.

    Parameters
    ----------
    inside, held, missing : int
        As for `least_share`.
    level : float
        Share of the missing cells that shall be proved to lie inside.
    risk : float

    Returns
    -------
    float
        At least 1, rounded down to three decimals; 0.0 if equal odds do not prove the level.

    Raises
    ------
    InvalidInputError
        If the numbers do not belong together.
    """
    _check(inside, held, missing, risk, 1.0)
    check_share("level", level)
    if not _proves(inside, held, missing, level, risk, 1.0):
        return 0.0
    powers = (2.0**power for power in range(1, LARGEST_POWER))
    above = next((top for top in powers if not _proves(inside, held, missing, level, risk, top)), None)
    if above is None:
        return 2.0 ** (LARGEST_POWER - 1)
    low, high = int(500 * above), int(1000 * above)  # thousandths: proved, and not
    while high - low > 1:
        middle = (low + high) // 2
        if _proves(inside, held, missing, level, risk, middle / 1000):
            low = middle
        else:
            high = middle
    return low / 1000


def _check(inside: int, held: int, missing: int, risk: float, gamma: float) -> None:
    """Raise InvalidInputError unless the numbers belong together."""
    for number, name in ((inside, "inside"), (held, "held"), (missing, "missing")):
        whole_number(number, name, 0)
    if inside > held:
        raise InvalidInputError(
            "inside must not exceed held", f"{inside} of {held}", fix="count the held-out cells"
        )
    check_share("risk", risk)
    check_positive("gamma", gamma)
    if not gamma >= 1:
        raise InvalidInputError(
            "gamma must be at least 1", repr(gamma), fix="pass the larger odds over the smaller"
        )


def _least_count(inside: int, held: int, missing: int, risk: float, gamma: float) -> int:
    """Return the least number of missing cells inside that is not rejected."""
    rejected, kept = (
        -1,
        missing,
    )  # where all missing cells are inside, all numbers of held-out ones are likely
    if not inside:
        return 0
    while kept - rejected > 1:
        middle = (rejected + kept) // 2
        if _is_rejected(inside, held, missing, inside + middle, risk, gamma):
            rejected = middle
        else:
            kept = middle
    return kept


def _proves(inside: int, held: int, missing: int, level: float, risk: float, gamma: float) -> bool:
    """Whether the bound reaches a level, by one test: that of the largest number too small for it."""
    needed = max(math.ceil(level * missing) - 1, 1)
    while needed <= missing and needed / missing < level:
        needed += 1
    if needed > missing or not inside:
        return False
    return _is_rejected(inside, held, missing, inside + needed - 1, risk, gamma)


def _is_rejected(inside: int, held: int, missing: int, total: int, risk: float, gamma: float) -> bool:
    """Whether so many cells inside in total leave so many held-out ones inside too unlikely."""
    rounding = ROUNDINGS * (held + 4) * np.finfo(np.float64).eps / 2
    return bool(upper_tail(inside, held, missing, total, gamma) <= risk * (1 - rounding))


def upper_tail(inside: int, held: int, missing: int, total: int, gamma: float = 1.0) -> float:
    """Return the probability that at least `inside` of the held-out cells are inside.

    Parameters
    ----------
    inside, held, missing : int
        As for `least_share`.
    total : int
        Number of cells inside, held out or missing.
    gamma : float

    Returns
    -------
    float
        With a relative error of at most ``ROUNDINGS * (held + 4)`` units of rounding.
    """
    outside = held + missing - total
    first, last = max(0, held - outside), min(held, total)
    if inside <= first:
        return 1.0
    if inside > last:
        return 0.0
    counts = np.arange(first, last, dtype=np.float64)
    # from one count to the next: products up to 2^53 are exact, larger ones rounded
    ratios = gamma * ((total - counts) * (held - counts)) / ((counts + 1) * (outside - held + counts + 1))
    mode = int(np.count_nonzero(ratios >= 1))  # ratios fall
    above, below = np.cumprod(ratios[mode:]), np.cumprod(1 / ratios[:mode][::-1])
    terms = np.concatenate([below[::-1], [1.0], above])
    upper = float(terms[inside - first :].sum())
    return upper / (upper + float(terms[: inside - first].sum()))
