"""How the cells of a column are written, and a filled cell in the same manner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lowland.core.cells.labels import label_text
from lowland.files.columns.sentinels import CODES
from lowland.files.evidence import is_padded
from lowland.files.numerals import MISSING, Numerals
from lowland.files.table_format import TableFormat
from lowland.files.writing.original import Original
from lowland.files.writing.spelling import DIGITS, Digits, Spelling, decade, decimals_of

# numbers that are all whole, though their kind or spelling has decimals, from which a column holds counts:
# pandas makes 2.0 of 2 where cells are missing, and ten measured numbers are hardly ever whole
WHOLES = 10
# digits of numbers that a program calculated, and of how many in a column these are left out of account
CALCULATED, FEW = 12, 0.1
# below which doubles hold all whole numbers
EXACT = 2.0**53
# distinct cells of a column whose spelling is looked at
MOST_SPELT = 10_000


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
    even : bool
        Whether all are whole, if only by value.
    rounded, full : Digits
        How many decimals they have: those of a few digits, and those of as many as doubles have.
    calculated : int
        How many of them have so many.
    spelling : Spelling or None
        How numbers are spelt that are text.
    truths : bool
        Whether all are truth values, not text.
    texts : bool
        Whether all are text.
    padded : bool
        Whether one is text that begins with a zero before other digits.
    signed : bool
        Whether a number elsewhere in the column is below zero.
    seen : int
        How many of them are numbers.
    """

    numbers: bool = True
    whole: bool = True
    even: bool = True
    rounded: Digits = field(default_factory=Digits)
    full: Digits = field(default_factory=Digits)
    calculated: int = 0
    spelling: Spelling | None = None
    truths: bool = True
    texts: bool = True
    padded: bool = False
    signed: bool = False
    seen: int = 0
    _spelt: set[str] = field(default_factory=set)

    @property
    def digits(self) -> Digits:
        """How many decimals its fills have: a few sums and means among rounded numbers show none."""
        return self.rounded if self.calculated <= FEW * self.seen else self.full

    @property
    def holds_truths(self) -> bool:
        """Whether there are cells, and all are truth values."""
        return self.truths and not self.numbers

    @property
    def holds_whole(self) -> bool:
        """Whether there are numbers, all whole and of a kind that says so, and no text."""
        return self.numbers and self.whole and self.spelling is None and self.seen > 0

    @property
    def holds_counts(self) -> bool:
        """Whether fills are whole numbers."""
        if not self.numbers or not self.seen or (self.spelling is not None and self.spelling.is_scientific):
            return False
        return self.whole or (self.even and self.seen >= WHOLES)

    @property
    def least(self) -> float:
        """The least number, as far as its sign is concerned."""
        return -math.inf if self.signed else self.digits.least

    @property
    def finest(self) -> float:
        """The decimals of its fills, infinite where these are not rounded."""
        finest = self.digits.finest if self.numbers and self.seen else DIGITS
        return 0 if self.holds_counts else finest if finest < DIGITS else math.inf

    def see(self, cell: Any, numerals: Numerals, *, floats_are_whole: bool = False) -> None:
        """Take in a cell that is not blank, of a column whose numbers are written so."""
        self.truths = self.truths and isinstance(cell, bool | np.bool_)
        self.texts = self.texts and isinstance(cell, str)
        if not self.numbers:
            return
        if isinstance(cell, str):
            self._see_text(cell, numerals)
            return
        if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | Decimal | np.number):
            self.numbers = False
            return
        number = float(cell)
        if math.isnan(number):
            return
        whole = isinstance(cell, int | np.integer)
        self._see_number(number, whole or (floats_are_whole and number.is_integer()))
        decimals = 0 if whole else decimals_of(number)
        self.full.see(number, decimals)
        if number and decimals + decade(number) >= CALCULATED:
            self.calculated += 1
        else:
            self.rounded.see(number, decimals)

    def _see_text(self, cell: str, numerals: Numerals) -> None:
        if cell in self._spelt:
            self.seen += 1
            return
        self.padded = self.padded or is_padded(cell)
        number = numerals.number(cell)
        if number is None:
            self.numbers = False
            return
        if math.isnan(number):
            return
        self.spelling = self.spelling or Spelling(numerals, self.rounded)
        spelt = self.spelling.see(cell, number)
        self._see_number(number, spelt is not None and not spelt.point and not spelt.letter)
        if len(self._spelt) < MOST_SPELT:
            self._spelt.add(cell)

    def _see_number(self, number: float, whole: bool) -> None:
        self.seen += 1
        self.whole = self.whole and whole
        self.even = self.even and number.is_integer() and abs(number) < EXACT

    def fill(self, value: float, *, means: bool) -> float | int:
        """Return a fill as a number: whole among counts, else with the decimals of the others."""
        if means or not self.seen:
            return float(f"{value:.{DIGITS}g}")
        if not self.holds_counts:
            return self.digits.round(value)
        number = whole_fill(value, self.least)
        return number if self.whole else float(number)


def filled_cell(
    value: float, manner: Manner, original: Original, numerals: Numerals, *, means: bool
) -> float | int | str:
    """Return a fill as a completed table holds it: a number, or text as the others of its column are.

    Parameters
    ----------
    value : float
    manner : Manner
        Of its column.
    original : Original
    numerals : Numerals
        Of its column.
    means : bool
        Whether it stays a mean, with nine digits.
    """
    # some numbers are kept as text, although their kind of file has numbers
    if original.is_text or (manner.texts and manner.seen):
        return filled_text(value, manner, numerals, means=means)
    return manner.fill(value, means=means)


def filled_text(value: float, manner: Manner, numerals: Numerals, *, means: bool) -> str:
    """Return a fill of a column of text as the others are spelt."""
    number = manner.fill(value, means=means)
    if manner.spelling is None or not manner.spelling.cells:
        return numerals.beside.dress(str(number).replace(".", numerals.decimal))
    digits = manner.digits
    places = max(int(digits.fewest), 0) if manner.holds_counts else digits.places(number)
    return manner.spelling.write(number, None if means else places)


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


def are_counts(numbers: NDArray[Any], least: int = WHOLES) -> bool:
    """Return whether floats are counts: so many of them at least, and all whole."""
    known = numbers[~np.isnan(numbers)]
    return known.size >= least and bool(((known == np.floor(known)) & (np.abs(known) < EXACT)).all())


def whole_fill(value: float, least: float) -> int:
    """Return a number filled among whole ones: not negative unless the least of them is."""
    rounded = round(float(value))
    return max(rounded, 0) if least >= 0 else rounded


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
