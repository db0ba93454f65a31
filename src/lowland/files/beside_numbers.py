"""What stands beside the numbers of a column: a unit, marks of notes, brackets of losses, signs of bounds.

One cell says nothing: `5 e` may be an estimate, an exponent that was cut, or a name. All cells of a column
decide, and where they do not agree, the column stays text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from lowland.core.wording import counted

# what to do with censored cells: fit them as what lies beyond the bound, take the bound for the value, leave
# them out of the fit, or refuse them
CENSORED = ("within", "bound", "missing", "error")
_SPACE = "\u00a0\u2007\u2009\u202f"
_CURRENCIES = (
    "AED|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RON|RUB|SAR|SEK|"
    "SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
_PARTS = re.compile(
    rf"(?P<before>(?:[A-Z]{{0,3}}\$|{_CURRENCIES}|Rs\.?|kr\.?)\s*)?"
    rf"(?P<number>[+\-\u2212]?(?:\d(?:[\d.,'\u2019 {_SPACE}]*\d)?[.,]?|[.,]\d+)"
    rf"(?:[eEdD][+\-]?\d{{1,3}}(?![\w]))?)"
    rf"(?P<after>[\s{_SPACE}]*\S.*)?"
)
_PLAIN = re.compile(r"[+-]?\d+\.?\d*")
# signs of currencies, and a number beside one of them or beside that of per cent
SIGNS = "$€£¥₹"
SIGNED = re.compile(rf"[+-]?[{SIGNS}]\s*[+-]?\d[\d.,]*|[+-]?\d[\d.,]*\s*[{SIGNS}%]")
_BOUND = re.compile(r"(?:[<>≤≥]=?|&[lg]t;)\s*(?=[+\-\u2212.,]?\d)")
_BELOW = ("<", "≤", "&lt;")
_LOSS = re.compile(r"\((?P<inside>[^()]*\d[^()]*)\)")
# signs of notes, and letters of estimates after a space: "5.2 e"
_SIGN = re.compile(r"\s*(?:[*†‡§#^¹²³⁴⁵]+|\[(?:\d{1,2}|[a-z])\]|\([a-z]{1,2}\))$")
_LETTERS = re.compile(r"\s[a-z]{1,3}$")
# letters of units after a number: at a distance whatever they are, but what makes dates, times and ranks
_UNIT = re.compile(r"[^\W\d_][\w/·.²³°%^-]*(?: [^\W\d_][\w/²³]*){0,2}|[°%‰µΩ][\w/]*|'|\"")
_DATES = "jan feb mar apr may jun jul aug sep oct nov dec am pm a.m. p.m. bc ad st nd rd th e to and x"
_MEASURES = """
kg g mg µg μg ug ng t lb lbs oz st km dm cm mm m µm μm nm ft in mi yd l dl cl ml µl L mL dL gal
h hr hrs min mins s sec secs ms µs ns d wk mo yr yrs Hz kHz MHz GHz kW MW GW kWh MWh GWh TWh mV kV mA Ω ohm
°C °F degC degF Pa hPa kPa MPa bar mbar atm psi mmHg kJ MJ cal kcal kCal kN mol mmol µmol mM µM nM ppm ppb
dB kB KB MB GB TB km/h kmh mph m/s kn m2 m² m3 m³ cm2 cm² cm3 cm³ ha km2 km² sqft sqm kg/m3 kg/m²
g/l g/L g/dl mg/l mg/L mg/dl mg/dL ng/ml ng/mL mmol/l mmol/L U/l U/L IU/l bpm rpm cc hp bhp PS Nm kmpl km/kg
mpg pp px pt ° ' "
"""
_TIMES, UNITS = frozenset(_DATES.split()), frozenset((*_MEASURES.split(), *_CURRENCIES.split("|")))
# different letters of estimates in a column
MOST_LETTERS = 6
# names of columns that are listed
LISTED = 6
# cells that are looked at before a column of text is given up
FIRST = 200
# numbers that are not censored in a column in which others are
FEWEST = 2


@final
@dataclass(frozen=True, kw_only=True)
class Beside:
    """What stands beside the numbers of a column.

    Parameters
    ----------
    before, unit : str
        Letters before or after each number, with the space between.
    marks : frozenset of str
        Marks of notes after some of them.
    losses : bool
        Whether brackets mean below zero.
    censored : {"error", "within", "bound", "missing"}
        What is done with cells such as "<0.05"; nothing special if "error".
    differ : bool
        Whether signs beside numbers do not agree: they are of several currencies, or 5% stands beside 0.05.
    """

    before: str = ""
    unit: str = ""
    marks: frozenset[str] = frozenset()
    losses: bool = False
    censored: str = "error"
    differ: bool = False

    @property
    def is_text(self) -> bool:
        """Whether a cell says more than its number, so that it stays text in files that hold values."""
        return bool(self.before or self.unit or self.marks or self.censored != "error")

    def plain(self, cell: str) -> str:
        """Return a cell without what stands beside its number."""
        if self.censored != "error":
            cell = _BOUND.sub("", cell, count=1) if is_censored(cell) else cell
        loss = _LOSS.fullmatch(cell) if self.losses else None
        if loss is not None:
            return "-" + loss["inside"].strip()
        if self.marks:
            cell, mark = _without_mark(cell, letters=any(map(str.isalpha, self.marks)))
            if mark and mark not in self.marks:
                return cell + mark
        if self.before:
            cell = cell.removeprefix(self.before.strip()).lstrip()
        if self.unit:
            cell = cell.removesuffix(self.unit.strip()).rstrip()
        return cell

    def count(self, cells: Sequence[str], codes: NDArray[Any]) -> dict[str, int]:
        """Return how many cells of a column have a mark, are losses in brackets, and are censored."""
        found = {
            "marks": [bool(self.marks) and self.plain(cell.strip()) != cell.strip() for cell in cells],
            "losses": [self.losses and _LOSS.fullmatch(cell.strip()) is not None for cell in cells],
            "censored": [self.censored != "error" and is_censored(cell) for cell in cells],
        }
        return {kind: int(np.array(which, bool)[codes].sum()) for kind, which in found.items()}

    def side(self, cell: str) -> int:
        """Return -1 for a cell whose number lies below what it says, 1 if it lies above, else 0."""
        if self.censored != "within" or not is_censored(cell):
            return 0
        return -1 if cell.strip().startswith(_BELOW) else 1

    def draws(self, cell: str) -> bool:
        """Return whether a cell's number is not known, but what it lies beyond is."""
        return self.side(cell) != 0

    def keeps(self, cell: str) -> bool:
        """Return whether a cell takes no part in a fit and is not filled, because only its bound is known."""
        return self.censored == "missing" and is_censored(cell)

    def dress(self, number: str) -> str:
        """Return a filled number as the column writes it."""
        return self.before + number + self.unit


