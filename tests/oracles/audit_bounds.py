"""Bounds of shares from held-out cells, by listing all numbers with exact fractions."""

from fractions import Fraction
from math import comb


def law(held, missing, total, gamma=1):
    """Return the probabilities of 0 to `held` held-out cells inside."""
    outside = held + missing - total
    weights = [comb(total, c) * comb(outside, held - c) * Fraction(gamma) ** c for c in range(held + 1)]
    return [weight / sum(weights) for weight in weights]


def least_count(inside, held, missing, risk, gamma=1):
    """Return the least number of missing cells inside that leaves what was seen likely enough."""
    for count in range(missing + 1):
        if sum(law(held, missing, inside + count, gamma)[inside:]) > Fraction(risk):
            return count
    return missing


def false_bounds(bound, held, missing, total, gamma=1):
    """Return the probability that a bound exceeds the share of missing cells inside."""
    chances = law(held, missing, total, gamma)
    return sum(
        chance
        for c, chance in enumerate(chances)
        if chance and bound(c, held, missing) * missing > total - c + Fraction(1, 10**9)
    )
