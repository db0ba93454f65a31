"""Exact linear algebra and linear programs in fractions: slow, short, and never wrong by rounding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np


def fractions(array):
    """Return an array as nested lists of exact fractions."""
    array = np.asarray(array)
    return Fraction(float(array)) if array.ndim == 0 else [fractions(part) for part in array]


def solve(matrix, right):
    """Return a solution of a consistent system of fractions and a basis of the null space."""
    width = len(matrix[0])
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    pivots = []
    for column in range(width):
        at = next((k for k in range(len(pivots), len(rows)) if rows[k][column]), None)
        if at is None:
            continue
        k = len(pivots)
        rows[k], rows[at] = rows[at], rows[k]
        rows[k] = [a / rows[k][column] for a in rows[k]]
        for other in range(len(rows)):
            if other != k and rows[other][column]:
                f = rows[other][column]
                rows[other] = [a - f * b for a, b in zip(rows[other], rows[k], strict=True)]
        pivots.append(column)
    assert all(not row[-1] for row in rows[len(pivots) :]), "no solution"
    solution = [Fraction(0)] * width
    for k, column in enumerate(pivots):
        solution[column] = rows[k][-1]
    null = []
    for free in sorted(set(range(width)) - set(pivots)):
        vector = [Fraction(0)] * width
        vector[free] = Fraction(1)
        for k, column in enumerate(pivots):
            vector[column] = -rows[k][free]
        null.append(vector)
    return solution, null


def is_semidefinite(matrix):
    """Return whether a symmetric matrix of fractions has no negative eigenvalue, by elimination."""
    rows = [list(row) for row in matrix]
    for k, row in enumerate(rows):
        if row[k] < 0 or (row[k] == 0 and any(row[k:])):
            return False
        for other in rows[k + 1 :]:
            if other[k]:
                f = other[k] / row[k]
                other[k:] = [a - f * b for a, b in zip(other[k:], row[k:], strict=True)]
    return True


def largest(objective, matrix, right):
    """Return max c.x over A x <= b, x >= 0 with b >= 0, by the simplex method with Bland's rule; bounded."""
    m, n = len(matrix), len(objective)
    table = [
        [*row, *(Fraction(int(k == i)) for i in range(m)), b]
        for k, (row, b) in enumerate(zip(matrix, right, strict=True))
    ]
    cost = [*(-c for c in objective), *([Fraction(0)] * (m + 1))]
    basis = list(range(n, n + m))
    while (enter := next((j for j in range(n + m) if cost[j] < 0), None)) is not None:
        ratios = [(row[-1] / row[enter], basis[k], k) for k, row in enumerate(table) if row[enter] > 0]
        _, _, leave = min(ratios)
        pivot = table[leave][enter]
        table[leave] = [a / pivot for a in table[leave]]
        for k, row in enumerate(table):
            if k != leave and row[enter]:
                f = row[enter]
                table[k] = [a - f * b for a, b in zip(row, table[leave], strict=True)]
        f = cost[enter]
        cost = [a - f * b for a, b in zip(cost, table[leave], strict=True)]
        basis[leave] = enter
    return cost[-1]


def best_margin(rows, offset, directions):
    """Return the largest t <= 1 with rows.(offset + sum z_k directions_k) >= t for some z, exactly."""

    def dot(a, b):
        return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))

    at = [dot(row, offset) for row in rows]
    lowest = min([*at, Fraction(1)])
    moves = [[dot(row, d) for d in directions] for row in rows]
    matrix = [[Fraction(1), *(-x for x in move), *move] for move in moves]
    matrix.append([Fraction(1)] + [Fraction(0)] * (2 * len(directions)))
    right = [a - lowest for a in at] + [1 - lowest]
    return lowest + largest([Fraction(1)] + [Fraction(0)] * (2 * len(directions)), matrix, right)
