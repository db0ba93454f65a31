"""The names of the package, for type checkers; at run time they load when first used."""

from lowland.tensors.reading.files import read_tensor as read_tensor
from lowland.tensors.reading.tables import read_tensor_table as read_tensor_table
from lowland.tensors.reading.tensor_file import TensorFile as TensorFile
from lowland.tensors.tucker.cell_errors import NewCellError as NewCellError
from lowland.tensors.tucker.ranks import RankChoice as RankChoice
