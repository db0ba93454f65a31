"""Matrix Market files: checked line by line before SciPy's parser, which trusts them, reads them."""

from __future__ import annotations

import io
import re
import warnings
from typing import IO

from lowland.core.cells.observations import Observations
from lowland.core.errors import FileFormatError
from lowland.files.sources import Opened, cannot_open

# bytes that are checked at once
BLOCK = 1 << 22
_HEADER = re.compile(
    rb"%%MatrixMarket\s+matrix\s+(coordinate|array)\s+(real|double|integer|unsigned-integer|complex|pattern)"
    rb"\s+(general|symmetric|skew-symmetric|hermitian)\s*",
    re.IGNORECASE,
)
# atomic, so that no line is tried in two ways
_NUMBER = rb"(?>[+-]?(?:\d++\.?\d*+|\.\d++|inf(?:inity)?|nan)(?:[eE][+-]?\d++)?)"
_GAP, _END = rb"[ \t]++", rb"[ \t]*+\r?\n"
_BLANK = rb"[ \t]*+\r?\n"


def read_matrix_market(opened: Opened) -> Observations:
    """Read a Matrix Market file; stored entries are observed.

    Raises
    ------
    FileFormatError
        Naming the first line that is not as it should be.
    """
    from scipy.io import mmread
    from scipy.sparse import coo_array, issparse

    try:
        with opened.stream() as file:
            _check(file, opened.name)
        with warnings.catch_warnings():
            # of the kind of sparse matrix, which is converted
            warnings.simplefilter("ignore", DeprecationWarning)
            matrix = mmread(opened.path or io.BytesIO(opened.data))
    except OSError as error:
        raise cannot_open(opened.name, error) from error
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise _not_valid(opened.name, str(error)) from error
    if not issparse(matrix):
        return Observations.from_array(matrix)
    entries = coo_array(matrix)
    return Observations.from_triples(
        entries.row, entries.col, entries.data.astype(float), shape=entries.shape
    )


def _check(file: IO[bytes], name: str) -> None:
    """Raise unless each line has as many numbers as the header says, and nothing else."""
    header = _HEADER.fullmatch(file.readline(BLOCK))
    if header is None:
        raise _not_valid(name, "line 1 is no header %%MatrixMarket matrix ...")
    kind, field, _ = (word.lower() for word in header.groups())
    line, number = b"%", 1
    while line.startswith(b"%") or re.fullmatch(_BLANK, line):
        line, number = file.readline(BLOCK), number + 1
    places = 2 if kind == b"coordinate" else 0
    if not re.fullmatch(rb"[ \t]*+" + _GAP.join([rb"\d++"] * (2 + places // 2)) + _END, _ended(line)):
        raise _not_valid(name, f"line {number} does not hold the sizes")
    values = {b"pattern": 0, b"complex": 2}.get(field, 1)
    entry = rb"[ \t]*+" + _GAP.join([*[rb"\d++"] * places, *[_NUMBER] * values]) + _END
    one = re.compile(rb"(?:" + entry + rb"|" + _BLANK + rb")", re.IGNORECASE)
    many = re.compile(rb"(?>" + entry + rb"|" + _BLANK + rb")*+", re.IGNORECASE)
    while block := file.read(BLOCK):
        block += file.readline(BLOCK)
        if not many.fullmatch(_ended(block)):
            for k, text in enumerate(_ended(block).splitlines(keepends=True), 1):
                if not one.fullmatch(text):
                    raise _not_valid(name, f"line {number + k} is no entry: {text[:40]!r}")
        number += block.count(b"\n")


def _ended(text: bytes) -> bytes:
    """Return text whose last line has an end."""
    return text if text.endswith(b"\n") else text + b"\n"


def _not_valid(name: str, words: str) -> FileFormatError:
    return FileFormatError(
        f"{name} is not a valid Matrix Market file", words, fix="write it with scipy.io.mmwrite"
    )
