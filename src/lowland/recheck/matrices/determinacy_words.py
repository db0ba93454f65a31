"""The sentences of findings on determinacy."""

from __future__ import annotations

FINITE, UNIQUE = "determined_by_data", "uniquely_determined"
GENERIC = "generic values of the factors (all but a set of measure zero)"
PRIMES_USUAL = "two primes that are not exceptional"
WHOLE = "every cell is observed"
BLOCK = "every row and column follows from a complete block of {a} x {b} cells by linear equations"
CONNECTED = "rank one, no observed value is zero, and observed cells connect all rows and columns"
FULL = "full rank of the Jacobian modulo a prime"
CORE = (
    "full rank modulo a prime of a core of {a} rows and {b} columns, from which all others follow by linear "
    "equations"
)
EVERY_MATRIX = "the measurements determine every matrix, low-rank or not: full rank modulo a prime"
FEW_CELLS = "{size} cells for {freedom} degrees of freedom"
FEW_MEASUREMENTS = "{size} measurements for {freedom} degrees of freedom"
DEFICIENT = "the Jacobian has rank {rank} of {freedom} modulo two primes"
SHORT = " with fewer observations than unknowns of their own"
UNSEEN = " not involved in any measurement"
REACHED = "{{share}} of the cells are {} for generic values, {{lines}} are not reached"
LAST_DIGITS = (
    "full rank modulo a prime depends on the last digits of the measuring matrices: in floating point the "
    "smallest singular value is negligible"
)
# they state nothing about the data
OPEN = (
    "no exact Jacobian is available for these measurements",
    "an exact Jacobian of {unknowns} unknowns exceeds the limit of {limit}",
    "an exact Jacobian of {unknowns} unknowns exceeds the budget",
    "the exact rank for {unknowns} unknowns and {cells} cells exceeds the budget, and no determined core was "
    "found",
    "uniqueness is undecided: there may be several completions",
    "uniqueness is undecided: there may be several solutions",
)
LISTED_CELLS = 10_000


def say_lines(rows: int, columns: int) -> str:
    """Return a phrase such as "3 rows and 2 columns"."""
    return " and ".join(f"{count} {name}" for count, name in ((rows, "rows"), (columns, "columns")) if count)


def reach_words(word: str, share: float, lost: list[int]) -> str:
    """Return the sentence on lines that follow from a core."""
    return f"{share:.1%} of the cells are {word} for generic values, {say_lines(*lost)} are not reached"