NOTHING = Beside()


# what is said of censored cells
DONE = {
    "bound": "whose bounds are taken for values",
    "missing": "left out of the fit, as they are",
    "within": "fitted as what lies beyond their bounds",
}


def beside_words(by_column: Mapping[str, Beside], counts: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """Return what is said about columns whose numbers are not alone.

    Parameters
    ----------
    by_column : mapping of str to Beside
    counts : mapping of str to mapping
        By name of column, what `Beside.count` returns.
    """
    units: dict[str, list[str]] = {}
    for name, beside in by_column.items():
        if beside.unit or beside.before:
            units.setdefault(f"{beside.before.strip()}{beside.unit.strip()}", []).append(name)
    words = [f"{unit} left off the numbers of {_listed(names)}" for unit, names in units.items()]

    def said(kind: str, what: Callable[[int, str], str]) -> None:
        names = [name for name in by_column if counts[name][kind]]
        if names:
            words.append(what(sum(counts[name][kind] for name in names), _listed(names)))

    marks = ", ".join(sorted({repr(mark) for beside in by_column.values() for mark in beside.marks}))
    said("marks", lambda n, names: f"{n} numbers of {names} have marks, which stay as they are: {marks}")
    apart = [name for name, beside in by_column.items() if beside.differ]
    if apart:
        words.append(f"{_listed(apart)}: several currencies, or per cents beside fractions, are text")
    said("losses", lambda n, names: f"{n} numbers of {names} in brackets are below zero")
    how = {beside.censored for beside in by_column.values()} - {"error"}
    done = DONE[min(how)] if how else ""
    said("censored", lambda n, names: f"{counted(n, 'censored cell')} of {names}, {done} (--censored)")
    return tuple(words)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(map(repr, names[:LISTED])) + more


def is_censored(cell: str) -> bool:
    """Return whether a cell is a bound of a number: "<0.05", ">200"."""
    return _BOUND.match(cell.strip()) is not None


def _without_mark(cell: str, *, letters: bool) -> tuple[str, str]:
    """Return a cell without the mark of a note at its end, and the mark."""
    found = _SIGN.search(cell) or (_LETTERS.search(cell) if letters else None)
    if found is None or not any(map(str.isdigit, cell[: found.start()])):
        return cell, ""
    return cell[: found.start()].rstrip(), found.group().strip()


def find_beside(
    cells: Iterable[str], is_number: Callable[[str], bool], missing: Collection[str], censored: str = "within"
) -> Beside:
    """Return what stands beside the numbers of a column, as far as its cells agree.

    Parameters
    ----------
    cells : iterable of str
        Distinct cells.
    is_number : callable
        Whether a cell is a number by itself.
    missing : collection of str
        Cells that mean missing.
    censored : {"within", "bound", "missing", "error"}
        What a person says about bounds.
    """
    known = [text for cell in cells if (text := cell.strip()) not in missing]
    if 2 * sum(any(map(str.isdigit, cell)) for cell in known[:FIRST]) < len(known[:FIRST]):
        return NOTHING
    if _differ(known):
        return Beside(differ=True)
    rest = [cell for cell in known if not _PLAIN.fullmatch(cell) and not is_number(cell)]
    if not rest:
        return NOTHING
    other = frozenset(rest)
    plain = [cell for cell in known if cell not in other]
    bounds = [cell for cell in rest if is_censored(cell)]
    rest = [cell for cell in rest if not is_censored(cell)]
    if censored != "error":
        rest += [_BOUND.sub("", cell, 1) for cell in bounds]
    if not rest:
        return NOTHING
    before, unit, marks = _letters(plain, rest, is_number)
    losses = _are_losses(plain, rest, is_number)
    found = Beside(before=before, unit=unit, marks=marks, losses=losses)
    if not bounds or censored == "error":
        return found
    if _are_bounds(known, found, is_number):
        return replace(found, censored=censored)
    return find_beside(known, is_number, missing, "error")


def _are_bounds(known: Sequence[str], found: Beside, is_number: Callable[[str], bool]) -> bool:
    """Return whether cells are numbers and bounds of them: "<50K", ">50K" are words, and "<18", "18-25"."""
    exact = {found.plain(cell) for cell in known if not is_censored(cell)}
    bare = (found.plain(_BOUND.sub("", cell, count=1)) for cell in known if is_censored(cell))
    return len(exact) >= FEWEST and all(map(is_number, exact)) and all(map(is_number, bare))


def _differ(known: Sequence[str]) -> bool:
    """Return whether numbers have signs of several currencies, or are per cents beside fractions."""
    signed = [cell for cell in known if SIGNED.fullmatch(cell)]
    if len({sign for cell in signed for sign in SIGNS if sign in cell}) > 1:
        return True
    shares = [float(cell[:-1]) for cell in known if cell[-1:] == "%" and _PLAIN.fullmatch(cell[:-1])]
    bare = [float(cell) for cell in known if _PLAIN.fullmatch(cell)]
    fractions = any(not number.is_integer() for number in bare) and max(map(abs, bare)) <= 1
    return bool(shares) and fractions and max(map(abs, shares)) > 1


def _are_losses(plain: Sequence[str], rest: Sequence[str], is_number: Callable[[str], bool]) -> bool:
    """Return whether numbers in brackets are below zero: they are fewer, and no other number has a minus."""
    inside = [found["inside"].strip() for cell in rest if (found := _LOSS.fullmatch(cell))]
    signed = any(cell[:1] in "+-\u2212" for cell in (*plain, *inside))
    return 0 < len(inside) < len(plain) and not signed and all(map(is_number, inside))


def _letters(
    plain: Sequence[str], rest: Sequence[str], is_number: Callable[[str], bool]
) -> tuple[str, str, frozenset[str]]:
    """Return the letters before and after the numbers of a column, and the marks of some of them."""
    units: Counter[tuple[str, str]] = Counter()
    signs, letters = set(), []
    for cell in rest:
        bare, sign = _without_mark(cell, letters=False)
        found = _PARTS.fullmatch(bare)
        if found is None or not is_number(found["number"].strip()):
            continue
        signs |= {sign} - {""}
        before, after = found["before"] or "", found["after"] or ""
        if _LETTERS.fullmatch(after) and not sign:
            letters.append(after.strip())
        units[before, after] += 1
    named = {(before.strip(), after.strip()) for before, after in units} - {("", "")}
    zeros = not any(digit in cell for cell in plain for digit in "123456789")
    if len(named) == 1 and zeros and not units["", ""]:
        before, after = units.most_common(1)[0][0]
        if not after or _is_unit(after.strip(), apart=after[:1].isspace()):
            return before, after, frozenset(signs)
    few = len(letters) < len(plain) and len(set(letters)) <= MOST_LETTERS
    if few and not _TIMES & (set(letters) - {"e"}):
        signs |= set(letters)
    return "", "", frozenset(signs)


def _is_unit(letters: str, *, apart: bool) -> bool:
    """Return whether letters after all numbers of a column are a unit."""
    if letters in UNITS:
        return True
    return (
        apart
        and len(letters) <= 20
        and _UNIT.fullmatch(letters) is not None
        and letters.lower() not in _TIMES
    )
