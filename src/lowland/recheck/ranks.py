"""What findings say of ranks at almost all points: by counting, full or deficient modulo primes."""

from __future__ import annotations

from lowland.core.results.reasons import assumption
from lowland.core.results.status import Rigour, Verdict
from lowland.recheck.statement import Statement

# the claims that ranks decide, and what is assumed of a full and of a deficient rank
FINITE, UNIQUE = "determined_by_data", "uniquely_determined"
GENERIC = (assumption("generic"),)
LIKELY = (*GENERIC, assumption("usual_primes"))


def compare_freedom(said: Statement, freedom: int) -> None:
    """Compare the degrees of freedom that a rank is compared with."""
    said.close("tolerance", 0.0)
    for name in ("bound", "expected"):
        said.close(name, float(freedom))


def is_counted(said: Statement, code: str, size: int, freedom: int) -> bool:
    """Whether the words refute by too few numbers, which are compared."""
    if said.verdict is not Verdict.REFUTED or not said.says(code, size=size, freedom=freedom):
        return False
    said.require(size < freedom, f"{size} are enough for {freedom} degrees of freedom")
    for name in ("value", "rank"):
        said.close(name, float(size))
    said.rigour(Rigour.RIGOROUS)
    said.assume(GENERIC)
    return True


def compare_full(said: Statement, rank: int, freedom: int) -> None:
    """Compare a proof by a full rank."""
    said.must_say("full_rank")
    said.require(rank == freedom, f"the Jacobian has rank {rank} of {freedom}")
    said.rigour(Rigour.RIGOROUS)
    said.assume(GENERIC)


def compare_deficient(said: Statement, rank: tuple[int, float], freedom: int) -> None:
    """Compare a refutation by a deficient rank, and the probability that it is higher."""
    said.require(said.verdict is Verdict.REFUTED, "a deficient rank refutes the claim")
    said.must_say("deficient", rank=rank[0], freedom=freedom)
    said.require(rank[0] < freedom, f"the Jacobian has full rank {freedom}")
    said.at_least("failure_probability", rank[1])
    said.rigour(Rigour.PROBABILISTIC)
    said.assume(LIKELY)
