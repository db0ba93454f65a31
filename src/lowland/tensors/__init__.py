"""Tensors: reading them, choosing ranks, and the error of cells that are not known."""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland.tensors",
    {
        "lowland.tensors.cell_errors": ["NewCellError"],
        "lowland.tensors.ranks": ["RankChoice"],
        "lowland.tensors.reading": ["read_tensor"],
        "lowland.tensors.folding": ["read_tensor_table"],
        "lowland.tensors.tensor_file": ["TensorFile"],
    },
)
