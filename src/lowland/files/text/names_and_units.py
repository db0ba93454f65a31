"""Headers of several lines: names of groups above names, and units or descriptions below them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lowland.files.beside_numbers import UNITS
from lowland.files.numerals import CURRENCIES, MISSING, is_number
from lowland.files.text.header_lines import is_year
from lowland.files.text.records import Record

# lines of data that a header of several lines needs, and those that are looked at
LEAST, MOST = 2, 1_000
# share of the known cells of a column of numbers that are numbers
NUMBERS = 0.8
# what stands beside units in a column of words
_UNIT = re.compile(r"[\W_]*(units?|einheit(en)?|unit[ée]s?|unidad(es)?)?[\W_]*", re.IGNORECASE)
_LIKE_UNITS = re.compile(rf"[\[(].*[\])]|\S*[/%°²³µ^·]\S*|[^\d\s]*[{CURRENCIES}][^\d\s]*")
# letters of a word that may be a unit whatever it is
LONGEST = 20


def are_names(records: Sequence[Record]) -> bool:
    """Return whether the first two records name the columns: groups that span columns, and names below.

    Names of groups are repeated, or stand above the first of their columns alone, as merged cells do.
    """
    first, second = records[0], records[1] if len(records) > 1 else ()
    if len(records) < 2 + LEAST or len(first) != len(second):
        return False
    groups = [cell.strip() for cell in first]
    spanning = not all(groups[1:]) or len(set(groups[1:])) < len(groups[1:])
    if not any(groups[1:]) or not spanning or (groups[0] and not groups[1]):
        return False  # the last as a title with a date, which stands above the first columns
    # the next record may hold units
    numeric = _of_numbers(first, records[3:] or records[2:])
    named = all(_is_word(second[k]) or is_year(second[k]) for k in numeric)
    words = all(is_year(name) or not is_number(name) for name in groups)
    full = words and all(cell.strip() for cell in second[1:])
    names = joined(first, second)
    return bool(numeric and named and full and len(set(names)) == len(names))


def joined(first: Record, second: Record) -> tuple[str, ...]:
    """Return the names of columns from two records: a group reaches over the blank cells after it."""
    names, group = [], ""
    for above, below in zip(first, second, strict=True):
        group = above.strip() or group
        parts = dict.fromkeys(part for part in (group, below.strip()) if part)
        names.append(" ".join(parts))
    return tuple(names)


def is_index_name(records: Sequence[Record]) -> bool:
    """Return whether the first record holds a name for the first column alone, as pandas writes it."""
    first = records[0] if len(records) > LEAST else [""]
    return _is_word(first[0]) and not any(cell.strip() for cell in first[1:])


def are_units(records: Sequence[Record]) -> bool:
    """Return whether the second record holds units or descriptions of the columns that the first names."""
    if len(records) < 2 + LEAST or len(records[0]) != len(records[1]) or any(map(is_number, records[1])):
        return False
    first, second, rest = records[0], records[1], records[2:MOST]
    named = [name.strip() for name in first]
    numeric = _of_numbers(first, rest)
    words = {k: second[k].strip() for k in numeric if _is_word(second[k])}
    if not words or len(set(named)) < len(named):
        return False
    if any(word == row[k].strip() for k, word in words.items() for row in rest if k < len(row)):
        return False  # it marks missing cells
    # numbers that have units themselves are no columns of numbers here
    others = [cell.strip() for k, cell in enumerate(second) if k not in numeric]
    if not all(_UNIT.fullmatch(cell) or cell in UNITS or _LIKE_UNITS.fullmatch(cell) for cell in others):
        return 1 < len(words) == len(numeric) == len(set(words.values()))  # a description of each column
    alike = all(word in UNITS or _LIKE_UNITS.fullmatch(word) for word in words.values())
    return alike or len(words) == len(numeric) or _stand_as_units(words, second[0], rest)


def _stand_as_units(words: Mapping[int, str], first: str, rest: Sequence[Record]) -> bool:
    """Return whether words are units whatever they are: short, above numbers, in a row without a name."""
    above = {k: word for k, word in words.items() if k}
    cells = [cell for row in rest for k in above if k < len(row) and (cell := row[k].strip()) not in MISSING]
    short = len(above) > 1 and all(len(word) <= LONGEST for word in above.values())
    # numbers with something beside them have digits, too
    return short and _UNIT.fullmatch(first.strip()) is not None and all(map(_has_digit, cells))


def _has_digit(cell: str) -> bool:
    return any(map(str.isdigit, cell))


def _is_word(cell: str) -> bool:
    return cell.strip() not in MISSING and not is_number(cell)


def _of_numbers(first: Record, rest: Sequence[Record]) -> list[int]:
    """Return the columns that hold numbers."""
    numeric = []
    for k in range(len(first)):
        known = [row[k] for row in rest[:MOST] if k < len(row) and row[k].strip() not in MISSING]
        if known and sum(map(is_number, known)) >= NUMBERS * len(known):
            numeric.append(k)
    return numeric
