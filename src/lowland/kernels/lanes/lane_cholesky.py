"""Cholesky solves of `LANES` small systems at once: lane = system.

L is kept in panels of four rows, column after column: the vector of (row r, column p) of a panel
lies at ``start + (4 p + r) * LANES``. Tiles of 4 x 4 lane vectors do 16 multiply-adds for 8 loads.
The right-hand side is carried as a fifth row of every diagonal tile, so forward substitution
needs no extra pass. The reciprocal of the diagonal is stored, so nothing is divided twice.

A pivot at or below `tolerance` times its diagonal entry marks a dependent column: its reciprocal
is set to zero, which gives that unknown the value zero and leaves the others their least-squares
values.
"""

from __future__ import annotations

from lowland.kernels.compiler import intrinsic
from lowland.kernels.lanes.llvm_simd import LANES, kernel

_LOWER = [(r, c) for c in range(4) for r in range(c, 4)]


def emit_transpose(e, source, at, stride, target, to, small, large):
    """Transpose LANES vectors source[at + i stride] into target[to + (i // 4) large + (i % 4) small]."""
    rows, half = [e.load(source, e.at(at, (stride, i))) for i in range(LANES)], 1
    while half < LANES:
        low, high = (
            [lane + f * half if not lane & half else LANES + lane - half + f * half for lane in range(LANES)]
            for f in (0, 1)
        )
        for i in range(LANES):
            if not i & half:
                rows[i], rows[i + half] = (
                    e.shuffle(rows[i], rows[i + half], low),
                    e.shuffle(rows[i], rows[i + half], high),
                )
        half *= 2
    for i in range(LANES):
        e.store(rows[i], target, e.at(to, (small, i % 4), (large, i // 4)))


def emit_diagonal(e, factor, start, right, first, ridge, tolerance):
    """Factor the diagonal tile of a panel and take the same step with the right-hand side."""
    b = e.b
    column, place = _panel(e, factor, start)
    here = [e.at(first, (1, c)) for c in range(4)]
    right_at = [e.at(0, (c, LANES)) for c in here]
    tile = [column(p) for p in here]
    extra, floor = e.load(ridge, e.i(0)), e.load(tolerance, e.i(0))
    original = [b.fadd(tile[c][c], extra) for c in range(4)]

    def body(p, sums):
        left, x = column(p), e.load(right, e.at(0, (p, LANES)))
        new = [e.fnma(left[r], left[c], s) for (r, c), s in zip(_LOWER, sums[:10], strict=True)]
        return new + [e.fnma(x, left[c], sums[10 + c]) for c in range(4)]

    starts = [tile[c][r] for r, c in _LOWER] + [e.load(right, p) for p in right_at]
    sums = e.loop(e.i(0), first, starts, body)
    a, x = dict(zip(_LOWER, sums[:10], strict=True)), sums[10:]
    for c in range(4):
        pivot = b.fadd(a[c, c], extra)
        safe = b.fcmp_ordered(">", pivot, b.fmul(floor, original[c]))
        positive = b.select(safe, pivot, e.constant(1.0))
        inverse = b.fdiv(e.constant(1.0), e.call("sqrt", positive))
        a[c, c] = b.select(safe, inverse, e.constant(0.0))
        x[c] = b.fmul(x[c], a[c, c])
        for r in range(c + 1, 4):
            a[r, c] = b.fmul(a[r, c], a[c, c])
        for c2 in range(c + 1, 4):
            x[c2] = e.fnma(x[c], a[c2, c], x[c2])
            for r in range(c2, 4):
                a[r, c2] = e.fnma(a[r, c], a[c2, c], a[r, c2])
        e.store(x[c], right, right_at[c])
        for r in range(c, 4):
            e.store(a[r, c], factor, place(here[c], r))


def emit_below(e, factor, start, diagonal_start, first):
    """Update a tile below the diagonal with the columns before it, then solve with the diagonal tile."""
    (column, place), (diagonal, _) = _panel(e, factor, start), _panel(e, factor, diagonal_start)
    here = [e.at(first, (1, c)) for c in range(4)]

    def body(p, sums):
        left, top = column(p), diagonal(p)
        return [e.fnma(left[r], top[c], sums[4 * c + r]) for c in range(4) for r in range(4)]

    a = e.loop(e.i(0), first, [v for p in here for v in column(p)], body)
    d = [diagonal(p) for p in here]
    for c in range(4):
        for r in range(4):
            a[4 * c + r] = x = e.b.fmul(a[4 * c + r], d[c][c])
            e.store(x, factor, place(here[c], r))
            for c2 in range(c + 1, 4):
                a[4 * c2 + r] = e.fnma(x, d[c][c2], a[4 * c2 + r])


def emit_back(e, factor, start, right, first):
    """Solve with the transposed diagonal tile, then eliminate its unknowns from the rows above."""
    column, _ = _panel(e, factor, start)
    here = [e.at(first, (1, c)) for c in range(4)]
    right_at = [e.at(0, (c, LANES)) for c in here]
    x, d = [e.load(right, p) for p in right_at], [column(p) for p in here]
    for c in range(3, -1, -1):
        x[c] = e.b.fmul(x[c], d[c][c])
        for c2 in range(c):
            x[c2] = e.fnma(x[c], d[c2][c], x[c2])
        e.store(x[c], right, right_at[c])

    def body(p, _):
        left, spot = column(p), e.at(0, (p, LANES))
        rest = e.load(right, spot)
        for r in range(4):
            rest = e.fnma(left[r], x[r], rest)
        e.store(rest, right, spot)
        return []

    e.loop(e.i(0), first, [], body)


def _panel(e, factor, start):
    def place(column, row):
        return e.at(start, (column, 4 * LANES), (1, row * LANES))

    def load(column):
        return [e.load(factor, place(column, r)) for r in range(4)]

    return load, place


@intrinsic
def transpose(typingctx, source, at, stride, target, to, small, large):
    """Compile `emit_transpose`."""
    return kernel(emit_transpose, (), (source, at, stride, target, to, small, large))


@intrinsic
def factor_diagonal(typingctx, factor, start, right, first, ridge, tolerance):
    """Compile `emit_diagonal`."""
    return kernel(emit_diagonal, (), (factor, start, right, first, ridge, tolerance))


@intrinsic
def factor_below(typingctx, factor, start, diagonal_start, first):
    """Compile `emit_below`."""
    return kernel(emit_below, (), (factor, start, diagonal_start, first))


@intrinsic
def solve_back(typingctx, factor, start, right, first):
    """Compile `emit_back`."""
    return kernel(emit_back, (), (factor, start, right, first))
