"""Whether observed cells determine the matrix, derived again from their positions."""

from __future__ import annotations

import numpy as np

from lowland.core.arrays import Indices
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.recheck.matrices.derivatives import jacobian
from lowland.recheck.matrices.lines import Mask, closure, is_same_partition, parts, seen_cells
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.modular_rank import pattern_rank
from lowland.recheck.ranks import GENERIC, UNIQUE, compare_deficient, compare_freedom
from lowland.recheck.statement import Statement

LISTED_CELLS = 10_000


def check_pattern(said: Statement, problem: MatrixProblem) -> Check:
    """Compare what is said of observed cells, but for a refuted uniqueness."""
    assert problem.cells is not None
    seen, unique = seen_cells(problem.cells, problem.shape), said.finding.claim == UNIQUE
    if said.is_open:
        return _check_reach(said, seen, problem, unique=unique)
    if said.verdict is Verdict.SUPPORTED:
        said.fault("nothing supports this claim: it is proved, refuted or open")
        return said.settle("")
    return (
        _check_short(said, seen, problem)
        if said.verdict is Verdict.REFUTED
        else _check_proof(said, seen, problem)
    )


def _check_proof(said: Statement, seen: Mask, problem: MatrixProblem) -> Check:
    """Compare a proof with the positions of the cells."""
    finite = said.finding.claim != UNIQUE
    said.rigour(Rigour.RIGOROUS)
    if finite:
        for name in ("value", "bound", "rank"):
            said.close(name, float(problem.freedom))
        said.close("tolerance", 0.0)
    assumptions: tuple[str, ...] = ()
    if said.says("every_cell"):
        said.require(bool(seen.all()), "not every cell is observed")
        words = said.own_words
    elif said.says("connected"):
        rows, columns = parts(seen)
        whole = problem.rank == 1 and not problem.free and not rows.any() and not columns.any()
        said.require(whole, "the observed cells do not connect all rows and columns of a matrix of rank one")
        good = np.all(problem.y != 0) and problem.losses.are_identities
        said.require(bool(good), "an observed value may be fitted by zero")
        _compare_reach(said, seen, problem, unique=True)
        words = "observed cells connect everything"
    else:
        assumptions, words = GENERIC, _check_generic_proof(said, seen, problem, finite=finite)
    said.assume(assumptions)
    return said.settle(words)


def _check_generic_proof(said: Statement, seen: Mask, problem: MatrixProblem, *, finite: bool) -> str:
    """Compare a proof for generic values; return what was found."""
    core = [said.finding.witness.get(name) for name in ("core_rows", "core_columns")]
    rows, columns = (np.size(side) if side is not None else -1 for side in core)
    if said.says("block", rows=rows, columns=columns):
        _compare_reach(said, seen, problem, unique=True)
        return "everything follows from a complete block"
    if finite and said.says("core", rows=rows, columns=columns):
        _compare_reach(said, seen, problem, unique=False)
        return "everything follows from a core of full rank"
    if not (finite and said.says("full_rank")):
        return ""
    generic = seen_rank(seen, problem.rank, problem.free, problem.freedom)
    if generic is None:
        said.not_derived("a Jacobian of this size is too large to be formed here")
        return ""
    said.require(generic[0] == problem.freedom, f"the Jacobian has rank {generic[0]} of {problem.freedom}")
    return f"rank {generic[0]} of {problem.freedom}"


def seen_rank(seen: Mask, r: int, free: tuple[str, ...], expected: int) -> tuple[int, float] | None:
    """Return the generic rank of observed cells, and the probability that it is higher; None if too large."""
    i, j = np.nonzero(seen)
    return pattern_rank((i, j), (len(seen), seen.shape[1]), r, free, expected)


def _lines(said: Statement, name: str, length: int) -> Indices | None:
    """Return attached positions of lines."""
    if name not in said.finding.witness:
        said.fault(f"no {name} are attached")
        return None
    positions = said.array(name, (None,))
    if positions is None:
        return None
    whole = np.all(positions == np.round(positions)) and np.all((positions >= 0) & (positions < length))
    if not whole or np.unique(positions).size != positions.size:
        said.fault(f"{name} are not positions of lines")
        return None
    return positions.astype(np.intp)


