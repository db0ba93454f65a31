"""The judges of tensors."""

from __future__ import annotations

from lowland.certificates.judge import Judge
from lowland.certificates.judges import JUDGES
from lowland.tensors.capabilities import CellFit, ComponentsFit, TensorFit
from lowland.tensors.certificates.cp_uniqueness import judge_uniqueness
from lowland.tensors.certificates.determinacy import judge_components, judge_tensor_determinacy
from lowland.tensors.certificates.flattenings import judge_flattenings
from lowland.tensors.certificates.high_order_saddles import judge_local_minimum

TENSOR_JUDGES = (
    *JUDGES,
    Judge(
        ("globally_optimal",), CellFit, judge_flattenings, stage=1, holds_constrained=("globally_optimal",)
    ),
    Judge(("components_determined",), ComponentsFit, judge_components, stage=2),
    Judge(
        ("unique_decomposition",),
        ComponentsFit,
        judge_uniqueness,
        stage=1,
        holds_constrained=("unique_decomposition",),
    ),
    Judge(("determined_by_data", "uniquely_determined"), TensorFit, judge_tensor_determinacy, stage=2),
    Judge(("local_minimum",), TensorFit, judge_local_minimum, stage=5),
)
