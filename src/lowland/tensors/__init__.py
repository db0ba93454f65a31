"""Tensors: reading them, choosing ranks, and the error of cells that are not known."""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland.tensors",
    {
        "lowland.tensors.tucker.cell_errors": ["NewCellError"],
        "lowland.tensors.tucker.ranks": ["RankChoice"],
        "lowland.tensors.reading.files": ["read_tensor"],
        "lowland.tensors.reading.tables": ["read_tensor_table"],
        "lowland.tensors.reading.tensor_file": ["TensorFile"],
    },
)
