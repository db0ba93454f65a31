"""How many digits the numbers of a column have, how they are spelt in text, and a number in the same way."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import final

import numpy as np

from lowland.files.numerals import CURRENCIES, Numerals

# digits of a number that a fit predicts
DIGITS = 9
# steps of the last decimal between the least and the largest number, below which a fill has one more
STEPS = 10
# share of cells, in which what stands beside the numbers is the same, from which a fill has it too
AGREED = 0.9
_MINUS = "-\u2212"
_SPACES = " \u00a0\u2007\u2009\u202f"
_LAKHS = re.compile(r"\d{1,2}(\D)(\d\d\1)+\d{3}")


def decade(value: float) -> int:
    """Return the power of ten of the first digit of a number that is not 0."""
    return math.floor(math.log10(abs(value)))


def decimals_of(value: float) -> int:
    """Return how many decimals the shortest text of a number has; fewer than none of 1e+20."""
    text = repr(value)
    if len(text) > DIGITS and float(np.float32(value)) == value:
        text = str(np.float32(value))  # in single precision
    mantissa, _, exponent = text.partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


@final
@dataclass
class Digits:
    """How many decimals numbers have, by their size: 0.00123 may stand beside 123.

    Parameters
    ----------
    most : dict of int to int
        The most decimals of numbers of each decade.
    fewest : float
        The fewest of all.
    least, largest : float
        Numbers.
    """

    most: dict[int, int] = field(default_factory=dict)
    fewest: float = math.inf
    least: float = math.inf
    largest: float = -math.inf

    def see(self, value: float, decimals: int) -> None:
        """Take in a number."""
        if math.isinf(value):
            return
        size = decade(value) if value else -decimals
        self.most[size] = max(self.most.get(size, decimals), decimals)
        self.fewest = min(self.fewest, decimals)
        self.least, self.largest = min(self.least, value), max(self.largest, value)

    @property
    def are_equal(self) -> bool:
        """Whether all numbers have as many decimals."""
        return self.fewest == max(self.most.values(), default=0)

    @property
    def finest(self) -> int:
        """The decimals of a small fill."""
        return self._with_one_more(max(self.most.values(), default=DIGITS))

    def places(self, value: float) -> int:
        """Return the decimals of a fill: those of known numbers of its size."""
        if not self.most or not value or not math.isfinite(value):
            return self.finest
        size = decade(value)
        places, most = self._of_size(size), DIGITS - 1 - size
        return min(self._with_one_more(places), max(most, places) if self.are_equal else most)

    def _of_size(self, size: int) -> int:
        """Return the decimals of numbers of a decade, between those of smaller and of larger ones."""
        digits = {size + decimals for size, decimals in self.most.items()}
        if len(digits) == 1 < len(self.most):  # as many digits at any size
            return digits.pop() - size
        below = max((k for k in self.most if k < size), default=None)
        above = max((n for k, n in self.most.items() if k >= size), default=self.most[max(self.most)])
        return above if below is None else max(above, self.most[below] - (size - below))

    def round(self, value: float) -> float:
        """Return a fill with its decimals; what has been rounded already stays as it is."""
        near = round(value, self.finest)
        if math.isclose(near, value, rel_tol=1e-14):
            return near + 0.0
        return round(value, self.places(value)) + 0.0  # never -0.0

    def _with_one_more(self, places: int) -> int:
        """Return decimals with which rounding does not make most fills the same."""
        spread = self.largest - self.least
        return places + (0 < spread < (STEPS - 0.5) * 10.0**-places)


@final
@dataclass(frozen=True)
class Spelt:
    """A number in text, cut into its parts."""

    sign: str
    before: str
    inner: str
    whole: str
    point: str
    part: str
    letter: str
    exponent: str
    after: str

    @property
    def decimals(self) -> int:
        """How many decimals it has."""
        return len(self.part) - int(self.exponent or 0)


@lru_cache(maxsize=64)
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    signs, marks = r"[+\-\u2212]?", re.escape(thousands + _SPACES + "'\u2019")
    beside = rf"[{re.escape(CURRENCIES)}%{_SPACES}]*"
    return re.compile(
        rf"({signs})({beside})({signs})((?:\d(?:[\d{marks}]*\d)?)?)({re.escape(decimal)}?)(\d*)"
        rf"(?:([eEdD])([+-]?\d+))?({beside})"
    )


def cut(cell: str, numerals: Numerals) -> Spelt | None:
    """Return the parts of a cell that says a number; None of infinity and whatever else has no digits."""
    text = numerals.beside.plain(cell.strip())
    found = _pattern(numerals.decimal, numerals.thousands).fullmatch(text)
    return Spelt(*(part or "" for part in found.groups())) if found and (found[4] or found[6]) else None


@final
@dataclass
class Spelling:
    """How the numbers of a column of text are spelt.

    Parameters
    ----------
    numerals : Numerals
        Of this column.
    digits : Digits
        Shared with what rounds fills.
    """

    numerals: Numerals
    digits: Digits
    cells: int = 0
    signs: Counter[tuple[str, str]] = field(default_factory=Counter)
    blanks: Counter[tuple[str, str]] = field(default_factory=Counter)
    lengths: set[int] = field(default_factory=set)
    minus: str = "-"
    sign_follows: bool = False
    pluses: int = 0
    positive: int = 0
    mark: str = ""
    grouped_from: int = 99
    lakhs: bool = False
    widths: set[int] = field(default_factory=set)
    padded: bool = False
    bare_points: int = 0
    small: int = 0
    open_points: int = 0
    letter: str = ""
    exponents: list[tuple[int, str]] = field(default_factory=list)

    def see(self, cell: str, number: float) -> Spelt | None:
        """Take in a cell that says a number."""
        spelt = cut(cell, self.numerals)
        if spelt is None:
            return None
        self.cells += 1
        self.lengths.add(len(cell))
        self.blanks[cell[: len(cell) - len(cell.lstrip())], cell[len(cell.rstrip()) :]] += 1
        self.signs[spelt.before, spelt.after] += 1
        sign = spelt.sign or spelt.inner
        if sign and spelt.before:
            self.sign_follows = bool(spelt.inner)
        if number > 0:
            self.positive += 1
            self.pluses += sign == "+"
        elif sign and sign in _MINUS:
            self.minus = sign
        self._see_digits(spelt)
        if spelt.letter:
            self.letter = spelt.letter
            self.exponents.append((decade(number) if number else 0, spelt.exponent))
        self.digits.see(number, spelt.decimals)
        return spelt

    def _see_digits(self, spelt: Spelt) -> None:
        """Take in the marks between digits, and zeros before the first."""
        plain = "".join(filter(str.isdigit, spelt.whole))
        if len(plain) < len(spelt.whole):
            self.mark = next(one for one in spelt.whole if not one.isdigit())
            self.grouped_from = min(self.grouped_from, len(plain))
            self.lakhs = self.lakhs or _LAKHS.fullmatch(spelt.whole) is not None
        self.widths.add(len(plain))
        self.open_points += bool(spelt.point) and not spelt.part
        self.padded = self.padded or (len(plain) > 1 and plain[0] == "0")
        if spelt.part and not plain.strip("0"):
            self.small += 1
            self.bare_points += not plain

    @property
    def is_scientific(self) -> bool:
        """Whether all numbers have exponents."""
        return 0 < self.cells == len(self.exponents)

    def write(self, value: float, decimals: int | None = None) -> str:
        """Return a number as the column spells it: with so many decimals, or if None with nine digits."""
        size = abs(value)
        if decimals is None:
            digits = self._plain(f"{size:.{DIGITS}g}")
        elif self._needs_exponent(value):
            digits = self._with_exponent(size, decimals)
        else:
            digits = self._plain(self._with_decimals(size, decimals))
        (sign, unit), (before, after) = self._agreed(self.signs), self._agreed(self.blanks)
        brackets = value < 0 and self.numerals.beside.losses
        mark = "" if brackets else self.minus if value < 0 else "+" if self._plus(value) else ""
        text = sign + mark + digits if self.sign_follows else mark + sign + digits
        dressed = self.numerals.beside.dress(text + unit)
        dressed = f"({dressed})" if brackets else dressed
        aligned = len(self.blanks) > 1 and len(self.lengths) == 1
        return dressed.rjust(max(self.lengths)) if aligned else before + dressed + after

    def _agreed(self, beside: Counter[tuple[str, str]]) -> tuple[str, str]:
        """Return what stands before and after nearly all numbers."""
        both, count = beside.most_common(1)[0]
        return both if count >= AGREED * self.cells else ("", "")

    def _plus(self, value: float) -> bool:
        return value > 0 and 0 < self.positive == self.pluses

    def _needs_exponent(self, value: float) -> bool:
        """Return whether numbers of this size have exponents."""
        if not self.exponents or not value:
            return self.is_scientific
        size = decade(value)
        low = max((k for k, _ in self.exponents if k < 0), default=-99)
        high = min((k for k, _ in self.exponents if k >= 0), default=99)
        return self.is_scientific or size <= low or size >= high

    def _with_exponent(self, size: float, decimals: int) -> str:
        places = max(decimals + decade(size), 0) if size else 0
        mantissa, _, exponent = f"{size:.{places}e}".partition("e")
        told = [one for _, one in self.exponents]
        width = min(len(one.lstrip("+-")) for one in told)
        plus = any(one.startswith("+") for one in told)
        sign = "-" if int(exponent) < 0 else "+" if plus else ""
        point = mantissa.replace(".", self.numerals.decimal)
        return f"{point}{self.letter}{sign}{abs(int(exponent)):0{width}d}"

    def _with_decimals(self, size: float, decimals: int) -> str:
        whole, _, part = f"{size:.{max(decimals, 0)}f}".partition(".")
        fewest = min(self.digits.fewest, decimals)
        part = part.rstrip("0").ljust(int(max(fewest, 0)), "0")
        return f"{whole}.{part}" if part or self.open_points == self.cells else whole

    def _plain(self, text: str) -> str:
        """Return a number without exponent, its marks and zeros as the others have them."""
        if "e" in text:
            return text.replace(".", self.numerals.decimal)
        whole, point, part = text.partition(".")
        if self.padded and len(self.widths) == 1:
            whole = whole.zfill(*self.widths)
        if whole == "0" and part and 0 < self.small == self.bare_points:
            whole = ""
        if len(whole) >= self.grouped_from:
            whole = self._grouped(whole)
        return whole + self.numerals.decimal * bool(point) + part

    def _grouped(self, whole: str) -> str:
        rest, last = whole[:-3], whole[-3:]
        step = 2 if self.lakhs else 3
        groups = [rest[max(end - step, 0) : end] for end in range(len(rest), 0, -step)]
        return self.mark.join([*reversed(groups), last])
