"""The lines of a text file that name its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from lowland.files.numerals import is_number
from lowland.files.text.header_lines import is_header
from lowland.files.text.names_and_units import are_names, are_units, is_index_name, joined
from lowland.files.text.records import Record, split_records
from lowland.files.text.surroundings import names_numbers


@final
@dataclass(frozen=True)
class Heading:
    """What names the columns of a text file.

    Parameters
    ----------
    titles : tuple of str
        The names of all columns, as they are written; "1", "2", ... if nothing names them.
    records : tuple of sequences of str
        The first records, which are no data.
    short : bool
        Whether the first column, of row labels, has no field in them.
    decided : tuple of str
        What was decided otherwise than most files have it.
    """

    titles: tuple[str, ...]
    records: tuple[Record, ...] = ()
    short: bool = False
    decided: tuple[str, ...] = ()


def find_heading(
    records: Sequence[Record], told: str | None, delimiter: str, asked: bool | None, where: str
) -> Heading:
    """Return what names the columns.

    Parameters
    ----------
    records : sequence of sequences of str
        The first records of the table.
    told : str or None
        The last line of comments above them.
    delimiter : str
    asked : bool or None
        Whether the first record is said to name the columns.
    where : str
        Name of the table in messages.

    Raises
    ------
    InvalidInputError
        If it cannot be told whether the first record names the columns.
    """
    first = tuple(records[0])
    if asked is not False and _lacks_one(records):
        if not any(record[-1].strip() for record in records[1:]):  # a delimiter at the end of each line
            return Heading((*first, ""), (first,))
        words = "its header has no name for the first column, which names the rows"
        return Heading(("", *first), (first,), short=True, decided=(words,))
    several = _of_several(records, asked, where) if asked is not False else None
    if several is not None:
        return several
    if asked is True or (asked is None and is_header(records, where)):
        return Heading(first, (first,))
    if asked is None and told:  # a commented line of names, as NumPy writes it
        names = next(split_records([told], delimiter), [])
        if len(names) == len(first) and not any(is_number(name) for name in names):
            return Heading(tuple(names), decided=("columns named by the comment above them (--header)",))
    return Heading(tuple(str(k + 1) for k in range(len(first))), decided=("no header line (--header)",))


def _of_several(records: Sequence[Record], asked: bool | None, where: str) -> Heading | None:
    """Return the heading if it takes several records: two of names, perhaps one of units; else None."""
    titles, used = tuple(records[0]), 1
    decided = []
    grouped = are_names(records)
    if grouped:
        titles, used = joined(records[0], records[1]), 2
        named = records[0][0].strip() and records[1][0].strip()  # levels of names, as pandas calls them
        if (named or not titles[0].strip()) and is_index_name(records[2:]):
            titles, used = (records[2][0], *titles[1:]), 3
        decided.append(f"names of columns from {used} lines")
    if are_units([titles, *records[used:]]):
        shown = " ".join(cell.strip() for cell in records[used] if cell.strip())
        decided.append(f"left out below the header: {shown[:60]!r}")
        used += 1
    if not decided or not (grouped or asked or is_header([titles, *records[used:]], where)):
        return None
    return Heading(titles, tuple(records[:used]), decided=tuple(decided))


def _lacks_one(records: Sequence[Record]) -> bool:
    """Return whether the first record names all columns but the first, as R writes row names."""
    first = [cell.strip() for cell in records[0]]
    words = [cell for cell in first if not is_number(cell)]
    named = all(first) and len(set(first)) == len(first) and (words or len(first) > 1)
    return bool(named) and is_short([len(record) for record in records]) and not names_numbers(records[1:])


def is_short(widths: Sequence[int]) -> bool:
    """Return whether the first of several lines has one field less than all others."""
    return len(widths) >= 3 and set(widths[1:]) == {widths[0] + 1} and widths[0] >= 1
