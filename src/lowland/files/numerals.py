"""Read numbers as people write them: decimal commas, groups of digits, currency, per cent, missing cells."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.errors import InvalidInputError
from lowland.core.wording import Option, Words
from lowland.files.beside_numbers import NOTHING, SIGNED, SIGNS, Beside, beside_words, find_beside

# what programs write for a missing cell, and what people write, which may be a word as well
_CODES = ("", "NA", "N/A", "n/a", "na", "#N/A", "#NA", "<NA>", "NaN", "nan", "NaT", "NULL", "Null", "null")
_ERRORS = ("#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!")
_SIGNS = ("None", "none", "-", "--", "\u2013", "\u2014", "?", ".", "..", ":")
# cells that mean missing where the others of a column are numbers; among words they are words
MISSING = (*_CODES, *_ERRORS, *_SIGNS)
_MARKS = frozenset(MISSING)
CURRENCIES = SIGNS
_SPACES = " \u00a0\u2007\u2009\u202f'\u2019"
_SPACED = re.compile(rf"(?<=\d)[{_SPACES}](?=\d{{3}}(\D|$))")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# 1.9D+01, as Fortran writes double precision
_FORTRAN = re.compile(r"(\d\.\d*|\.\d+)[dD]([+-]?\d{1,3})$")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,18}")
# digits that every double holds
DIGITS = 15
# a mark between digits, by what it can only be
_ONLY_DECIMAL = r"[+-]?(\d*{m}(\d{{1,2}}|\d{{4,}})|0+{m}\d+|\d{{4,}}{m}\d+|\d{{1,3}}(\{o}\d{{3}})+{m}\d+)"
_ONLY_GROUPS = (
    r"[+-]?[1-9]\d{{0,2}}(({m}\d{{3}}){{2,}}|({m}\d{{3}})+\{o}\d*)|"
    r"[+-]?[1-9]\d?({m}\d{{2}})+{m}\d{{3}}(\{o}\d*)?"  # lakhs and crores
)
_GROUPS = r"[+-]?(\d{{1,3}}({m}\d{{3}})+|\d\d?({m}\d\d)+{m}\d{{3}})"
_EITHER = r"[+-]?[1-9]\d{{0,2}}{m}\d{{3}}"


@final
@dataclass(frozen=True, kw_only=True)
class Numerals:
    """How numbers are written.

    Parameters
    ----------
    decimal : {".", ","}
    thousands : str
        Mark between groups of three digits; "" if there is none. Spaces and apostrophes are always allowed.
    named : frozenset of str
        Cells that were named as missing, besides the usual marks.
    signs : str
        Signs of currency and per cent that stand beside numbers.
    beside : Beside
        What else stands beside them.
    by_column : mapping of str to Beside
        What else stands beside the numbers of some columns, by their names.
    notes : tuple of str
        What is said about these.
    sides : mapping of str to ndarray of int8
        Of columns with censored cells, for each line: -1 where a number lies below what is written, 1 where
        above, else 0.
    """

    decimal: str = "."
    thousands: str = ""
    named: frozenset[str] = frozenset()
    signs: str = ""
    beside: Beside = NOTHING
    by_column: Mapping[str, Beside] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sides: Mapping[str, NDArray[np.int8]] = field(default_factory=dict)

    def with_beside(
        self, by_column: Mapping[str, Beside], cells: Mapping[str, tuple[Sequence[str], NDArray[Any]]]
    ) -> Numerals:
        """Return the same with what stands beside the numbers of some columns.

        Parameters
        ----------
        by_column : mapping of str to Beside
        cells : mapping of str to pair
            Distinct cells of these columns, and the place of each line's cell among them.
        """
        counts = {name: found.count(*cells[name]) for name, found in by_column.items()}
        sides = {
            name: np.array([found.side(cell) for cell in cells[name][0]], np.int8)[cells[name][1]]
            for name, found in by_column.items()
            if counts[name]["censored"] and found.censored == "within"
        }
        return replace(self, by_column=by_column, notes=beside_words(by_column, counts), sides=sides)

    def of(self, name: str) -> Numerals:
        """Return how the numbers of a column are written."""
        return replace(self, beside=self.by_column.get(name, NOTHING), by_column={}, sides={})

    @property
    def words(self) -> str:
        """What is unusual about the numbers, with the options that say otherwise; "" if nothing is."""
        words = []
        if self.decimal == ",":
            words.append("decimal commas (--decimal)")
        if self.thousands:
            words.append(f"{self.thousands!r} between thousands (--thousands)")
        if self.signs:
            words.append(f"{' '.join(self.signs)} left off numbers")
        return ", ".join(words)

    @property
    def missing(self) -> frozenset[str]:
        """Cells that mean missing among numbers."""
        return _MARKS | self.named

    @property
    def is_plain(self) -> bool:
        """Whether decimals are written with a point, and digits without groups."""
        return self.decimal == "." and not self.thousands

    def number(self, text: str) -> float | None:
        """Return a cell's number, NaN if it means missing, or None if it is something else."""
        cell = text.strip()
        if cell in _MARKS or cell in self.named or text in self.named:
            return float("nan")
        if self.decimal == "." and _PLAIN.fullmatch(cell):
            return float(cell)
        if self.beside is not NOTHING:
            if self.beside.keeps(cell):
                return float("nan")
            if self.beside.differ and SIGNED.fullmatch(cell):
                return None
            cell = self.beside.plain(cell)
        cell = bare(cell)
        marks = self.thousands + _SPACES
        if any(mark in cell for mark in marks):
            cell = _without_groups(cell, marks, self.decimal)
        if self.decimal != ".":
            if "." in cell:
                return None
            cell = cell.replace(self.decimal, ".")
        cell = _FORTRAN.sub(r"\1e\2", cell)
        if _PLAIN.fullmatch(cell) or _INFINITE.fullmatch(cell):
            return float(cell)
        return None


