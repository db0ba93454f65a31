"""How the cells of a column are written, and a filled cell in the same manner."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, final
from weakref import WeakKeyDictionary

import numpy as np

from lowland.core.cells.labels import label_text
from lowland.files.columns.sentinels import CODES
from lowland.files.evidence import is_padded
from lowland.files.numerals import CURRENCIES, MISSING, Numerals
from lowland.files.table_format import TableFormat
from lowland.files.writing.original import Original

_WHOLE = re.compile(r"[+-]?\d+")
# a number as text, and the signs of currency or per cent around it
_SIGNED = re.compile(
    rf"(?P<before>[{CURRENCIES}]?[\s\u00a0\u202f]*)[+\-\u2212]?\d(?:.*\d)?[.,]?"
    rf"(?P<after>[\s\u00a0\u202f]*[{CURRENCIES}%]?)"
)


def is_blank(cell: Any) -> bool:
    """Return whether a cell holds nothing."""
    return cell is None or (isinstance(cell, float) and math.isnan(cell)) or not str(cell).strip()


@final
@dataclass(kw_only=True)
class Manner:
    """What the cells of a column have in common, as far as they were seen.

    It knows nothing of how columns were read: what is found here is found from the cells alone.

    Parameters
    ----------
    numbers : bool
        Whether all are numbers, but for marks of missing cells.
    whole : bool
        Whether all are whole, and written so.
    least : float
        The smallest.
    truths : bool
        Whether all are truth values, not text.
    texts : bool
        Whether all are text.
    padded : bool
        Whether one is text that begins with a zero before other digits.
    seen : int
        How many numbers there are.
    signs : tuple of str or None
        What stands before and after each number that is text; None if that differs.
    """

    numbers: bool = True
    whole: bool = True
    least: float = math.inf
    truths: bool = True
    texts: bool = True
    padded: bool = False
    seen: int = 0
    signs: tuple[str, str] | None = None

    @property
    def holds_truths(self) -> bool:
        """Whether there are cells, and all are truth values."""
        return self.truths and not self.numbers

    def see(self, cell: Any, numerals: Numerals, *, floats_are_whole: bool = False) -> None:
        """Take in a cell that is not blank, of a column whose numbers are written so."""
        self.truths = self.truths and isinstance(cell, bool | np.bool_)
        self.texts = self.texts and isinstance(cell, str)
        if not self.numbers:
            return
        self.padded = self.padded or (isinstance(cell, str) and is_padded(cell))
        number, whole = _number(cell, numerals, floats_are_whole=floats_are_whole)
        if number is None:
            self.numbers = False
        elif not math.isnan(number):
            signs = signs_around(cell) if isinstance(cell, str) else ("", "")
            self.signs = signs if self.signs == signs or not self.seen else None
            self.seen += 1
            self.least, self.whole = min(self.least, number), self.whole and whole


def signs_around(cell: str) -> tuple[str, str] | None:
    """Return the signs of currency or per cent around a number, None if something else stands there."""
    found = _SIGNED.fullmatch(cell.strip())
    return (found["before"], found["after"]) if found is not None else None


def _number(cell: Any, numerals: Numerals, *, floats_are_whole: bool) -> tuple[float | None, bool]:
    """Return a cell's number, NaN of a mark, None if it is none, and whether it is written as a whole one."""
    if isinstance(cell, str):
        number = numerals.number(cell)
        written = (
            re.sub(rf"[{re.escape(numerals.thousands)}\s'\u2019]", "", cell) if number is not None else ""
        )
        digits = _WHOLE.search(written)
        whole = digits is not None and numerals.decimal not in written and number is not None
        return number, whole and float(number or 0.0).is_integer()
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | Decimal | np.number):
        return None, False
    number = float(cell)
    whole = isinstance(cell, int | np.integer) or (floats_are_whole and number.is_integer())
    return number, whole


