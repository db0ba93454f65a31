"""Whether NA means missing among words, as it does among numbers: the rest of the table tells."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import LabelColumn
from lowland.files.numerals import EITHER_MARK, MISSING
from lowland.files.table_format import TableFormat

NA = "NA"
# codes of countries, continents and states, among which NA is one
_CODE = re.compile(r"[A-Z]{2}")


def na_among_words(columns: Mapping[str, Collection[str]], *, bare: bool = False) -> str:
    """Return why NA means missing in columns of words, in a few words; "" if it is a word, or in none.

    Parameters
    ----------
    columns : mapping of str to collection of str
        Distinct cells of each column that holds no labels.
    bare : bool
        Whether it stands without quotation marks among quoted words.
    """
    among_words = among_numbers = False
    for cells in columns.values():
        held = {cell.strip() for cell in cells}
        known = held.difference(MISSING)
        if NA not in held or not known:
            continue
        if all(any(one.number(cell) is not None for one in EITHER_MARK) for cell in known):
            among_numbers = True
        elif all(_CODE.fullmatch(cell) for cell in known):
            return ""
        else:
            among_words = True
    if not among_words:
        return ""
    if bare:
        return "it stands without quotation marks among quoted words"
    return "it does so among numbers" if among_numbers else ""


def with_marks(form: TableFormat, why: str) -> tuple[TableFormat, tuple[str, ...]]:
    """Return what is said about cells, with NA as a mark among words if there is a reason; and its words."""
    if not why or NA in form.missing or NA in form.words:
        return form, ()
    said = f"{NA} means missing among words: {why} (--word {NA}: it is one)"
    return form.with_missing(NA), (said,)


def distinct_texts(columns: Mapping[str, NDArray[Any] | LabelColumn]) -> dict[str, Collection[str]]:
    """Return the distinct cells of columns of text."""
    texts: dict[str, Collection[str]] = {}
    for name, column in columns.items():
        if isinstance(column, LabelColumn):
            texts[name] = [str(cell) for cell in column.names.tolist()]
        elif column.dtype.kind == "U":
            texts[name] = np.unique(column).tolist()
    return texts
