"""The names of the package, for type checkers; at run time they load when first used."""

from lowland.core.errors import FileFormatError as FileFormatError
from lowland.core.errors import InterruptedWarning as InterruptedWarning
from lowland.core.errors import InvalidInputError as InvalidInputError
from lowland.core.errors import LowlandError as LowlandError
from lowland.core.errors import MissingExtraError as MissingExtraError
from lowland.core.errors import TooLargeError as TooLargeError
from lowland.core.errors import UnderdeterminedWarning as UnderdeterminedWarning
from lowland.core.errors import UnsupportedError as UnsupportedError
from lowland.sensing.premise import PremiseError as PremiseError