def _compare_reach(said: Statement, seen: Mask, problem: MatrixProblem, *, unique: bool) -> float | None:
    """Compare the lines said to follow from the attached core with those that do; return their share."""
    core = [
        _lines(said, name, length)
        for name, length in zip(("core_rows", "core_columns"), seen.shape, strict=True)
    ]
    if core[0] is None or core[1] is None:
        return None
    r, free = problem.rank, problem.free
    block = seen[np.ix_(core[0], core[1])]
    needed = (r + ("row" in free), r + ("column" in free))
    if unique:
        good = not free and block.all() and min(block.shape) >= r
        said.require(bool(good), "the attached core is no complete block of r rows and columns")
    elif not _is_core(said, block, r, free):
        return None
    known = np.zeros(seen.shape[0], bool), np.zeros(seen.shape[1], bool)
    known[0][core[0]], known[1][core[1]] = True, True
    rows, columns = closure(seen, *known, needed)
    said.positions("unreached_rows", np.flatnonzero(~rows))
    said.positions("unreached_columns", np.flatnonzero(~columns))
    share = float(rows.mean() * columns.mean())
    said.close("determined_share", share)
    if said.verdict is Verdict.PROVED:
        said.require(share == 1.0, f"only {share:.1%} of the cells follow from the attached core")
    return share


def _is_core(said: Statement, block: Mask, r: int, free: tuple[str, ...]) -> bool:
    """Whether the cells of a core determine it up to finitely many choices, with its factors."""
    m, n = block.shape
    large = (
        m > r and n > r if set(free) == {"global"} else r <= min(m - ("column" in free), n - ("row" in free))
    )
    whole = MatrixProblem(np.zeros(0), np.zeros(0), np.zeros((m, r)), np.zeros((n, r)), free=free)
    generic = seen_rank(block, r, free, whole.freedom) if large else (0, 0.0)
    if generic is None:
        said.not_derived("the attached core is too large for an exact rank here")
        return False
    return said.require(generic[0] == whole.freedom, "the attached core is not determined by its cells")


def _check_reach(said: Statement, seen: Mask, problem: MatrixProblem, *, unique: bool) -> Check:
    """Compare an open finding that says how much follows from a core."""
    said.rigour(Rigour.ESTIMATE)
    said.assume()
    if unique:
        said.must_say("several_completions")
    share = _compare_reach(said, seen, problem, unique=unique)
    if share is not None:
        _compare_reach_words(said, "unique_reach" if unique else "reach", share)
    elif not said.faults:
        return said.settle_unchecked("the attached core is too large for an exact rank here")
    return said.settle("as much follows from the attached core")


def _compare_reach_words(said: Statement, code: str, share: float) -> None:
    """Compare the sentence on lines that follow from a core, whose numbers of lines are those attached."""
    names = ("unreached_rows", "unreached_columns")
    lost = [int(np.size(said.finding.witness.get(name, ()))) for name in names]
    said.must_say(code, share=share, lines=lost)


def _check_short(said: Statement, seen: Mask, problem: MatrixProblem) -> Check:
    """Compare a refutation by counting, or by the rank of the Jacobian."""
    freedom, count = problem.freedom, int(seen.sum())
    short = _short_lines(said, seen, problem)
    compare_freedom(said, freedom)
    # the rank is needed unless it is that of too few cells
    stated = (said.finding.value, said.finding.witness.get("rank"))
    counted = count < freedom and all(n is None or np.array_equal(n, count) for n in stated)
    by_rank = said.code == "deficient"
    ranked = by_rank or not counted
    generic = seen_rank(seen, problem.rank, problem.free, freedom) if ranked else None
    _compare_rank(said, generic, count, freedom)
    _compare_open_cells(said, seen, problem)
    if by_rank and generic is None:
        return said.settle_unchecked("a Jacobian of this size is too large to be formed here")
    if by_rank and generic is not None:
        compare_deficient(said, generic, freedom)
        return said.settle(f"rank {generic[0]} of {freedom}")
    lines = [side.size for side in short]
    if said.says("few_cells", size=count, freedom=freedom):
        said.require(count < freedom, "the cells are enough by counting")
    else:
        said.must_say("short_lines", lines=lines)
        said.require(any(lines), "no line has fewer observations than unknowns")
    words = said.own_words
    if said.phrases:
        share = _compare_reach(said, seen, problem, unique=False)
        if share is not None:
            _compare_reach_words(said, "reach", share)
        else:  # a fault, or not derived: that is noted
            said.phrases.clear()
    said.rigour(Rigour.RIGOROUS)
    said.assume(GENERIC)
    return said.settle(words)


