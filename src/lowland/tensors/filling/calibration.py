"""Errors on held-out cells, by which intervals of a completed tensor are calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from lowland.bayes.score_quantile import interval_reach
from lowland.core.arrays import Vector
from lowland.core.brief import briefly
from lowland.tensors.filling.candidates import Candidate, pooled_error


@briefly
@final
@dataclass(frozen=True, eq=False)
class Calibration:
    """Errors on cells held out of shorter runs.

    Parameters
    ----------
    error : float
        Root mean square, of single cells where there are some.
    scores : ndarray, shape (k,)
        Errors of single cells over the standard errors that the runs state, ascending.
    slice_scores : tuple of ndarray
        The same for each slice that was held out as a whole, if slices are missing.
    slice_error : float or None
        Root-mean-square error of the cells of these.
    """

    error: float
    scores: Vector
    slice_scores: tuple[Vector, ...] = ()
    slice_error: float | None = None

    @property
    def count(self) -> int:
        """Number of cells that `error` is of."""
        return self.scores.size or self.slice_count

    @property
    def slice_count(self) -> int:
        """Number of cells of whole slices."""
        return sum(scores.size for scores in self.slice_scores)

    def of_slices(self, level: float) -> float:
        """Return the half-width of intervals of a level, in standard errors, in slices without known cells.

        Cells of one slice err together: what nearly all slices need, of few the one that needs most; and a
        few slices that happened to be easy do not make intervals narrower than the draws do.
        """
        from scipy.special import ndtri

        needed = [interval_reach(scores, level) for scores in self.slice_scores]
        normal = float(ndtri((1 + level) / 2))
        return max(float(np.quantile([normal, *needed], level, method="higher")), normal)

    @classmethod
    def of(cls, judged: Sequence[Candidate]) -> Calibration:
        """Return the errors of several runs together."""
        slices = [
            np.sort(one.scores[one.held.slices == k])
            for one in judged
            for k in np.unique(one.held.slices[one.held.slices >= 0]).tolist()
        ]
        single = np.sort(np.concatenate([one.scores[one.held.slices < 0] for one in judged]))
        if not slices:
            return cls(pooled_error(judged), single)
        whole = pooled_error(judged, whole=True)
        return cls(pooled_error(judged, whole=False) if single.size else whole, single, tuple(slices), whole)
