"""Tensors of low Tucker rank from all or some of their cells."""

from lowland.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    "lowland.tensors",
    {
        "lowland.tensors.cell_errors": ["NewCellError"],
        "lowland.tensors.completed_tensor": ["CompletedTensor"],
        "lowland.tensors.cp_fit": ["CPDecomposition"],
        "lowland.tensors.cp_decomposition": ["decompose_cp"],
        "lowland.tensors.stored_tensor": ["StoredTensor"],
        "lowland.tensors.decompose": ["decompose_tucker"],
        "lowland.tensors.fit": ["TuckerFit"],
        "lowland.tensors.observations": ["TensorObservations"],
        "lowland.tensors.ranks": ["RankChoice"],
        "lowland.tensors.reading": ["read_tensor"],
        "lowland.tensors.folding": ["read_tensor_table"],
        "lowland.tensors.tensor_file": ["TensorFile"],
        "lowland.tensors.tucker_tensor": ["TuckerTensor"],
    },
)
