"""The names of the package, for type checkers; at run time they load when first used."""

from lowland.tensors.cell_errors import NewCellError as NewCellError
from lowland.tensors.completed_tensor import CompletedTensor as CompletedTensor
from lowland.tensors.cp_decomposition import decompose_cp as decompose_cp
from lowland.tensors.cp_fit import CPDecomposition as CPDecomposition
from lowland.tensors.decompose import decompose_tucker as decompose_tucker
from lowland.tensors.fit import TuckerFit as TuckerFit
from lowland.tensors.folding import read_tensor_table as read_tensor_table
from lowland.tensors.observations import TensorObservations as TensorObservations
from lowland.tensors.ranks import RankChoice as RankChoice
from lowland.tensors.reading import read_tensor as read_tensor
from lowland.tensors.stored_tensor import StoredTensor as StoredTensor
from lowland.tensors.tensor_file import TensorFile as TensorFile
from lowland.tensors.tucker_tensor import TuckerTensor as TuckerTensor
