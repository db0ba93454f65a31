"""The names of the package, for type checkers; at run time they load when first used."""

from lowland.tensors.cell_errors import NewCellError as NewCellError
from lowland.tensors.folding import read_tensor_table as read_tensor_table
from lowland.tensors.ranks import RankChoice as RankChoice
from lowland.tensors.reading import read_tensor as read_tensor
from lowland.tensors.tensor_file import TensorFile as TensorFile