def _short_lines(said: Statement, seen: Mask, problem: MatrixProblem) -> tuple[Indices, Indices]:
    """Return the rows and columns with fewer cells than unknowns of their own, compared with those stated."""
    (m, n), r, free = seen.shape, problem.rank, problem.free
    least = min(r + ("row" in free), n), min(r + ("column" in free), m)
    short = np.flatnonzero(seen.sum(axis=1) < least[0]), np.flatnonzero(seen.sum(axis=0) < least[1])
    for name, lines in zip(("short_rows", "short_columns"), short, strict=True):
        said.positions(name, lines)
    return short


def _compare_rank(said: Statement, generic: tuple[int, float] | None, count: int, freedom: int) -> None:
    """Compare ranks: that of the Jacobian, or for `rank` the number of cells if they are too few."""
    for name in ("value", "rank"):
        if name == "rank" and said.is_empty(name):
            continue
        said_number = said.number(name)
        if said_number is None or (name == "rank" and said_number == count < freedom):
            continue
        if generic is None and said_number == count < freedom:
            continue
        if generic is None:
            said.not_derived("the rank of so large a Jacobian is not computed here")
        else:
            said.require(said_number == generic[0], f"{name} {said_number:g} stated, {generic[0]} found")


def _compare_open_cells(said: Statement, seen: Mask, problem: MatrixProblem) -> None:
    """Compare the cells said to be undetermined with those that the generic Jacobian does not see."""
    names = (
        "open_cell_count",
        "open_cells",
        "open_by_row",
        "open_by_column",
        "blocks_of_rows",
        "blocks_of_columns",
    )
    if not any(name in said.finding.witness for name in names):
        return
    opened = open_cells(seen, problem.rank, problem.free)
    if opened is None:
        for name in names:
            said.unread.discard(name)
        said.not_derived("undetermined cells of so large a table are not computed here")
        return
    cells = np.argwhere(opened)
    said.close("open_cell_count", float(len(cells)))
    said.positions("open_cells", cells[:LISTED_CELLS])
    said.positions("open_by_row", opened.sum(axis=1))
    said.positions("open_by_column", opened.sum(axis=0))
    groups = [said.finding.witness.get(name) for name in names[-2:]]
    if all(group is not None for group in groups):
        said.unread.difference_update(names[-2:])
        try:
            given = [np.asarray(group) for group in groups]
            whole = [group.dtype.kind in "iu" for group in given]
            same = all(whole) and [group.size for group in given] == list(opened.shape)
            same = same and is_same_partition(np.concatenate(given), np.concatenate(parts(~opened)))
        except (TypeError, ValueError):
            same = False
        said.require(same, "the blocks of rows and columns differ from those found")


def open_cells(seen: Mask, r: int, free: tuple[str, ...]) -> Mask | None:
    """Return the cells that are not determined at random factors, in floating point; None if too large."""
    (m, n), (i, j) = seen.shape, np.nonzero(seen)
    width = (m + n) * r + sum({"row": m, "column": n, "global": 1}[side] for side in free)
    if width > 1500 or m * n * width > 4e7:
        return None
    rows, columns = (axis.ravel() for axis in np.indices((m, n)))
    rng = np.random.default_rng(3)
    u, v = rng.standard_normal((m, r)), rng.standard_normal((n, r))
    zeros = np.zeros(m * n)
    at = MatrixProblem(
        zeros,
        zeros + 1,
        u,
        v,
        cells=(rows, columns),
        free=free,
        row_biases=np.zeros(m),
        column_biases=np.zeros(n),
    )

    whole = jacobian(at)
    part = whole[i * n + j]
    values, vectors = np.linalg.eigh(part.T @ part)
    hidden = vectors[:, values <= 1e-11 * max(values[-1], 1e-300)]
    return np.asarray((np.linalg.norm(whole @ hidden, axis=1) > 1e-5).reshape(m, n))
