"""What follows from a premise of restricted isometry, derived again from what the finding names as assumed.

The premise itself stays an assumption; but one that a matrix contradicts, which is easily found, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from lowland.core.arrays import Matrix
from lowland.core.results.findings import Certificate
from lowland.core.results.reasons import assumption
from lowland.core.results.status import Rigour, Verdict
from lowland.core.results.verification import Check
from lowland.core.rounding import gamma
from lowland.recheck.matrices.problem import MatrixProblem
from lowland.recheck.statement import Statement

# entries of a matrix up to which a basis of all of them is measured
MOST_SIDES = 400


@final
@dataclass(frozen=True)
class Assumed:
    """What a finding says that its premise is."""

    rank: int
    delta: float
    scale: float
    noise: float
    truth_rank: int

    def words(self, at: MatrixProblem) -> tuple[str, str]:
        """Return the two assumptions."""
        of = "" if not at.is_psd else "Hermitian " if at.is_complex else "symmetric "
        kind = "positive semidefinite " if at.is_psd else ""
        return (
            assumption("isometry", delta=self.delta, scale=self.scale, field=of, rank=self.rank),
            assumption(
                "noisy_measurements" if self.noise else "exact_measurements",
                kind=kind,
                rank=self.truth_rank,
                noise=self.noise,
            ),
        )


def check_conditional(said: Statement, at: MatrixProblem, beside: Certificate) -> Check:
    """Compare what is said under a premise with what follows from it."""
    if said.is_open:
        return _open(said, at)
    premise = _read(said, at.rank)
    said.require(said.verdict is Verdict.SUPPORTED, "what rests on a premise is neither proved nor refuted")
    said.rigour(Rigour.WORKING_PRECISION)
    if premise is None or said.faults:
        said.fault("no premise that could hold is stated")
        return said.settle("")
    said.assume(premise.words(at))
    said.require(premise.rank >= _twice(at), f"the premise is over rank {premise.rank}, not {_twice(at)}")
    said.require(not at.free, "with biases the data are not measurements of a matrix of the rank alone")
    if not at.is_formed:
        return said.settle_unchecked("the measurements are too large to be formed here")
    if not _is_in_scale(at):
        return said.settle_unchecked("the numbers are out of scale")
    at = _symmetrised(at)
    said.require(not _shows_false_minimum(said, beside), "the point is shown to be a false minimum")
    said.require(_may_fit(at, premise), "the data are no such measurements")
    said.require(not _is_contradicted(at, premise), "a matrix contradicts the premise")
    words = CLAIMS[said.finding.claim](said, at, premise)
    said.require(not said.faults, "so that nothing follows")
    return said.settle(words)


def _read(said: Statement, columns: int) -> Assumed | None:
    rank = said.whole("premise_rank")
    truth = said.whole("truth_rank") if said.states("truth_rank") else columns
    delta, scale, noise = (said.needed(name) for name in ("delta", "scale", "noise"))
    if delta is None or scale is None or noise is None:
        return None
    good = rank >= 1 and 0 <= delta < 1 and 0 < scale < np.inf and 0 <= noise < np.inf
    good = good and 1 <= truth <= columns
    return Assumed(rank, float(delta), float(scale), float(noise), truth) if good else None


def _twice(at: MatrixProblem) -> int:
    return int(min(2 * at.rank, *at.shape))


def _is_covered(at: MatrixProblem) -> bool:
    """Whether theorems on exact data are about such a problem."""
    is_free = not (at.has_unit_trace or at.is_nonnegative or at.free or at.is_penalised)
    is_plain = at.losses.is_squared and bool(np.all(at.weights == 1))
    return is_free and is_plain and not at.is_rounded


def _minima_source(at: MatrixProblem) -> str:
    """Return which theorem says that minima are global."""
    if not at.is_psd:
        return "by_page_general"
    return "by_page_hermitian" if at.is_complex else "by_zhang"


def _name_source(said: Statement, at: MatrixProblem, source: str) -> None:
    """Require the name of a theorem; earlier documents, of real matrices U U^T alone, have none."""
    if not said.says(source) and (at.is_complex or not at.is_psd):
        said.must_say(source)


def _open(said: Statement, at: MatrixProblem) -> Check:
    limits = {
        "no_false_minimum": [_sharp(k, at.rank) for k in range(1, at.rank + 1)],
        "saddles_curved": [0.2],
    }
    parts_only = at.is_complex and said.says("real_parts_only")
    flat = not at.is_psd and said.finding.claim == "saddles_curved" and said.says("unbalanced_saddles")
    if not (parts_only or flat or said.says("exact_data_only") or said.says("flat_truth")):
        said.says("premise_rank", twice=_twice(at), rank=("to", _twice(at) - 1))
        for limit in limits.get(said.finding.claim, [1.0]):
            said.says("premise_delta", limit=limit, delta=("from", limit))
    return said.nothing_claimed()


def _sharp(truth: int, columns: int) -> float:
    """Return the constant below which factors with so many columns have no false minimum."""
    return float(1 / (1 + np.sqrt(truth / columns)))


# -------------------------------------------------------------------- the claims


def _minima(said: Statement, at: MatrixProblem, premise: Assumed) -> str:
    limit = _sharp(premise.truth_rank, at.rank)
    if premise.truth_rank == at.rank:
        said.must_say("no_false_minimum")
    else:
        said.must_say("no_false_minimum_wide", limit=limit, truth=premise.truth_rank, rank=at.rank)
    _name_source(said, at, _minima_source(at))
    said.require(_is_covered(at) and premise.noise == 0, "the theorem is not about such a problem")
    said.require(premise.delta < limit, f"delta is {premise.delta}")
    said.needed("bound")
    said.close("bound", limit)
    said.needed("value")
    said.close("value", premise.delta)
    return f"delta is below {limit:.3g}"


def _saddles(said: Statement, at: MatrixProblem, premise: Assumed) -> str:
    said.must_say("saddles")
    _name_source(said, at, "by_ge")
    said.require(
        _is_covered(at) and at.is_psd and premise.noise == 0, "the theorem is not about such a problem"
    )
    said.require(premise.delta < 0.2, f"delta is {premise.delta}")
    if at.rank > min(at.shape):
        said.fault("the matrix has fewer singular values than the factor has columns")
        return ""
    smallest = float(np.linalg.svd(at.low_rank(), compute_uv=False)[at.rank - 1])
    steep, flat = (
        -2 * (2**0.5 - 1) * (1 - 5 * premise.delta) * (smallest - error) / premise.scale
        for error in (_error_of(at, premise), _error_of(at, premise, charges=4))
    )
    said.require(steep < 0, "the smallest singular value may be zero")
    said.needed("value")
    said.at_least("value", steep)
    said.at_most("value", min(flat, 0.0))
    return f"curvature {steep:.3g} or lower at other stationary points"


def _error(said: Statement, at: MatrixProblem, premise: Assumed) -> str:
    said.must_say("residual_and_noise")
    distance = _error_of(at, premise)
    said.needed("value")
    said.at_least("value", distance)
    said.at_most("value", _error_of(at, premise, charges=4))
    return f"at most {distance:.3g} from the truth"


def _error_of(at: MatrixProblem, premise: Assumed, charges: int = 1) -> float:
    """Return the largest distance to the truth, with so many times the rounding of the measurements."""
    m, n = at.shape
    residual = float(np.linalg.norm(at.measure(at.matrix()) - at.y))
    norm = float(np.sqrt(m * n * (1 + premise.delta) / premise.scale))
    u = at.scaled_factor if at.is_psd else at.u
    sizes = float(np.linalg.norm(u) * np.linalg.norm(u if at.is_psd else at.v))
    rounding = gamma(m * n + at.rank + 4, u.dtype) * norm * sizes
    if at.is_rounded:
        rounding += 2.0**-23 * float(np.linalg.norm(at.y))
    most = (residual + charges * rounding) * (1 + gamma(at.y.size + 8)) + premise.noise
    return float(most * np.sqrt(premise.scale / (1 - premise.delta)))


CLAIMS = {"no_false_minimum": _minima, "saddles_curved": _saddles, "error_bounded": _error}


# -------------------------------------------------------------------- the premise


def _is_contradicted(at: MatrixProblem, premise: Assumed) -> bool:
    """Whether a matrix of the rank that is easily found contradicts the premise."""
    low, high = (1 - premise.delta) / premise.scale, (1 + premise.delta) / premise.scale
    ratios = np.array(_ratios(at, premise.rank))
    return bool(np.any(ratios < low * (1 - 1e-8)) or np.any(ratios > high * (1 + 1e-8)))


def _ratios(at: MatrixProblem, rank: int) -> list[float]:
    """Return |A(X)|^2 / |X|^2 of some matrices of a rank."""
    ratios = []
    for matrix in [at.low_rank(), *_units(at), *_extremes(at, rank)]:
        size = float(np.linalg.norm(matrix))
        if size > 0:
            ratios.append(float(np.linalg.norm(at.measure(matrix / size)) ** 2))
    return ratios


def _units(at: MatrixProblem) -> list[Matrix]:
    """Return the matrices of the cells that are seen least and most, symmetric if they must be."""
    if at.cells is not None:
        seen = np.zeros(at.shape)
        np.add.at(seen, at.cells, 1.0)
    else:
        assert at.matrices is not None
        seen = np.sum(np.abs(at.matrices) ** 2, axis=0)
    seen = (seen + seen.T) / 2 if at.is_psd else seen
    out = []
    for cell in (np.argmin(seen), np.argmax(seen)):
        unit = np.zeros(at.shape)
        unit[np.unravel_index(int(cell), at.shape)] = 1.0
        turns = [1.0, 1j] if at.is_complex else [1.0]
        for turn in turns:
            turned = turn * unit
            out.append(turned + turned.conj().T if at.is_psd else turned)
    return out


def _basis(at: MatrixProblem) -> Matrix:
    """Return an orthonormal basis, over the reals, of all matrices of the structure."""
    (m, n), out = at.shape, []
    for i in range(m):
        for j in range(i if at.is_psd else 0, n):
            for turn in (1.0, 1j) if at.is_complex else (1.0,):
                unit = np.zeros((m, n), complex if at.is_complex else float)
                unit[i, j] = turn
                unit = unit + unit.conj().T if at.is_psd else unit
                if np.any(unit):
                    out.append(unit / np.linalg.norm(unit))
    return np.array(out)


def _extremes(at: MatrixProblem, rank: int) -> list[Matrix]:
    """Return the matrices that A stretches least and most among all, cut to the rank."""
    if at.shape[0] * at.shape[1] > MOST_SIDES:
        return []
    basis = _basis(at)
    table = np.array([at.measure(matrix) for matrix in basis]).T
    vectors = np.linalg.eigh(table.T @ table)[1]
    out = []
    for vector in (vectors[:, 0], vectors[:, -1]):
        left, values, right = np.linalg.svd(np.tensordot(vector, basis, 1))
        keep = min(rank, len(values))
        cut = (left[:, :keep] * values[:keep]) @ right[:keep]
        out.append((cut + cut.conj().T) / 2 if at.is_psd else cut)
    return out


# -------------------------------------------------------------------- the data


def _symmetrised(at: MatrixProblem) -> MatrixProblem:
    """Return the problem with Hermitian measuring matrices, which measure such matrices alike."""
    if at.matrices is None or not at.is_psd:
        return at
    return replace(at, matrices=(at.matrices + at.matrices.conj().transpose(0, 2, 1)) / 2)


def _is_in_scale(at: MatrixProblem) -> bool:
    """Whether squares of the numbers neither overflow nor vanish."""
    for numbers in (at.y, at.u, at.v, *(() if at.matrices is None else (at.matrices,))):
        sizes = np.abs(numbers[numbers != 0])
        if sizes.size and not (sizes.max() < 1e100 and sizes.max() > 1e-100):
            return False
    return True


def _may_fit(at: MatrixProblem, premise: Assumed) -> bool:
    """Whether some matrix of any rank leaves no more than the noise, as far as that is easily found."""
    if at.cells is not None or at.shape[0] * at.shape[1] > MOST_SIDES:
        return True
    table = np.array([at.measure(matrix) for matrix in _basis(at)]).T
    left = at.y - table @ np.linalg.lstsq(table, at.y, rcond=None)[0]
    noise = premise.noise * (1 + 1e-9) + 1e-6 * float(np.linalg.norm(at.y))
    return bool(np.linalg.norm(left) <= noise)


def _shows_false_minimum(said: Statement, beside: Certificate) -> bool:
    """Whether the certificate says that the point is a local minimum and not a global one."""
    verdicts = {finding.claim: finding.verdict for finding in beside}
    minimum = Verdict.SUPPORTED in (verdicts.get("strict_local_minimum"), verdicts.get("local_minimum"))
    refuted = verdicts.get("globally_optimal") is Verdict.REFUTED
    return minimum and refuted and said.finding.claim != "error_bounded"