# of tables that are still in use: to find them, a table is read from its first to its last line
_FOUND: WeakKeyDictionary[Original, dict[str, Manner]] = WeakKeyDictionary()


def find_manners(original: Original) -> dict[str, Manner]:
    """Return how the cells of each column are written; a table is read for it once."""
    if original not in _FOUND:
        _FOUND[original] = _read_manners(original)
    return _FOUND[original]


def _read_manners(original: Original) -> dict[str, Manner]:
    manners = [Manner() for _ in original.names]
    numerals = [original.numerals.of(name) for name in original.names]
    for line in original.lines():
        for manner, own, cell in zip(manners, numerals, line, strict=True):
            if not is_blank(cell):
                manner.see(cell, own, floats_are_whole=original.floats_are_whole)
    return dict(zip(original.names, manners, strict=True))


def may_fill(cell: Any, manner: Manner, form: TableFormat) -> bool:
    """Return whether a cell may be filled: it is blank, or a mark of missing cells for all that is known.

    Parameters
    ----------
    cell : str or value
    manner : Manner
        Of its column.
    form : TableFormat
        What a person says about marks.
    """
    if is_blank(cell):
        return True
    text = str(cell).strip()
    if text in form.missing or (manner.numbers and text in MISSING):
        return True
    number = Numerals().number(text)
    if number is None:
        return False
    named = {Numerals().number(mark) for mark in form.missing}
    near = [code for code in CODES if abs(number - code) <= 1e-6 * abs(code)]
    return number in named or (form.sentinels == "missing" and bool(near))


def filled_number(value: float, manner: Manner, *, means: bool) -> float | int:
    """Return a filled number with nine digits: whole among whole ones, not negative where none is."""
    if not manner.whole or means or not manner.seen:
        return float(f"{value:.9g}")
    return whole_fill(value, manner.least)


def whole_fill(value: float, least: float) -> int:
    """Return a number filled among whole ones: not negative unless the least of them is."""
    rounded = round(float(value))
    return max(rounded, 0) if least >= 0 else rounded


def number_text(number: float, manner: Manner, numerals: Numerals) -> str:
    """Return a filled number as its column of text writes numbers, with what stands beside them."""
    text = str(number).replace(".", numerals.decimal)
    if numerals.beside.unit or numerals.beside.before:
        return numerals.beside.dress(text)
    before, after = manner.signs or ("", "")
    return before + text + after


def as_text(cell: Any, original: Original) -> str:
    """Return a cell as a text file holds it: text as it is, other values as people write them."""
    if isinstance(cell, str):
        return cell
    if is_blank(cell):
        return ""
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell)).upper()
    if isinstance(cell, float):
        shown = int(cell) if original.floats_are_whole and cell.is_integer() else float(cell)
        return str(shown).replace(".", original.numerals.decimal)
    return label_text(cell)


def word_of(words: Sequence[str], code: float) -> str:
    """Return the word of a predicted position; a column of one word was fitted as a number."""
    return words[min(max(round(code), 0), len(words) - 1)]


def word_or_truth(word: str, manner: Manner) -> str | bool:
    """Return a filled word as its column holds it."""
    return word.lower() == "true" if manner.truths else word


@final
class ValueOf:
    """Turns a cell of a column into a value: numbers of a text file into what they say."""

    def __init__(self, original: Original, name: str, manner: Manner) -> None:
        numerals = original.numerals.of(name)
        are_numbers = original.is_text and manner.numbers and not manner.padded
        self._numerals = numerals if are_numbers and not numerals.beside.is_text else None
        self._whole = manner.whole

    def __call__(self, cell: Any) -> Any:
        """Return the value, None of a blank cell or a mark."""
        if is_blank(cell):
            return None
        if self._numerals is None or not isinstance(cell, str):
            return cell
        number = self._numerals.number(cell)
        if number is None or number != number:
            return None
        whole = self._whole and number.is_integer()
        return (
            int(cell) if whole and cell.strip().lstrip("+-").isdigit() else int(number) if whole else number
        )