# numbers of either decimal mark
EITHER_MARK = (Numerals(thousands=","), Numerals(decimal=",", thousands="."))


def bare(cell: str) -> str:
    """Return a cell without a sign of currency or per cent, and with the usual minus."""
    cell = cell.replace("\u2212", "-")
    if cell.isascii() and (cell[:1].isdigit() or not cell) and cell[-1:].isdigit():
        return cell
    sign = cell[:1] if cell[:1] in ("+", "-") else ""
    cell = cell[len(sign) :].strip(CURRENCIES + "% \u00a0\u202f")
    return sign + cell


def _without_groups(cell: str, marks: str, decimal: str) -> str:
    """Return a number without the marks between its groups of three digits, if they stand where they may."""
    whole, point, rest = cell.partition(decimal)
    for mark in marks:
        if mark in whole and re.fullmatch(_GROUPS.format(m=re.escape(mark)), whole):
            return whole.replace(mark, "") + point + rest
    return cell


def find_numerals(
    cells: Collection[str],
    decimal: str | None,
    thousands: str | None,
    missing: Collection[str],
    where: str,
    *,
    continental: bool = False,
) -> Numerals:
    """Return how numbers are written, from the cells that are no plain numbers.

    Parameters
    ----------
    cells : iterable of str
        Distinct cells of the columns that may hold numbers.
    decimal, thousands, missing
        As asked for, see `TableFormat`.
    where : str
        Name of the table in messages.
    continental : bool
        Whether semicolons separate the cells, as where commas are decimal marks.

    Raises
    ------
    InvalidInputError
        If a comma or a point may stand for decimals as well as between thousands.
    """
    named = frozenset(missing)
    if decimal is not None or thousands is not None:
        decimal = decimal or ("," if thousands == "." else ".")
        return Numerals(decimal=decimal, thousands=thousands or "", named=named, signs=signs_of(cells))
    bares = [_SPACED.sub("", bare(cell.strip())) for cell in cells]
    some = [cell for cell in bares if ("," in cell or "." in cell) and cell[-1:].isdigit()]
    comma = _what_mark_is(some, ",", ".")
    if comma == "either":
        raise _unclear("comma", ",", some, where)
    point = _what_mark_is(some, r"\.", ",") if comma == "nothing" else ""
    if point == "groups":
        return Numerals(decimal=",", thousands=".", named=named, signs=signs_of(cells))
    # 12.500 beside 900, in a file with semicolons: a thousand, or three decimals that whole numbers lack
    beside = any(re.fullmatch(r"[+-]?\d{1,3}", cell) for cell in bares)
    if point == "either" and continental and beside and not any("," in cell for cell in some):
        raise _unclear("point", r"\.", some, where)
    signs = signs_of(cells)
    if comma == "decimal":
        grouped = any(re.fullmatch(_ONLY_GROUPS.format(m=r"\.", o=","), c) for c in some)
        grouped = grouped or any(re.fullmatch(_EITHER.format(m=r"\."), c) for c in some)
        return Numerals(decimal=",", thousands="." if grouped else "", named=named, signs=signs)
    return Numerals(thousands="," if comma == "groups" else "", named=named, signs=signs)


