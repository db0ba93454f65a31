"""The judges of matrices, and those that judge fits of any kind."""

from __future__ import annotations

from lowland.certificates.curvatures.curvature import CURVATURE_CLAIMS, judge_curvature
from lowland.certificates.gaps.optimality import judge_optimality
from lowland.certificates.judge import Judge
from lowland.certificates.judging import claims_of
from lowland.certificates.stationarity import judge_stationarity
from lowland.certificates.uniqueness.identifiability import judge_identifiability
from lowland.certificates.uniqueness.local_uniqueness import judge_local_uniqueness
from lowland.core.promises.fits import Fit, MatrixFit

# without an annotation, so that the type checker compares what a judge takes with what its row says
JUDGES = (
    Judge(("stationary",), Fit, judge_stationarity, stage=0),
    Judge(
        ("determined_by_data", "uniquely_determined"),
        MatrixFit,
        judge_identifiability,
        stage=1,
        about_missing=True,
    ),
    Judge(
        ("globally_optimal", "convex_optimal"),
        MatrixFit,
        judge_optimality,
        stage=2,
        holds_constrained=("globally_optimal",),
    ),
    Judge(("locally_unique",), MatrixFit, judge_local_uniqueness, stage=3, about_missing=True),
    Judge(CURVATURE_CLAIMS, Fit, judge_curvature, stage=4),
)
MATRIX_CLAIMS = claims_of(JUDGES)