def beside(cells: Collection[str], missing: Collection[str], censored: str = "within") -> Beside:
    """Return what stands beside the numbers of a column, whatever their decimal mark is."""
    return find_beside(cells, is_number, _MARKS | frozenset(missing), censored)


def is_plain(cell: str) -> bool:
    """Return whether a cell is a number as programs write it, without blanks or marks around it."""
    return _PLAIN.fullmatch(cell) is not None


def is_number(cell: str) -> bool:
    """Return whether a cell is a number with any decimal mark, and not a mark of missing cells."""
    text = cell.strip()
    if text in _MARKS:
        return False
    return is_plain(text) or any(one.number(text) is not None for one in EITHER_MARK)


def _unclear(name: str, mark: str, cells: Sequence[str], where: str) -> InvalidInputError:
    cell = next(cell for cell in cells if re.fullmatch(_EITHER.format(m=mark), cell))
    sign = "," if name == "comma" else "."
    return InvalidInputError(
        f"the {name}s of {where} may be decimal marks, or stand between thousands",
        repr(cell),
        "no other cell decides it",
        Words("say which: ", Option("decimal", sign), " or ", Option("thousands", sign)),
    )


def signs_of(cells: Collection[str]) -> str:
    """Return the signs of currency and per cent that stand beside digits."""
    pattern = re.compile(rf"([{re.escape(CURRENCIES)}])\s*[+-]?\d|\d\s*([{re.escape(CURRENCIES)}%])")
    pairs = (match.groups() for cell in cells for match in pattern.finditer(cell))
    return "".join(sorted({sign for pair in pairs for sign in pair if sign}))


def _what_mark_is(cells: Sequence[str], mark: str, other: str) -> str:
    """Return whether a mark separates decimals or groups of digits: else "either" or "nothing"."""
    form = {"m": mark, "o": other}
    decimal = any(re.fullmatch(_ONLY_DECIMAL.format(**form), cell) for cell in cells)
    groups = any(re.fullmatch(_ONLY_GROUPS.format(**form), cell) for cell in cells)
    either = any(re.fullmatch(_EITHER.format(**form), cell) for cell in cells)
    if decimal:
        return "nothing" if groups else "decimal"  # a contradiction: cells stay text, and are refused as such
    return "groups" if groups else "either" if either else "nothing"


def as_numbers(texts: Sequence[str], numerals: Numerals) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the numbers of distinct cells, and which of them are none."""
    numbers = [numerals.number(text) for text in texts]
    other = np.array([number is None for number in numbers], bool)
    return np.array([np.nan if number is None else number for number in numbers], float), other


def type_cells(codes: NDArray[Any], texts: Sequence[str], numerals: Numerals) -> NDArray[Any]:
    """Return a column as int64 if all cells are whole numbers, as float64 if all are numbers, else as text.

    Parameters
    ----------
    codes : ndarray of int, shape (p,)
        Positions of the cells among the distinct texts.
    texts : sequence of str
    numerals : Numerals
    """
    stripped = [text.strip() for text in texts]
    if stripped and all(_WHOLE.fullmatch(text) for text in stripped):
        whole = np.array([int(text) for text in stripped], np.int64)
        return np.asarray(whole[codes])
    numbers, other = as_numbers(texts, numerals)
    are_values = not any(map(is_long, stripped)) and not _are_words(stripped, numerals)
    if not other.any() and are_values:
        return numbers[codes] if numbers.size else np.zeros(0)
    return np.asarray(np.array(stripped, dtype=str)[codes])


def is_long(cell: str) -> bool:
    """Return whether a cell is a whole number of more digits than a double holds: a name, not a value."""
    text = cell.strip()
    return len(text) > DIGITS and _WHOLE.fullmatch(text) is not None and int(float(text)) != int(text)


def are_exact(numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which whole numbers a double holds."""
    return np.asarray(numbers.astype(np.float64).astype(numbers.dtype) == numbers)


def are_marks(cells: Collection[str], named: Collection[str] = ()) -> bool:
    """Return whether cells say no more than that they are missing.

    Marks that people write, such as "-" or "none", may be words: where a column has no number, they are kept.
    """
    return all(cell in (*_CODES, *_ERRORS) or cell in named for cell in cells)


def _are_words(cells: Sequence[str], numerals: Numerals) -> bool:
    """Return whether cells, none of which is anything but a number or a mark, are words."""
    return all(cell in numerals.missing for cell in cells) and not are_marks(cells, numerals.named)
